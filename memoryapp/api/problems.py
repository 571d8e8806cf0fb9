"""One shape for every error: problem+json (RFC 9457) with a stable ``type``."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django.conf import settings
from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.http import Http404, HttpRequest, JsonResponse, UnreadablePostError
from django.views.decorators.csrf import csrf_exempt
from rest_framework import exceptions
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.settings import api_settings
from rest_framework.views import APIView
from rest_framework.views import exception_handler as drf_handler

from memoryapp.access import NothingHere
from memoryapp.api.parsers import AsItComes
from memoryapp.domain.errors import UnableTo
from memoryapp.domain.problems import CONTENT_TYPE, problem_document

#: Fields that the one line for people names; all of them are in ``errors`` and ``fields``.
TOLD = 3


def problem(
    status: int, kind: str, detail: str, *, headers: dict[str, str] | None = None, **extra: Any
) -> Response:
    """Return a problem document. ``kind`` is stable; ``detail`` is for people."""
    body = {**problem_document(status, kind, detail), **extra}
    return Response(body, status=status, headers=headers, content_type=CONTENT_TYPE)


def plain_problem(status: int, kind: str, detail: str) -> JsonResponse:
    """The same outside of any view of the API."""
    body = problem_document(status, kind, detail)
    return JsonResponse(body, status=status, content_type=CONTENT_TYPE)


@csrf_exempt
def no_such_address(request: HttpRequest) -> JsonResponse:
    """The answer to an address the API does not have, however it is called."""
    said = "The API has no such endpoint. All of them are listed at /api/v1/schema/."
    return plain_problem(404, "not-found", said)


def most_at_once() -> int:
    """How many MB of a body are read at once."""
    return (settings.DATA_UPLOAD_MAX_MEMORY_SIZE or 0) // 2**20


def too_large() -> str:
    """Say how much of a body is read at once."""
    return (
        f"The body is larger than {most_at_once()} MB, the most accepted at once. Nothing was "
        "saved: send it in parts."
    )


def exception_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """Turn what a view raised into a problem. ``None`` lets a defect become a 500."""
    if isinstance(error, UnableTo) and error.field and error.status == UnableTo.status:
        error = exceptions.ValidationError(_nested(error.field, [str(error)]))
    if isinstance(error, UnableTo):
        again = {"Retry-After": str(error.retry_after)} if error.retry_after else None
        kind = _slug(type(error).__name__)
        extra = error.extra
        if error.field:
            said = _nested(error.field, str(error))
            named = _fields(said, context["request"], context["view"])
            extra = {**extra, "fields": list(named)}
        return problem(error.status, kind, str(error), headers=again, **extra)
    if isinstance(error, NothingHere) and error.field:
        named = _fields({error.field: str(error)}, context["request"], context["view"])
        return problem(404, "not-found", str(error), fields=list(named))
    if isinstance(error, Http404):
        return problem(404, "not-found", str(error) or "Nothing was found at this address.")
    if isinstance(error, UnreadablePostError):
        return problem(
            400,
            "invalid",
            "The connection closed before the whole body arrived. Nothing was saved.",
        )
    if isinstance(error, RequestDataTooBig):
        return problem(413, "too-large", too_large())
    if isinstance(error, PermissionDenied):
        return problem(403, "not-allowed", str(error) or "Your role does not allow this.")
    answered = drf_handler(error, context)
    if answered is None:
        return None
    headers = {
        name: value
        for name, value in answered.headers.items()
        if name in {"WWW-Authenticate", "Retry-After", "Allow"}
    }
    if isinstance(error, exceptions.ValidationError):
        fields = list(_fields(error.detail, context["request"], context["view"]))
        said = _told(fields)
        return problem(400, "invalid", said, headers=headers, errors=error.detail, fields=fields)
    detail = _what_to_do(error, context) or getattr(error, "detail", str(error))
    code = getattr(error, "default_code", "error")
    return problem(answered.status_code, code.replace("_", "-"), str(detail), headers=headers)


def _what_to_do(error: Exception, context: dict[str, Any]) -> str:
    """What the caller has to do; empty where the error itself says it."""
    view = context["view"]
    if isinstance(error, exceptions.NotAuthenticated):
        return (
            "No API key was sent. Send Authorization: Bearer gr_…; keys are made in Settings, API "
            "keys."
        )
    if isinstance(error, exceptions.MethodNotAllowed):
        methods = ", ".join(view.allowed_methods)
        return f"{context['request'].method} is not allowed here. Allowed: {methods}."
    if isinstance(error, exceptions.UnsupportedMediaType):
        types = dict.fromkeys(parser.media_type for parser in view.get_parsers())
        return f"This Content-Type is not supported here. Send {' or '.join(types)}."
    return ""


def _nested(field: str, said: Any) -> Any:
    """What is said of a field as ``errors`` has it; of ``a/b``, the field ``b`` within ``a``."""
    for name in reversed(field.split("/")):
        said = {name: said}
    return said


def _fields(detail: Any, request: Request, view: APIView) -> Iterator[dict[str, str]]:
    """Each refused field with its place: a JSON Pointer into the body, or a parameter's name."""
    # A body that is taken as it comes has no fields: a parameter that is missing is named as one.
    no_body = request.method in SAFE_METHODS or all(
        issubclass(parser, AsItComes) for parser in view.parser_classes
    )
    # No body has a field that is called as a part of its address is.
    elsewhere = {*request.query_params, *view.kwargs}
    for path, said in _places(detail):
        first = path[0] if path else ""
        if first and (no_body or first in elsewhere):
            yield {"parameter": first, "detail": said}
        else:
            steps = (step.replace("~", "~0").replace("/", "~1") for step in path)
            yield {"pointer": "/".join(("#", *steps)), "detail": said}


def _told(fields: Sequence[Mapping[str, str]]) -> str:
    """Which fields cannot be used and why, as one line: the first few, and how many more."""
    parts = []
    for field in fields[:TOLD]:
        name = field.get("parameter") or field["pointer"].removeprefix("#").removeprefix("/")
        parts.append(f"{name[:100]}: {field['detail'][:300]}" if name else field["detail"][:300])
    more = len(fields) - TOLD
    return " ".join([*parts, *([f"And {more} more."] if more > 0 else [])])


def _places(detail: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    if isinstance(detail, Mapping):
        for name, inner in detail.items():
            of_all = name == api_settings.NON_FIELD_ERRORS_KEY
            yield from _places(inner, path if of_all else (*path, str(name)))
    elif isinstance(detail, list | tuple):
        for place, inner in enumerate(detail):
            is_row = isinstance(inner, Mapping)
            yield from _places(inner, (*path, str(place)) if is_row else path)
    else:
        yield path, str(detail)


def _slug(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "-", name).lower()
