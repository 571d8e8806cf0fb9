"""The same tasks under two arms: how they differ, in words too, and the publish gate. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

#: How much worse than the other memory might be, at the unlucky end of the interval, and still
#: pass the gate: 20 points, four tasks of twenty.
MARGIN = 0.2
UNLIKELY = 0.05
#: What is counted of every task, and how the gate calls it. Memory may cost no success and yet
#: cause failed calls on the way, so each comparison is made by both.
MEASURES = {"success": "tasks solved", "clean": "tasks solved without a failed call"}


@dataclass(frozen=True, slots=True)
class Comparison:
    """The same tasks under two arms. ``difference`` is this minus other, as a share of tasks.

    ``low`` and ``high`` are its 95 % interval (Newcombe), ``p`` is McNemar's, exact and two-sided.
    """

    name: str
    against: str
    measure: str
    both: int
    only_this: int
    only_other: int
    neither: int
    difference: float
    low: float
    high: float
    p: float

    @property
    def tasks(self) -> int:
        return self.both + self.only_this + self.only_other + self.neither

    @property
    def this(self) -> int:
        """Tasks that this arm did; ``other`` of the one it is held against."""
        return self.both + self.only_this

    @property
    def other(self) -> int:
        return self.both + self.only_other

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "against": self.against,
            "measure": self.measure,
            "n": self.tasks,
            "both": self.both,
            "only_this": self.only_this,
            "only_other": self.only_other,
            "neither": self.neither,
            "difference": round(self.difference, 4),
            "low": round(self.low, 4),
            "high": round(self.high, 4),
            "p": round(self.p, 4),
        }


@dataclass(frozen=True, slots=True)
class Gate:
    """Whether the measured bullets may be published, and why in one or two sentences."""

    passed: bool
    message: str


def verdict(main: Comparison, clean: Comparison) -> str:
    """Return in plain English what memory did, against none."""
    if not main.tasks:
        return "No task was judged both with and without memory, so nothing can be compared."
    said = _said(main, "succeed")
    if clean.only_this or clean.only_other:
        said += f" {_said(clean, 'succeed without a failed call')}"
    return said


def _said(seen: Comparison, verb: str) -> str:
    with_it, without = seen.this, seen.other
    counted = f"With {_memory(seen.name)} {with_it} of {seen.tasks} tasks {verb}, without it"
    if not seen.only_this and not seen.only_other:
        return f"{counted} the same ones."
    if with_it == without:
        return f"{counted} as many, though not the same ones."
    if seen.p < UNLIKELY:
        return f"{counted} {without}; the difference is unlikely to be chance ({_p(seen.p)})."
    return f"{counted} {without}; a difference like this may be chance ({_p(seen.p)})."


def _memory(name: str) -> str:
    return name[:1].lower() + name[1:]


def _p(p: float) -> str:
    return "p < 0.001" if p < 0.001 else f"p = {p:.2g}"


def gate(compared: Sequence[Comparison]) -> Gate:
    """Decide whether memory is no worse than each of the others, by each measure (non-inferiority).

    It passes when, for every comparison, the lower end of the 95 % interval of the paired
    difference lies above minus ``MARGIN``. Too few tasks do not pass either: the interval is wide.
    Nor do tasks that hardly any arm solves: where the other loses nearly all, memory that loses
    everything would be within the margin (the assay sensitivity of such trials, ICH E10).
    """
    # Two measures of the same arms may have the same thing to say: no task was judged.
    if failed := dict.fromkeys(reason for each in compared if (reason := _why_not(each))):
        return Gate(False, " ".join(failed))
    others = " and ".join(dict.fromkeys(_memory(each.against) for each in compared))
    lowest = " and ".join(
        f"{what} are {_points(min(each.low for each in compared if each.measure == measure))}"
        for measure, what in MEASURES.items()
    )
    return Gate(
        True,
        f"Not worse than {others}: at the unlucky end of the 95% interval {lowest}, and "
        f"{round(MARGIN * 100)} points fewer are allowed.",
    )


def _why_not(seen: Comparison) -> str:
    other, what = _memory(seen.against), MEASURES[seen.measure]
    if not seen.tasks:
        return f"No task was judged both with it and with {other}."
    if seen.measure == "success" and max(seen.this, seen.other) <= MARGIN * seen.tasks:
        return (
            f"Hardly any task was solved, {seen.this} of {seen.tasks} with it and {seen.other} "
            f"with {other}, so nothing can be told apart. Look at why attempts fail, then measure "
            "with tasks that can be solved."
        )
    if seen.low > -MARGIN:
        return ""
    if seen.difference < 0:
        sure = "Worse than" if seen.high < 0 else "Perhaps worse than"
        return (
            f"{sure} {other}: {what} are {_points(seen.difference)}, {seen.this} of "
            f"{seen.tasks} where {other} has {seen.other} ({seen.only_other} lost, "
            f"{seen.only_this} won), so the difference could be {_points(seen.low)}."
        )
    few = "1 task is" if seen.tasks == 1 else f"{seen.tasks} tasks are"
    return (
        f"{few} too few to tell that it is not worse than {other}: {what} could be "
        f"{_points(seen.low)}. Measure with more tasks."
    )


def _points(share: float) -> str:
    """``-0.161`` as ``16 points fewer``."""
    points = round(abs(share) * 100)
    return f"{points} {'point' if points == 1 else 'points'} {'fewer' if share < 0 else 'more'}"
