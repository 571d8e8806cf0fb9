"""Who belongs to a workspace, and with which role."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from memoryapp.domain.errors import UnableToChange
from memoryapp.models import Event, Membership, Role, Workspace
from memoryapp.services.invitations import invitations_close
from memoryapp.services.seen import check_seen


def role_of(membership: Membership) -> dict[str, Any]:
    """The role somebody has; ``domain.seen.shown`` of it is ``seen``."""
    return {"role": membership.role}


def member_change_role(
    *, membership: Membership, role: str, by: Any, seen: str | None = None
) -> Membership:
    """Give a member another role. ``seen`` is the digest of ``role_of`` that was read.

    Invitations they made as an admin are revoked.

    Raises:
        ChangedMeanwhile: they have another one by now.
        UnableToChange: it would leave the workspace without an admin, or was ended meanwhile.
    """
    with transaction.atomic():
        membership = _locked(membership)
        before = role_of(membership)
        check_seen(seen, before, {"role": role})
        if membership.role == role:
            return membership
        if role != Role.ADMIN:
            _check_other_admin(membership)
        membership.role = role
        membership.save(update_fields=["role"])
        Event.objects.record(
            workspace=membership.workspace,
            actor=by,
            kind="member.role_changed",
            subject=membership.user,
            before=before,
            after=role_of(membership),
        )
        if role_of(membership) != before:
            invitations_close(workspace=membership.workspace, maker=membership.user, by=by)
    return membership


def member_remove(*, membership: Membership, by: Any) -> None:
    """End a membership. The account and everything the person decided stay.

    Invitations they made are revoked.

    Raises:
        UnableToChange: it would leave the workspace without an admin, or was ended meanwhile.
    """
    with transaction.atomic():
        membership = _locked(membership)
        _check_other_admin(membership)
        Event.objects.record(
            workspace=membership.workspace,
            actor=by,
            kind="member.removed",
            subject=membership.user,
            before={"role": membership.role},
            after={},
        )
        invitations_close(workspace=membership.workspace, maker=membership.user, by=by)
        membership.delete()


def _locked(membership: Membership) -> Membership:
    """The membership as it is, under the lock of its workspace."""
    Workspace.objects.select_for_update(no_key=True).get(pk=membership.workspace_id)
    rows = Membership.objects.select_related("user", "workspace")
    found = rows.filter(pk=membership.pk).first()
    if found is None:
        raise UnableToChange("This person is no longer a member. Nothing was changed.")
    return found


def _check_other_admin(membership: Membership) -> None:
    others = membership.workspace.memberships.filter(role=Role.ADMIN).exclude(pk=membership.pk)
    if not others.exists():
        raise UnableToChange(
            "A workspace needs an admin. Make somebody else one first; nothing was changed."
        )
