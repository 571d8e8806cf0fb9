"""What deterministic findings allow a validator to say. Pure.

Every finding (``Check``) that failed puts a ceiling on completion. Decisive ones hold whatever a
model believes: they are facts of the trajectory. Telling ones are read from words and schemas, so a
model may set one aside, with a reason. Hints are guessed from free text: they fail an attempt only
where nobody else judges it. Minor ones cost a point and no label.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum

from practice.domain.types import COMPLETION_GATE, Check


class Weight(StrEnum):
    """How much a failed finding weighs."""

    DECISIVE = "decisive"
    TELLING = "telling"
    HINT = "hint"
    MINOR = "minor"


class Basis(StrEnum):
    """What an attempt could be held against, the firmest first."""

    GOAL = "goal"
    TOOLS = "tools"
    TEXT = "text"


#: check name → how much it weighs and the highest completion while it fails.
FINDINGS: Mapping[str, tuple[Weight, int]] = {
    "call_succeeded": (Weight.DECISIVE, 1),
    "state_changed": (Weight.DECISIVE, 2),
    "required_call_worked": (Weight.DECISIVE, 3),
    "answer_grounded": (Weight.DECISIVE, 3),
    "within_step_limit": (Weight.TELLING, 2),
    "intended_tools_ran": (Weight.TELLING, 3),
    "intended_arguments_used": (Weight.TELLING, 3),
    "pages_followed": (Weight.TELLING, 3),
    "order_kept": (Weight.TELLING, 3),
    "nothing_unasked": (Weight.TELLING, 3),
    "arguments_grounded": (Weight.TELLING, 3),
    "answer_given": (Weight.TELLING, 3),
    "answers_readable": (Weight.TELLING, 3),
    "asked_tool_called": (Weight.HINT, 3),
    "sender_agrees": (Weight.TELLING, 3),
    "tried_calls_worked": (Weight.HINT, 3),
    "values_stated": (Weight.HINT, 3),
    "requests_covered": (Weight.HINT, 3),
    "values_used": (Weight.HINT, 3),
    "ended_at_the_end": (Weight.HINT, 3),
    "errors_recovered": (Weight.MINOR, 4),
    "schema_valid": (Weight.MINOR, 4),
    "tools_exist": (Weight.MINOR, 4),
    "preparation_explained": (Weight.MINOR, 4),
    "values_kept": (Weight.MINOR, 4),
    "no_loops": (Weight.MINOR, 4),
}
#: how sure passed findings make us, by what they were held against.
_SURE = {Basis.GOAL: 1.0, Basis.TOOLS: 0.65, Basis.TEXT: 0.5}
_MINOR_COST = 0.1
_LEAST = 0.3


def weight(check: Check) -> Weight:
    """Return how much a finding weighs; one nobody knows is minor."""
    return FINDINGS.get(check.name, (Weight.MINOR, 5))[0]


def ceiling(checks: Sequence[Check], *weights: Weight) -> tuple[int, Check | None]:
    """Return the highest completion the failed checks of these weights allow, and which decides.

    (5, None) where none of them failed. Of two with the same ceiling the first one decides.
    """
    failed = [c for c in checks if not c.passed and (not weights or weight(c) in weights)]
    decisive = min(failed, key=lambda c: FINDINGS.get(c.name, (Weight.MINOR, 5))[1], default=None)
    if decisive is None:
        return 5, None
    return FINDINGS.get(decisive.name, (Weight.MINOR, 5))[1], decisive


def confidence(basis: Basis, checks: Sequence[Check]) -> float:
    """Return how sure the findings alone make us of the label they lead to, 0.3 to 1.

    A goal says exactly what has to happen, so its findings are all but proof. Intended tools and
    bare text leave room for another way, so passing is weaker there; a decisive finding is a fact
    on any basis, and each telling one or hint beyond the first makes a failure surer. Minor
    findings cost a tenth each.
    """
    failed = [c for c in checks if not c.passed]
    sure = _SURE[basis]
    if any(weight(c) is Weight.DECISIVE for c in failed):
        sure = max(sure, 0.95)
    else:
        telling = sum(weight(c) in (Weight.TELLING, Weight.HINT) for c in failed)
        if telling:
            sure = min(1.0, max(sure, 0.75) + 0.1 * (telling - 1))
        sure -= _MINOR_COST * sum(weight(c) is Weight.MINOR for c in failed)
    return round(max(_LEAST, sure), 2)


def tempered(agreement: float, checks: Sequence[Check], *, success: bool) -> float:
    """Return the confidence in a label that votes gave, once the evidence is looked at.

    ``agreement`` is 0..1. Evidence for the label halves the doubt, evidence against it takes a
    quarter of the confidence, and a decisive finding that fails the attempt leaves little doubt.
    """
    highest, _ = ceiling(checks, Weight.DECISIVE)
    if highest < COMPLETION_GATE:
        return 0.95 if not success else round(0.5 * agreement, 2)
    highest, _ = ceiling(checks, Weight.TELLING)
    supported = (highest >= COMPLETION_GATE) == success
    return round(1 - (1 - agreement) / 2 if supported else 0.75 * agreement, 2)
