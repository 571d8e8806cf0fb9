"""The door that an invitation opens."""

from __future__ import annotations

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from memoryapp.access import SESSION_KEY
from memoryapp.domain.errors import UnableToChange, UnableToFind
from memoryapp.models import Invitation, Membership
from memoryapp.services.invitations import invitation_accept, invitation_of, membership_by

#: Holds the token of an invitation whose link was opened. In the browser and in no session: rows
#: are made for who signs in, and not for everybody and every robot that opens a link.
INVITATION_COOKIE = "invitation"
INVITATION_SECONDS = 24 * 60 * 60
#: Says in a form which invitation it was drawn for: another tab may have opened another link since.
INVITATION_FIELD = "invitation"


@require_safe
@never_cache
def link(request: HttpRequest, token: str) -> HttpResponse:
    """Take the token out of the address, so that no later one and no referrer carries it."""
    if invitation_of(token) is None:
        return _came_in(request, token) or _gone(request)
    answer = redirect("join")
    answer.set_cookie(
        INVITATION_COOKIE,
        token,
        max_age=INVITATION_SECONDS,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )
    return answer


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def join(request: HttpRequest) -> HttpResponse:
    """Say who invites to what; a signed-in person accepts, another one signs in or up first."""
    token = invitation_token(request)
    invitation = invitation_of(token)
    if invitation is None:
        return _came_in(request, token) or _gone(request)
    if request.method == "POST":
        if not request.user.is_authenticated:
            return redirect_to_login(reverse("join"))
        if is_of_another(request, invitation, request.POST.get(INVITATION_FIELD, "")):
            return redirect("join")
        return _accepted(request, token)
    return render(request, "memoryapp/join.html", {"invitation": invitation})


def _accepted(request: HttpRequest, token: str) -> HttpResponse:
    try:
        return _entered(request, invitation_accept(token=token, by=request.user))
    except UnableToFind:  # somebody else was quicker
        return _gone(request)
    except UnableToChange as error:
        messages.error(request, str(error))
        return redirect("overview")


def is_of_another(request: HttpRequest, invitation: Invitation, agreed: str) -> bool:
    """Whether somebody agreed to another invitation than this browser opened last; if so, say it.

    ``agreed`` is the digest sent with the form; a form without one agreed to nothing. Otherwise
    somebody who agreed to join one workspace as a viewer could become an admin of another.
    """
    if agreed == invitation.digest:
        return False
    messages.error(
        request,
        "What you sent was not for this invitation, the last one this browser opened. Nothing "
        "was changed. Join here, or open the other link again.",
    )
    return True


def _came_in(request: HttpRequest, token: str) -> HttpResponse | None:
    """The way in for whoever joined by this link already, as by making their account."""
    if not request.user.is_authenticated:
        return None
    membership = membership_by(token=token, user=request.user)
    return _entered(request, membership) if membership is not None else None


def _entered(request: HttpRequest, membership: Membership) -> HttpResponse:
    request.session[SESSION_KEY] = membership.workspace.slug
    messages.success(request, f"You are in {membership.workspace} now.")
    answer = redirect("overview")
    answer.delete_cookie(INVITATION_COOKIE, samesite="Lax")
    return answer


def invitation_token(request: HttpRequest) -> str:
    """The token of the invitation whose link this browser opened last; empty without one."""
    return request.COOKIES.get(INVITATION_COOKIE, "")


def agreed_to(request: HttpRequest) -> str:
    """The digest of the invitation that a page sent along, or else of the one opened last."""
    sent = request.POST.get(INVITATION_FIELD, "")
    invitation = None if sent else invitation_of(invitation_token(request))
    return invitation.digest if invitation is not None else sent


def _gone(request: HttpRequest) -> HttpResponse:
    return render(request, "memoryapp/join.html", {"invitation": None}, status=410)
