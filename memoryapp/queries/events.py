"""The audit log."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

from django.db.models import Q, QuerySet
from django.utils import timezone

from memoryapp.models import (
    Event,
    Workspace,
)


def events(
    workspace: Workspace,
    *,
    kind: str = "",
    actor: str = "",
    playbook: str = "",
    search: str = "",
    since: str = "",
    until: str = "",
) -> QuerySet[Event]:
    """The audit log, newest first.

    ``actor`` is a user name, ``playbook`` a slug, ``since`` and ``until`` are days (both included);
    ``search`` looks at the subject, at who or what acted and at the playbook.
    """
    found = workspace.events.select_related("actor")
    if actor:
        found = found.filter(actor__username=actor)
    if kind:
        found = found.filter(kind=kind)
    if playbook:
        found = found.filter(data__playbook=playbook)
    if (first := day(since)) is not None:
        found = found.filter(created_at__gte=first)
    if (last := day(until)) is not None:
        found = found.filter(created_at__lt=last + timedelta(days=1))
    for word in search.split():
        found = found.filter(
            Q(subject_name__icontains=word)
            | Q(actor__username__icontains=word)
            | Q(through__icontains=word)
            | Q(data__playbook=word)
        )
    return found


def day(text: str) -> datetime | None:
    """The beginning of a day such as ``2026-11-25``; what is none says nothing."""
    try:
        named = date.fromisoformat(text)
    except ValueError:
        return None
    return timezone.make_aware(datetime.combine(named, time.min))


def event_actors(workspace: Workspace) -> list[str]:
    """Names of all who ever changed something in the workspace."""
    named = workspace.events.exclude(actor=None).order_by("actor__username")
    return list(named.values_list("actor__username", flat=True).distinct())
