"""Held-out tasks tried with and without memory: arms, pairs, and what may be said of them. Pure.

The unit that is counted is a task. Where a task is tried several times under one arm, it counts as
solved when more than half of its judged attempts succeeded: attempts at one task resemble each
other, so counting each of them would make the intervals narrower than they are.

Every comparison is paired: the same tasks under two arms, so that easy and hard tasks cancel out.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any

from memoryapp.domain.playbook import Playbook, estimate_tokens, fingerprint
from memoryapp.domain.statistics import mcnemar, paired_difference, wilson
from practice.domain.paired import MARGIN, MEASURES, Comparison, gate, verdict
from practice.domain.types import Label


class Role(StrEnum):
    """What an arm is there for."""

    NONE = "none"
    MEMORY = "memory"
    PRODUCTION = "production"
    MASKED = "masked"


@dataclass(frozen=True, slots=True)
class ArmSpec:
    """An arm before it is stored: ``playbook`` is all the memory its attempts are given."""

    role: Role
    name: str
    playbook: Playbook
    masked: str = ""


@dataclass(frozen=True, slots=True)
class Arm:
    """An arm as the comparison reads it. ``masked`` is a bullet label, ``tokens`` its size.

    ``digest`` is the fingerprint of the memory given, by which it is known later.
    """

    id: int
    role: Role
    name: str
    masked: str = ""
    tokens: int = 0
    digest: str = ""


@dataclass(frozen=True, slots=True)
class Trial:
    """One ended attempt. ``label`` is ``None`` where the tool server failed and nothing was judged.

    ``cost`` is US dollars, ``None`` where the price of a call is unknown.
    """

    arm: int
    task: int
    label: Label | None
    calls: int = 0
    errors: int = 0
    tokens: int = 0
    cost: Decimal | None = Decimal(0)
    seconds: float = 0.0

    @property
    def is_solved(self) -> bool:
        return self.label is Label.SUCCESS

    @property
    def is_clean(self) -> bool:
        """Solved without a single failed call on the way."""
        return self.is_solved and not self.errors


def plan_arms(
    measured: Playbook,
    name: str,
    *,
    production: tuple[str, Playbook] | None = None,
    masked: Collection[str] = (),
) -> tuple[ArmSpec, ...]:
    """Return the arms of an experiment: no memory, the bullets measured, then each masked one.

    ``production`` (name and bullets) is what agents are given today; it gets an arm where it says
    something else than the bullets measured. Labels in ``masked`` without a live bullet are left
    out.
    """
    arms = [
        ArmSpec(Role.NONE, "No memory", Playbook()),
        ArmSpec(Role.MEMORY, name, Playbook(bullets=measured.live)),
    ]
    if production and fingerprint(production[1]) != fingerprint(measured):
        arms.append(ArmSpec(Role.PRODUCTION, *production))
    for bullet in measured.live:
        if bullet.label in masked:
            rest = tuple(other for other in measured.live if other is not bullet)
            arms.append(
                ArmSpec(Role.MASKED, f"Without {bullet.label}", Playbook(rest), bullet.label)
            )
    return tuple(arms)


def infeasible_tasks(trials: Sequence[Trial]) -> frozenset[int]:
    """Return the tasks that no arm found feasible; they are left out of every arm alike.

    A task that one arm's attempt found feasible stays for all of them, and counts as not solved
    where it was called infeasible: else an arm would profit from giving up.
    """
    labels: dict[int, set[Label]] = defaultdict(set)
    for trial in trials:
        if trial.label is not None:
            labels[trial.task].add(trial.label)
    return frozenset(task for task, seen in labels.items() if seen == {Label.INFEASIBLE})


def outcomes(trials: Sequence[Trial], arm: int, measure: str) -> dict[int, bool]:
    """Return task to whether most of its judged attempts under ``arm`` succeeded.

    ``measure`` is ``success`` or ``clean`` (success without a failed call). Tasks without a judged
    attempt are absent.
    """
    counted: dict[int, list[bool]] = defaultdict(list)
    for trial in trials:
        if trial.arm == arm and trial.label is not None:
            counted[trial.task].append(trial.is_clean if measure == "clean" else trial.is_solved)
    return {task: 2 * sum(won) > len(won) for task, won in counted.items()}


def compare(this: Arm, other: Arm, trials: Sequence[Trial], measure: str = "success") -> Comparison:
    """Compare two arms over the tasks that both have a judged attempt of."""
    one, two = outcomes(trials, this.id, measure), outcomes(trials, other.id, measure)
    shared = sorted(one.keys() & two.keys())
    both = sum(one[task] and two[task] for task in shared)
    only_this = sum(one[task] and not two[task] for task in shared)
    only_other = sum(two[task] and not one[task] for task in shared)
    neither = len(shared) - both - only_this - only_other
    difference, low, high = paired_difference(both, only_this, only_other, neither)
    return Comparison(
        name=this.name,
        against=other.name,
        measure=measure,
        both=both,
        only_this=only_this,
        only_other=only_other,
        neither=neither,
        difference=difference,
        low=low,
        high=high,
        p=mcnemar(only_this, only_other),
    )


def figures(arm: Arm, trials: Sequence[Trial]) -> dict[str, Any]:
    """Return what one arm did, over its judged attempts.

    ``successes`` and ``clean`` are tasks of ``n`` with 95 % Wilson intervals; ``calls``,
    ``errors``, ``tokens`` and ``seconds`` are means per attempt; ``cost`` is US dollars in all as
    text, ``None`` where a price is unknown; ``memory_tokens`` is the size of the memory given and
    ``digest`` its fingerprint.
    """
    own = [trial for trial in trials if trial.arm == arm.id and trial.label is not None]
    solved, clean = outcomes(own, arm.id, "success"), outcomes(own, arm.id, "clean")
    n = len(solved)
    low, high = wilson(sum(solved.values()), n)
    clean_low, clean_high = wilson(sum(clean.values()), n)
    costs = [trial.cost for trial in own if trial.cost is not None]
    return {
        "role": arm.role.value,
        "name": arm.name,
        "masked": arm.masked,
        "digest": arm.digest,
        "memory_tokens": arm.tokens,
        "n": n,
        "attempts": len(own),
        "successes": sum(solved.values()),
        "low": round(low, 4),
        "high": round(high, 4),
        "clean": sum(clean.values()),
        "clean_low": round(clean_low, 4),
        "clean_high": round(clean_high, 4),
        "calls": _mean([trial.calls for trial in own]),
        "errors": _mean([trial.errors for trial in own]),
        "tokens": _mean([trial.tokens for trial in own]),
        "seconds": _mean([trial.seconds for trial in own]),
        "cost": str(sum(costs, Decimal(0))) if len(costs) == len(own) else None,
    }


def _mean(values: Sequence[float]) -> float:
    return round(sum(values) / len(values), 3) if values else 0.0


def result(
    arms: Sequence[Arm],
    trials: Sequence[Trial],
    *,
    bullets: Mapping[str, str],
    is_gate: bool = False,
) -> dict[str, Any]:
    """Return everything an experiment found, ready for JSON.

    Args:
        arms: with one of each role but MASKED, of which there may be any number; PRODUCTION may be
            missing.
        trials: every ended attempt.
        bullets: label to text of the bullets measured, for what a masked one costs in tokens.
        is_gate: whether to decide ``gate`` too.
    """
    left_out = infeasible_tasks(trials)
    counted = [trial for trial in trials if trial.task not in left_out]
    by_role = {arm.role: arm for arm in arms if arm.role is not Role.MASKED}
    none, memory = by_role[Role.NONE], by_role[Role.MEMORY]
    others = [none] + [by_role[role] for role in (Role.PRODUCTION,) if role in by_role]
    compared = [compare(memory, other, counted, each) for other in others for each in MEASURES]
    main, clean, *_ = compared
    decided = gate(compared) if is_gate else None
    return {
        "tasks": len({trial.task for trial in counted if trial.label is not None}),
        "infeasible": len(left_out),
        "unjudged": sum(trial.label is None for trial in trials),
        "margin": MARGIN,
        "arms": [figures(arm, counted) for arm in arms],
        "compared": [each.as_json() for each in compared],
        "bullets": {
            arm.masked: {
                **_effect(compare(memory, arm, counted)),
                "clean": _effect(compare(memory, arm, counted, "clean")),
                "tokens": estimate_tokens(bullets.get(arm.masked, "")),
            }
            for arm in arms
            if arm.role is Role.MASKED
        },
        "verdict": verdict(main, clean),
        "gate": None if decided is None else {"passed": decided.passed, "message": decided.message},
    }


def _effect(without: Comparison) -> dict[str, Any]:
    """What a bullet adds by one measure: with it minus without it."""
    return {
        "effect": round(without.difference, 4),
        "low": round(without.low, 4),
        "high": round(without.high, 4),
        "n": without.tasks,
        "won": without.only_this,
        "lost": without.only_other,
        "p": round(without.p, 4),
    }
