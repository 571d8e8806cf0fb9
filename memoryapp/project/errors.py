"""What goes wrong outside of every view: a page for people, a problem for whoever calls the API."""

from __future__ import annotations

import copy
import sys
from collections.abc import Callable
from http import HTTPMethod, HTTPStatus

from django.core.exceptions import DisallowedHost, RequestDataTooBig
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.template.loader import get_template
from django.urls import Resolver404, resolve
from django.views import defaults
from django.views.csrf import csrf_failure as csrf_page

from memoryapp.access import NoWorkspace, fields_of, holds_all, typed_of
from memoryapp.api.problems import most_at_once, no_such_address, plain_problem, too_large
from memoryapp.domain.problems import AWAY, HOST
from memoryapp.domain.sealing import Unreadable
from memoryapp.services import patience
from memoryapp.services.patience import took_too_long, waited_for_lock

API = "/api/"
BROKEN = (
    "Something went wrong in Greenroom, not in your request. Nothing was saved. The server's log "
    "has the details under the X-Request-ID of this response."
)
BUSY = (
    "Somebody else is changing the same thing, and it is taking a while. Nothing from this "
    "request was saved. Send it again in a moment."
)
SLOW = (
    "The database worked on this for a minute without finishing, so it was stopped. Nothing was "
    "saved. Ask for less at once, such as one playbook or a shorter time. The web server's log "
    "has a traceback that shows what was asked."
)
SEALED = (
    "A secret that this needs was encrypted with another key of the server. Nothing from this "
    "request was saved. Whoever runs the server must add the old key to SEALING_KEYS: greenroom "
    "doctor lists the secrets that need it."
)
RETRY_SECONDS = "10"
LIMIT_SECONDS = "60"


class ExplainNotAllowed:
    """Give the refusal of a method a page: an empty answer makes browsers show one of their own.

    Views refuse a method before anything else, so the page says no more than the address does.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        answer = self.get_response(request)
        if (
            answer.status_code == HTTPStatus.METHOD_NOT_ALLOWED
            and isinstance(answer, HttpResponse)
            and not answer.content
            and not request.path.startswith(API)
        ):
            is_read = request.method in {HTTPMethod.GET, HTTPMethod.HEAD}
            context = {"is_read": is_read, "page_url": _page_above(request) if is_read else ""}
            answer.content = get_template("405.html").render(context, request)
        return answer


def _page_above(request: HttpRequest) -> str:
    """The page that an address for forms belongs to: the next one above it that can be opened."""
    above = request.path
    while above := above[: above.rstrip("/").rfind("/") + 1]:
        try:
            found = resolve(above)
        except Resolver404:
            continue
        asked = copy.copy(request)
        asked.method = HTTPMethod.OPTIONS  # every view refuses it and says what it takes
        if "GET" in found.func(asked, *found.args, **found.kwargs).get("Allow", ""):
            return above
    return "/"


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    if not request.path.startswith(API):
        if isinstance(exception, RequestDataTooBig):
            page = get_template("413.html").render({"most": most_at_once()})
            return HttpResponse(page, status=413)
        said = HOST if isinstance(exception, DisallowedHost) else ""
        return HttpResponseBadRequest(get_template("400.html").render({"said": said}))
    if isinstance(exception, DisallowedHost):
        return plain_problem(421, "host", HOST)
    if isinstance(exception, RequestDataTooBig):
        return plain_problem(413, "too-large", too_large())
    return plain_problem(400, "invalid", "The request could not be read. Nothing was changed.")


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    if not request.path.startswith(API):
        if isinstance(exception, NoWorkspace):
            return render(request, "memoryapp/no_workspace.html", status=403)
        return defaults.permission_denied(request, exception)
    return plain_problem(403, "not-allowed", str(exception) or "Your role does not allow this.")


def missing(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    if not request.path.startswith(API):
        return defaults.page_not_found(request, exception)
    return no_such_address(request)


def too_many(request: HttpRequest) -> HttpResponseBase:
    """Say so to whoever signs in, signs up or asks for a link more often than an address may.

    Every such limit is of a minute, or of a few, so a minute later one of them has moved on.
    """
    answer = HttpResponse(get_template("429.html").render(request=request), status=429)
    answer.headers["Retry-After"] = LIMIT_SECONDS
    return answer


def broken(request: HttpRequest) -> HttpResponseBase:
    """Called while what went wrong is being handled.

    A database that is away is no defect, nor is a key that was not brought along with a backup.
    """
    error = sys.exc_info()[1]
    if isinstance(error, Unreadable):
        return _sealed(request)
    if waited_for_lock(error):
        return busy(request)
    if took_too_long(error):
        return _slow(request)
    if isinstance(error, OperationalError | InterfaceError):
        return _away(request)
    if not request.path.startswith(API):
        return defaults.server_error(request)
    return plain_problem(500, "defect", BROKEN)


def busy(request: HttpRequest) -> HttpResponseBase:
    """Say that somebody else holds what would be changed, and lose nothing that was typed."""
    if request.path.startswith(API):
        answer: HttpResponseBase = plain_problem(503, "busy", BUSY)
    elif request.headers.get("HX-Request") and not request.headers.get("HX-Boosted"):
        answer = HttpResponse(BUSY, status=503, content_type="text/plain")
    else:
        said = {"is_form": request.method == "POST", "is_whole": holds_all(request)}
        context = {**said, **typed_of(fields_of(request))}
        answer = render(request, "busy.html", context, status=503)
    answer.headers["Retry-After"] = str(patience.RETRY_SECONDS)
    return answer


def _away(request: HttpRequest) -> HttpResponseBase:
    if request.path.startswith(API):
        answer: HttpResponseBase = plain_problem(503, "unavailable", AWAY)
    else:
        # Without the request: what the frame of a page shows is in the database.
        answer = HttpResponse(get_template("503.html").render(), status=503)
    answer.headers["Retry-After"] = RETRY_SECONDS
    return answer


def _slow(request: HttpRequest) -> HttpResponseBase:
    if request.path.startswith(API):
        return plain_problem(503, "unavailable", SLOW)
    return HttpResponse(get_template("503_slow.html").render({"said": SLOW}), status=503)


def _sealed(request: HttpRequest) -> HttpResponseBase:
    if request.path.startswith(API):
        return plain_problem(503, "unavailable", SEALED)
    return HttpResponse(get_template("503_sealed.html").render({"said": SEALED}), status=503)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponseBase:
    if not request.path.startswith(API):
        return csrf_page(request, reason=reason)
    return plain_problem(
        403, "not-allowed", "A browser must send its CSRF token. Scripts call with an API key."
    )
