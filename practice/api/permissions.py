"""Who may do over the API what takes more of a person than the scope of their key."""

from __future__ import annotations

from rest_framework.request import Request
from rest_framework.views import APIView

from memoryapp.access import Right, allows, membership_of
from memoryapp.api.permissions import HasScope
from memoryapp.models import ApiKey, Membership


class MayEdit(HasScope):
    """The scope, and for every change an editor: the person, or the one who made the key."""

    right = Right.EDIT
    #: What the scope alone allows.
    free = frozenset({"GET", "HEAD", "OPTIONS"})
    refusal = "Only editors and admins of the workspace may change environments."

    def has_permission(self, request: Request, view: APIView) -> bool:
        if not super().has_permission(request, view):
            return False
        if request.method in self.free:
            return True
        self.message = self.refusal
        if isinstance(request.auth, ApiKey):
            key = request.auth
            maker = Membership.objects.filter(workspace=key.workspace, user=key.created_by)
            member = maker.first()
        else:
            member = membership_of(request._request)
        return member is not None and allows(member, self.right)


class MayDelete(MayEdit):
    """The scope, and an editor to delete for good what was sent to find root causes."""

    free = MayEdit.free | {"PATCH"}
    refusal = "Only editors and admins of the workspace may delete this for good."
