"""What ``fuzz_parsers`` feeds its targets: documents built, or bent, by the bytes of one input.

Bytes alone seldom get past ``json.loads``. So an input that begins with a control character is not
a document but a tape: what is read from it decides how a valid document is bent (values replaced,
fields renamed, dropped and wrapped) or what a new one is made of, out of the format's own words.
Any other input is the document as it is.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

#: the first byte of a tape: a valid document is bent, or one is made of words.
BENT, MADE = 1, 2
TAPES = 3
EDITS = 4
DEEP = 150
#: Numbers at the ends of what somebody's types hold.
NUMBERS: tuple[Any, ...] = (
    *(0, 1, -1, 2, 7, 255, 2**31 - 1, 2**31, 2**53, 2**63 - 1, 2**63, 2**64, 10**30, 10**400),
    *(0.5, -0.0, 1e-9, 1e19, 1e308, float("inf"), float("-inf"), float("nan"), -(10**400)),
    *(1_764_000_000, 1_764_000_000_123, 1_764_000_000_123_456_789),
)
TEXTS = (
    *("", " ", "\x00", "\ud800", "a\udfff", "\n", "\r\n", "\u2028", "\ufeff", "\u202e", "\u200b"),
    *("0", "-1", "1e999", "NaN", "Infinity", "null", "[]", "{}", '{"a": 1}', "[1, 2", "true"),
    *("2026-11-25T10:00:00Z", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59"),
    *("2026-02-30", "10:61", "../..", "http://[", "http://[::1]:x/", "//", "#/", "#/a", "%", "%zz"),
    *("password=hunter22", "Bearer abcdefghijklmnop1234", "<script>alert(1)</script>", "`", "``"),
    *("²", "٣", "ſ", "İ", "ß", "e\u0301", "\U0001f9d1\u200d\U0001f4bb", "x" * 300, "a=b&c", "\\"),
)


class Tape:
    """Choices read off bytes one after the other; past their end every choice is the first."""

    def __init__(self, data: bytes, place: int = 0) -> None:
        self._data, self._place = data, place

    @property
    def is_over(self) -> bool:
        return self._place >= len(self._data)

    def byte(self) -> int:
        place = self._place
        self._place = place + 1
        return self._data[place] if place < len(self._data) else 0

    def below(self, most: int) -> int:
        """A number from 0 to ``most`` - 1."""
        if most <= 256:
            return self.byte() % most if most > 1 else 0
        return (self.byte() << 8 | self.byte()) % most

    def of(self, choices: Sequence[Any]) -> Any:
        return choices[self.below(len(choices))]

    def rest(self, most: int = 64) -> str:
        """The next bytes as a text, halves of characters kept."""
        size = self.below(most)
        taken = self._data[self._place : self._place + size]
        self._place += size
        return as_text(taken)


def as_text(data: bytes) -> str:
    try:
        return data.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return data.decode("utf-8", "replace")


def scalar(tape: Tape, words: Sequence[str]) -> Any:
    match tape.below(8):
        case 0 | 1:
            return tape.of(words) if words else ""
        case 2:
            return tape.of(TEXTS)
        case 3 | 4:
            return tape.of(NUMBERS)
        case 5:
            return tape.of((None, True, False))
        case 6:
            return tape.rest()
    return str(tape.of(words) if words else "") + tape.of(TEXTS)


def tree(tape: Tape, words: Sequence[str], depth: int = 5) -> Any:
    """A JSON value whose names and texts are mostly ``words``."""
    kind = tape.below(8)
    if tape.is_over or depth == 0 or kind > 4:
        return scalar(tape, words)
    if kind > 2:
        return [tree(tape, words, depth - 1) for _ in range(tape.below(4))]
    return {
        str(tape.of(words) if words and tape.below(8) else scalar(tape, words)): tree(
            tape, words, depth - 1
        )
        for _ in range(1 + tape.below(5))
    }


def _slots(value: Any, found: list[tuple[Any, Any]]) -> None:
    """Every place in a value where another value could stand."""
    pairs: Iterator[tuple[Any, Any]] = iter(())
    if isinstance(value, dict):
        pairs = iter(value.items())
    elif isinstance(value, list):
        pairs = enumerate(value)
    for key, inner in pairs:
        found.append((value, key))
        if isinstance(inner, dict | list):
            _slots(inner, found)


def _deep(value: Any, levels: int = DEEP) -> Any:
    for _ in range(levels):
        value = [value]
    return value


def bent(value: Any, tape: Tape, words: Sequence[str]) -> Any:
    """``value`` with up to ``EDITS`` things changed in it. It is changed in place."""
    top = [value]
    slots: list[tuple[Any, Any]] = []
    _slots(top, slots)
    for _ in range(1 + tape.below(EDITS)):
        holder, key = tape.of(slots)
        if isinstance(holder, dict) and key not in holder:
            continue
        if isinstance(holder, list) and key >= len(holder):
            continue
        held = holder[key]
        match tape.below(12):
            case 0 | 1 | 2:
                holder[key] = scalar(tape, words)
            case 3:
                holder[key] = tree(tape, words, 3)
            case 4:
                holder[key] = tape.of(([], {}, [[]], [{}], {"": None}))
            case 5 if holder is not top:
                del holder[key]
            case 6 if isinstance(holder, dict):
                holder[str(scalar(tape, words))] = holder.pop(key)
            case 7:
                holder[key] = json.dumps(held) if tape.below(2) else str(held)
            case 8:
                holder[key] = [held, held] if tape.below(2) else {str(tape.of(words or "a")): held}
            case 9:
                other, name = tape.of(slots)
                is_there = name in other if isinstance(other, dict) else name < len(other)
                # A copy, so that no value ever holds itself.
                holder[key] = json.loads(json.dumps(other[name])) if is_there else None
            case 10 if isinstance(held, str):
                at = tape.below(len(held) + 1)
                holder[key] = held[:at] + tape.of(TEXTS) + held[at:]
            case 11 if not tape.below(4):
                holder[key] = _deep(held)
            case _:
                holder[key] = tape.rest()
    return top[0]


@dataclass(frozen=True, slots=True)
class Target:
    """One parser. ``run`` raises where it does anything but answer or refuse in its own words.

    ``seeds`` are inputs as they come, valid ones among them; ``words`` are the format's own.
    """

    name: str
    run: Callable[[bytes], None]
    seeds: tuple[bytes, ...]
    words: tuple[str, ...] = ()


def documents(
    name: str,
    take: Callable[[Any], object],
    given: Sequence[Any],
    words: Sequence[str] = (),
    refused: tuple[type[BaseException], ...] = (),
) -> Target:
    """A parser of JSON values. ``given`` are valid ones; their names and texts are its words."""
    known = tuple(dict.fromkeys([*_words(list(given)), *words]))
    texts = [json.dumps(one) for one in given]

    def run(data: bytes) -> None:
        try:
            value = _value(data, texts, known)
        except (ValueError, RecursionError):
            return  # no JSON: nothing for a parser of values
        with contextlib.suppress(*refused):
            take(value)

    tapes = (
        bytes([BENT, place, edits - 1]) + bytes(3 * edits + 3)
        for place in range(min(len(texts), 40))
        for edits in (1, 3)
    )
    seeds = (*(text.encode() for text in texts), *tapes, bytes([MADE, 1, 2, 3, 4]))
    return Target(name, run, seeds, known)


def _value(data: bytes, texts: Sequence[str], words: Sequence[str]) -> Any:
    first = data[0] if data else 0
    if first >= TAPES or not texts:
        return json.loads(as_text(data))
    tape = Tape(data, 1)
    if first == MADE:
        return tree(tape, words)
    return bent(json.loads(tape.of(texts)), tape, words)


def encoded(take: Callable[[bytes], object], *, lines: bool = False) -> Callable[[Any], None]:
    """A parser of bytes as one of values: JSON, or a list's items one a line."""

    def of_value(value: Any) -> None:
        if lines and isinstance(value, list):
            take(b"\n".join(json.dumps(one).encode() for one in value))
        else:
            take(json.dumps(value).encode())

    return of_value


