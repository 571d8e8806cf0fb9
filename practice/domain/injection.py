"""Faults to inject into a trajectory that succeeded: labels nobody has to write.

One fault is one step with a wrong value, carried on by the steps that reuse that value as an agent
would, or one step left out. Run again and rejected, the trajectory has a known decisive step.
"""

from __future__ import annotations

import random
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from practice.domain.carrying import Carrier
from practice.domain.types import Step, Trajectory

WRONG_VALUE, LEFT_OUT = "wrong value", "left out"


@dataclass(frozen=True, slots=True)
class Fault:
    """``steps`` are the calls to make; the fault is at the step numbered ``number`` among them."""

    number: int
    kind: str
    what: str
    steps: tuple[Step, ...]
    answer: str


def faults(won: Trajectory, *, seed: int) -> tuple[Fault, ...]:
    """Every fault that can be injected into ``won``, in an order of the seed."""
    found = [*_wrong_values(won), *_left_out(won)]
    random.Random(seed).shuffle(found)
    return tuple(found)


def _wrong_values(won: Trajectory) -> Iterator[Fault]:
    pool: dict[str, set[Any]] = defaultdict(set)
    for step in won.steps:
        for name, value in step.arguments.items():
            if isinstance(value, str | int | float):
                pool[name].add(value)
    for place, step in enumerate(won.steps):
        for name, value in sorted(step.arguments.items()):
            other = _other(value, pool[name])
            if other is None:
                continue
            wrong = replace(step, arguments={**step.arguments, name: other})
            carrier = Carrier()
            carrier.called(step.arguments, wrong.arguments)
            later = [carrier.carried(one) for one in won.steps[place + 1 :]]
            yield Fault(
                number=place + 1,
                kind=WRONG_VALUE,
                what=f"{step.tool}: {name} is {other}, not {value}",
                steps=_numbered([*won.steps[:place], wrong, *later]),
                answer=carrier.told(won.answer),
            )


def _left_out(won: Trajectory) -> Iterator[Fault]:
    """Without one step; what comes in its place is where it went wrong."""
    for place, step in enumerate(won.steps[:-1]):
        steps = _numbered([*won.steps[:place], *won.steps[place + 1 :]])
        yield Fault(place + 1, LEFT_OUT, f"{step.tool} was left out", steps, won.answer)


def _numbered(steps: list[Step]) -> tuple[Step, ...]:
    return tuple(replace(step, number=number) for number, step in enumerate(steps, start=1))


def _other(value: Any, pool: set[Any]) -> Any:
    """Another value of the same form: one used elsewhere under that name, else one digit off."""
    if isinstance(value, bool) or value is None or isinstance(value, Mapping | list | tuple):
        return None
    used = sorted((one for one in pool if one != value and type(one) is type(value)), key=str)
    if used:
        return used[0]
    if isinstance(value, int | float):
        return value * 10 + 1
    digit = re.search(r"\d(?=\D*$)", value)
    if digit is None:
        return None
    turned = str((int(digit.group()) + 1) % 10)
    return value[: digit.start()] + turned + value[digit.end() :]
