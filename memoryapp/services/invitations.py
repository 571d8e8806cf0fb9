"""Invitations: links that let people into a workspace."""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from memoryapp.domain.errors import UnableToChange, UnableToFind
from memoryapp.models import Event, Invitation, Membership, Workspace
from memoryapp.services.workspaces import member_add


def invitation_create(
    *, workspace: Workspace, role: str, by: Any, valid_for: timedelta, for_whom: str = ""
) -> tuple[Invitation, str]:
    """Make an invitation. Returns it and the token of its link, which is never shown again."""
    token = secrets.token_urlsafe(32)
    with transaction.atomic():
        invitation = Invitation.objects.create(
            workspace=workspace,
            role=role,
            for_whom=for_whom.strip(),
            token_hash=Invitation.hash_of(token),
            created_by=by,
            expires_at=timezone.now() + valid_for,
        )
        Event.objects.record(
            workspace=workspace,
            actor=by,
            kind="member.invited",
            subject=invitation,
            before={},
            after={
                "role": role,
                "for whom": invitation.for_whom,
                "open until": invitation.expires_at.isoformat(timespec="minutes"),
            },
        )
    return invitation, token


def invitation_revoke(*, invitation: Invitation, by: Any) -> None:
    """Let nobody in by this link any more. Members who came by it stay.

    Raises:
        UnableToChange: it was used or revoked already.
    """
    with transaction.atomic():
        if not _revoked(invitation, by):
            raise UnableToChange("This invitation was used or revoked already.")


def invitations_close(*, workspace: Workspace, maker: Any, by: Any) -> None:
    """Revoke what somebody left open, when they begin or cease to be an admin.

    While they are no admin nobody gets in by it, but it would be good again once they were one.
    """
    with transaction.atomic():
        made = workspace.invitations.filter(created_by=maker).unused(timezone.now())
        for invitation in made.select_related("workspace"):
            _revoked(invitation, by)


def _revoked(invitation: Invitation, by: Any) -> bool:
    """Revoke one, with its row in the log. False where it was used or revoked already."""
    still = Invitation.objects.filter(pk=invitation.pk, accepted_at=None, revoked_at=None)
    if not still.update(revoked_at=timezone.now()):
        return False
    Event.objects.record(
        workspace=invitation.workspace,
        actor=by,
        kind="invitation.revoked",
        subject=invitation,
        before={"open": True},
        after={"open": False},
    )
    return True


def invitation_of(token: str) -> Invitation | None:
    """The open invitation behind a link, or ``None``."""
    found = Invitation.objects.open(timezone.now()).of_token(token)
    return found.select_related("workspace", "created_by").first() if token else None


def membership_by(*, token: str, user: Any) -> Membership | None:
    """What ``user`` has become by this link, while they are it; else ``None``."""
    taken = Invitation.objects.of_token(token).filter(accepted_by=user) if token else None
    invitation = taken.first() if taken is not None else None
    if invitation is None:
        return None
    mine = Membership.objects.filter(workspace=invitation.workspace_id, user=user)
    return mine.select_related("workspace").first()


def invitation_accept(*, token: str, by: Any) -> Membership:
    """Become a member. A link lets in one person, however many open it at once.

    Raises:
        UnableToFind: the link was used, revoked or has expired.
        UnableToChange: the person is a member already; the link stays good.
    """
    with transaction.atomic():
        now = timezone.now()
        found = Invitation.objects.open(now).of_token(token)
        invitation = (
            found.select_for_update(of=("self",), no_key=True).select_related("workspace").first()
        )
        if invitation is None:
            raise UnableToFind("This link was used, revoked or has expired. Ask for a new one.")
        if invitation.workspace.memberships.filter(user=by).exists():
            raise UnableToChange(f"You are a member of {invitation.workspace} already.")
        invitation.accepted_at, invitation.accepted_by = now, by
        invitation.save(update_fields=["accepted_at", "accepted_by"])
        return member_add(
            workspace=invitation.workspace, user=by, role=invitation.role, by=invitation.created_by
        )
