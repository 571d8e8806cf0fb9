"""How far the validator's verdicts hold: against ground truth, and against people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import QuerySet

from memoryapp.models import Workspace
from practice.domain import calibration as domain
from practice.domain.calibration import Opinion
from practice.models import Attempt
from practice.queries.overrules import all_standing

#: confidences from which a gate might admit.
THRESHOLDS = (0.5, 0.7, 0.8, 0.9, 0.95)


@dataclass(frozen=True, slots=True)
class Measured:
    """How far verdicts hold against one side; ``error`` is the expected calibration error, 0..1."""

    total: int
    confusion: domain.Confusion
    bins: Sequence[domain.Bin]
    error: float | None
    thresholds: Sequence[domain.Admitted]


def judged(
    workspace: Workspace, *, environment: str = "", validator: str = ""
) -> QuerySet[Attempt]:
    """Every judged attempt, trials and experiments too: a verdict is a verdict."""
    found = Attempt.objects.filter(run__workspace=workspace).exclude(label="")
    if environment:
        found = found.filter(run__environment__slug=environment)
    if validator:
        found = found.filter(validator=validator)
    return found


def against_truth(
    workspace: Workspace, *, environment: str = "", validator: str = ""
) -> list[Opinion]:
    """Verdicts on attempts whose environment has a checker of its own."""
    rows = judged(workspace, environment=environment, validator=validator)
    return [
        Opinion(
            admitted=label == Attempt.Label.SUCCESS,
            confidence=_sure(confidence),
            valid=bool(truth),
        )
        for label, confidence, truth in rows.filter(truth__isnull=False).values_list(
            "label", "confidence", "truth"
        )
    ]


def against_people(
    workspace: Workspace, *, environment: str = "", validator: str = ""
) -> list[Opinion]:
    """Verdicts on attempts that a person spoke about; what the person says counts as true."""
    rows = all_standing(workspace, environment=environment, validator=validator)
    return [
        Opinion(
            admitted=was == Attempt.Label.SUCCESS,
            confidence=_sure(confidence),
            valid=label == Attempt.Label.SUCCESS,
        )
        for was, label, confidence in rows.values_list("was", "label", "attempt__confidence")
    ]


def measured(opinions: Sequence[Opinion]) -> Measured | None:
    """All figures of one side; ``None`` without a single opinion."""
    if not opinions:
        return None
    return Measured(
        total=len(opinions),
        confusion=domain.confusion(opinions),
        bins=domain.reliability(opinions),
        error=domain.expected_calibration_error(opinions),
        thresholds=[domain.admitted_at(opinions, threshold) for threshold in THRESHOLDS],
    )


def validators(workspace: Workspace) -> Sequence[str]:
    """The validators that ever judged an attempt here, by name."""
    rows = judged(workspace).exclude(validator="").order_by("validator")
    return list(rows.values_list("validator", flat=True).distinct())


def _sure(confidence: float | None) -> float:
    """A verdict from before confidence was kept was stated without a doubt."""
    return 1.0 if confidence is None else confidence
