"""Columns out of one CSV file of telemetry: packed or plain, cut off, renamed, in other units.

Rows pass by in pieces, and a column of names keeps each name once, so that a file of a million
rows costs little more than its numbers.
"""

from __future__ import annotations

import csv
import gzip
import io
import itertools
import math
import re
import zlib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from memoryapp.domain.json_texts import as_text
from practice.clients.telemetry_headers import UNITS, places, stem_and_unit
from practice.domain.rootcause.telemetry import Codes, Floats, Labels

# What one file may unpack to. A case of a busy hour is a tenth of it.
UNPACKED_CAP = 1 << 30
MESSAGE_CAP = 2_000
_PIECE = 8_192
_DAMAGED = (EOFError, zlib.error, gzip.BadGzipFile, csv.Error, OSError)
# How a text begins that is not in UTF-8, as spreadsheets and shells of Windows write it.
_MARKS = (b"\xff\xfe", b"\xfe\xff")
_OFFSET = re.compile(r" ([+-]\d\d:?\d\d)( [A-Za-z]+)?$")


class UnreadableTelemetry(ValueError):
    """The telemetry cannot be used. ``str(error)`` is one line that says what to do."""


class Holds(Enum):
    """What a column holds: names that repeat, numbers, or texts of their own."""

    NAMES = "names"
    NUMBERS = "numbers"
    TEXTS = "texts"


class _Capped(io.RawIOBase):
    """A stream that stops a zip bomb at ``cap`` bytes."""

    def __init__(self, stream: BinaryIO, name: str, cap: int) -> None:
        self._stream, self._name, self._left = stream, name, cap

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        read = self._stream.read(len(buffer))
        self._left -= len(read)
        if self._left < 0:
            raise UnreadableTelemetry(
                f"{self._name} unpacks to more than the cap allows: split it by time"
            )
        buffer[: len(read)] = read
        return len(read)


