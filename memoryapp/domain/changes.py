"""What differs between two released documents, bullet by bullet. Pure."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["added", "reworded", "moved", "retired"]


@dataclass(frozen=True, slots=True)
class Change:
    """One bullet that reads differently, or in another place. ``before`` is empty for an added
    one, ``after`` for a retired one; ``moved_from`` names the section a moved one was in."""

    kind: Kind
    label: str
    section: str
    before: str = ""
    after: str = ""
    moved_from: str = ""


@dataclass(frozen=True, slots=True)
class Draft:
    """What the next release would be. ``newest`` names the release it is compared with, if any.

    ``shown`` is the digest of what it says.
    """

    next_number: int
    changes: Sequence[Change]
    newest: str
    bullet_count: int
    tokens: int
    shown: str

    @property
    def is_changed(self) -> bool:
        """Whether it can be published: something differs, and something is left to serve."""
        return bool(self.changes) and self.bullet_count > 0

    @property
    def same_as(self) -> str:
        return "" if self.changes else self.newest

    @property
    def added(self) -> int:
        return self._count("added")

    @property
    def reworded(self) -> int:
        return self._count("reworded")

    @property
    def moved(self) -> int:
        return self._count("moved")

    @property
    def retired(self) -> int:
        return self._count("retired")

    def _count(self, kind: Kind) -> int:
        return sum(change.kind == kind for change in self.changes)


def changes(before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> list[Change]:
    """Return what ``after`` changes against ``before``, in the order an agent reads it.

    Both are documents as ``formats.document`` writes them; ``None`` stands for nothing released.
    Retired bullets come last. A counter is no change: agents act on the words.
    """
    old, new = _texts(before), _texts(after)
    displaced = _displaced(list(old), [label for label in new if label in old])
    found: list[Change] = []
    for label, (section, text) in new.items():
        if label not in old:
            found.append(Change("added", label, section, after=text))
            continue
        was_in, said = old[label]
        if said != text:
            found.append(Change("reworded", label, section, before=said, after=text))
        elif was_in != section or label in displaced:
            found.append(Change("moved", label, section, text, text, moved_from=was_in))
    found += [
        Change("retired", label, section, before=text)
        for label, (section, text) in old.items()
        if label not in new
    ]
    return found


def said(document: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Return what an agent reads, in order: section, label and text. Counters are no part of it."""
    return [
        (section["name"], bullet["label"], bullet["content"])
        for section in document["sections"]
        for bullet in section["bullets"]
    ]


def _displaced(before: Sequence[str], after: Sequence[str]) -> set[str]:
    """The fewest labels one must move to get from one order to the other.

    They are all but a longest increasing subsequence of the old places, read in the new order.
    """
    place = {label: number for number, label in enumerate(before)}
    tails: list[int] = []
    ends: list[str] = []
    back: dict[str, str | None] = {}
    for label in after:
        at = bisect_left(tails, place[label])
        back[label] = ends[at - 1] if at else None
        tails[at : at + 1] = [place[label]]
        ends[at : at + 1] = [label]
    kept: set[str] = set()
    step = ends[-1] if ends else None
    while step is not None:
        kept.add(step)
        step = back[step]
    return set(after) - kept


def _texts(document: Mapping[str, Any] | None) -> dict[str, tuple[str, str]]:
    """Label to (section, text)."""
    read = said(document) if document else []
    return {label: (section, text) for section, label, text in read}
