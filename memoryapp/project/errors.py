"""What goes wrong outside of every view: a page for people, a problem for whoever calls the API."""

from __future__ import annotations

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.views import defaults
from django.views.csrf import csrf_failure as csrf_page

from memoryapp.api.problems import no_such_address, plain_problem, too_large

API = "/api/"
BROKEN = (
    "Something here broke; it is none of your doing. Nothing was kept of this request. The "
    "server's log says what happened, under the X-Request-ID of this answer."
)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    if not request.path.startswith(API):
        return defaults.bad_request(request, exception)
    if isinstance(exception, RequestDataTooBig):
        return plain_problem(413, "too-large", too_large())
    return plain_problem(400, "invalid", "The request could not be read. Nothing was changed.")


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    if not request.path.startswith(API):
        return defaults.permission_denied(request, exception)
    return plain_problem(403, "not-allowed", str(exception) or "Your role does not allow this.")


def missing(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    if not request.path.startswith(API):
        return defaults.page_not_found(request, exception)
    return no_such_address(request)


def broken(request: HttpRequest) -> HttpResponseBase:
    if not request.path.startswith(API):
        return defaults.server_error(request)
    return plain_problem(500, "defect", BROKEN)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponseBase:
    if not request.path.startswith(API):
        return csrf_page(request, reason=reason)
    return plain_problem(
        403, "not-allowed", "A browser must send its CSRF token. Scripts call with an API key."
    )
