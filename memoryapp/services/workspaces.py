"""Making workspaces, naming them, and their first members."""

from __future__ import annotations

import secrets
from typing import Any

from django.contrib.auth import get_user_model
from django.db import transaction
from django.utils.text import slugify

from memoryapp.domain.errors import UnableToChange
from memoryapp.domain.text import one_line
from memoryapp.models import Event, Membership, Role, Workspace
from memoryapp.services.names import check_name
from memoryapp.services.seen import check_seen

FIRST, FIRST_OPERATOR = "main", "operator"
#: Workspaces one person may administer before no more are made for them.
MOST = 100
NAME_CHARS, SLUG_CHARS = 100, 40


def first_operator_create() -> tuple[Workspace | None, str | None]:
    """Create the first workspace and its operator where there is no user yet.

    Returns the workspace and the generated password. Where there was somebody already there is no
    password, and no workspace if they deleted the first one. The password is stored only as a hash.
    """
    users = get_user_model().objects
    with transaction.atomic():
        if users.exists():
            return Workspace.objects.filter(slug=FIRST).first(), None
        workspace, _ = Workspace.objects.get_or_create(slug=FIRST, defaults={"name": "Main"})
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


def workspace_create(*, name: str, by: Any) -> Workspace:
    """Make an empty workspace with ``by`` as its admin. Its slug is made from its name.

    Raises:
        UnableToChange: no usable name, or ``by`` administers ``MOST`` already.
    """
    name = _named(name)
    if by.memberships.filter(role=Role.ADMIN).count() >= MOST:
        raise UnableToChange(
            f"You already administer {MOST} workspaces, the most allowed. Nothing was created."
        )
    with transaction.atomic():
        workspace = _with_free_slug(name)
        Membership.objects.create(workspace=workspace, user=by, role=Role.ADMIN)
        Event.objects.record(
            workspace=workspace,
            actor=by,
            kind="workspace.created",
            subject=workspace,
            before={},
            after={"name": name, "slug": workspace.slug},
        )
    return workspace


def name_of(workspace: Workspace) -> dict[str, Any]:
    """What a workspace is called; ``domain.seen.shown`` of it is ``seen``."""
    return {"name": workspace.name}


def workspace_rename(
    *, workspace: Workspace, name: str, by: Any, seen: str | None = None
) -> Workspace:
    """Call a workspace otherwise; its slug stays.

    ``seen`` is the digest of ``name_of`` that was read.

    Raises:
        ChangedMeanwhile: it is called otherwise by now.
        UnableToChange: no usable name.
    """
    name = _named(name)
    with transaction.atomic():
        held = Workspace.objects.select_for_update(no_key=True).get(pk=workspace.pk)
        was = name_of(held)
        check_seen(seen, was, {"name": name})
        if held.name != name:
            Workspace.objects.filter(pk=held.pk).update(name=name)
            workspace.name = name
            Event.objects.record(
                workspace=workspace,
                actor=by,
                kind="workspace.renamed",
                subject=workspace,
                before=was,
                after=name_of(workspace),
            )
    return workspace


def _named(name: str) -> str:
    """The name as it is kept.

    Raises:
        UnableToChange: too long, or no letter or digit in it.
    """
    name = one_line(name, NAME_CHARS + 1)
    if not slugify(name, allow_unicode=True) or len(name) > NAME_CHARS:
        raise UnableToChange(
            f"A workspace needs a name with letters or digits, of at most {NAME_CHARS} characters.",
            field="name",
        )
    check_name(name, UnableToChange)
    return name


def _with_free_slug(name: str) -> Workspace:
    """A workspace with a slug like its name, or like it with a number behind it."""
    # A name may be in letters that a slug cannot have.
    like = slugify(name)[:SLUG_CHARS].strip("-") or "workspace"
    number = 1
    while True:
        slug = like if number == 1 else f"{like}-{number}"
        made, is_new = Workspace.objects.get_or_create(slug=slug, defaults={"name": name})
        if is_new:
            return made
        number += 1
