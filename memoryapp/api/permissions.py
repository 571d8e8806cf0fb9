"""What a key or a person may do over the API."""

from __future__ import annotations

from rest_framework import permissions
from rest_framework.request import Request
from rest_framework.views import APIView

from memoryapp.access import Right, allows, membership_of
from memoryapp.models import ApiKey, Membership, Workspace
from memoryapp.models.tokens import Scope

#: What a person in the browser may do by role, a key may do by scope.
RIGHT_OF_SCOPE = {
    Scope.PULL: Right.READ,
    Scope.TRAJECTORIES: Right.REVIEW,
    Scope.READ: Right.READ,
    Scope.WRITE: Right.REVIEW,
}


class HasScope(permissions.BasePermission):
    """The key carries one of the view's ``scopes``, or the person a role that matches them."""

    message = "This key does not carry the scope this needs."

    def has_permission(self, request: Request, view: APIView) -> bool:
        wanted: dict[str, tuple[str, ...]] = getattr(view, "scopes", {})
        method = "GET" if request.method == "HEAD" else request.method or ""
        if method not in wanted:
            return True  # the view answers 405
        scopes = wanted[method]
        if isinstance(request.auth, ApiKey):
            return self._key_may(request.auth, scopes)
        if not request.user.is_authenticated:
            return False
        membership = membership_of(request._request)
        return any(allows(membership, RIGHT_OF_SCOPE[Scope(scope)]) for scope in scopes)

    def _key_may(self, key: ApiKey, scopes: tuple[str, ...]) -> bool:
        """A key may what its scopes say and what its maker may still do here."""
        carried = set(scopes) & set(key.scopes)
        if not carried:
            self.message = f"This needs a key with the scope {' or '.join(scopes)}."
            return False
        maker = Membership.objects.filter(workspace=key.workspace, user=key.created_by).first()
        self.message = "The person who made this key may not do this any more. Make a new key."
        return maker is not None and any(
            allows(maker, RIGHT_OF_SCOPE[Scope(scope)]) for scope in carried
        )


def workspace_of(request: Request) -> Workspace:
    """The workspace of the key, or the one the browser session is in."""
    if isinstance(request.auth, ApiKey):
        return request.auth.workspace
    return membership_of(request._request).workspace
