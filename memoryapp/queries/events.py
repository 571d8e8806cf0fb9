"""The audit log."""

from __future__ import annotations

from django.db.models import Q, QuerySet

from memoryapp.models import (
    Event,
    Workspace,
)


def events(
    workspace: Workspace, *, kind: str = "", actor: str = "", search: str = ""
) -> QuerySet[Event]:
    """The audit log, newest first.

    ``actor`` is a user name; ``search`` looks at the subject, at who acted and at the playbook.
    """
    found = workspace.events.select_related("actor")
    if actor:
        found = found.filter(actor__username=actor)
    if kind:
        found = found.filter(kind=kind)
    for word in search.split():
        found = found.filter(
            Q(subject_name__icontains=word)
            | Q(actor__username__icontains=word)
            | Q(data__playbook=word)
        )
    return found


def event_actors(workspace: Workspace) -> list[str]:
    """Names of all who ever changed something in the workspace."""
    named = workspace.events.exclude(actor=None).order_by("actor__username")
    return list(named.values_list("actor__username", flat=True).distinct())
