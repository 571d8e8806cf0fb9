"""What a key or a person may do over the API."""

from __future__ import annotations

from django.db.models import QuerySet
from rest_framework import permissions
from rest_framework.request import Request
from rest_framework.views import APIView

from memoryapp.access import (
    RIGHT_OF_SCOPE,
    allows,
    key_problem,
    membership_of,
    object_or_404,
    role_problem,
)
from memoryapp.models import ApiKey, Playbook, Workspace
from memoryapp.models.tokens import Scope
from memoryapp.services.tokens import playbooks_bound


class HasScope(permissions.BasePermission):
    """The key carries one of the view's ``scopes``, or the person a role that matches them."""

    message = "Sign in, or send an API key."

    def has_permission(self, request: Request, view: APIView) -> bool:
        wanted: dict[str, tuple[str, ...]] = getattr(view, "scopes", {})
        method = "GET" if request.method == "HEAD" else request.method or ""
        if method not in wanted:
            return True  # the view answers 405
        scopes = wanted[method]
        if isinstance(request.auth, ApiKey):
            self.message = key_problem(request.auth, scopes)
            return not self.message
        if not request.user.is_authenticated:
            return False
        membership = membership_of(request._request)
        self.message = role_problem(membership, scopes)
        return not self.message


def administers(request: Request) -> bool:
    """Whether the caller may do what admins do: by the scope of the key, or the person's role."""
    if isinstance(request.auth, ApiKey):
        return not key_problem(request.auth, (Scope.ADMIN,))
    return allows(membership_of(request._request), RIGHT_OF_SCOPE[Scope.ADMIN])


def bound_to(request: Request) -> list[int]:
    """The playbooks the key is good for; empty for all, and for people."""
    return playbooks_bound(request.auth) if isinstance(request.auth, ApiKey) else []


def playbooks_of(request: Request) -> QuerySet[Playbook]:
    """The playbooks the caller may reach."""
    rows: QuerySet[Playbook] = workspace_of(request).playbooks.all()
    bound = bound_to(request)
    return rows.filter(pk__in=bound) if bound else rows


def playbook_of(request: Request, slug: str) -> Playbook:
    """The playbook at an address, or 404."""
    return object_or_404(playbooks_of(request), slug=slug)


def workspace_of(request: Request) -> Workspace:
    """The workspace of the key, or the one the browser session is in."""
    if isinstance(request.auth, ApiKey):
        return request.auth.workspace
    return membership_of(request._request).workspace
