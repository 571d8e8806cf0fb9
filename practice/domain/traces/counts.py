"""Milliseconds and tokens as they are kept: whole numbers that fit their columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

#: The largest number that is kept.
LONGEST = 2**31 - 1


def milliseconds(began: int, ended: int) -> int:
    """Between two times in nanoseconds; a clock that was set back in between says 0."""
    return max(0, min((ended - began) // 1_000_000, LONGEST))


def tokens(held: Mapping[str, Any], *names: str) -> int:
    """What the fields of these names add up to, of those that are numbers of tokens."""
    found = (held.get(name) for name in names)
    return min(sum(one for one in found if type(one) is int and 0 <= one <= LONGEST), LONGEST)
