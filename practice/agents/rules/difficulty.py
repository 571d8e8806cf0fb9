"""How hard the rules proposer makes its tasks: how many calls, and how much of it is new."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, zip_longest
from types import MappingProxyType
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Level:
    """``pair_share`` is how likely (0..1) a task gets a companion call, ``companions`` how many.

    ``mixes`` puts a tool that has worked before in front of each that has not.
    """

    pair_share: float = 0.6
    companions: int = 1
    mixes: bool = False


LEVELS: Mapping[str, Level] = MappingProxyType(
    {
        "": Level(),
        "easier": Level(pair_share=0.0, companions=0, mixes=True),
        "harder": Level(pair_share=1.0, companions=2),
    }
)


def mixed(known: Sequence[T], new: Sequence[T]) -> list[T]:
    """Return both in turns, a known one first, until each is used up."""
    nothing = object()
    pairs = chain.from_iterable(zip_longest(known, new, fillvalue=nothing))
    return [item for item in pairs if item is not nothing]  # type: ignore[misc]
