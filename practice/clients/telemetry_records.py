"""The records of one sent file, read piece by piece: CSV, a JSON list, JSON lines, or Parquet.

Nothing is held whole that can pass by: a file is unpacked as far as it is read, and a row is gone
once it is used. What is one object by its form (an OTLP request) must fit ``WHOLE_CAP``.
"""

from __future__ import annotations

import csv
import io
import json
import re
import zlib
from collections.abc import Iterator
from itertools import chain
from typing import Any

from practice.clients import telemetry_parquet
from practice.clients.telemetry_columns import UnreadableTelemetry, delimiter_of, rows_of
from practice.domain.traces.bodies import BodyTooLarge, json_check

#: What one sent file may unpack to; a million log lines are half of it.
UNPACKED_CAP = 256 << 20
#: What may be one JSON object or one protobuf message.
WHOLE_CAP = 32 << 20
_LINE_CAP = 1 << 24
_PIECE = 1 << 16
_BETWEEN = re.compile(r"[ \t\r\n,]*")

Record = dict[str, Any]


class Unpacked(io.RawIOBase):
    """The bytes of a sent file as they are unpacked. ``place`` counts bytes of the file itself.

    A file that is cut off or damaged ends before the damage, which is noted.
    """

    def __init__(self, data: bytes, name: str, notes: list[str]) -> None:
        if data[:4] == b"PK\x03\x04":
            raise UnreadableTelemetry(f"{name} is a zip archive: send each file in it by itself")
        self.place = 0
        self.data = data
        self._data, self._name, self._notes = memoryview(data), name, notes
        self._left = UNPACKED_CAP
        self._unpacker = zlib.decompressobj(wbits=31) if is_gzip(data) else None
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        piece = self._piece(len(buffer))
        self._left -= len(piece)
        if self._left < 0:
            raise UnreadableTelemetry(
                f"{self._name} unpacks to more than {UNPACKED_CAP >> 20} MB: split it by time"
            )
        buffer[: len(piece)] = piece
        return len(piece)

    def _piece(self, size: int) -> bytes:
        if self._unpacker is None:
            piece = bytes(self._data[self.place : self.place + size])
            self.place += len(piece)
            return piece
        try:
            while self._rest or self.place < len(self._data):
                if not self._rest:
                    self._rest = bytes(self._data[self.place : self.place + _PIECE])
                    self.place += len(self._rest)
                piece = self._unpacker.decompress(self._rest, size)
                if self._unpacker.eof:
                    self._rest = self._unpacker.unused_data
                    if self._rest or self.place < len(self._data):  # files joined end to end
                        self._unpacker = zlib.decompressobj(wbits=31)
                else:
                    self._rest = self._unpacker.unconsumed_tail
                if piece:
                    return piece
            piece = b"" if self._unpacker.eof else self._unpacker.decompress(b"", size)
        except zlib.error as error:
            self._damaged(str(error))
            return b""
        if not piece and not self._unpacker.eof:
            self._damaged("it ends too early")
        return piece

    def _damaged(self, how: str) -> None:
        self._rest, self.place = b"", len(self._data)
        note = f"{self._name} is cut off or damaged ({how}): the rows before that are used"
        if note not in self._notes:
            self._notes.append(note)


def is_gzip(data: bytes) -> bool:
    return data[:2] == b"\x1f\x8b"


def measure(data: bytes, name: str) -> None:
    """Unpack a file into nothing, to know that it is no bomb.

    Raises:
        UnreadableTelemetry: a zip archive, or it unpacks to more than ``UNPACKED_CAP``.
    """
    stream = Unpacked(data, name, [])
    if is_gzip(data):
        into = bytearray(1 << 20)
        while stream.readinto(into):
            pass


def whole(stream: Unpacked, name: str) -> bytes:
    """All bytes of a stream that is one message.

    Raises:
        UnreadableTelemetry: there are more than ``WHOLE_CAP``.
    """
    found = io.BufferedReader(stream, 1 << 18).read(WHOLE_CAP + 1)
    if len(found) > WHOLE_CAP:
        raise _too_large(name)
    return found


