"""The two files of Preping's released artifact, read and written: playbook and proposer memory.

The layout is the released code's own (``docs/faithful-mode.md``). Reading is strict about what a
value is and forgiving about what is missing, as the artifact is; what it cannot understand is
reported by row and left out. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from math import inf
from typing import Any, Generic, TypeVar

from memoryapp.domain import preping
from memoryapp.domain.preping import SECTIONS
from practice.domain.faithful import CATEGORIES, Entry, contradiction, history_view

TAGS = ("helpful", "harmful", "neutral")
Item = TypeVar("Item")


class Unreadable(ValueError):
    """The document is not the file it is said to be; the message says why."""


@dataclass(frozen=True, slots=True)
class Problem:
    """What was not understood, and where: ``entries[3]``, ``apis[0]``. ``left_out``: all of it."""

    place: str
    message: str
    left_out: bool = False


@dataclass(frozen=True, slots=True)
class Reading(Generic[Item]):
    """What a file holds, each item with its place, and what of it was not understood."""

    items: tuple[tuple[str, Item], ...]
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class ArtifactBullet:
    """One bullet of ``playbook.json``; the names are the file's, its metadata on one level."""

    id: str
    content: str
    section: str
    tag: str = "neutral"
    version: int = 1
    embedding: tuple[float, ...] | None = None
    created_at: str | None = None
    last_accessed: str | None = None
    usage_count: int = 0
    helpful_count: int = 0
    harmful_count: int = 0
    source_task_id: str | None = None


#: parts of ``proposer_memory.json`` that are computed from its entries.
_DERIVED = {"num_entries", "practice_history_view", "generation_summary"}


def read_memory(document: Any) -> Reading[Entry]:
    """Read ``proposer_memory.json``; views in it are computed anew from its entries.

    Raises:
        Unreadable: it is no object with a list of ``entries``.
    """
    if not isinstance(document, Mapping):
        raise Unreadable("A proposer memory is a JSON object with a list named entries.")
    rows = document.get("entries") or document.get("recent_entries") or []
    if not isinstance(rows, list) or not ({"entries", "recent_entries"} & set(document)):
        raise Unreadable("The file has no list named entries, so it is not a proposer memory.")
    problems = [
        Problem(str(name), "This part is not understood; it is left out.", left_out=True)
        for name in document
        if name not in {"entries", "recent_entries", *_DERIVED}
    ]
    items: list[tuple[str, Entry]] = []
    for number, row in enumerate(rows):
        reader = _Reader(f"entries[{number}]", problems)
        entry = reader.entry(row)
        if entry is not None:
            items.append((reader.place, entry))
    return Reading(tuple(items), tuple(problems))


def write_memory(entries: Sequence[Entry]) -> dict[str, Any]:
    """Return the document the artifact loads, with the views it computes from the entries."""
    view = history_view(entries)
    return {
        "num_entries": len(entries),
        "entries": [_plain(asdict(entry)) for entry in entries],
        "practice_history_view": view,
        "generation_summary": view,
    }


def read_playbook(document: Any) -> Reading[ArtifactBullet]:
    """Read ``playbook.json``: an object of sections, each a list of bullets.

    Raises:
        Unreadable: it is no object of lists.
    """
    if not isinstance(document, Mapping):
        raise Unreadable("A playbook is a JSON object of sections, each a list of bullets.")
    if not any(isinstance(rows, list) for rows in document.values()):
        raise Unreadable("The file has no section with a list of bullets, so it is not a playbook.")
    problems: list[Problem] = []
    items: list[tuple[str, ArtifactBullet]] = []
    for section, rows in document.items():
        if not isinstance(rows, list):
            problems.append(Problem(str(section), "It is not a list of bullets.", left_out=True))
            continue
        if section not in SECTIONS:
            known = ", ".join(SECTIONS)
            problems.append(
                Problem(section, f"The artifact has no such section; its own are {known}.")
            )
        for number, row in enumerate(rows):
            reader = _Reader(f"{section}[{number}]", problems)
            bullet = reader.bullet(row, section)
            if bullet is not None:
                items.append((reader.place, bullet))
    return Reading(tuple(items), tuple(problems))


def write_playbook(bullets: Sequence[ArtifactBullet]) -> dict[str, Any]:
    """Return the document the artifact loads: its four sections, each in the order given.

    See ``memoryapp.domain.preping`` for sections the artifact does not have.
    """
    return preping.document(_plain(asdict(bullet)) for bullet in bullets)


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    return {name: list(v) if isinstance(v, tuple) else v for name, v in row.items()}


