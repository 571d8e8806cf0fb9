"""The first workspace and its members."""

from __future__ import annotations

import secrets
from typing import Any

from django.contrib.auth import get_user_model
from django.db import transaction

from memoryapp.models import Event, Membership, Role, Workspace

FIRST_OPERATOR = "operator"


def first_operator_create() -> tuple[Workspace, str | None]:
    """Create the first workspace and its operator where there is no user yet.

    Returns the workspace and the generated password, or ``None`` for the password when there was
    somebody already. The password is stored only as a hash.
    """
    users = get_user_model().objects
    with transaction.atomic():
        workspace, _ = Workspace.objects.get_or_create(slug="main", defaults={"name": "Main"})
        if users.exists():
            return workspace, None
        password = secrets.token_urlsafe(12)
        user = users.create_superuser(username=FIRST_OPERATOR, password=password)
        Membership.objects.create(workspace=workspace, user=user, role=Role.ADMIN)
        Event.objects.record(
            workspace=workspace,
            actor=None,
            kind="member.added",
            subject=user,
            before={},
            after={"role": Role.ADMIN.value},
        )
    return workspace, password


def member_add(*, workspace: Workspace, user: Any, role: str, by: Any) -> Membership:
    """Give a user a role in the workspace, or change the one they have."""
    with transaction.atomic():
        earlier = workspace.memberships.filter(user=user).first()
        membership, _ = Membership.objects.update_or_create(
            workspace=workspace, user=user, defaults={"role": role}
        )
        Event.objects.record(
            workspace=workspace,
            actor=by,
            kind="member.added",
            subject=user,
            before={"role": earlier.role} if earlier else {},
            after={"role": role},
        )
    return membership
