"""What the screens of root causes show."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Func, JSONField, OuterRef, Q, QuerySet, Subquery

from memoryapp.models import Workspace
from memoryapp.queries.events import WORDS_MOST
from practice.domain.causal_layout import short
from practice.domain.recollection import ALIKE, likeness
from practice.models import Analysis, Incident

#: Similar incidents are looked for among this many of the newest.
SIMILAR_AMONG = 500
SIMILAR_SHOWN = 5
#: What a list of incidents can be narrowed by: the arguments of ``incidents``.
FILTERS = ("status", "kind", "outcome", "severity", "source", "cause", "q")


def incidents(
    workspace: Workspace,
    *,
    status: str = "",
    kind: str = "",
    outcome: str = "",
    severity: str = "",
    source: str = "",
    cause: str = "",
    q: str = "",
) -> QuerySet[Incident]:
    """The incidents of a workspace that match a filter, newest first.

    Nothing matches more than ``WORDS_MOST`` words of ``q``.
    """
    words = q.split()
    if len(words) > WORDS_MOST:
        return Incident.objects.none()
    found = Incident.objects.filter(workspace=workspace)
    given = {
        "status": status,
        "kind": kind,
        "outcome": outcome,
        "severity": severity,
        "source__slug": source,
    }
    found = found.filter(**{name: value for name, value in given.items() if value})
    if cause:
        found = found.filter(Q(cause__endswith=cause) | Q(cause="", top_cause__endswith=cause))
    for word in words:
        found = found.filter(
            Q(title__icontains=word) | Q(entry__icontains=word) | Q(top_cause__icontains=word)
        )
    return found.order_by("-number")


def beside(
    incident: Incident, workspace: Workspace, asked: Mapping[str, str]
) -> tuple[Incident | None, Incident | None]:
    """The incidents before and after one in the list of a filter, which it may have left."""
    found = incidents(workspace, **asked)
    newer = found.filter(number__gt=incident.number).order_by("number").first()
    return newer, found.filter(number__lt=incident.number).first()


def with_figures(found: QuerySet[Incident]) -> QuerySet[Incident]:
    """Beside each incident its alerts and the state of its newest analysis."""
    newest = Analysis.objects.filter(incident=OuterRef("pk")).order_by("-number")
    return found.select_related("source", "decided_by").annotate(
        alert_count=Count("alerts"), analysis_status=Subquery(newest.values("status")[:1])
    )


class _NodeIds(Func):
    """The names in an analysis' graph: what it says of each stays in the database."""

    template = "jsonb_path_query_array(%(expressions)s, '$.nodes[*].node_id')"
    output_field = JSONField()


def components_seen(rows: Collection[Incident]) -> dict[int, frozenset[str] | None]:
    """Of each incident, by its key, the components that the analysis which answers it has seen.

    ``None`` where none has finished.
    """
    answers = Analysis.objects.answers().filter(incident__in=rows)
    newest = answers.order_by("incident", "-number").distinct("incident")
    found = dict(newest.values_list("incident", _NodeIds("result")))
    return {
        row.pk: frozenset(map(short, found[row.pk] or ())) if row.pk in found else None
        for row in rows
    }


def severities(workspace: Workspace) -> list[str]:
    rows = Incident.objects.filter(workspace=workspace).exclude(severity="").order_by("severity")
    return list(rows.values_list("severity", flat=True).distinct())


@dataclass(frozen=True, slots=True)
class Similar:
    incident: Incident
    likeness: float


def similar(incident: Incident) -> list[Similar]:
    """Past incidents that deviated alike, those a person has decided on first among equals."""
    others = Incident.objects.filter(workspace=incident.workspace_id, kind=incident.kind)
    rows = others.exclude(pk=incident.pk).exclude(signature=[]).order_by("-number")
    found = []
    for other in rows[:SIMILAR_AMONG]:
        alike = likeness(incident.signature, other.signature)
        if alike >= ALIKE:
            found.append(Similar(other, alike))
    found.sort(key=lambda s: (-round(s.likeness, 2), s.incident.is_open, -s.incident.number))
    return found[:SIMILAR_SHOWN]


def calibrated_on(workspace: Workspace) -> dict[str, int]:
    """How many incidents people decided on, and in how many the first cause was right."""
    rows = Incident.objects.filter(workspace=workspace)
    found: dict[str, Any] = rows.aggregate(
        decided=Count("pk", filter=Q(status__in=["confirmed", "corrected"])),
        confirmed=Count("pk", filter=Q(status="confirmed")),
    )
    return found
