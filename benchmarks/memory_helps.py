"""Whether what was learned helps: ground-truth calls of BFCL, from their task's first state.

The rules engine practises on the initial states of the tasks with even ids, one mixed state a
round. Then each ground-truth call of the odd ids is given to the solver alone, in the initial state
of its task, once without a playbook and once with what practice taught (``probing``). A call has
*unmet prerequisites* when it fails there as it stands and works after the ground-truth calls before
it; one that fails after them too is left out. It has *none* when it works in a world that holds
nothing too, and no ground-truth call of its tool is unmet in any task, odd or even; for every
other call that works, what it needs is *in place*. Nothing of a ground truth is read before that.

    python -m benchmarks.memory_helps [--seeds 1 2 3] [--worlds 10] [--rounds 4] [--tasks 10]
"""

from __future__ import annotations

import argparse
import random
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import time_machine

from benchmarks.bfcl_cases import Call, Entry, World, entries
from benchmarks.bfcl_world import BACKENDS, BfclEnvironment
from benchmarks.campaign import Campaign
from benchmarks.practice_bfcl import CLOCK
from benchmarks.probing import BARS, Need, Probe, compare_all, line
from memoryapp.domain.playbook import Playbook
from practice.agents.rules import build_engine
from practice.agents.rules.documents import failure
from practice.domain.types import Json

TOKEN_BUDGET = 8_000
#: What makes a world hold nothing, where a backend's own default holds people, orders or stocks.
EMPTY: Json = {
    "MessageAPI": {"user_map": {}, "inbox": [], "user_count": 0, "message_count": 0},
    "TradingBot": {"orders": {}, "stocks": {}, "watch_list": [], "transaction_history": []},
    "TwitterAPI": {"following_list": []},
}


@dataclass(frozen=True)
class Plan:
    """How much is practised: ``rounds`` × ``tasks`` on each of ``worlds`` initial states."""

    worlds: int = 10
    rounds: int = 4
    tasks: int = 10


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
            campaign.move(_mixed(states, rng))
    return campaign


def _mixed(entries_: Sequence[Entry], rng: random.Random) -> BfclEnvironment:
    chosen: dict[str, Any] = {}
    for backend in BACKENDS:
        states = [e.config[backend.name] for e in entries_ if backend.name in e.config]
        chosen[backend.name] = rng.choice(states) if states else {}
    return BfclEnvironment(0, states=chosen)


def probes(chosen: Sequence[Entry]) -> tuple[list[Probe], int]:
    """Return each ground-truth call of the chosen tasks, once per task, and how many cannot work.

    The latter fail in the first state and after the calls before them alike.
    """
    found: list[Probe] = []
    impossible = 0
    for entry in chosen:
        seen: list[tuple[str, Any]] = []
        world = BfclEnvironment(0, states=entry.config)
        for place, call in enumerate(entry.truth):
            if (call.tool, call.arguments) in seen:
                continue
            seen.append((call.tool, call.arguments))
            unmet = _fails(entry, (), call)
            if unmet and _fails(entry, entry.truth[:place], call):
                impossible += 1
                continue
            need = Need.UNMET if unmet else Need.IN_PLACE
            if need is Need.IN_PLACE and not _fails(replace(entry, config=EMPTY), (), call):
                need = Need.NONE
            found.append(Probe(call.tool, call.arguments, world, need))
    return found, impossible


def with_needs_of(tested: Sequence[Probe], others: Sequence[Probe]) -> list[Probe]:
    """Say of calls whose tool is unmet in any task that what they need is in place, not nothing."""
    needy = {p.tool for p in (*tested, *others) if p.need is Need.UNMET}
    return [
        replace(p, need=Need.IN_PLACE) if p.need is Need.NONE and p.tool in needy else p
        for p in tested
    ]


def _fails(entry: Entry, before: Sequence[Call], call: Call) -> bool:
    world = World(entry)
    world.run(before)
    step, _ = world.call(call)
    return bool(failure(step))


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
    plan = Plan(options.worlds, options.rounds, options.tasks)
    ratios: dict[str, list[float]] = {name: [] for name in BARS}
    # Two backends look at the clock; a seed must give the same figures at any hour.
    with time_machine.travel(CLOCK, tick=False):
        tested, impossible = probes(half(options.probe))
        tested = with_needs_of(tested, probes(half(practised))[0])
        line("memory_probes_left_out", impossible, None, "all", ids=options.probe)
        for seed in options.seeds:
            playbook = learn(half(practised), seed, plan).playbook
            found = compare_all("", playbook, seed, tested)
            for name, values in ratios.items():
                ratio = found[name]
                if ratio is not None:
                    values.append(ratio)
    for name, values in ratios.items():
        mean = statistics.fmean(values) if values else None
        line(f"memory_unmet_{name}", mean, BARS[name], "mean", each=[round(v, 3) for v in values])


if __name__ == "__main__":
    main()
