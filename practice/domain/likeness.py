"""How alike texts are: by their words and parts of words, or by the vectors of a model. Pure.

Without an embedding model the distance is lexical: hashed character n-grams and words, tf-idf
weighted, over the texts at hand.
"""

from __future__ import annotations

import math
import re
import zlib
from array import array
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache

import numpy as np

BUCKETS = 1 << 18
GRAM = 4
#: what a vector of nothing is divided by.
_NO_LENGTH = 1e-12

Embed = Callable[[Sequence[str]], Sequence[Sequence[float]]]
Vector = Mapping[int, float]
#: hashed features of a text, each once, and how often each is in it.
Features = tuple["array[int]", "array[int]"]


class Lexical:
    """Sparse tf-idf vectors of candidates and past; the past is searched by an inverted index."""

    def __init__(self, texts: Sequence[str], past: Sequence[str]) -> None:
        counts = [_features(text) for text in [*texts, *past]]
        seen: Counter[int] = Counter()
        for features in counts:
            seen.update(features[0])
        total = len(counts)
        vectors = [_weighted(features, seen, total) for features in counts]
        self._vectors = vectors[: len(texts)]
        self._postings: dict[int, list[tuple[int, float]]] = defaultdict(list)
        for place, vector in enumerate(vectors[len(texts) :]):
            for feature, weight in vector.items():
                self._postings[feature].append((place, weight))

    def to_past(self, index: int) -> tuple[float, int]:
        """Return (similarity, place) of the closest past text; (0.0, -1) without any."""
        sums: dict[int, float] = defaultdict(float)
        for feature, weight in self._vectors[index].items():
            for place, other in self._postings.get(feature, ()):
                sums[place] += weight * other
        place = max(sums, key=lambda p: (sums[p], -p), default=-1)
        return (sums[place], place) if place >= 0 else (0.0, -1)

    def between(self, first: int, second: int) -> float:
        """Return the similarity (0..1) of two candidates."""
        small, large = sorted((self._vectors[first], self._vectors[second]), key=len)
        return sum((weight * large.get(feature, 0.0) for feature, weight in small.items()), 0.0)


class Dense:
    """Vectors from an embedding model, normalized once."""

    def __init__(self, embed: Embed, texts: Sequence[str], past: Sequence[str]) -> None:
        vectors = np.array(embed([*texts, *past]) if texts else [[0.0]], dtype=np.float64)
        vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), _NO_LENGTH)
        own = vectors[: len(texts)]
        self._between = own @ own.T
        self._to_past = own @ vectors[len(texts) :].T

    def to_past(self, index: int) -> tuple[float, int]:
        """Return (similarity, place) of the closest past text; (0.0, -1) without any."""
        scores = self._to_past[index]
        if not scores.size:
            return (0.0, -1)
        place = int(scores.argmax())
        return (float(scores[place]), place)

    def between(self, first: int, second: int) -> float:
        """Return the similarity (-1..1) of two candidates."""
        return float(self._between[first, second])


@lru_cache(maxsize=3_000)
def _features(text: str) -> Features:
    """Count hashed words and character n-grams of ``text``.

    Kept, because every round compares with the same 2,000 newest tasks, and packed, because what is
    kept would otherwise be most of a worker's memory.
    """
    words = re.findall(r"\w+", text.lower())
    grams: Iterable[str] = (
        f"#{padded[i : i + GRAM]}"
        for padded in (f" {word} " for word in words)
        for i in range(max(1, len(padded) - GRAM + 1))
    )
    # crc32 and not hash(): the same in every process, whatever PYTHONHASHSEED says.
    counts = Counter(zlib.crc32(token.encode()) % BUCKETS for token in [*words, *grams])
    return array("I", counts.keys()), array("I", counts.values())


def _weighted(features: Features, seen: Mapping[int, int], total: int) -> Vector:
    weights = {
        feature: (1 + math.log(count)) * (math.log((1 + total) / (1 + seen[feature])) + 1)
        for feature, count in zip(*features, strict=True)
    }
    norm = math.sqrt(sum(w * w for w in weights.values())) or 1.0
    return {feature: weight / norm for feature, weight in weights.items()}
