"""Whether what was learned helps: ground-truth calls of BFCL, from their task's first state.

The rules engine practises on the initial states of the tasks with even ids, one mixed state a
round. Then each ground-truth call of the odd ids is given to the solver alone, in the initial state
of its task, once without a playbook and once with what practice taught. A call has *unmet
prerequisites* when it fails there as it stands. Nothing of a ground truth is read before that.

    python -m benchmarks.memory_helps [--seeds 1 2 3] [--rounds 20] [--tasks 10] [--ablate]
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import time_machine

from benchmarks.bfcl_cases import Call, Entry, World, entries
from benchmarks.bfcl_world import BACKENDS, BfclEnvironment
from benchmarks.practice_bfcl import CLOCK, Campaign
from memoryapp.domain.playbook import Playbook
from memoryapp.domain.statistics import mcnemar, wilson
from practice.agents.ports import SolverLimits
from practice.agents.rules import build_engine
from practice.agents.rules.documents import failure
from practice.domain.types import Json, Step, TaskSpec

TOKEN_BUDGET = 8_000
BARS = {"clean_ratio": 3.0, "calls_ratio": 0.7}


@dataclass(frozen=True, slots=True)
class Probe:
    """One ground-truth call. ``unmet``: it fails as it stands; ``possible``: not after its prefix.

    ``share`` is how often the same call stands in the ground truths of one task: it is tried once.
    """

    entry: Entry
    call: Call
    unmet: bool
    possible: bool


@dataclass(frozen=True, slots=True)
class Trial:
    """What one solver run made of a probe: whether it worked, at how many calls and failures."""

    success: bool
    calls: int
    failures: int

    @property
    def clean(self) -> bool:
        return self.success and not self.failures


def practised_ids() -> list[Entry]:
    """The tasks whose initial states practice may use: even ids."""
    return [e for e in entries() if e.number % 2 == 0]


def probed_ids() -> list[Entry]:
    return [e for e in entries() if e.number % 2]


def learn(seed: int, rounds: int, tasks: int) -> Campaign:
    """Practise on mixed initial states of the practised ids, another mixture each round."""
    rng = random.Random(f"memory:{seed}")
    campaign = Campaign(
        engine=build_engine(seed),
        world=_mixed(rng),
        seed=seed,
        playbook=Playbook(token_budget=TOKEN_BUDGET),
    )
    for number in range(1, rounds + 1):
        campaign.round(number, tasks, last=number == rounds)
        campaign.world = _mixed(rng)
    return campaign


def _mixed(rng: random.Random) -> BfclEnvironment:
    chosen: dict[str, Any] = {}
    for backend in BACKENDS:
        states = [e.config[backend.name] for e in practised_ids() if backend.name in e.config]
        chosen[backend.name] = rng.choice(states) if states else {}
    return BfclEnvironment(0, states=chosen)


@cache
def probes() -> tuple[Probe, ...]:
    """Each ground-truth call of the probed ids, once per task."""
    found = []
    for entry in probed_ids():
        seen: list[tuple[str, Any]] = []
        for place, call in enumerate(entry.truth):
            if (call.tool, call.arguments) in seen:
                continue
            seen.append((call.tool, call.arguments))
            unmet = _fails(entry, (), call)
            found.append(Probe(entry, call, unmet, not _fails(entry, entry.truth[:place], call)))
    return tuple(found)


def _fails(entry: Entry, before: Sequence[Call], call: Call) -> bool:
    world = World(entry)
    world.run(before)
    step, _ = world.call(call)
    return bool(failure(step))


def attempt(probe: Probe, playbook: Playbook, seed: int) -> Trial:
    """Have the solver make one call succeed from its task's initial state."""
    task = TaskSpec(
        instruction=f"Make one call of {probe.call.tool} work.",
        kind="action",
        intended_tools=(probe.call.tool,),
        goal={"calls": [{"tool": probe.call.tool, "arguments": dict(probe.call.arguments)}]},
    )
    with BfclEnvironment(0, states=probe.entry.config).open() as session:
        solved = build_engine(seed).solver.solve(task, playbook, session, SolverLimits())
    good = any(_is(s, probe.call) and not failure(s) for s in solved.steps)
    return Trial(good, len(solved.steps), sum(bool(failure(s)) for s in solved.steps))


def _is(step: Step, call: Call) -> bool:
    return step.tool == call.tool and dict(step.arguments) == dict(call.arguments)


def run(
    playbook: Playbook, seed: int, chosen: Iterable[Probe]
) -> list[Trial]:
    return [attempt(probe, playbook, seed) for probe in chosen]


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--tasks", type=int, default=10)
    parser.add_argument("--ablate", action="store_true")
    parser.add_argument("--half", choices=("odd", "even"), default="odd")
    options = parser.parse_args(arguments)
    for seed in options.seeds:
        with time_machine.travel(CLOCK, tick=False):
            campaign = learn(seed, options.rounds, options.tasks)
            playbook = campaign.playbook
            unmet = [p for p in probes() if p.unmet]
            met = [p for p in probes() if not p.unmet]
            print(seed, "bullets", len(playbook.live), "tokens", playbook.tokens, "unmet", len(unmet), "possible", sum(p.possible for p in unmet), "met", len(met))
            for name, some in (("unmet", unmet), ("met", met)):
                for arm, book in (("without", Playbook()), ("with", playbook)):
                    t = run(book, seed, some)
                    ok = sum(x.success for x in t)
                    print(name, arm, "clean", sum(x.clean for x in t), "ok", ok, "calls/success", round(sum(x.calls for x in t) / max(1, ok), 3), 'calls in successes', round(sum(x.calls for x in t if x.success)/max(1,ok),3))


if __name__ == "__main__":
    main()