class _Reader:
    """Reads one row; what is wrong with it goes to ``problems`` under the row's place."""

    def __init__(self, place: str, problems: list[Problem]) -> None:
        self.place = place
        self._problems = problems

    def entry(self, row: Any) -> Entry | None:
        """One record of proposer memory; ``None`` where it was refused."""
        if not self._usable(row, "instruction"):
            return None
        category = row.get("task_generation_category", "")
        if not isinstance(category, str) or (category and category not in CATEGORIES):
            self._refuse(f"It has the unknown category {category!r}.")
            return None
        read: dict[str, Callable[[Mapping[str, Any], str], Any]] = {
            "int": self._number,
            "str": self._text,
            "bool | None": self._truth,
            "tuple[str, ...]": self._texts,
        }
        found = {f.name: read[str(f.type)](row, f.name) for f in fields(Entry)}
        self._unknown(row, set(found))
        entry = Entry(**found)
        if said := contradiction(entry):
            self._note(said)
        return entry

    def bullet(self, row: Any, section: str) -> ArtifactBullet | None:
        """One bullet of a section; ``None`` where it was refused, counters that are none are 0."""
        if not self._usable(row, "content") or not self._usable(row, "id"):
            return None
        about = row.get("metadata") or {}
        if not isinstance(about, Mapping):
            self._note("Its metadata is not an object; its counters start at 0.")
            about = {}
        self._unknown(row, {"id", "content", "section", "tag", "version", "embedding", "metadata"})
        self._unknown(about, set(preping.METADATA))
        if row.get("section", section) != section:
            self._note(f"It names the section {row['section']!r}; where it stands counts.")
        return ArtifactBullet(
            id=row["id"],
            content=row["content"],
            section=section,
            tag=self._tag(row),
            version=self._number(row, "version", 1),
            embedding=self._vector(row),
            created_at=self._moment(about, "created_at"),
            last_accessed=self._moment(about, "last_accessed"),
            usage_count=self._number(about, "usage_count"),
            helpful_count=self._number(about, "helpful_count"),
            harmful_count=self._number(about, "harmful_count"),
            source_task_id=self._text(about, "source_task_id") or None,
        )

    def _usable(self, row: Any, needed: str) -> bool:
        if not isinstance(row, Mapping):
            self._refuse("It is not an object.")
            return False
        if not isinstance(row.get(needed), str) or not row[needed].strip():
            self._refuse(f"It has no {needed}.")
            return False
        if not _storable(row):
            self._refuse("It holds characters that cannot be stored.")
            return False
        return True

    def _number(self, row: Mapping[str, Any], name: str, default: int = 0) -> int:
        value = row.get(name, default)
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**31:
            return value
        self._note(f"{name} is not a count; {default} is taken.")
        return default

    def _text(self, row: Mapping[str, Any], name: str) -> str:
        value = row.get(name)
        if value is None or isinstance(value, str):
            return value or ""
        self._note(f"{name} is not a text; it is left empty.")
        return ""

    def _texts(self, row: Mapping[str, Any], name: str) -> tuple[str, ...]:
        value = row.get(name, [])
        if isinstance(value, list) and all(isinstance(text, str) for text in value):
            return tuple(value)
        self._note(f"{name} is not a list of texts; it is left empty.")
        return ()

    def _truth(self, row: Mapping[str, Any], name: str) -> bool | None:
        value = row.get(name)
        if value is None or isinstance(value, bool):
            return value
        self._note(f"{name} is neither true, false nor null; null is taken.")
        return None

    def _tag(self, row: Mapping[str, Any]) -> str:
        tag = row.get("tag", "neutral")
        if tag in TAGS:
            return str(tag)
        self._note(f"The tag {tag!r} is unknown; neutral is taken.")
        return "neutral"

    def _vector(self, row: Mapping[str, Any]) -> tuple[float, ...] | None:
        value = row.get("embedding")
        if value is None:
            return None
        # Compared and not converted: an integer may be larger than any float.
        if isinstance(value, list) and all(type(x) in (int, float) and abs(x) < inf for x in value):
            return tuple(value)
        self._note("Its embedding is not a list of numbers; it is left out.")
        return None

    def _moment(self, row: Mapping[str, Any], name: str) -> str | None:
        value = row.get(name)
        if value is None:
            return None
        try:
            datetime.fromisoformat(value)
        except (TypeError, ValueError):
            self._note(f"{name} is no ISO time; it is left out.")
            return None
        return str(value)

    def _unknown(self, row: Mapping[str, Any], known: set[str]) -> None:
        odd = sorted(str(name) for name in row if name not in known)
        if odd:
            self._note(f"Not understood and left out: {', '.join(odd)}.")

    def _note(self, message: str) -> None:
        self._problems.append(Problem(self.place, message))

    def _refuse(self, message: str) -> None:
        self._problems.append(Problem(self.place, message, left_out=True))


def _storable(value: Any) -> bool:
    """Whether every text in a value can be written to a database: no NUL, no half characters."""
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            return False
        return "\x00" not in value
    if isinstance(value, Mapping):
        return all(_storable(key) and _storable(each) for key, each in value.items())
    if isinstance(value, list):
        return all(map(_storable, value))
    return True
