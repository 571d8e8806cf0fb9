"""The gates between an attempt and the playbook: label, category, admission, representative.

Source: Preping (arXiv 2605.13880) §3.3. Asymmetric on purpose: every attempt reaches proposer
memory, only admissible ones may reach a playbook. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import median_low

from practice.domain.types import (
    COMPLETION_GATE,
    FEASIBILITY_GATE,
    Category,
    Label,
    Trajectory,
    Verdict,
    Vote,
)

#: how often a model is asked at most for one verdict.
MAX_VOTES = 7


class Admission(StrEnum):
    """Which attempts may teach the playbook. Feasible failures teach too, by default."""

    FEASIBLE_ONLY = "feasible_only"
    SUCCESS_ONLY = "success_only"


@dataclass(frozen=True, slots=True)
class Judged:
    """One validated attempt of a task."""

    trajectory: Trajectory
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Tally:
    """Several votes as one opinion. ``agreement`` is 0..1; ``typical`` is the vote that says it."""

    feasibility: int
    completion: int
    agreement: float
    typical: Vote


def label(verdict: Verdict) -> Label:
    """Return the label of a verdict: feasibility is the first gate, completion the second."""
    return _label(verdict.feasibility, verdict.completion)


def aggregate(votes: Sequence[Vote]) -> Tally:
    """Return the medians of both scores and how far the votes agree on the label.

    Of an even number of votes the lower median counts: a tie admits nothing. Agreement follows the
    rule of succession over the label and its opposite, (agreeing + 1) / (votes + 2), so that one
    vote alone is not certainty.

    Raises:
        ValueError: there is no vote.
    """
    if not votes:
        raise ValueError("A tally needs at least one vote.")
    feasibility = median_low([vote.feasibility for vote in votes])
    completion = median_low([vote.completion for vote in votes])
    joint = _label(feasibility, completion)
    agreeing = sum(_label(v.feasibility, v.completion) is joint for v in votes)
    typical = min(
        votes, key=lambda v: abs(v.feasibility - feasibility) + abs(v.completion - completion)
    )
    return Tally(feasibility, completion, (agreeing + 1) / (len(votes) + 2), typical)


def settled(votes: Sequence[Vote], of: int) -> bool:
    """Whether the votes still to come, ``of`` in all, can no longer change the label."""
    feasible = sum(v.feasibility >= FEASIBILITY_GATE for v in votes)
    done = sum(v.completion >= COMPLETION_GATE for v in votes)
    if 2 * (len(votes) - feasible) > of:
        return True
    return 2 * feasible > of and max(2 * done, 2 * (len(votes) - done)) > of


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


def _label(feasibility: int, completion: int) -> Label:
    if feasibility < FEASIBILITY_GATE:
        return Label.INFEASIBLE
    return Label.SUCCESS if completion >= COMPLETION_GATE else Label.FAILURE
