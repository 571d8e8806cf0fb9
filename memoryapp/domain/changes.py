"""What differs between two released documents, bullet by bullet. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["added", "reworded", "retired"]


@dataclass(frozen=True, slots=True)
class Change:
    """One bullet that reads differently. ``before`` is empty for an added one, ``after`` for a
    retired one."""

    kind: Kind
    label: str
    section: str
    before: str = ""
    after: str = ""


@dataclass(frozen=True, slots=True)
class Draft:
    """What the next release would be. ``newest`` names the release it is compared with, if any."""

    next_number: int
    changes: Sequence[Change]
    newest: str
    bullet_count: int
    tokens: int

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
    def retired(self) -> int:
        return self._count("retired")

    def _count(self, kind: Kind) -> int:
        return sum(change.kind == kind for change in self.changes)


def changes(before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> list[Change]:
    """Return what ``after`` changes against ``before``, in the order an agent reads it.

    Both are documents as ``formats.document`` writes them; ``None`` stands for nothing released.
    Retired bullets come last. Counters are no change: agents act on the words.
    """
    old, new = _texts(before), _texts(after)
    found: list[Change] = []
    for label, (section, text) in new.items():
        if label not in old:
            found.append(Change("added", label, section, after=text))
        elif old[label] != (section, text):
            found.append(Change("reworded", label, section, before=old[label][1], after=text))
    found += [
        Change("retired", label, section, before=text)
        for label, (section, text) in old.items()
        if label not in new
    ]
    return found


def _texts(document: Mapping[str, Any] | None) -> dict[str, tuple[str, str]]:
    """Label to (section, text)."""
    return {
        bullet["label"]: (section["name"], bullet["content"])
        for section in (document or {}).get("sections", ())
        for bullet in section["bullets"]
    }
