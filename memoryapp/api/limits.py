"""How often a key may call. Signed-in people are not counted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from memoryapp.clients import rates
from memoryapp.models import ApiKey

if TYPE_CHECKING:  # the framework imports its throttles before its views
    from rest_framework.views import APIView


def caller_of(request: Request) -> str:
    """A short name for who is calling: the key, or the person."""
    if isinstance(request.auth, ApiKey):
        return request.auth.prefix
    return f"user-{request.user.pk}"


class KeyRate(BaseThrottle):
    """Counts each request of a key. What is left travels to the answer on the request."""

    def __init__(self) -> None:
        self._rate: rates.Rate | None = None

    def allow_request(self, request: Request, view: APIView) -> bool:
        if not isinstance(request.auth, ApiKey):
            return True
        # A request that was asked about before is counted once and told the same again.
        counted: rates.Rate | None = getattr(request._request, "rate", None)
        self._rate = counted or rates.take(caller_of(request), request.auth.requests_a_minute)
        if self._rate is None:
            return True
        request._request.rate = self._rate  # type: ignore[attr-defined]
        return self._rate.allowed

    def wait(self) -> float | None:
        return self._rate.retry_seconds if self._rate else None
