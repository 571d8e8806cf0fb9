"""``Idempotency-Key``: a request that is sent again gets the first answer, and is done once.

As in draft-ietf-httpapi-idempotency-key-header. A caller's key stands for one exact request for a
day. What the server failed at, or refused for who was asking or how often, is not kept.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import timedelta
from http import HTTPStatus

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.utils import timezone

from memoryapp.api.problems import CONTENT_TYPE, TYPE
from memoryapp.models import IdempotentRequest

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"
KEY_MOST = 255
#: a first request that is silent for this long has died with its process.
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
            said = f"{HEADER} is 1 to {KEY_MOST} printable characters."
            return _problem(HTTPStatus.BAD_REQUEST, "invalid", said)
        try:
            asked = _digest(request)
        except RequestDataTooBig:
            most = (settings.DATA_UPLOAD_MAX_MEMORY_SIZE or 0) // 2**20
            said = f"A request with {HEADER} may have a body of up to {most} MB. Send it without."
            return _problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too-large", said)
        first, is_first = _claim(_caller(request), key, asked)
        if not is_first:
            return _repeated(first, asked)
        try:
            answer = self.get_response(request)
        except BaseException:
            first.delete()
            raise
        _keep(first, answer)
        return answer


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
        return _problem(HTTPStatus.UNPROCESSABLE_ENTITY, "idempotency-key-reused", said)
    if first.status is None:
        said = "The first request with this key is still being worked on. Ask again in a moment."
        answer: HttpResponse = _problem(HTTPStatus.CONFLICT, "still-working", said)
        answer["Retry-After"] = "2"
        return answer
    if first.body is None:
        said = "This was done before. Its answer is not kept, because it was shown once."
        return _problem(HTTPStatus.CONFLICT, "answer-not-kept", said)
    answer = HttpResponse(bytes(first.body), status=first.status, content_type=first.content_type)
    answer[REPLAYED] = "true"
    return answer


def _keep(first: IdempotentRequest, answer: HttpResponseBase) -> None:
    if answer.status_code >= 500 or answer.status_code in NOT_KEPT:
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


def _caller(request: HttpRequest) -> str:
    """Who asks, without storing what they prove it with."""
    session = request.COOKIES.get(settings.SESSION_COOKIE_NAME, "")
    proof = request.headers.get("Authorization", "") or f"session {session}"
    return hashlib.sha256(proof.encode("utf-8", "surrogateescape")).hexdigest()


def _digest(request: HttpRequest) -> str:
    asked = (str(request.method), request.get_full_path(), request.headers.get("Content-Type", ""))
    return hashlib.sha256("\0".join(asked).encode() + b"\0" + request.body).hexdigest()


def _problem(status: HTTPStatus, kind: str, detail: str) -> JsonResponse:
    body = {"type": TYPE + kind, "title": status.phrase, "status": status.value, "detail": detail}
    return JsonResponse(body, status=status, content_type=CONTENT_TYPE)