def _raw(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise cannot_open(path, error) from error


def cannot_open(path: Path, error: OSError) -> UnreadableTelemetry:
    return UnreadableTelemetry(f"{path.name} cannot be opened ({error.strerror})")


@contextmanager
def opened(path: Path, cap: int) -> Iterator[io.TextIOWrapper]:
    """The text of a file, packed or not, that may unpack to ``cap`` bytes.

    Raises:
        UnreadableTelemetry: it is a folder, a link to nothing, or not ours to read.
    """
    with _raw(path) as raw:
        encoding = "utf-16" if _begin(_unpacked(raw)) in _MARKS else "utf-8"
        capped = io.BufferedReader(_Capped(_unpacked(raw), path.name, cap), 1 << 18)
        yield io.TextIOWrapper(capped, encoding=encoding, errors="replace", newline="")


def _unpacked(raw: BinaryIO) -> BinaryIO:
    """A file from its first byte on, unpacked where it is packed."""
    raw.seek(0)
    packed = raw.read(2) == b"\x1f\x8b"
    raw.seek(0)
    return gzip.GzipFile(fileobj=raw) if packed else raw  # type: ignore[return-value]


def _begin(stream: BinaryIO) -> bytes:
    try:
        return stream.read(2)
    except _DAMAGED:  # what is read of it next will say so
        return b""


def _numbering() -> dict[str, int]:
    """A dictionary that numbers the names it is asked for."""
    found: defaultdict[str, int] = defaultdict()
    found.default_factory = found.__len__
    return found


@dataclass(slots=True)
class _Column:
    """One column as it grows."""

    holds: Holds
    place: int | None
    scale: float
    has_commas: bool = False  # numbers may be written 0,5, as where commas do not part fields
    names: dict[str, int] = field(default_factory=_numbering)
    parts: list[Any] = field(default_factory=list)

    def add(self, rows: Sequence[Sequence[str]], columns: Sequence[tuple[str, ...]]) -> None:
        if self.place is None:
            self._add_nothing(len(rows))
            return
        values = columns[self.place]
        if self.holds is Holds.TEXTS:
            self.parts.extend(value[:MESSAGE_CAP] for value in values)
        elif self.holds is Holds.NUMBERS:
            self.parts.append(_numbers(values, has_commas=self.has_commas) * self.scale)
        else:
            codes = map(self.names.__getitem__, values)  # a new name gets the next number
            self.parts.append(np.fromiter(codes, np.int32, len(values)))

    def _add_nothing(self, count: int) -> None:
        """Rows of a file that has no such column."""
        if self.holds is Holds.TEXTS:
            self.parts.extend([""] * count)
        elif self.holds is Holds.NUMBERS:
            self.parts.append(np.full(count, math.nan))
        else:
            self.parts.append(np.full(count, self.names[""], np.int32))

    def whole(self) -> Any:
        if self.holds is Holds.TEXTS:
            return self.parts
        if self.holds is Holds.NUMBERS:
            return np.concatenate([np.zeros(0), *self.parts])
        codes: Codes = np.concatenate([np.zeros(0, np.int32), *self.parts])
        return Labels(codes, tuple(self.names))


def columns(
    path: Path,
    wanted: Mapping[str, Holds],
    *,
    optional: Mapping[str, Holds] | None = None,
    cap: int = UNPACKED_CAP,
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The named columns of a CSV file, and notes on rows that could not be used.

    A column whose name ends in a unit (``_s _ms _us _ns``) is found under any of them; numbers of
    such columns come in seconds, whatever unit the file has.

    Raises:
        UnreadableTelemetry: a wanted column is missing, or the file unpacks to more than ``cap``.
    """
    csv.field_size_limit(1 << 24)
    asked = {**wanted, **(optional or {})}
    notes: list[str] = []
    found: dict[str, _Column] = {}
    width = odd = 0
    with opened(path, cap) as text:
        rows: list[list[str]] = []
        try:
            first = text.readline()
            sign = delimiter_of(first)
            reader = csv.reader(itertools.chain([first], text), delimiter=sign)
            header = next(reader, [])
            found, width = _located(header, asked), len(header)
            for column in found.values():
                column.has_commas = sign != ","
            for chunk in iter(lambda: _taken(reader, rows), []):
                odd += _add(found, chunk, width)
        except _DAMAGED as error:
            notes.append(f"{path.name} is damaged ({error}): the rows before it are used")
            odd += _add(found, rows, width)
    if not width and not notes:
        raise _empty(path.name)
    _check(found, wanted, path.name)
    if odd:
        notes.append(f"{path.name}: {rows_of(odd)} not whole, left out")
    return {name: column.whole() for name, column in found.items()}, tuple(notes)


def columns_of(
    records: Iterator[Mapping[str, Any]],
    name: str,
    wanted: Mapping[str, Holds],
    *,
    optional: Mapping[str, Holds],
) -> dict[str, Any]:
    """The named columns of records that are no CSV, found as ``columns`` finds them.

    Raises:
        UnreadableTelemetry: there is no record, or the first lacks a wanted column.
    """
    first = next(records, None)
    if first is None:
        raise _empty(name)
    header = list(first)
    found = _located(header, {**wanted, **optional})
    _check(found, wanted, name)
    used = sorted({column.place for column in found.values() if column.place is not None})
    for column in found.values():
        column.place = None if column.place is None else used.index(column.place)
    keys = [header[place] for place in used]
    rest = itertools.chain([first], records)
    for chunk in iter(lambda: list(itertools.islice(rest, _PIECE)), []):
        _add(found, [[text_of(record.get(key)) for key in keys] for record in chunk], len(keys))
    return {name: column.whole() for name, column in found.items()}


def _empty(name: str) -> UnreadableTelemetry:
    return UnreadableTelemetry(f"{name} holds no row: leave it out, or send rows of data")


def text_of(value: Any) -> str:
    """A value as CSV would have it."""
    if type(value) is float or type(value) is int:
        return repr(value)  # of millions, and the same as its JSON
    return "" if value is None else as_text(value)


def _check(found: Mapping[str, _Column], wanted: Mapping[str, Holds], name: str) -> None:
    absent = [one for one in wanted if one not in found or found[one].place is None]
    if absent:
        raise UnreadableTelemetry(
            f"{name} has no column {', '.join(absent)}: its first row must name {', '.join(wanted)}"
        )


def rows_of(count: int) -> str:
    """A number of rows in words, for a note."""
    return f"{count:,} row{'' if count == 1 else 's'}"


def _taken(reader: Iterator[list[str]], rows: list[list[str]]) -> list[list[str]]:
    """The next rows. ``rows`` holds those before an error, when there is one."""
    rows.clear()
    rows.extend(itertools.islice(reader, _PIECE))
    return list(rows)


def _add(found: Mapping[str, _Column], rows: Sequence[list[str]], width: int) -> int:
    """Add whole rows to their columns; how many were not whole."""
    whole = [row for row in rows if len(row) == width]
    if whole:
        table = list(zip(*whole, strict=True))
        for column in found.values():
            column.add(whole, table)
    if len(whole) == len(rows):
        return 0
    return sum(len(row) != width and bool(row) for row in rows)


def delimiter_of(first: str) -> str:
    """What parts the fields of a CSV file, by its first line: a comma, a semicolon or a tab."""
    return max(",;\t", key=first.count) if first else ","


def located(header: Sequence[str], asked: Mapping[str, Holds]) -> dict[str, int | None]:
    """The place of each column that is asked for, ``None`` for those that are not there."""
    return {name: column.place for name, column in _located(header, asked).items()}


def _located(header: Sequence[str], asked: Mapping[str, Holds]) -> dict[str, _Column]:
    """Where each column is, and what makes seconds of its numbers."""
    found = places(header, asked)
    return {
        name: _Column(holds, found[name][0], UNITS[found[name][1] or stem_and_unit(name)[1]])
        for name, holds in asked.items()
    }


def _numbers(values: Sequence[str], *, has_commas: bool = False) -> Floats:
    try:
        return np.fromiter(map(float, values), np.float64, len(values))
    except ValueError:
        if has_commas:
            values = [value.replace(",", ".") for value in values]
        return np.fromiter(map(_number, values), np.float64, len(values))


def _number(text: str) -> float:
    if not text:
        return math.nan
    try:
        return float(text)
    except ValueError:
        return moment(text)


def moment(text: str) -> float:
    """Epoch seconds of an ISO 8601 time, NaN if it is none. UTC where it names no zone.

    Days may be parted by slashes, and a zone's name may follow its offset, as programs print them.
    """
    plainly = _OFFSET.sub(r"\1", text.strip().replace("/", "-"))
    try:
        parsed = datetime.fromisoformat(plainly)
    except ValueError:
        return math.nan
    return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp()


def unit_of(times: Floats, near: float | None) -> float:
    """What epoch times must be multiplied by to be seconds: 1.0 if they are, or if none fits.

    Told by ``near``, a time in seconds that they should be close to; else by their size, since no
    telemetry is from the year 5000.
    """
    good = times[np.isfinite(times)]
    middle = float(np.median(good)) if len(good) else 0.0
    if near and middle > 0:
        fits = (10.0**power for power in (0, -3, -6, -9, 3, 6, 9))
        return next((scale for scale in fits if abs(middle * scale / near - 1) < 0.05), 1.0)
    scale = 1.0
    while abs(middle) * scale > 1e11:
        scale *= 1e-3
    return scale
