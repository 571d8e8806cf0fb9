"""Finding texts that say nearly the same thing. Pure."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import TypeVar

import numpy as np

#: Chinese and Japanese put no space between words: there each character is one.
_UNSPACED = r"\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
_WORD = re.compile(rf"[^\W{_UNSPACED}]+|[{_UNSPACED}]")
NEAR = 0.6

#: Locality-sensitive hashing (Broder 1997; Leskovec et al., Mining of Massive Datasets §3.4): two
#: texts share a band with probability 1 - (1 - s ** ROWS) ** BANDS at a similarity of s, so 95 % of
#: pairs at 0.7 and 0.2 % of those at 0.2 do.
BANDS, ROWS = 24, 6
SAMPLED = 512
#: Longer texts are cut into shingles anew each time.
KEPT_CHARS = 1_000
_PRIME = (1 << 31) - 1
_DRAWN = np.random.default_rng(20_251_128).integers(1, _PRIME, size=(2, BANDS * ROWS, 1))
_PLACES = np.arange(1, ROWS + 1, dtype=np.int64)

T = TypeVar("T")


def shingles(text: str) -> frozenset[str]:
    """Words and word pairs, lower case: pairs keep 'A before B' apart from 'B before A'."""
    return _kept_shingles(text) if len(text) <= KEPT_CHARS else _shingles(text)


def _shingles(text: str) -> frozenset[str]:
    words = _WORD.findall(text.lower())
    return frozenset(words) | frozenset(f"{first} {second}" for first, second in pairwise(words))


#: A playbook's texts are compared with every candidate that is read, and seldom change.
_kept_shingles = lru_cache(maxsize=2048)(_shingles)


def similarity(one: str, other: str) -> float:
    """Jaccard similarity of the two texts' shingles, 0 to 1."""
    return _jaccard(shingles(one), shingles(other))


def _jaccard(left: frozenset[str], right: frozenset[str]) -> float:
    if not left or not right:
        return 0.0
    shared = len(left & right)
    return shared / (len(left) + len(right) - shared)


def bands(text: str) -> list[int]:
    """Return numbers of which two texts that say nearly the same are likely to share one.

    A text without words has none. They fit a signed column of 32 bits and never change, so that
    they can be stored.
    """
    # A very long text is sampled: texts that are alike have the same smallest numbers.
    said = sorted(zlib.crc32(shingle.encode()) % _PRIME for shingle in shingles(text))[:SAMPLED]
    if not said:
        return []
    factors, shifts = _DRAWN
    least = ((factors * np.array(said, dtype=np.int64) + shifts) % _PRIME).min(axis=1)
    mixed = (least.reshape(BANDS, ROWS) * _PLACES).sum(axis=1) * 1_000_003
    mixed += np.arange(BANDS, dtype=np.int64) * 7_919
    return sorted({int(number) for number in mixed % _PRIME})


def near_duplicates(
    text: str, others: Iterable[tuple[T, str]], *, threshold: float = NEAR
) -> Sequence[tuple[T, float]]:
    """Return the others at or above ``threshold``, the closest first."""
    wanted = shingles(text)
    scored = [(key, _jaccard(wanted, shingles(other))) for key, other in others]
    return sorted((s for s in scored if s[1] >= threshold), key=lambda s: s[1], reverse=True)
