"""Agentic memory: verdicts of earlier alerts, reused within a window and given up on contradiction.

An entry is looked up by system and component, compared by fingerprint, and believed only after one
cheap check against the present: does the component's strongest deviation still say the same? A
contradiction deletes it. Confidence halves with every half window, so that what is reused again
and again is looked at again. Negative verdicts ("normal") are kept: they save the most.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from practice.domain.rootcause.ranking import OWN, Standing, worth
from practice.domain.rootcause.types import (
    Alert,
    Confirmed,
    Fingerprint,
    MemoryEntry,
    MemoryHit,
    MemoryKey,
    Verdict,
    Visit,
)

WINDOW_SECONDS = 600.0
_BELIEVED = 0.25
_NOTEWORTHY = 0.1


def fingerprint(standing: Standing | None, callees: Sequence[str]) -> Fingerprint:
    """What a component looks like: kind, direction and decile of worth of what stands out."""
    facts = tuple(
        sorted(
            (one.kind.value, one.direction.value, decile)
            for one in (standing.best if standing else ())
            if (decile := min(int(worth(one.own) * 10.0 / 3.0), 9)) or worth(one.own) > _NOTEWORTHY
        )
    )
    digest = hashlib.sha256("\n".join(sorted(callees)).encode()).hexdigest()[:16]
    return Fingerprint(facts, digest)


def similarity(left: Fingerprint, right: Fingerprint) -> float:
    """0 to 1: shared kinds and directions, less for distant deciles and for other callees."""
    mine = {(kind, direction): decile for kind, direction, decile in left.facts}
    theirs = {(kind, direction): decile for kind, direction, decile in right.facts}
    shared = sum(1.0 - abs(mine[k] - theirs[k]) / 10.0 for k in mine.keys() & theirs.keys())
    whole = len(mine.keys() | theirs.keys())
    alike = shared / whole if whole else 1.0
    return alike * (1.0 if left.callees == right.callees else 0.8)


def confidence(entry: MemoryEntry, at: float, window: float = WINDOW_SECONDS) -> float:
    """What is left at ``at`` of an entry's confidence, 0 to 1: half of it after half a ``window``.

    Confirmed incidents do not fade.
    """
    if entry.outcome is Confirmed.CONFIRMED:
        return entry.confidence
    return float(entry.confidence * 0.5 ** (max(at - entry.at, 0.0) / (window / 2.0)))


@dataclass(slots=True)
class Recall:
    """The memory of one analysis: what may be reused, what was, and what turned out wrong."""

    alert: Alert
    entries: dict[str, list[MemoryEntry]]
    hits: list[MemoryHit]
    forgotten: list[str]

    @classmethod
    def of(cls, alert: Alert, entries: Iterable[MemoryEntry]) -> Recall:
        """Take the entries of the alert's system that hold at its time and no person corrected."""
        usable: dict[str, list[MemoryEntry]] = {}
        for entry in entries:
            valid = entry.at <= alert.at <= entry.until and entry.key.system == alert.system
            if valid and entry.outcome is not Confirmed.CORRECTED:
                usable.setdefault(entry.key.component, []).append(entry)
        for mine in usable.values():
            mine.sort(key=lambda entry: (-entry.at, entry.entry_id))
        return cls(alert, usable, [], [])

    def answer(
        self, component: str, standing: Standing | None, callees: Sequence[str]
    ) -> tuple[MemoryEntry, MemoryHit] | None:
        """The newest entry that still holds for ``component``, or ``None``: then look yourself."""
        present = fingerprint(standing, callees)
        for entry in self.entries.get(component, []):
            alike = similarity(entry.fingerprint, present)
            left = confidence(entry, self.alert.at) * alike
            wrong = _contradiction(entry, standing)
            hit = MemoryHit(
                entry_id=entry.entry_id,
                node=component,
                similarity=round(alike, 4),
                confidence=round(left, 4),
                upheld=not wrong and left >= _BELIEVED,
                check=wrong or "its strongest deviation still says the same",
            )
            if wrong:
                self.hits.append(hit)
                self.forgotten.append(entry.entry_id)
            elif hit.upheld:
                self.hits.append(hit)
                return entry, hit
        return None


def _contradiction(entry: MemoryEntry, standing: Standing | None) -> str:
    """One cheap look: why the entry cannot be right now, or nothing."""
    top = standing.top if standing else None
    strength = standing.strength if standing else 0.0
    deviates = top is not None and worth(top.total) >= OWN
    if entry.verdict is Verdict.NORMAL and top is not None and deviates:
        return f"remembered as normal, but {top.statement}"
    if entry.verdict is Verdict.OWN and strength < OWN:
        return "remembered as the cause, but nothing of its own stands out now"
    if entry.verdict is Verdict.INHERITED and top is not None and strength >= OWN:
        return f"remembered as a victim, but {top.statement}"
    return ""


def learned(
    alert: Alert,
    visits: Sequence[Visit],
    names: Sequence[str],
    prints: Sequence[Fingerprint],
    symptoms: Sequence[str],
    window: float = WINDOW_SECONDS,
) -> tuple[MemoryEntry, ...]:
    """One entry per verdict that was reasoned out; open ones are not knowledge."""
    return tuple(
        MemoryEntry(
            entry_id=f"{alert.alert_id}/{visit.visit_id}",
            key=MemoryKey(alert.system, name, "", symptom),
            fingerprint=seen,
            verdict=visit.verdict,
            inherited_from=visit.inherited_from,
            confidence=visit.confidence,
            at=alert.at,
            until=alert.at + window,
            alert_id=alert.alert_id,
            evidence=visit.evidence,
        )
        for visit, name, seen, symptom in zip(visits, names, prints, symptoms, strict=True)
        if visit.verdict is not Verdict.OPEN and not visit.hit
    )
