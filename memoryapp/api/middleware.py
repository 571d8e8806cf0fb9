"""What every request to the API gets: an id, its rate, and for a polling agent a quick answer."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from http import HTTPStatus

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from memoryapp.api.problems import plain_problem
from memoryapp.api.pull import AGENT_HEADER, fingerprint, held_tags, pull_answer
from memoryapp.clients import pull_cache
from memoryapp.clients.rates import Rate
from memoryapp.domain import context
from memoryapp.models.events import acting_through
from memoryapp.services.pulls import BODIES

Answer = Callable[[HttpRequest], HttpResponseBase]

REQUEST_ID = "X-Request-ID"
_GIVEN_ID = re.compile(r"[\w.:+/=-]{1,128}", re.ASCII)
_PULL = re.compile(r"/api/v1/playbooks/[-\w]+")
API = "/api/"


class RequestId:
    """Echo the caller's ``X-Request-ID``, or name the request; logs and answers carry it."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        given = request.headers.get(REQUEST_ID, "")
        name = given if _GIVEN_ID.fullmatch(given) else uuid.uuid4().hex
        request.request_id = name  # type: ignore[attr-defined]
        context.begin(request_id=name)
        acting_through.set("")  # a thread serves one request after the other
        answer = self.get_response(request)
        if answer.status_code == HTTPStatus.NOT_MODIFIED:
            # Django counts the body that is not there; only the other one's length may be said
            # (RFC 9110 §8.6).
            answer.headers.pop("Content-Length", None)
        answer.headers[REQUEST_ID] = name
        rate: Rate | None = getattr(request, "rate", None)
        if rate is not None:
            for header, value in rate.headers().items():
                answer.headers[header] = value
        return answer


class QuickPull:
    """Answer a pull from what was found a moment ago for the very same request.

    It stands before sessions and the API's machinery, because most pulls are polls. An entry
    counts only while nothing it rests on has changed (``clients.pull_cache``).
    """

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if (
            request.method not in {"GET", "HEAD"}
            or not settings.PULL_CACHE
            or "Authorization" not in request.headers
            or not _PULL.fullmatch(request.path)
        ):
            return self.get_response(request)
        agent = request.headers.get(AGENT_HEADER, "").strip()
        found = pull_cache.look(fingerprint(request), held=held_tags(request), agent=agent)
        if found is None:
            request.pull_generation = pull_cache.generation()  # type: ignore[attr-defined]
            return self.get_response(request)
        if found.rate is not None:
            request.rate = found.rate  # type: ignore[attr-defined]
        if found.is_refused:
            return too_many(found.rate)
        body = None if found.is_held else BODIES.get(found.etag.strip('"'))
        if body is None and not found.is_held:
            request.pull_is_counted = True  # type: ignore[attr-defined]
            request.pull_generation = pull_cache.generation()  # type: ignore[attr-defined]
            return self.get_response(request)
        return pull_answer(found.headers, body)


def too_many(rate: Rate | None) -> HttpResponse:
    seconds = rate.retry_seconds if rate else 1
    return plain_problem(429, "throttled", f"Too many requests. Ask again in {seconds} seconds.")