def texts(
    name: str,
    take: Callable[[str], object],
    given: Sequence[str],
    words: Sequence[str] = (),
    refused: tuple[type[BaseException], ...] = (),
) -> Target:
    """A parser of text. A tape sticks pieces of ``given``, words and odd texts together."""
    pieces = (*given, *words, *TEXTS)

    def run(data: bytes) -> None:
        if data and data[0] < TAPES:
            tape = Tape(data, 1)
            parts: list[str] = []
            while not tape.is_over and len(parts) < 12:
                kind = tape.below(4)
                parts.append(
                    tape.rest()
                    if kind == 0
                    else _cut(tape.of(pieces), tape)
                    if kind == 1
                    else tape.of(pieces)
                )
            text = "".join(parts)
        else:
            text = as_text(data)
        with contextlib.suppress(*refused):
            take(text)

    seeds = (*(text.encode("utf-8", "surrogatepass") for text in given), b"\x01\x02\x00\x02\x01")
    return Target(name, run, seeds, tuple(words))


def _cut(text: str, tape: Tape) -> str:
    begin = tape.below(len(text) + 1)
    return text[begin : begin + tape.below(40)]


def raw(
    name: str,
    take: Callable[[bytes], object],
    given: Sequence[bytes],
    refused: tuple[type[BaseException], ...] = (),
    words: Sequence[str] = (),
) -> Target:
    """A parser of bytes, fed just what comes."""

    def run(data: bytes) -> None:
        with contextlib.suppress(*refused):
            take(data)

    return Target(name, run, tuple(given), tuple(words))


def _words(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield str(key)
            yield from _words(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _words(inner)
    elif isinstance(value, str) and len(value) <= 60:
        yield value


def mutated(target: Target, random: Random) -> bytes:
    """One input by chance: a seed with a few bytes changed, or a tape."""
    if random.random() < 0.5:
        return bytes([random.choice((BENT, BENT, MADE))]) + random.randbytes(random.randint(4, 60))
    data = bytearray(random.choice(target.seeds))
    for _ in range(random.randint(1, 5)):
        at = random.randint(0, len(data))
        match random.randrange(5):
            case 0:
                data[at : at + random.randint(1, 8)] = b""
            case 1:
                data[at:at] = random.randbytes(random.randint(1, 4))
            case 2:
                data[at : at + 1] = random.randbytes(1)
            case 3 if target.words:
                data[at:at] = random.choice(target.words).encode("utf-8", "surrogatepass")
            case _:
                start = random.randint(0, len(data))
                data[at:at] = data[start : start + random.randint(1, 30)]
    return bytes(data)
