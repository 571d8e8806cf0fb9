"""Milliseconds, tokens and dollars as they are kept: numbers that fit their columns."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple

#: The largest number that is kept.
LONGEST = 2**31 - 1
#: Words by which the name of a kind of tokens says that a model read them, or wrote them.
READ, WRITTEN = ("input", "prompt"), ("output", "completion")
#: The most US dollars that the model calls behind one step may cost, and the least that is kept.
DEAREST, MILLIONTH = Decimal(1_000), Decimal("0.000001")
#: The most that a whole trajectory may cost.
WHOLE = Decimal(500_000)
#: A sum of money as some exports write it: as a text, so that no digit of it is lost.
WRITTEN_COST = re.compile(r"[0-9]{1,12}(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,3})?\Z")


class Took(NamedTuple):
    """What a call of a model took. ``cost`` is US dollars, ``None`` where nobody says.

    ``is_unread`` says that something stood where its cost should, and was no sum of money.
    """

    read: int = 0
    written: int = 0
    cost: Decimal | None = None
    is_unread: bool = False


#: What is said of a call of which nobody says what it took.
NOTHING = Took()


def added(calls: Iterable[Took]) -> Took:
    """What several calls took. What one of them cost is unknown where it is of any of them."""
    listed = list(calls)
    spent = [call for call in listed if call != NOTHING]
    costs = [call.cost for call in spent if call.cost is not None]
    total = sum(costs, Decimal(0)) if costs and len(costs) == len(spent) else None
    return Took(
        min(sum(call.read for call in listed), LONGEST),
        min(sum(call.written for call in listed), LONGEST),
        total,
        any(call.is_unread for call in listed),
    )


def measured(took: Took) -> dict[str, Any]:
    """What the calls behind a step took, as a step says it."""
    cost = cost_of(took.cost)
    tokens_of = {"input_tokens": took.read, "output_tokens": took.written}
    return tokens_of if cost is None else {**tokens_of, "cost": cost}


def sum_of_kinds(held: Mapping[str, Any]) -> Any:
    """The whole cost of one for each kind: what is called ``total``, else all of them together.

    ``None`` where there is none, and what is no cost as it stands there.
    """
    if held.get("total") is not None:
        return held["total"]
    parts = {name: cost_of(value) for name, value in held.items() if value is not None}
    unread = next((held[name] for name, part in parts.items() if part is None), None)
    known = [part for part in parts.values() if part is not None]
    return unread if unread is not None else sum(known, Decimal(0)) if known else None


def priced(read: int, written: int, cost: Any) -> Took:
    """What a call took, with what stands where its cost should."""
    dollars = cost_of(cost)
    return Took(read, written, dollars, dollars is None and cost not in (None, ""))


def cost_of(value: Any, *, most: Decimal = DEAREST) -> Decimal | None:
    """US dollars to the millionth, of a number or a text of one; ``None`` for anything else."""
    if isinstance(value, str) and not WRITTEN_COST.match(value):
        return None
    if isinstance(value, bool) or not isinstance(value, str | int | float | Decimal):
        return None
    try:
        dollars = Decimal(str(value))
        return dollars.quantize(MILLIONTH) if 0 <= dollars <= most else None
    except (InvalidOperation, ValueError):  # no number at all, or one of thousands of digits
        return None


def milliseconds(began: int, ended: int) -> int:
    """Between two times in nanoseconds; a clock that was set back in between says 0."""
    return max(0, min((ended - began) // 1_000_000, LONGEST))


def tokens(held: Mapping[str, Any], *names: str) -> int:
    """What the fields of these names add up to, of those that are numbers of tokens."""
    return min(sum(token_count(held.get(name)) for name in names), LONGEST)


def token_count(value: Any) -> int:
    """A number of tokens; 0 for anything else."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return int(min(value, LONGEST)) if is_number and value > 0 else 0


def tokens_of_kinds(held: Mapping[str, Any]) -> tuple[int, int]:
    """What a model read and wrote, of a number for each kind: what a cache gave was read too."""
    read, written = (
        tokens(held, *(kind for kind in held if any(word in kind for word in words)))
        for words in (READ, WRITTEN)
    )
    return read, written
