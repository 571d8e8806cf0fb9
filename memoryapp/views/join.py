"""The door that an invitation opens."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from memoryapp.access import INVITATION_KEY, SESSION_KEY
from memoryapp.domain.errors import UnableTo
from memoryapp.services.invitations import invitation_accept, invitation_of


@require_safe
@never_cache
def link(request: HttpRequest, token: str) -> HttpResponse:
    """Keep the token in the session, so that no later address and no referrer carries it.

    Only that of an open invitation: whoever makes tokens up leaves nothing behind.
    """
    if invitation_of(token) is None:
        return _gone(request)
    request.session[INVITATION_KEY] = token
    return redirect("join")


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def join(request: HttpRequest) -> HttpResponse:
    """Say who invites to what; a signed-in person accepts, another one signs in or up first."""
    token = request.session.get(INVITATION_KEY, "")
    invitation = invitation_of(token)
    if invitation is None:
        return _gone(request)
    if request.method == "POST":
        if not request.user.is_authenticated:
            return redirect_to_login(reverse("join"))
        try:
            membership = invitation_accept(token=token, by=request.user)
        except UnableTo as error:
            messages.error(request, str(error))
            return redirect("overview")
        del request.session[INVITATION_KEY]
        request.session[SESSION_KEY] = membership.workspace.slug
        messages.success(request, f"You are in {membership.workspace} now.")
        return redirect("overview")
    return render(request, "memoryapp/join.html", {"invitation": invitation})


def _gone(request: HttpRequest) -> HttpResponse:
    return render(request, "memoryapp/join.html", {"invitation": None}, status=410)
