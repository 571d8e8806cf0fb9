"""What no view should have to think about in a request."""

from __future__ import annotations

import base64
import binascii
import time
from collections.abc import Callable
from http import HTTPStatus
from urllib.parse import unquote

from allauth.usersessions.models import UserSession
from django.conf import settings
from django.db import connection
from django.http import Http404, HttpRequest, HttpResponsePermanentRedirect
from django.http.response import HttpResponseBase
from django.middleware.common import CommonMiddleware
from django.middleware.gzip import GZipMiddleware
from django.utils import timezone

from memoryapp.access import SEEN_KEY, session_end
from memoryapp.api.problems import plain_problem
from memoryapp.project.errors import busy
from memoryapp.services.patience import patiently, waited_for_lock

API = "/api/"
#: What probes, load balancers and Prometheus ask.
PROBED = frozenset({"/healthz", "/readyz", "/metrics"})
#: seconds; what writes into the session on every click would undo what others write into it.
SEEN_EVERY = 15 * 60.0
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


class RefuseNul:
    """Refuse a NUL in an address: PostgreSQL cannot hold one, so nothing is named by it.

    The API answers 400 as a problem. Pages answer 404 to such a path; their filters drop it.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if not request.path.startswith(API):
            if "\0" in request.path:
                raise Http404
            return self.get_response(request)
        asked = [value for _, found in request.GET.lists() for value in found]
        cursors = [_decoded(value) for value in request.GET.getlist("cursor")]
        if "\0" not in "".join([request.path, *asked, *cursors, *map(unquote, cursors)]):
            return self.get_response(request)
        said = "The address contains a NUL character. Remove it."
        return plain_problem(400, "invalid", said)


class NamedHosts(CommonMiddleware):
    """Refuse a host that is not served, but for what machines ask by the address of the day.

    A pod, or a target of a load balancer, has one that nobody can name beforehand. Two of these say
    no more than whether parts answer, and the third looks itself at who asks.
    """

    def process_request(self, request: HttpRequest) -> HttpResponsePermanentRedirect | None:
        return None if request.path_info in PROBED else super().process_request(request)


class NoLongWait:
    """Let no request wait for a lock for long: a job that changes much would hold all threads.

    Whoever asked is told so, and gets back what they typed.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        with connection.execute_wrapper(patiently):
            return self.get_response(request)

    def process_exception(
        self, request: HttpRequest, exception: Exception
    ) -> HttpResponseBase | None:
        return busy(request) if waited_for_lock(exception) else None


class CompressPages(GZipMiddleware):
    """Send pages compressed. Only pages: the API's strong ETags stand for bodies as they are.

    Django pads each answer by a random length, against attacks that guess by size (BREACH).
    """

    def process_response(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        if not response.get("Content-Type", "").startswith("text/html"):
            return response
        return super().process_response(request, response)


class KeepNoPages:
    """Tell the browser of whoever is signed in to keep no page: the next one at it may look.

    Answers that say themselves how long they hold, and those that are no pages, are left alone.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        is_page = response.get("Content-Type", "").startswith("text/html")
        is_somebodys = settings.SESSION_COOKIE_NAME in request.COOKIES
        if is_page and is_somebodys and not response.has_header("Cache-Control"):
            response["Cache-Control"] = "private, no-store"
        return response


class EndIdle:
    """Sign out whoever did nothing for ``SESSION_IDLE_MINUTES``.

    What a page asks by itself (progress, counts) is nothing a person did, or a forgotten screen
    would stay signed in: it is asked by htmx and changes nothing.
    """

    #: how exactly the last use is known, in seconds: not every click writes into the session.
    WRITTEN_EVERY = 30

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if settings.SESSION_IDLE_MINUTES and request.user.is_authenticated:
            now, used_at = time.time(), request.session.get("used_at")
            if used_at and now - used_at > settings.SESSION_IDLE_MINUTES * 60:
                session_end(request, forget=False)
            elif not used_at or (_is_use(request) and now - used_at > self.WRITTEN_EVERY):
                request.session["used_at"] = now
        return self.get_response(request)


class NoteSeen:
    """Write down when somebody last used their session, to a quarter of an hour.

    Admins see it of members, and everybody of their own sessions. Nothing is read for it: a request
    that did not ask who it is from goes uncounted.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        is_known = hasattr(request, "_cached_user") and request.user.is_authenticated
        if (
            is_known
            and response.status_code < HTTPStatus.INTERNAL_SERVER_ERROR
            and _is_use(request)
        ):
            now = time.time()
            if now - request.session.get(SEEN_KEY, 0.0) > SEEN_EVERY:
                request.session[SEEN_KEY] = now
                session = UserSession.objects.filter(session_key=request.session.session_key)
                session.update(last_seen_at=timezone.now())
        return response


def _is_use(request: HttpRequest) -> bool:
    """Whether a person must have done something: opened a page, or sent a form."""
    return request.method not in SAFE_METHODS or "HX-Request" not in request.headers


def _decoded(cursor: str) -> str:
    try:
        return base64.b64decode(cursor).decode("latin-1")
    except (binascii.Error, ValueError):
        return ""
