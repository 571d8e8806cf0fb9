"""Milliseconds and tokens as they are kept: whole numbers that fit their columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

#: The largest number that is kept.
LONGEST = 2**31 - 1
#: Words by which the name of a kind of tokens says that a model read them, or wrote them.
READ, WRITTEN = ("input", "prompt"), ("output", "completion")


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
