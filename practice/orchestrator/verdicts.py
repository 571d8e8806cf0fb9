"""Agentic memory of root causes: verdicts of the window before, and what people confirmed.

Two memories (docs/rootcause.md#from-findings-to-an-answer). The window cache holds verdicts of
earlier analyses, negative ones too, for minutes. Long-term memory is bullets of playbooks like any
other: a confirmed cause goes through review, and its rule carries the verdict the engine reads.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from django.db.models import F
from django.utils import timezone

from memoryapp.queries.rules import bullets_with_rule
from memoryapp.services.counters import deployment_tags_count
from practice.domain.causal_layout import short
from practice.domain.recollection import bullet_of, lesson_name
from practice.domain.rootcause import serial
from practice.domain.rootcause.types import Alert, Analysis, MemoryEntry, Outcome
from practice.models import Analysis as AnalysisRow
from practice.models import Incident, KeptVerdict

RULE_KIND = "root_cause"
WINDOW_SECONDS = 600.0


def remembered(row: AnalysisRow, alert: Alert) -> list[MemoryEntry]:
    """What an analysis may reuse: standing verdicts of its window, then approved bullets."""
    if not row.uses_memory:
        return []
    at = datetime.fromtimestamp(alert.at, UTC)
    kept = (
        KeptVerdict.objects.standing()
        .filter(workspace=row.incident.workspace_id, system=row.incident.system, until__gte=at)
        .exclude(analysis__incident=row.incident_id)
        .order_by("at", "pk")
    )
    # Approved bullets are as fresh as the alert.
    until = alert.at + WINDOW_SECONDS
    lessons = (
        replace(entry, entry_id=name, at=alert.at, until=until)
        for name, entry in long_term(row.incident).items()
    )
    return [*(verdict.as_value() for verdict in kept), *lessons]


def long_term(incident: Incident) -> dict[str, MemoryEntry]:
    """What live lessons of an incident's system remember, by their names in memory."""
    known: dict[str, MemoryEntry] = {}
    for bullet in bullets_with_rule(incident.workspace_id, RULE_KIND):
        try:
            entry = serial.from_json(MemoryEntry, (bullet.rule or {}).get("entry"))
        except ValueError:
            continue  # a rule of another version is still a lesson for people
        if entry.key.system == incident.system:
            known[lesson_name(bullet.playbook.slug, bullet.label)] = entry
    return known


def store(row: AnalysisRow, found: Analysis, *, led_by: str = "", is_aside: bool = False) -> None:
    """Keep what was learned, count what was used, forget what was contradicted or taken back.

    ``led_by`` is the lesson that put the first cause there: it does not prove itself right.
    Of an incident somebody has decided on, memory stays as they left it; of one that another look
    answers (``is_aside``), as that look left it.
    """
    # Held before its verdicts, as whoever decides on it does.
    incidents = Incident.objects.select_for_update(no_key=True).filter(pk=row.incident_id)
    is_open = incidents.values_list("status", flat=True).get() == Incident.Status.OPEN
    if is_open and not is_aside:
        keep(row, found.learned)
    mine = KeptVerdict.objects.filter(workspace=row.incident.workspace_id)
    upheld = [hit.entry_id for hit in found.hits if hit.upheld]
    refuted = [hit.entry_id for hit in found.hits if not hit.upheld]
    mine.filter(entry_id__in=upheld).update(hits=F("hits") + 1)
    mine.filter(entry_id__in=refuted).update(contradictions=F("contradictions") + 1)
    mine.standing().filter(entry_id__in=[*found.forgotten, *refuted]).update(
        forgotten_at=timezone.now(), forgotten_why=f"Contradicted by {row.incident}."
    )
    _count_long_term(row.incident.workspace_id, found, led_by)


def keep(row: AnalysisRow, learned: Sequence[MemoryEntry]) -> None:
    """Keep what the newest analysis of an incident learned, and of earlier ones nothing else.

    One that went less far than the one before says nothing of the rest any more.
    """
    KeptVerdict.objects.bulk_create(
        [_kept(row, entry) for entry in learned],
        update_conflicts=True,
        unique_fields=["workspace", "entry_id"],
        # An entry is named by when it was visited: another look comes by in another order.
        update_fields=[
            *("analysis", "system", "component", "value", "at", "until"),
            *("forgotten_at", "forgotten_why"),
        ],
    )
    earlier = KeptVerdict.objects.standing().filter(
        workspace=row.incident.workspace_id, analysis__incident=row.incident_id
    )
    earlier.exclude(analysis=row).update(
        forgotten_at=timezone.now(), forgotten_why=f"{row.incident} was looked at again."
    )


def _count_long_term(workspace: int, found: Analysis, led_by: str) -> None:
    """A bullet that names the answer is counted helpful, one that was contradicted harmful.

    One that held while another component leads the answer is neither: nobody knows who is right.
    """
    is_found = bool(found.causes) and found.outcome is Outcome.FOUND
    leads = short(found.causes[0].node) if is_found else None
    tags = {
        hit.entry_id: "helpful" if hit.upheld else "harmful"
        for hit in found.hits
        if bullet_of(hit.entry_id)
        and hit.entry_id != led_by
        and (not hit.upheld or short(hit.node) == leads)
    }
    _count(workspace, tags)


def count_followed(workspace: int, name: str, *, is_right: bool) -> bool:
    """Count what a person said of an answer that a lesson had put first.

    False where no such lesson is live any more: then nothing is counted.
    """
    said = "helpful" if is_right else "harmful"
    return bullet_of(name) is not None and _count(workspace, {name: said})


def _count(workspace: int, tags: dict[str, str]) -> bool:
    """Count each lesson, by its name, for what is said of it; whether any was there."""
    if not tags:
        return False
    was_any = False
    # Playbooks are locked in one order, or two analyses could deadlock.
    for bullet in sorted(bullets_with_rule(workspace, RULE_KIND), key=lambda b: b.playbook_id):
        said = tags.get(lesson_name(bullet.playbook.slug, bullet.label))
        if said:
            deployment_tags_count(playbook=bullet.playbook, tags={bullet.label: said})
            was_any = True
    return was_any


def _kept(row: AnalysisRow, entry: MemoryEntry) -> KeptVerdict:
    return KeptVerdict(
        workspace_id=row.incident.workspace_id,
        analysis=row,
        entry_id=entry.entry_id[:120],
        system=row.incident.system,
        component=entry.key.component[:200],
        value=serial.to_json(entry),
        at=datetime.fromtimestamp(entry.at, UTC),
        until=datetime.fromtimestamp(entry.until, UTC),
    )