def records(stream: Unpacked, name: str, notes: list[str]) -> Iterator[Record]:
    """Rows as they are, under the names they have.

    Raises:
        UnreadableTelemetry: no text; a JSON list that is none, or an object above ``WHOLE_CAP``; a
            Parquet file that cannot be read.
    """
    raw = io.BufferedReader(stream, 1 << 18)
    if raw.peek(4).startswith(telemetry_parquet.MAGIC):
        # Its directory is at its end. As kept it is gzipped, like every file.
        for share, row in telemetry_parquet.rows(raw.read(), name, UNPACKED_CAP):
            stream.place = int(share * len(stream.data))
            yield row
        return
    text = io.TextIOWrapper(raw, encoding="utf-8-sig", errors="replace", newline="")
    lines = _lines(text)
    first = next((line for line in lines if line.strip()), "")
    start = first.lstrip()[:1]
    if start == "[":
        yield from _json_list(chain([first], lines), name)
    elif start == "{":
        yield from _json_lines(first, lines, name, notes)
    else:
        yield from _csv_rows(chain([first], lines), name, notes)


def _lines(text: io.TextIOWrapper) -> Iterator[str]:
    """Lines without the NUL that no database takes; one without an end comes in pieces."""
    while line := text.readline(_LINE_CAP):
        yield line.replace("\0", "") if "\0" in line else line


def _csv_rows(lines: Iterator[str], name: str, notes: list[str]) -> Iterator[Record]:
    first = next(lines, "")
    if any(sign == "\ufffd" or (sign < " " and sign not in "\t\r\n") for sign in first):
        raise UnreadableTelemetry(
            f"{name} is not text in UTF-8: unpack it fully, or save it as UTF-8"
        )
    csv.field_size_limit(_LINE_CAP)  # or a long message would end the file, as if it were damaged
    reader = csv.DictReader(
        chain([first], lines), restkey="", restval=None, delimiter=delimiter_of(first)
    )
    bad = 0
    try:
        for row in reader:
            if None in row.values() or "" in row:
                bad += 1
                continue
            yield row
    except csv.Error as error:
        notes.append(f"{name} is damaged ({error}): the rows before it are used")
    if bad:
        notes.append(f"{rows_of(bad)} of {name} with another number of fields than its first line")


def _json_list(lines: Iterator[str], name: str) -> Iterator[Record]:
    """The objects of a list, each as soon as it is whole."""
    decoder = json.JSONDecoder()
    # Cut off only where more is needed: a list may be one line, and each object would copy it.
    held, place = next(lines).lstrip(), 1
    while True:
        between = _BETWEEN.match(held, place)
        place = between.end() if between else place
        if held.startswith("]", place):
            return
        try:
            item, place = decoder.raw_decode(held, place)
        except (ValueError, RecursionError) as error:
            # Tried again once there is twice as much, so that a long object is not read anew
            # with each of its lines.
            held, place = held[place:], 0
            more = _until(lines, max(len(held), 1))
            if not more or isinstance(error, RecursionError):
                raise UnreadableTelemetry(
                    f"{name} is not JSON ({error}): send it whole, or one object per line"
                ) from error
            held += more
            if len(held) > WHOLE_CAP:
                raise _too_large(name) from error
            continue
        if isinstance(item, dict):
            yield item


def _until(lines: Iterator[str], size: int) -> str:
    """Lines of ``size`` characters or a little more; empty at the end."""
    taken: list[str] = []
    while size > 0 and (line := next(lines, "")):
        taken.append(line)
        size -= len(line)
    return "".join(taken)


def _json_lines(first: str, lines: Iterator[str], name: str, notes: list[str]) -> Iterator[Record]:
    """One object per line; or one over all of them, as somebody wrote it to be read."""
    if _object(first) is None:
        text = first + _until(lines, WHOLE_CAP + 1 - len(first))
        if len(text) > WHOLE_CAP:
            raise _too_large(name)
        found = _object(text)
        if found is not None:
            yield found
            return
        lines = iter(text.splitlines())
    else:
        lines = chain([first], lines)
    bad = 0
    for line in lines:
        if not line.strip():
            continue
        row = _object(line)
        if row is not None:
            yield row
        else:
            bad += 1
    if bad:
        notes.append(f"{bad} lines of {name} are not JSON objects and were left out")


def _object(text: str) -> Record | None:
    if len(text) > WHOLE_CAP:
        return None
    try:
        json_check(text)
        found = json.loads(text)
    except BodyTooLarge as error:
        raise UnreadableTelemetry(str(error)) from error
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _too_large(name: str) -> UnreadableTelemetry:
    return UnreadableTelemetry(
        f"{name} is one object of more than {WHOLE_CAP >> 20} MB: send one object per line"
    )
