"""What a policy would have admitted, replayed over what people have decided."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import Count, F, IntegerField, Q, QuerySet
from django.db.models.fields.json import KT
from django.db.models.functions import Cast

from memoryapp.domain import review
from memoryapp.domain.seen import shown
from memoryapp.domain.statistics import wilson
from memoryapp.models import Candidate, Playbook

#: Gates that are always replayed; the standing one and the one asked for stand among them.
THRESHOLDS = (0.7, 0.8, 0.9, 0.95, 0.99)


@dataclass(frozen=True, slots=True)
class Replay:
    """What a gate at one confidence lets through. People's word counts as true."""

    threshold: float
    #: decided by people, and they approved it as it stood.
    right: int
    #: approved, but in other words.
    reworded: int
    #: rejected: what the gate would have admitted wrongly.
    wrong: int
    #: waiting now: what the gate would spare people.
    waiting: int

    @property
    def decided(self) -> int:
        return self.right + self.reworded + self.wrong

    @property
    def precision(self) -> float | None:
        """Share of right ones among what people decided; a reworded one was not right."""
        return self.right / self.decided if self.decided else None

    @property
    def interval(self) -> tuple[float, float]:
        return wilson(self.right, self.decided)


@dataclass(frozen=True, slots=True)
class AuditRecord:
    due: int
    upheld: int
    overturned: int


def replay(playbook: Playbook, thresholds: list[float]) -> list[Replay]:
    """One row per threshold, in one pass over the candidates a policy could admit."""
    rows = _could_be_admitted(playbook)
    by_person = Q(policy=None)
    approved = Q(status=review.Status.APPROVED.value) & by_person
    same = Q(decided_content=F("content"))
    counted: dict[str, Count] = {}
    for place, threshold in enumerate(thresholds):
        sure = Q(confidence__gte=threshold)
        counted |= {
            f"right_{place}": Count("pk", filter=sure & approved & same),
            f"reworded_{place}": Count("pk", filter=sure & approved & ~same),
            f"wrong_{place}": Count(
                "pk", filter=sure & by_person & Q(status=review.Status.REJECTED.value)
            ),
            f"waiting_{place}": Count("pk", filter=sure & Q(status=review.Status.PENDING.value)),
        }
    found = rows.aggregate(**counted)
    return [
        Replay(
            threshold=threshold,
            right=found[f"right_{place}"],
            reworded=found[f"reworded_{place}"],
            wrong=found[f"wrong_{place}"],
            waiting=found[f"waiting_{place}"],
        )
        for place, threshold in enumerate(thresholds)
    ]


def gate_figures(playbook: Playbook, wanted: float | None) -> dict[str, Any]:
    """What gates at several confidences would have let through, ``wanted`` among them."""
    standing = playbook.standing_policy.as_value() if playbook.standing_policy else review.Policy()
    asked = (standing.admit_from, wanted)
    rows = replay(playbook, sorted({*THRESHOLDS, *(gate for gate in asked if gate is not None)}))
    return {
        "standing": standing,
        "gate_seen": shown(standing.gate()),
        "replayed": rows,
        "wanted": wanted,
        "wanted_percent": "" if wanted is None else f"{wanted * 100:g}",
        "now": next((row for row in rows if row.threshold == standing.admit_from), None),
        "then": next((row for row in rows if row.threshold == wanted), None),
    }


def parse_gate(percent: str) -> float | None:
    """A confidence that was asked for in percent; ``None`` for anything else."""
    try:
        value = float(percent)
    except ValueError:
        return None
    return round(value / 100, 4) if 50 <= value <= 100 else None


def audits(playbook: Playbook) -> AuditRecord:
    """What people said about the sampled decisions of a playbook's policies."""
    rows = playbook.candidates.exclude(audit="").values_list("audit").annotate(n=Count("pk"))
    found = dict(rows)
    kinds = Candidate.Audit
    return AuditRecord(
        found.get(kinds.DUE, 0), found.get(kinds.UPHELD, 0), found.get(kinds.OVERTURNED, 0)
    )


def admitted_alone(playbook: Playbook) -> int:
    """How many candidates policies have admitted that still stand."""
    return playbook.candidates.exclude(policy=None).count()


def _could_be_admitted(playbook: Playbook) -> QuerySet[Candidate]:
    """Candidates that pass every rule of a policy but the confidence."""
    return (
        playbook.candidates.filter(op__in=review.ADMISSIBLE_OPS, confidence__isnull=False)
        .alias(
            feasibility=Cast(KT("scores__feasibility"), IntegerField()),
            completion=Cast(KT("scores__completion"), IntegerField()),
        )
        .filter(feasibility__gte=review.FEASIBLE, completion__gte=review.SUCCESS)
    )
