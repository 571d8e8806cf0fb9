"""Lessons of earlier incidents, laid beside what an analysis found.

Rows say all of it: the bullet is live and as it was approved, the incident it was learned in is
decided as it was then, and no incident that it led was decided otherwise.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from practice.domain import recollection
from practice.domain.causal_layout import short
from practice.domain.recollection import Considered, Lesson
from practice.domain.rootcause.types import Analysis as Found
from practice.domain.rootcause.types import MemoryEntry
from practice.models import Analysis, Incident
from practice.orchestrator.verdicts import long_term

_NUMBER = re.compile(r"Incident (\d{1,9})")
_DECIDED = (Incident.Status.CONFIRMED, Incident.Status.CORRECTED)


def considered(row: Analysis, found: Found, looks: Sequence[str]) -> tuple[Considered, ...]:
    """What every lesson of the incident's system says of an answer; none without memory.

    ``looks`` is the answer's ``signature``.
    """
    if not row.uses_memory or row.incident.attempt_id is not None:
        return ()
    return recollection.considered(found, looks, [*by_name(row.incident).values()])


def told(said: Sequence[Considered]) -> list[dict[str, Any]]:
    """Lessons as a page shows them; those that look otherwise are many, and few are enough."""
    return [
        {
            "bullet": one.lesson.bullet,
            "node": one.lesson.node,
            "incident": one.lesson.incident,
            "link": one.lesson.link,
            "alike": one.alike,
            "leads": one.leads,
            "said": one.said,
        }
        for one in said[:20]
    ]


def learned_in(incident: Incident) -> list[str]:
    """The names of the lessons that were learned in an incident."""
    known = long_term(incident).items()
    return [name for name, entry in known if _number(entry.alert_id) == incident.number]


def by_name(incident: Incident) -> dict[str, Lesson]:
    """The live lessons of an incident's system that were learned in others, as they stand now."""
    known = long_term(incident)
    numbers = {name: _number(entry.alert_id) for name, entry in known.items()}
    rows = Incident.objects.filter(workspace=incident.workspace_id, number__in=[*numbers.values()])
    taught = {row.number: row for row in rows}
    refused = _refused(incident.workspace_id, known)
    found = {}
    for name, entry in known.items():
        origin = taught.get(numbers[name])
        if origin is not None and origin.pk != incident.pk:
            component = short(entry.key.component)
            stands = origin.status in _DECIDED and short(origin.cause) == component
            found[name] = Lesson(
                bullet=name,
                node=entry.key.component,
                incident=str(origin),
                link=origin.get_absolute_url(),
                looks=tuple(origin.signature),
                stands=stands,
                refused=refused.get(name, ""),
            )
    return found


def _number(name: str) -> int:
    """The incident that an entry was learned in, by its name; 0 where that is no incident's."""
    found = _NUMBER.fullmatch(name)
    return int(found[1]) if found else 0


def _refused(workspace_id: int, known: dict[str, MemoryEntry]) -> dict[str, str]:
    """By lesson the newest incident that it led and that a person decided otherwise."""
    if not known:
        return {}
    rows = Analysis.objects.filter(incident__workspace=workspace_id, followed__in=[*known])
    decided = rows.exclude(incident__status=Incident.Status.OPEN).order_by("incident__number")
    return {
        name: f"Incident {number}"
        for name, number, cause in decided.values_list(
            "followed", "incident__number", "incident__cause"
        )
        if short(cause) != short(known[name].key.component)
    }
