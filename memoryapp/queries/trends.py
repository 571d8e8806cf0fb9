"""What happened per day: decisions, pulls, and what agents said of what they were given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from django.db.models import Count, Q, QuerySet, Sum
from django.db.models.functions import TruncDate
from django.utils import timezone

from memoryapp.models import Bullet, Candidate, PullCount, Vote, Workspace

MOST = 10


def per_day(
    rows: QuerySet[Any, Any], moment: str, measures: Mapping[str, Any]
) -> dict[date, tuple[Any, ...]]:
    """Day to one value per measure, in their order; days without rows are left out."""
    grouped = rows.order_by().annotate(day=TruncDate(moment)).values("day").annotate(**measures)
    return {row["day"]: tuple(row[name] for name in measures) for row in grouped}


def decisions_per_day(workspace: Workspace, since: datetime) -> dict[date, tuple[Any, ...]]:
    """Approved and rejected candidates."""
    decided = Candidate.objects.filter(workspace=workspace, decided_at__gte=since)
    return per_day(
        decided,
        "decided_at",
        {status: Count("pk", filter=Q(status=status)) for status in ("approved", "rejected")},
    )


def pulls_per_day(workspace: Workspace, since: datetime) -> dict[date, tuple[Any, ...]]:
    """Pulls that were given the text, and those whose agent held it already."""
    counted = (
        PullCount.objects.filter(
            release__playbook__workspace=workspace, day__gte=timezone.localdate(since)
        )
        .order_by()
        .values_list("day")
        .annotate(all=Sum("pulls"), held=Sum("unchanged"))
    )
    return {day: (pulls - held, held) for day, pulls, held in counted}


def votes_per_day(workspace: Workspace, since: datetime) -> dict[date, tuple[Any, ...]]:
    """Helpful and harmful words of agents about bullets."""
    spoken = _votes(workspace, since)
    measures = {value: Count("pk", filter=Q(value=value)) for value in ("helpful", "harmful")}
    return per_day(spoken, "created_at", measures)


def most_spoken_of(workspace: Workspace, since: datetime) -> Sequence[tuple[Bullet, int, int]]:
    """Bullets agents said most about, with how often helpful and harmful."""
    counted = (
        _votes(workspace, since)
        .order_by()
        .values_list("bullet")
        .annotate(
            helpful=Count("pk", filter=Q(value="helpful")),
            harmful=Count("pk", filter=Q(value="harmful")),
            total=Count("pk"),
        )
        .order_by("-total", "bullet")[:MOST]
    )
    rows = list(counted)
    bullets = Bullet.objects.select_related("playbook").in_bulk([row[0] for row in rows])
    return [(bullets[key], helpful, harmful) for key, helpful, harmful, _ in rows]


def _votes(workspace: Workspace, since: datetime) -> QuerySet[Vote]:
    return Vote.objects.filter(bullet__playbook__workspace=workspace, created_at__gte=since)
