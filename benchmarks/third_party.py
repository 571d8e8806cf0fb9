"""The construction metrics, the validator and the memory probe on a server nobody here wrote.

``@kazuph/mcp-taskmanager`` (npm) over MCP. One process serves all attempts; its file is written
anew before each (``task_manager``). States are drawn by number: odd ones are practised, even ones
are probed and judged on.

* Construction: 50 tasks on one state. Recall is weighted by the calls that do something there. The
  peer is the same engine without history, facts and gate, as in the paper's ablations.
* Validator: sequences of calls that work, mutated and cut off. An attempt is valid when the server,
  asked afterwards, shows what it shows after the right sequence, and gave the same answers to the
  look-ups that were asked for. Peer: the best judge of DAEDALUS (arXiv 2610.08048).
* Memory: every call there is on a state, with what practice on other states taught and without.

    python -m benchmarks.third_party [--seeds 1 2 3] [--states 2]
"""

from __future__ import annotations

import argparse
import random
import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from benchmarks.campaign import FULL, Campaign, Variant
from benchmarks.probing import BARS, Need, Probe, compare_all, line
from benchmarks.task_manager import (
    EMPTY,
    Call,
    TaskManager,
    calls,
    make,
    preparations,
    state,
    worlds,
)
from memoryapp.domain.playbook import Playbook
from memoryapp.domain.statistics import wilson
from practice.agents.rules import build_engine
from practice.agents.rules.answers import answer
from practice.agents.rules.documents import failure
from practice.agents.rules.validator import RulesValidator
from practice.domain.calibration import Opinion, confusion
from practice.domain.types import Label, Step, TaskSpec, ToolSpec, Trajectory
from practice.domain.validation import label

PLAIN = Variant("validator only", history=False, facts=False, gate=False)
JUDGES = {"precision": 0.94, "recall": 0.85}
ROUNDS, TASKS = 5, 10
SEQUENCES = 8
MUTATIONS = ("wrong_value", "sibling_tool", "dropped_call", "extra_change", "cut_off")
LOOK_UPS = frozenset({"list_requests", "get_next_task", "open_task_details"})


@dataclass(frozen=True, slots=True)
class Case:
    """One attempt: what was asked, how it was made, its steps, and whether it is valid."""

    asked: tuple[Call, ...]
    origin: str
    steps: tuple[Step, ...]
    valid: bool


def construction(world: TaskManager, seed: int, variant: Variant) -> Campaign:
    """Practise ``ROUNDS`` × ``TASKS`` tasks on one state."""
    campaign = Campaign(engine=build_engine(seed), world=world, seed=seed, variant=variant)
    for number in range(1, ROUNDS + 1):
        campaign.round(number, TASKS, last=number == ROUNDS)
    return campaign


def targets(states: Sequence[int], known: dict[int, TaskManager]) -> Counter[str]:
    """Count per tool the calls that work in ``states`` as they stand or after a preparation."""
    return Counter(p.tool for n in states for p in probes(n, known[n], known[EMPTY]))


def probes(number: int, world: TaskManager, empty: TaskManager) -> list[Probe]:
    """Return every call that can be made to work in a state, and what it needs there."""
    found = []
    for call in calls(number):
        if works(world, [call]):
            need = Need.NONE if works(empty, [call]) else Need.IN_PLACE
            found.append(Probe(call.tool, call.arguments, world, need))
        elif any(works(world, [*before, call]) for before in preparations(number, call)):
            found.append(Probe(call.tool, call.arguments, world, Need.UNMET))
    return found


def works(world: TaskManager, made: Sequence[Call]) -> bool:
    """Whether every one of the calls succeeds, in order, from the state of ``world``."""
    with world.open() as session:
        return not any(failure(make(session, call)) for call in made)


def judged(number: int, world: TaskManager, seed: int) -> list[Case]:
    """Return sequences that work in a state, their mutations and their truncations."""
    rng = random.Random(f"{seed}:{number}")
    options = [c for c in calls(number) if works(world, [c])]
    found = []
    for _ in range(SEQUENCES):
        asked = tuple(_prepared(number, world, rng, options))
        variants = {"right": asked}
        for origin in MUTATIONS:
            made = _mutated(origin, asked, options, world.tools, rng)
            if made and made not in variants.values():
                variants[origin] = made
        _, shown, answers = _carried_out(number, world, asked)
        for origin, made in variants.items():
            steps, after, told = _carried_out(number, world, made)
            valid = after == shown and not answers - told
            found.append(Case(asked, origin, steps, valid))
    return found


def _prepared(
    number: int, world: TaskManager, rng: random.Random, options: Sequence[Call]
) -> list[Call]:
    """Return two or three different calls that work one after another."""
    while True:
        chosen = rng.sample(list(options), rng.randint(2, 3))
        last = rng.choice(calls(number))
        before = next((b for b in preparations(number, last) if works(world, [*b, last])), None)
        made = [*before, last] if before and rng.random() < 0.5 else chosen
        if len(made) > 1 and works(world, made):
            return made


