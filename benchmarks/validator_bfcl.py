"""Hold the rules validator against BFCL's own checker, on right, wrong and cut off attempts.

Every base task of BFCL v3 multi-turn (200) gives its ground truth, five kinds of mutation (a wrong
value, a sibling tool, a call left out, a change nobody asked for, two calls' arguments exchanged)
and its truncations. Truth is what BFCL's state and response checks say of each, never how it was
made. "Admitted" is the label success. Even task ids were looked at during development; the figure
is the odd ones.

Three settings, the easiest first:

* ``with goal``: the task carries its calls as a structured goal, as every task of the rules
  engine's own proposer does. What is judged is whether this route, another one or part of one
  carries the goal out, and nothing else with it. The goal is the ground truth itself, so this is
  far easier than what the published judges did. Beside it stands what comparing the two lists of
  calls literally would give.
* ``intended tools``: the instruction and the tools it is about, as a model's tasks come.
* ``text only``: nothing but the words of the user turns. Only this is the setting of the published
  judges, and they are language models; this validator asks none.

    python -m benchmarks.validator_bfcl [--seeds 1 2 3] [--by-origin]
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

import time_machine

from benchmarks.bfcl_cases import Case, Entry, cases, entries
from benchmarks.practice_bfcl import CLOCK
from memoryapp.domain.statistics import wilson
from practice.agents.rules import schema
from practice.agents.rules.answers import answer
from practice.agents.rules.validator import RulesValidator
from practice.domain.calibration import Opinion, confusion, expected_calibration_error
from practice.domain.types import Label, TaskSpec, Trajectory
from practice.domain.validation import label

#: DAEDALUS (arXiv 2610.08048), its best judge against an official verifier.
PEERS = {"precision": 0.94, "recall": 0.85}
#: no validator: an attempt is admitted when its calls are those of the goal, one by one.
BASELINE = "goal, compared literally"
SETTINGS = (BASELINE, "with goal", "intended tools", "text only")
SPLITS = {"even": "development", "odd": "figure"}


def task_of(entry: Entry, setting: str) -> TaskSpec:
    """Return the task of an entry as one of the settings presents it.

    Raises:
        ValueError: there is no such setting.
    """
    if setting not in SETTINGS:
        raise ValueError(f"There is no setting {setting!r}.")
    known = schema.by_name(entry.tools)
    changes = any(not schema.is_read(known[call.tool]) for call in entry.truth)
    goal: dict[str, Any] = {}
    if setting == "with goal":
        goal["calls"] = [{"tool": c.tool, "arguments": dict(c.arguments)} for c in entry.truth]
    return TaskSpec(
        instruction="\n".join(entry.turns),
        kind="action" if changes else "query",
        intended_tools=()
        if setting == "text only"
        else tuple(dict.fromkeys(c.tool for c in entry.truth)),
        goal=goal,
    )


def judge(case: Case, setting: str) -> Opinion:
    """Have the validator judge a case; its closing answer repeats what the calls returned."""
    if setting == BASELINE:
        return Opinion(case.calls == case.entry.truth, 1.0, case.valid)
    used = tuple(dict.fromkeys(step.tool for step in case.steps))
    told = answer(TaskSpec("", intended_tools=used), case.steps)
    verdict = RulesValidator().validate(
        task_of(case.entry, setting), Trajectory(case.steps, told), case.entry.tools
    )
    return Opinion(label(verdict) is Label.SUCCESS, verdict.confidence, case.valid)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print one JSON line per setting, split and figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--by-origin", action="store_true", help="also print counts per origin")
    options = parser.parse_args(arguments)
    values: dict[tuple[str, str, str], list[float]] = defaultdict(list)
    for seed in options.seeds:
        for (setting, split), judged in _judged(seed).items():
            opinions = [opinion for _, opinion in judged]
            for name, value in _figures(setting, split, opinions, seed):
                values[setting, split, name].append(value)
            if options.by_origin:
                _by_origin(setting, split, judged, seed)
    for (setting, split, name), each in values.items():
        _figure(name, statistics.fmean(each), setting, split, "mean")


def _judged(seed: int) -> dict[tuple[str, str], list[tuple[str, Opinion]]]:
    """Return (origin, opinion) of every attempt per setting and split."""
    found: dict[tuple[str, str], list[tuple[str, Opinion]]] = {}
    # Two backends look at the clock; a seed must give the same figures at any hour.
    with time_machine.travel(CLOCK, tick=False):
        every = [case for entry in entries() for case in cases(entry, seed)]
        for setting in SETTINGS:
            for case in every:
                split = "odd" if case.entry.number % 2 else "even"
                opinion = case.origin, judge(case, setting)
                found.setdefault((setting, split), []).append(opinion)
    return found


def _figures(
    setting: str, split: str, opinions: Sequence[Opinion], seed: int
) -> Iterator[tuple[str, float]]:
    """Print the figures of one seed and yield those that have a value."""
    counted = confusion(opinions)
    said = counted.true_admitted + counted.false_admitted
    true = counted.true_admitted + counted.false_rejected
    intervals = {
        "precision": wilson(counted.true_admitted, said),
        "recall": wilson(counted.true_admitted, true),
    }
    for name, value in (
        ("precision", counted.precision),
        ("recall", counted.recall),
        ("f1", counted.f1),
        ("kappa", counted.kappa),
        ("calibration_error", expected_calibration_error(opinions)),
    ):
        _figure(name, value, setting, split, seed, intervals.get(name))
        if value is not None:
            yield name, value
    _line({"setting": setting, "split": split, "seed": seed, **_counts(opinions)})


def _figure(
    name: str,
    value: float | None,
    setting: str,
    split: str,
    seed: int | str,
    interval: tuple[float, float] | None = None,
) -> None:
    line: dict[str, Any] = {
        "figure": f"validator_{name}",
        "value": None if value is None else round(value, 4),
        "peer": PEERS.get(name),
        "setting": setting,
        "split": f"{split} ids ({SPLITS[split]})",
        "seed": seed,
    }
    if interval is not None:
        line["interval"] = [round(end, 4) for end in interval]
    _line(line)


def _by_origin(setting: str, split: str, judged: Sequence[tuple[str, Opinion]], seed: int) -> None:
    for origin in dict.fromkeys(origin for origin, _ in judged):
        own = [opinion for other, opinion in judged if other == origin]
        _line({"setting": setting, "split": split, "seed": seed, "origin": origin, **_counts(own)})


def _counts(opinions: Sequence[Opinion]) -> dict[str, int]:
    counted = confusion(opinions)
    return {
        "attempts": counted.total,
        "admitted_valid": counted.true_admitted,
        "admitted_invalid": counted.false_admitted,
        "rejected_valid": counted.false_rejected,
        "rejected_invalid": counted.true_rejected,
    }


def _line(values: dict[str, Any]) -> None:
    sys.stdout.write(f"{json.dumps(values)}\n")


if __name__ == "__main__":
    main()
