"""Finding texts that say nearly the same thing. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import TypeVar

_WORD = re.compile(r"[a-z0-9_]+")
NEAR = 0.6

T = TypeVar("T")


def shingles(text: str) -> frozenset[str]:
    """Words and word pairs, lower case: pairs keep 'A before B' apart from 'B before A'."""
    words = _WORD.findall(text.lower())
    return frozenset(words) | frozenset(f"{first} {second}" for first, second in pairwise(words))


def similarity(one: str, other: str) -> float:
    """Jaccard similarity of the two texts' shingles, 0 to 1."""
    return _jaccard(shingles(one), shingles(other))


def _jaccard(left: frozenset[str], right: frozenset[str]) -> float:
    if not left or not right:
        return 0.0
    return len(left & right) / len(left | right)


def near_duplicates(
    text: str, others: Iterable[tuple[T, str]], *, threshold: float = NEAR
) -> Sequence[tuple[T, float]]:
    """Return the others at or above ``threshold``, the closest first."""
    wanted = shingles(text)
    scored = [(key, _jaccard(wanted, shingles(other))) for key, other in others]
    return sorted((s for s in scored if s[1] >= threshold), key=lambda s: s[1], reverse=True)
