"""Whether what was learned helps: ground-truth calls of BFCL, from their task's first state.

The rules engine practises on the initial states of the tasks with even ids, one mixed state a
round. Then each ground-truth call of the odd ids is given to the solver alone, in the initial state
of its task, once without a playbook and once with what practice taught. A call has *unmet
prerequisites* when it fails there as it stands. Nothing of a ground truth is read before that.

    python -m benchmarks.memory_helps [--seeds 1 2 3] [--worlds 10] [--rounds 4] [--tasks 10]
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import sys
from collections.abc import Sequence
from dataclasses import dataclass
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
from practice.domain.types import Step, TaskSpec

TOKEN_BUDGET = 8_000
BARS = {"clean_ratio": 3.0, "calls_ratio": 0.7}


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is practised: ``rounds`` × ``tasks`` on each of ``worlds`` initial states."""

    worlds: int = 10
    rounds: int = 4
    tasks: int = 10


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


def half(name: str) -> list[Entry]:
    """The tasks with odd or with even ids."""
    return [e for e in entries() if e.number % 2 == (name == "odd")]


def learn(states: Sequence[Entry], seed: int, plan: Plan) -> Campaign:
    """Practise on mixed initial states of ``states``, a few rounds on each mixture.

    What is known about a world is forgotten with it; the playbook and the history of tasks stay.
    """
    rng = random.Random(f"memory:{seed}")
    campaign = Campaign(
        engine=build_engine(seed),
        world=_mixed(states, rng),
        seed=seed,
        playbook=Playbook(token_budget=TOKEN_BUDGET),
    )
    for number in range(1, plan.worlds * plan.rounds + 1):
        last = number % plan.rounds == 0
        campaign.round(number, plan.tasks, last=last)
        if last:
            campaign.world = _mixed(states, rng)
            campaign.facts = []
    return campaign


def _mixed(entries_: Sequence[Entry], rng: random.Random) -> BfclEnvironment:
    chosen: dict[str, Any] = {}
    for backend in BACKENDS:
        states = [e.config[backend.name] for e in entries_ if backend.name in e.config]
        chosen[backend.name] = rng.choice(states) if states else {}
    return BfclEnvironment(0, states=chosen)


def probes(chosen: Sequence[Entry]) -> tuple[Probe, ...]:
    """Each ground-truth call of the chosen tasks, once per task."""
    found = []
    for entry in chosen:
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


def run(playbook: Playbook, seed: int, chosen: Sequence[Probe]) -> list[Trial]:
    """Try every probe once with the playbook in context."""
    return [attempt(probe, playbook, seed) for probe in chosen]


def compare(name: str, playbook: Playbook, seed: int, chosen: Sequence[Probe]) -> dict[str, float]:
    """Print what the probes give without and with the playbook and return both and their ratios."""
    before, after = run(Playbook(), seed, chosen), run(playbook, seed, chosen)
    found: dict[str, float] = {}
    for figure, pick in (("clean", _clean), ("success", _success)):
        pairs = [(pick(a), pick(b)) for a, b in zip(before, after, strict=True)]
        old, new = (sum(side) for side in zip(*pairs, strict=True))
        lost, won = pairs.count((True, False)), pairs.count((False, True))
        found |= {
            f"{figure}_without": old,
            f"{figure}_with": new,
            f"{figure}_ratio": _over(new, old),
        }
        _line(
            f"memory_{name}_{figure}_share",
            new / len(chosen),
            old / len(chosen),
            seed,
            probes=len(chosen),
            interval=[round(end, 4) for end in wilson(new, len(chosen))],
            won=won,
            lost=lost,
            p=round(mcnemar(lost, won), 6),
        )
    old, new = (
        _over(sum(t.calls for t in side), sum(map(_success, side))) for side in (before, after)
    )
    found["calls_ratio"] = _over(new, old)
    _line(f"memory_{name}_calls_per_success", new, old, seed)
    return found


def _clean(trial: Trial) -> bool:
    return trial.clean


def _success(trial: Trial) -> bool:
    return trial.success


def _over(value: float, by: float) -> float:
    return value / by if by else float("inf")


def _line(name: str, value: float, peer: float | None, seed: int | str, **more: Any) -> None:
    """Print one figure; the peer is the same solver without the playbook, or the bar to reach."""
    figure = {"figure": name, "value": round(value, 4), "peer": peer and round(peer, 4)}
    sys.stdout.write(f"{json.dumps({**figure, 'seed': seed, **more})}\n")


def main(arguments: Sequence[str] | None = None) -> None:
    """Practise on one half of the task ids, probe the other, and print the figures."""
    usual = Plan()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--worlds", type=int, default=usual.worlds, help="initial states practised")
    parser.add_argument("--rounds", type=int, default=usual.rounds, help="rounds on each of them")
    parser.add_argument("--tasks", type=int, default=usual.tasks, help="tasks a round")
    parser.add_argument("--probe", choices=("odd", "even"), default="odd", help="ids probed")
    options = parser.parse_args(arguments)
    practised = "even" if options.probe == "odd" else "odd"
    ratios: dict[str, list[float]] = {name: [] for name in BARS}
    for seed in options.seeds:
        # Two backends look at the clock; a seed must give the same figures at any hour.
        with time_machine.travel(CLOCK, tick=False):
            plan = Plan(options.worlds, options.rounds, options.tasks)
            playbook = learn(half(practised), seed, plan).playbook
            tested = probes(half(options.probe))
            found = compare("unmet", playbook, seed, [p for p in tested if p.unmet])
            compare("met", playbook, seed, [p for p in tested if not p.unmet])
        for name in BARS:
            ratios[name].append(found[name])
    for name, values in ratios.items():
        _line(f"memory_unmet_{name}", statistics.mean(values), BARS[name], "mean", each=values)


if __name__ == "__main__":
    main()
