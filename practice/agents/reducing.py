"""Shortening what a tool said without a model: keep its shape, its ends, and what the task names.

JSON keeps its keys, the first and last items of each list, the items that mention a word of the
task, and how many were left out. Other text keeps its head, its tail and the lines between them
that mention the task or an error. What is left is verbatim; what is gone is counted.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

from practice.domain.reading import read_json

#: (items a list keeps, characters a string keeps, keys an object keeps), from mild to harsh.
_STRENGTHS = (
    (40, 2_000, 200),
    (16, 800, 120),
    (8, 400, 80),
    (4, 200, 60),
    (2, 120, 40),
    (2, 60, 20),
    (1, 30, 10),
)
_WORD = re.compile(r"[\w$.@-]*[\w$]")
_PLAIN = frozenset(
    word
    for word in re.findall(
        r"\w+",
        "about after also and any are been before both but can does each every find first for from "
        "give have how into its list many most must name need not only open order other please "
        "report say show state tell than that the their them then there they this what when where "
        "which who will with would you your",
    )
)
_ALARM = re.compile(r"(?i)\b(?:error|fail(?:ed|ure)?|denied|invalid|not found|exception|warning)")
_ODD = re.compile(r"\d|[_@$]")
_SHORTEST_WORD = 4
_LONGEST_LINE = 600
_NOTE = 80
#: a word of the task may be in so many items of a short list and still tell them apart.
_FEW = 3


def reduced(text: str, cap: int, *, about: str = "") -> str:
    """Return at most ``cap`` characters of ``text``; all of it where it fits.

    ``about`` is the task the text was fetched for.
    """
    if len(text) <= cap:
        return text
    words = task_words(about)
    found = _document(text)
    if found is not None:
        for items, chars, keys in _STRENGTHS:
            shown = _Shape(items, chars, keys, words).of(found)
            short = json.dumps(shown, ensure_ascii=False, separators=(", ", ": "))
            if len(short) <= cap:
                return short
    return _lines(text, cap, words)


def task_words(about: str) -> tuple[str, ...]:
    """The words of a task worth looking for: names, numbers and identifiers, lower case."""
    found = (word.strip(".-").casefold() for word in _WORD.findall(about))
    return tuple(
        dict.fromkeys(
            word
            for word in found
            if _ODD.search(word) or (len(word) >= _SHORTEST_WORD and word not in _PLAIN)
        )
    )


def _document(text: str) -> Any:
    if not text.lstrip().startswith(("{", "[")):
        return None
    try:
        return read_json(text)
    except ValueError:
        return None


class _Shape:
    """One strength of reduction for JSON values."""

    def __init__(self, items: int, chars: int, keys: int, words: Sequence[str]) -> None:
        self._items, self._chars, self._keys, self._words = items, chars, keys, words

    def of(self, value: Any) -> Any:
        if isinstance(value, dict):
            return self._object(value)
        if isinstance(value, list):
            return self._list(value)
        if isinstance(value, str):
            return _ends(value, self._chars)
        return value

    def _object(self, value: dict[str, Any]) -> dict[str, Any]:
        kept = {key: self.of(item) for key, item in list(value.items())[: self._keys]}
        rest = list(value)[self._keys :]
        for key in rest:
            if _mentions(key, self._words):
                kept[key] = self.of(value[key])
        left = len(value) - len(kept)
        if left:
            kept["…"] = f"{left} more keys left out"
        return kept

    def _list(self, value: list[Any]) -> list[Any]:
        head = (self._items + 1) // 2
        tail = self._items - head
        if len(value) <= self._items:
            return [self.of(item) for item in value]
        texts = [json.dumps(item, ensure_ascii=False) for item in value] if self._words else []
        telling = _telling(self._words, texts)
        middle = range(head, len(value) - tail) if telling else range(0)
        named = [place for place in middle if _mentions(texts[place], telling)][: self._items]
        kept: list[Any] = [self.of(item) for item in value[:head]]
        at = head
        for place in [*named, len(value) - tail]:
            if place > at:
                kept.append(f"… {place - at} of {len(value)} items left out")
            if place < len(value) - tail:
                kept.append(self.of(value[place]))
            at = place + 1
        return kept + [self.of(item) for item in value[len(value) - tail :]]


def _mentions(text: str, words: Sequence[str]) -> bool:
    folded = text.casefold()
    return any(word in folded for word in words)


def _ends(text: str, cap: int) -> str:
    """Keep two thirds of the room for the beginning and one for the end."""
    if len(text) <= cap:
        return text
    note = f" … {len(text) - cap:,} characters left out … "
    room = max(cap - len(note), 2)
    tail = room // 3
    return text[: room - tail] + note + text[len(text) - tail :]


def _lines(text: str, cap: int, words: Sequence[str]) -> str:
    """Keep lines from the head and the tail by turns, then those that say something of note."""
    lines = text.splitlines()
    if len(lines) < 4:
        return _ends(text, max(cap - _NOTE, 2))[:cap]
    lines = [_ends(line, _LONGEST_LINE) for line in lines]
    # A note may stand between any two kept lines, so each kept line is charged for one.
    room = cap - _NOTE
    kept: set[int] = set()

    def keep(place: int, share: int) -> bool:
        nonlocal room
        cost = len(lines[place]) + 1 + (0 if {place - 1, place + 1} & kept else _NOTE // 2)
        if place in kept or cost > room - share:
            return place in kept
        kept.add(place)
        room -= cost
        return True

    for place in _inward(len(lines)):
        if not keep(place, cap // 2):
            break
    telling = _telling(words, lines)
    notable = [n for n, line in enumerate(lines) if _mentions(line, telling)]
    notable += [n for n, line in enumerate(lines) if _ALARM.search(line)]
    for place in notable:
        keep(place, 0)
    return _joined(lines, sorted(kept))[:cap]


def _inward(count: int) -> Iterator[int]:
    """Yield places from both ends to the middle, two from the head for one from the tail."""
    head, tail = 0, count - 1
    while head <= tail:
        for place in (head, head + 1, tail):
            if head <= place <= tail:
                yield place
        head, tail = head + 2, tail - 1


def _telling(words: Sequence[str], texts: Sequence[str]) -> list[str]:
    """The words that tell some of the texts from the others."""
    folded = [text.casefold() for text in texts]
    most = max(_FEW, len(texts) // 5)
    return [word for word in words if sum(word in text for text in folded) <= most]


def _joined(lines: Sequence[str], kept: Sequence[int]) -> str:
    shown: list[str] = []
    at = 0
    for place in [*kept, len(lines)]:
        if place > at:
            shown.append(f"[{place - at} lines left out]")
        if place < len(lines):
            shown.append(lines[place])
        at = place + 1
    return "\n".join(shown)
