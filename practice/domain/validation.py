"""The gates between an attempt and the playbook: label, category, admission, representative.

Source: Preping (arXiv 2605.13880) §3.3. Asymmetric on purpose: every attempt reaches proposer
memory, only admissible ones may reach a playbook. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from practice.domain.types import (
    COMPLETION_GATE,
    FEASIBILITY_GATE,
    Category,
    Label,
    Trajectory,
    Verdict,
)


class Admission(StrEnum):
    """Which attempts may teach the playbook. Feasible failures teach too, by default."""

    FEASIBLE_ONLY = "feasible_only"
    SUCCESS_ONLY = "success_only"


@dataclass(frozen=True, slots=True)
class Judged:
    """One validated attempt of a task."""

    trajectory: Trajectory
    verdict: Verdict


def label(verdict: Verdict) -> Label:
    """Return the label of a verdict: feasibility is the first gate, completion the second."""
    if verdict.feasibility < FEASIBILITY_GATE:
        return Label.INFEASIBLE
    return Label.SUCCESS if verdict.completion >= COMPLETION_GATE else Label.FAILURE


def categorize(labels: Sequence[Label]) -> Category:
    """Return what the attempts at one task say together.

    One infeasible label does not condemn a task that another attempt got through: the task is
    infeasible when no attempt found it feasible, and the feasible ones decide the rest.

    Raises:
        ValueError: ``labels`` is empty; a task nobody attempted has no category.
    """
    if not labels:
        raise ValueError("A task needs at least one validated attempt before it has a category.")
    feasible = [each for each in labels if each is not Label.INFEASIBLE]
    if not feasible:
        return Category.INFEASIBLE
    solved = sum(each is Label.SUCCESS for each in feasible)
    if solved == 0:
        return Category.UNSOLVED
    return Category.TRIVIAL if solved == len(feasible) else Category.BOUNDARY


def admissible(label: Label, policy: Admission | str = Admission.FEASIBLE_ONLY) -> bool:
    """Return whether an attempt with this label may be learned from under ``policy``.

    Raises:
        ValueError: ``policy`` is not a known policy.
    """
    match Admission(policy):
        case Admission.FEASIBLE_ONLY:
            return label is not Label.INFEASIBLE
        case Admission.SUCCESS_ONLY:
            return label is Label.SUCCESS


def representative(
    judged: Sequence[Judged], policy: Admission | str | None = None
) -> Judged | None:
    """Return the one attempt that stands for its task, or ``None`` where none qualifies.

    Best completion first, then fewest steps, then the earliest. With a ``policy`` only admissible
    attempts qualify (memory updates); without one all do (environment summaries).
    """
    fit = [j for j in judged if policy is None or admissible(label(j.verdict), policy)]
    return min(
        fit,
        key=lambda j: (-j.verdict.completion, len(j.trajectory.steps)),
        default=None,
    )
