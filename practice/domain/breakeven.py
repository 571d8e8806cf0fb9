"""After how many user tasks practice has paid for itself, against learning online. Pure.

Preping (arXiv 2605.13880) compares the one-time cost ``C`` of building a memory before deployment
with the extra cost ``o`` an online method adds to every user task: practice costs less from
``C / o`` tasks on.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal

POINTS = 8


@dataclass(frozen=True, slots=True)
class Published:
    """What the paper reports: US dollars per 100 practice tasks, and the tasks to break even."""

    name: str
    construction: Decimal
    tasks: int

    @property
    def per_task(self) -> Decimal:
        """The online method's extra US dollars per user task that these two figures imply."""
        return self.construction / self.tasks


PUBLISHED = (
    Published("AppWorld", Decimal("1.59"), 46),
    Published("BFCL v3", Decimal("0.76"), 86),
)


@dataclass(frozen=True, slots=True)
class Row:
    """Both ways after ``tasks`` user tasks, in US dollars."""

    tasks: int
    prepared: Decimal
    online: Decimal


def tasks_to_break_even(construction: Decimal, per_task: Decimal) -> int | None:
    """Return the first number of user tasks at which online learning has cost as much.

    ``None`` where an online method costs nothing extra: practice then never pays off in money.
    """
    if per_task <= 0:
        return None
    return int((construction / per_task).to_integral_value(ROUND_CEILING))


def rows(construction: Decimal, per_task: Decimal) -> list[Row]:
    """Return both costs from no task to twice the break-even, at evenly spaced task counts."""
    even = tasks_to_break_even(construction, per_task)
    last = max(2 * (even or 50), POINTS)
    counts = sorted({round(last * place / POINTS) for place in range(POINTS + 1)} | {even or 0})
    return [Row(count, construction, per_task * count) for count in counts]
