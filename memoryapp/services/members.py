"""Who belongs to a workspace, and with which role."""

from __future__ import annotations

import secrets
from typing import Any

from django.contrib.auth import get_user_model
from django.db import transaction

from memoryapp.domain.errors import UnableToChange
from memoryapp.models import Event, Membership, Role, Workspace
from memoryapp.services.workspaces import member_add


def member_create(
    *, workspace: Workspace, username: str, role: str, by: Any, name: str = ""
) -> tuple[Membership, str | None]:
    """Add a person. Returns the membership and the generated password, stored only as a hash.

    Somebody who has an account already keeps their password, and ``None`` is returned for it.

    Raises:
        UnableToChange: the person is a member already.
    """
    users = get_user_model().objects
    with transaction.atomic():
        Workspace.objects.select_for_update().get(pk=workspace.pk)
        password = None
        user = users.filter(username=username).first()
        if user is None:
            password = secrets.token_urlsafe(12)
            first, _, last = name.strip().partition(" ")
            user = users.create_user(
                username=username, password=password, first_name=first, last_name=last.strip()
            )
        elif workspace.memberships.filter(user=user).exists():
            raise UnableToChange(
                f"{username} is a member already. Change their role in the list instead."
            )
        return member_add(workspace=workspace, user=user, role=role, by=by), password


def member_change_role(*, membership: Membership, role: str, by: Any) -> Membership:
    """Give a member another role.

    Raises:
        UnableToChange: it would leave the workspace without an admin.
    """
    with transaction.atomic():
        Workspace.objects.select_for_update().get(pk=membership.workspace_id)
        if role != Role.ADMIN:
            _check_other_admin(membership)
        before = membership.role
        membership.role = role
        membership.save(update_fields=["role"])
        Event.objects.record(
            workspace=membership.workspace,
            actor=by,
            kind="member.role_changed",
            subject=membership.user,
            before={"role": before},
            after={"role": role},
        )
    return membership


def member_remove(*, membership: Membership, by: Any) -> None:
    """End a membership. The account and everything the person decided stay.

    Raises:
        UnableToChange: it would leave the workspace without an admin.
    """
    with transaction.atomic():
        Workspace.objects.select_for_update().get(pk=membership.workspace_id)
        _check_other_admin(membership)
        Event.objects.record(
            workspace=membership.workspace,
            actor=by,
            kind="member.removed",
            subject=membership.user,
            before={"role": membership.role},
            after={},
        )
        membership.delete()


def _check_other_admin(membership: Membership) -> None:
    others = membership.workspace.memberships.filter(role=Role.ADMIN).exclude(pk=membership.pk)
    if not others.exists():
        raise UnableToChange(
            "A workspace needs an admin. Make somebody else one first; nothing was changed."
        )
