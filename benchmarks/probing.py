"""Whether a playbook helps: one call is asked for, and the rules solver has to make it succeed.

A *probe* is a call in a world as it stands, of one of three kinds (``Need``). Each is tried without
a playbook and with one; what is counted is success, success without a failed call on the way
(*clean*), and calls.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from memoryapp.domain.playbook import Playbook
from memoryapp.domain.statistics import mcnemar, wilson
from practice.agents.ports import EnvironmentSession, SolverLimits
from practice.agents.rules import build_engine
from practice.agents.rules.documents import failure
from practice.domain.types import Json, Step, TaskSpec

BARS = {"clean_ratio": 3.0, "calls_ratio": 0.7}


class Need(StrEnum):
    """What a call needs of its world before it works."""

    UNMET = "unmet"  # it fails as things stand, and works once something else was done
    IN_PLACE = "in_place"  # it works as things stand, and would not in any state
    NONE = "none"  # it works in an empty world too, and so do the calls of its tool


class World(Protocol):
    """Where a probe is tried; every opening starts from the same state."""

    def open(self) -> AbstractContextManager[EnvironmentSession]: ...


@dataclass(frozen=True, slots=True)
class Probe:
    """One call, the world it is tried in, and what it needs there."""

    tool: str
    arguments: Json
    world: World
    need: Need


@dataclass(frozen=True, slots=True)
class Trial:
    """What one solver run made of a probe: whether it worked, at how many calls and failures."""

    success: bool
    calls: int
    failures: int

    @property
    def clean(self) -> bool:
        return self.success and not self.failures


def attempt(probe: Probe, playbook: Playbook, seed: int) -> Trial:
    """Have the solver make one call succeed; it is told the call and nothing else."""
    task = TaskSpec(
        instruction=f"Make one call of {probe.tool} work.",
        kind="action",
        intended_tools=(probe.tool,),
        goal={"calls": [{"tool": probe.tool, "arguments": dict(probe.arguments)}]},
    )
    with probe.world.open() as session:
        solved = build_engine(seed).solver.solve(task, playbook, session, SolverLimits())
    good = any(_is(step, probe) and not failure(step) for step in solved.steps)
    return Trial(good, len(solved.steps), sum(bool(failure(s)) for s in solved.steps))


def _is(step: Step, probe: Probe) -> bool:
    return step.tool == probe.tool and dict(step.arguments) == dict(probe.arguments)


def compare_all(
    prefix: str, playbook: Playbook, seed: int, probes: Sequence[Probe]
) -> dict[str, float | None]:
    """Print what the probes of each kind give; return the ratios of the unmet ones."""
    found = {
        need: compare(f"{prefix}{need}", playbook, seed, [p for p in probes if p.need is need])
        for need in Need
    }
    return found[Need.UNMET]


def compare(
    name: str, playbook: Playbook, seed: int, probes: Sequence[Probe]
) -> dict[str, float | None]:
    """Print what the probes give without and with the playbook; return the ratios of ``BARS``.

    A ratio is ``None`` where there is nothing to divide by.
    """
    before = [attempt(probe, Playbook(), seed) for probe in probes]
    after = [attempt(probe, playbook, seed) for probe in probes]
    found: dict[str, float | None] = {}
    for figure in ("clean", "success"):
        pairs = [
            (getattr(a, figure), getattr(b, figure)) for a, b in zip(before, after, strict=True)
        ]
        old, new = (sum(side) for side in zip(*pairs, strict=True))
        lost, won = pairs.count((True, False)), pairs.count((False, True))
        found[f"{figure}_ratio"] = new / old if old else None
        line(
            f"memory_{name}_{figure}_share",
            new / len(probes),
            old / len(probes),
            seed,
            probes=len(probes),
            interval=[round(end, 4) for end in wilson(new, len(probes))],
            won=won,
            lost=lost,
            p=round(mcnemar(lost, won), 6),
        )
    old_calls, new_calls = (_calls_per_success(side) for side in (before, after))
    found["calls_ratio"] = new_calls / old_calls if new_calls and old_calls else None
    line(f"memory_{name}_calls_per_success", new_calls, old_calls, seed)
    return found


def _calls_per_success(trials: Sequence[Trial]) -> float | None:
    won = sum(trial.success for trial in trials)
    return sum(trial.calls for trial in trials) / won if won else None


def line(name: str, value: float | None, peer: float | None, seed: int | str, **more: Any) -> None:
    """Print one figure; the peer is the same solver without the playbook, or the bar to reach."""
    told = {
        "figure": name,
        "value": None if value is None else round(value, 4),
        "peer": None if peer is None else round(peer, 4),
        "seed": seed,
    }
    sys.stdout.write(f"{json.dumps({**told, **more})}\n")
    sys.stdout.flush()
