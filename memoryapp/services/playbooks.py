"""Making and changing playbooks."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.utils.text import slugify

from memoryapp.domain.errors import UnableToChange
from memoryapp.domain.text import cleaned, one_line
from memoryapp.models import Event, Playbook, Workspace
from memoryapp.services.names import check_name


def playbook_create(
    *, workspace: Workspace, name: str, by: Any, description: str = "", token_budget: int = 8_000
) -> Playbook:
    """Create an empty playbook whose slug is made from its name.

    Raises:
        UnableToChange: no usable name, or one that is taken.
    """
    name = one_line(name)
    slug = slugify(name)[:64]
    if not slug:
        raise UnableToChange("A playbook needs a name with letters or digits in it.", field="name")
    check_name(name, UnableToChange)
    with transaction.atomic():
        playbook, created = Playbook.objects.get_or_create(
            workspace=workspace,
            slug=slug,
            defaults={
                "name": name,
                "description": cleaned(description)[:300],
                "token_budget": token_budget,
            },
        )
        if not created:
            raise UnableToChange(f"There is already a playbook named {playbook.name}.")
        Event.objects.record_in(
            playbook,
            actor=by,
            kind="playbook.created",
            subject=playbook,
            before={},
            after={"name": playbook.name, "token_budget": playbook.token_budget},
        )
    return playbook


def playbook_require_evaluation(*, playbook: Playbook, required: bool, by: Any) -> Playbook:
    """Publish only what passed an evaluation from now on, or anything approved again.

    Raises:
        UnableToChange: it is so already.
    """
    with transaction.atomic():
        changed = Playbook.objects.filter(pk=playbook.pk, requires_evaluation=not required).update(
            requires_evaluation=required
        )
        if not changed:
            raise UnableToChange(
                "This playbook requires an evaluation already."
                if required
                else "This playbook requires no evaluation as it is."
            )
        playbook.requires_evaluation = required
        Event.objects.record_in(
            playbook,
            actor=by,
            kind="playbook.gated" if required else "playbook.ungated",
            subject=playbook,
            before={"requires evaluation": not required},
            after={"requires evaluation": required},
        )
    return playbook
