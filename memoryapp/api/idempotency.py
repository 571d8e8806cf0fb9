"""``Idempotency-Key``: a request that is sent again gets the first answer, and is done once.

As in draft-ietf-httpapi-idempotency-key-header. A caller's key stands for one exact request for a
day. What the server failed at, or refused for who was asking or how often, is not kept. Who may not
ask is refused before any key is looked at: nobody holds a key of another's, and what was revoked
gets no answer of before.

What the request changes and its answer are one transaction: a web process that dies in between
leaves neither, and the repeat is done at once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import ExitStack
from datetime import timedelta
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.db import connection, transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework.views import APIView

from memoryapp.api.permissions import workspace_of
from memoryapp.api.problems import plain_problem
from memoryapp.domain.errors import UnableTo
from memoryapp.models import ApiKey, IdempotentRequest

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"
KEY_MOST = 255
#: The release before stores a key at once: its first that is silent for this long has died.
PATIENCE = timedelta(minutes=5)
NOT_KEPT = frozenset({401, 403, 408, 413, 429})
KEPT_MOST = 1_000_000
_CHANGES = frozenset({"POST", "PUT", "PATCH", "DELETE"})

Answer = Callable[[HttpRequest], HttpResponseBase]


class Idempotency:
    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        key = request.headers.get(HEADER)
        if key is None or request.method not in _CHANGES or not request.path.startswith("/api/"):
            return self.get_response(request)
        if not 0 < len(key) <= KEY_MOST or not (key.isascii() and key.isprintable()):
            said = f"{HEADER} must be 1 to {KEY_MOST} printable ASCII characters."
            return plain_problem(HTTPStatus.BAD_REQUEST, "invalid", said)
        request.idempotency_key = key  # type: ignore[attr-defined]
        with ExitStack() as until_answered:
            request.until_answered = until_answered  # type: ignore[attr-defined]
            answer = self.get_response(request)
            if (first := _first(request)) is not None:
                _keep(first, answer)
        return answer

    def process_view(
        self, request: HttpRequest, view: Any, args: Any, kwargs: Any
    ) -> HttpResponse | None:
        """Answer a repeat, or remember that this is the first; ``None`` lets the view answer."""
        key, of_api = getattr(request, "idempotency_key", None), getattr(view, "cls", None)
        if key is None or of_api is None:
            return None
        try:
            asked = _digest(request)
        except RequestDataTooBig:
            most = (settings.DATA_UPLOAD_MAX_MEMORY_SIZE or 0) // 2**20
            said = (
                f"A request with {HEADER} may have a body of up to {most} MB. Send this one "
                "without the header."
            )
            return plain_problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too-large", said)
        caller = _caller(request, of_api(**view.initkwargs), args, kwargs)
        if caller is None:
            return None
        # Not sooner: whoever asks is noted on the row of the key, which others wait for.
        until_answered: ExitStack = request.until_answered  # type: ignore[attr-defined]
        until_answered.enter_context(transaction.atomic())
        if not _alone(caller, key):
            return _still_working()
        first, is_first = _claim(caller, key, asked)
        if not is_first:
            return _repeated(first, asked)
        request.idempotent_first = first  # type: ignore[attr-defined]
        return None


def _first(request: HttpRequest) -> IdempotentRequest | None:
    return getattr(request, "idempotent_first", None)


def _alone(caller: str, key: str) -> bool:
    """Whether no other request of the caller under this key is being worked on.

    The lock is the transaction's: when its process dies, PostgreSQL gives it back.
    """
    named = hashlib.sha256(f"{caller}\0{key}".encode()).digest()
    number = int.from_bytes(named[:8], signed=True)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [number])
        row: tuple[bool] = cursor.fetchone()
    return row[0]


def _claim(caller: str, key: str, asked: str) -> tuple[IdempotentRequest, bool]:
    """The first request of a caller under a key, and whether that is this one."""
    given = {"caller": caller, "key": key}
    row, is_first = IdempotentRequest.objects.get_or_create(**given, defaults={"asked": asked})
    if is_first or row.status is not None or row.created_at > timezone.now() - PATIENCE:
        return row, is_first
    with transaction.atomic():
        # Of several that find it dead, one deletes it.
        gone, _ = IdempotentRequest.objects.filter(pk=row.pk, status=None).delete()
        if not gone:
            return row, False
        return IdempotentRequest.objects.get_or_create(**given, defaults={"asked": asked})


def _repeated(first: IdempotentRequest, asked: str) -> HttpResponse:
    if first.asked != asked:
        said = f"This {HEADER} was used for another request. Use a new one for each request."
        return plain_problem(HTTPStatus.UNPROCESSABLE_ENTITY, "idempotency-key-reused", said)
    if first.status is None:
        return _still_working()
    if first.body is None:
        said = (
            "This request was already carried out. Its response is shown only once and is not "
            "stored."
        )
        return plain_problem(HTTPStatus.CONFLICT, "answer-not-kept", said)
    answer = HttpResponse(bytes(first.body), status=first.status, content_type=first.content_type)
    answer[REPLAYED] = "true"
    return answer


def _still_working() -> HttpResponse:
    said = "The first request with this key is still being processed. Try again in a moment."
    answer = plain_problem(HTTPStatus.CONFLICT, "still-working", said)
    answer["Retry-After"] = "2"
    return answer


def _keep(first: IdempotentRequest, answer: HttpResponseBase) -> None:
    if answer.status_code >= 500:
        # Nothing of it is kept; the connection may be of no use any more.
        transaction.set_rollback(True)
        return
    if answer.status_code in NOT_KEPT:
        first.delete()
        return
    first.status = answer.status_code
    first.content_type = answer.headers.get("Content-Type", "")[:120]
    is_private = "no-store" in answer.headers.get("Cache-Control", "")
    if isinstance(answer, HttpResponse) and not is_private and len(answer.content) <= KEPT_MOST:
        first.body = answer.content
    IdempotentRequest.objects.filter(pk=first.pk).update(
        status=first.status, content_type=first.content_type, body=first.body
    )


def _caller(request: HttpRequest, view: APIView, args: Any, kwargs: Any) -> str | None:
    """Who asks; ``None`` where the view will refuse them: what it checks first is asked of it."""
    view.args, view.kwargs = args, kwargs
    asked = view.initialize_request(request, *args, **kwargs)
    view.request = asked
    try:
        view.initial(asked, *args, **kwargs)
    except (APIException, PermissionDenied, Http404, UnableTo):
        return None
    named = f"key {asked.auth.pk}" if isinstance(asked.auth, ApiKey) else _person(asked)
    return hashlib.sha256(named.encode()).hexdigest()


def _person(asked: Request) -> str:
    """Somebody in one workspace: the same address means other things in another."""
    return f"user {asked.user.pk} in {workspace_of(asked).pk}"


def _digest(request: HttpRequest) -> str:
    asked = (str(request.method), request.get_full_path(), request.headers.get("Content-Type", ""))
    return hashlib.sha256("\0".join(asked).encode() + b"\0" + request.body).hexdigest()
