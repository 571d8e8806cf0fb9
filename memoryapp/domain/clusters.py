"""Groups of texts that say nearly the same thing. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Generic, TypeVar

from memoryapp.domain.retrieval import NEAR, shingles

T = TypeVar("T")
#: a word pair that stands in more texts than this tells none of them apart.
COMMON = 200


@dataclass(frozen=True, slots=True)
class Cluster(Generic[T]):
    """Texts that hang together, in the order they were given.

    ``likeness`` is the lowest similarity (0 to 1) of the links that hold it together.
    """

    members: Sequence[T]
    likeness: float


def clusters(texts: Iterable[tuple[T, str]], *, threshold: float = NEAR) -> list[Cluster[T]]:
    """Return groups of two or more whose texts are linked by a similarity of ``threshold``.

    Only texts that share a shingle are compared, so the work grows with what they have in common
    and not with the square of their number. The largest groups come first, then the closest.
    """
    given = list(texts)
    grams = [shingles(text) for _, text in given]
    parent = list(range(len(given)))
    weakest = [1.0] * len(given)

    def root(place: int) -> int:
        while parent[place] != place:
            parent[place] = parent[parent[place]]
            place = parent[place]
        return place

    for one, other, likeness in _links(grams, threshold):
        left, right = root(one), root(other)
        if left != right:
            parent[right] = left
            weakest[left] = min(weakest[left], weakest[right], likeness)
    groups: dict[int, list[int]] = defaultdict(list)
    for place in range(len(given)):
        groups[root(place)].append(place)
    found = [
        Cluster([given[place][0] for place in places], weakest[head])
        for head, places in groups.items()
        if len(places) > 1
    ]
    return sorted(found, key=lambda group: (-len(group.members), -group.likeness))


def _links(grams: Sequence[frozenset[str]], threshold: float) -> Iterable[tuple[int, int, float]]:
    """Pairs at or above the threshold, the most similar first, each once.

    Two texts that are so similar share one of the rarest shingles of each: of ``n`` shingles the
    first ``n - ceil(n * threshold) + 1`` (prefix filtering, Chaudhuri et al., ICDE 2006).
    """
    frequency = Counter(gram for held in grams for gram in held)
    by_rarity = sorted(frequency, key=lambda gram: (frequency[gram], gram))
    rank = {gram: place for place, gram in enumerate(by_rarity)}
    holders: dict[str, list[int]] = defaultdict(list)
    links: list[tuple[int, int, float]] = []
    for place, held in enumerate(grams):
        rarest = sorted(held, key=rank.__getitem__)
        shared: set[int] = set()
        for gram in rarest[: len(held) - ceil(len(held) * threshold) + 1]:
            if len(holders[gram]) <= COMMON:
                shared.update(holders[gram])
            holders[gram].append(place)
        for other in shared:
            both = len(held & grams[other])
            likeness = both / (len(held) + len(grams[other]) - both)
            if likeness >= threshold:
                links.append((other, place, likeness))
    return sorted(links, key=lambda link: -link[2])
