"""How much work waits and for how long, in all workspaces, for whoever runs the server."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Min, Q, Sum

from practice.models import Analysis, AttemptTally, ReplayCase, Run, Unit


@dataclass(frozen=True, slots=True)
class OpenWork:
    """``units`` and ``runs`` by status; ``oldest`` is when the longest waiting unit was due."""

    units: dict[str, int]
    runs: dict[str, int]
    oldest: datetime | None
    analyses: int
    replays: int


def open_work(now: datetime) -> OpenWork:
    """Count what is not done. Reads units of unfinished runs only, however many there were."""
    unfinished = Run.objects.unfinished()
    units = Unit.objects.open().filter(run__in=unfinished).order_by()
    due = units.filter(Q(not_before=None) | Q(not_before__lte=now), status=Unit.Status.WAITING)
    return OpenWork(
        units=dict(units.values_list("status").annotate(n=Count("pk"))),
        runs=dict(unfinished.order_by().values_list("status").annotate(n=Count("pk"))),
        oldest=due.aggregate(oldest=Min("created_at"))["oldest"],
        analyses=Analysis.objects.open().count(),
        replays=ReplayCase.objects.open().count(),
    )


def attempts_by_label() -> Counter[str]:
    """Attempts ever made by label, ``unjudged`` for those without one."""
    parts = AttemptTally.objects.filter(run=None, environment=None).order_by()
    summed = parts.values_list("label").annotate(total=Sum("amount"))
    return Counter({label or "unjudged": total for label, total in summed if total})