def _mutated(
    origin: str,
    asked: tuple[Call, ...],
    options: Sequence[Call],
    tools: Sequence[ToolSpec],
    rng: random.Random,
) -> tuple[Call, ...]:
    place = rng.randrange(len(asked))
    call = asked[place]
    match origin:
        case "wrong_value":
            others = [
                o
                for o in options
                if o.tool == call.tool and dict(o.arguments) != dict(call.arguments)
            ]
            if others:
                return (*asked[:place], rng.choice(others), *asked[place + 1 :])
        case "sibling_tool":
            same = [
                t.name
                for t in tools
                if t.name != call.tool and set(t.required) == set(_known(call, tools).required)
            ]
            if same:
                other = replace(call, tool=rng.choice(same))
                return (*asked[:place], other, *asked[place + 1 :])
        case "dropped_call":
            return (*asked[:place], *asked[place + 1 :])
        case "cut_off":
            return asked[:-1]
        case "extra_change":
            more = [o for o in options if o.tool not in LOOK_UPS and o not in asked]
            if more:
                return (*asked[:place], rng.choice(more), *asked[place:])
    return ()


def _known(call: Call, tools: Sequence[ToolSpec]) -> ToolSpec:
    return next(t for t in tools if t.name == call.tool)


def _carried_out(
    number: int, world: TaskManager, made: Sequence[Call]
) -> tuple[tuple[Step, ...], tuple[str, ...], Counter[tuple[str, str]]]:
    """Make the calls; return the steps, what the server then shows, and what look-ups answered."""
    with world.open() as session:
        steps = tuple(replace(make(session, c), number=n) for n, c in enumerate(made, start=1))
        tasks = [t["id"] for r in state(number)["requests"] for t in r["tasks"]]
        new = [f"task-{len(tasks) + extra}" for extra in range(1, len(made) + 2)]
        questions = [Call("list_requests", {})]
        questions += [Call("open_task_details", {"taskId": task}) for task in (*tasks, *new)]
        shown = tuple(make(session, question).observation for question in questions)
    told = Counter((s.tool, s.observation) for s in steps if s.tool in LOOK_UPS and not failure(s))
    return steps, shown, told


def opinion(case: Case, tools: Sequence[ToolSpec]) -> Opinion:
    """Have the validator judge a case; its closing answer repeats what the calls returned."""
    names = tuple(dict.fromkeys(call.tool for call in case.asked))
    task = TaskSpec(
        " Then ".join(f"{c.tool} {dict(c.arguments)}." for c in case.asked),
        "query" if set(names) <= LOOK_UPS else "action",
        names,
        goal={"calls": [{"tool": c.tool, "arguments": dict(c.arguments)} for c in case.asked]},
    )
    told = answer(TaskSpec("", intended_tools=names), case.steps)
    verdict = RulesValidator().validate(task, Trajectory(case.steps, told), tools)
    return Opinion(label(verdict) is Label.SUCCESS, verdict.confidence, case.valid)


def learn(practised: Sequence[TaskManager], seed: int) -> Playbook:
    """Practise two rounds on each of the states and return the playbook."""
    campaign = Campaign(engine=build_engine(seed), world=practised[0], seed=seed)
    number = 0
    for world in practised:
        campaign.move(world)
        for _ in range(2):
            number += 1
            campaign.round(number, TASKS, last=False)
    return campaign.playbook


def main(arguments: Sequence[str] | None = None) -> None:
    """Print one JSON line per figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--states", type=int, default=2, help="states of each half, per seed")
    options = parser.parse_args(arguments)
    means: dict[str, list[tuple[float, float | None]]] = {}
    for seed in options.seeds:
        first = 2 * options.states * (seed - 1)
        numbers = tuple(range(first + 1, first + 2 * options.states + 1))
        with worlds((EMPTY, *numbers)) as known:
            for name, value, peer in _seed(seed, numbers, known):
                line(name, value, peer, seed)
                if value is not None:
                    means.setdefault(name, []).append((value, peer))
    for name, pairs in means.items():
        peers = [peer for _, peer in pairs if peer is not None]
        mean = statistics.fmean(value for value, _ in pairs)
        line(name, mean, statistics.fmean(peers) if peers else None, "mean")


def _seed(
    seed: int, numbers: Sequence[int], known: dict[int, TaskManager]
) -> list[tuple[str, float | None, float | None]]:
    """Return (figure, value, peer) of one seed; the probes print their own lines as well."""
    odd, even = [n for n in numbers if n % 2], [n for n in numbers if not n % 2]
    tested = [probe for number in even for probe in probes(number, known[number], known[EMPTY])]
    wanted = Counter(probe.tool for probe in tested)
    full = construction(known[odd[0]], seed, FULL).figures(wanted)
    plain = construction(known[odd[0]], seed, PLAIN).figures(wanted)
    found: list[tuple[str, float | None, float | None]] = [
        (f"third_party_{name}", value, plain[name]) for name, value in full.items()
    ]
    cases = [case for number in even for case in judged(number, known[number], seed)]
    found += _validator([opinion(case, known[even[0]].tools) for case in cases], seed)
    playbook = learn([known[number] for number in odd], seed)
    ratios = compare_all("third_party_", playbook, seed, tested)
    found += [(f"memory_third_party_unmet_{name}", ratios[name], bar) for name, bar in BARS.items()]
    return found


def _validator(
    opinions: Sequence[Opinion], seed: int
) -> list[tuple[str, float | None, float | None]]:
    counted = confusion(opinions)
    admitted = counted.true_admitted + counted.false_admitted
    valid = counted.true_admitted + counted.false_rejected
    more: dict[str, Any] = {"attempts": counted.total, "valid": valid, "admitted": admitted}
    for name, of in (("precision", admitted), ("recall", valid)):
        more[f"{name}_interval"] = [round(end, 4) for end in wilson(counted.true_admitted, of)]
    line("third_party_validator_counts", counted.true_admitted, None, seed, **more)
    return [
        (f"third_party_validator_{name}", getattr(counted, name), peer)
        for name, peer in JUDGES.items()
    ]


if __name__ == "__main__":
    main()
