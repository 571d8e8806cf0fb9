"""Turn one file that somebody sent into the neutral layout, whatever its columns are called.

CSV, JSON (a list of objects, or one object per line), OTLP in JSON or protobuf, plain or gzipped.
The outcome is CSV with the columns of the neutral layout (see ``telemetry.py``), gzipped. A file
that is cut off gives the rows before the cut and a note that says so.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from practice.clients import telemetry_otlp
from practice.clients.telemetry_columns import UnreadableTelemetry, rows_of
from practice.clients.telemetry_mapping import COLUMNS, TIME, Columns, number_of, unit_of
from practice.clients.telemetry_records import Unpacked, is_gzip, measure, records, whole

#: What a row of a kind is sent for, where that is a number.
_VALUE = {"metrics": "value", "edges": "p50_s"}
#: No calendar goes further; a time beyond is one in a finer unit than its column says.
FARTHEST = datetime(9999, 1, 1, tzinfo=UTC).timestamp()
MESSAGE_CAP = 2_000
NAMES_CAP = 500
_TOLD_EVERY = 5_000
Told = Callable[[int, float], None]


@dataclass(frozen=True, slots=True)
class Read:
    """A file as the engine reads it. Times are epoch seconds, ``None`` where no row has one."""

    content: bytes
    rows: int
    first: float | None
    last: float | None
    services: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass(slots=True)
class _Tally:
    """What is counted while rows pass by."""

    rows: int = 0
    untimed: int = 0
    unmeasured: int = 0
    beyond: int = 0
    first: float = math.inf
    last: float = -math.inf
    services: dict[str, None] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def read(
    data: bytes,
    *,
    name: str,
    kind: str,
    mapping: Mapping[str, str] | None = None,
    told: Told = lambda rows, share: None,
) -> Read:
    """Read one sent file of ``kind`` (a key of ``COLUMNS``), with its source's column names.

    ``told`` hears now and then how many rows were read and which share of the file; what it
    raises ends the reading.

    Raises:
        UnreadableTelemetry: empty, of an unknown form, without a column that is needed, without a
            row that can be used, or unpacking to more than the cap. One line, says what to do.
    """
    tally = _Tally()
    stream = _opened(data, name, kind, tally.notes)
    message = _message(data, name, kind)
    batch = telemetry_otlp.decoded(kind, message) if message is not None else None
    rows = (
        telemetry_otlp.rows(kind, [batch])
        if batch is not None
        else _rows(stream, name=name, kind=kind, mapping=mapping or {}, notes=tally.notes)
    )
    out = io.BytesIO()
    needed, more = COLUMNS[kind]
    with (
        gzip.GzipFile(fileobj=out, mode="wb", mtime=0, compresslevel=5) as packed,
        io.TextIOWrapper(packed, encoding="utf-8", errors="replace", newline="") as target,
    ):
        writer = csv.writer(target, lineterminator="\n")
        writer.writerow((*needed, *more))
        for found in rows:
            row = {column: _storable(found.get(column, "")) for column in (*needed, *more)}
            writer.writerow(row.values())
            _count(tally, kind, row)
            if tally.rows % _TOLD_EVERY == 0:
                told(tally.rows, stream.place / len(data))
    if not tally.rows:
        raise _rowless(name, tally.notes)
    if tally.untimed == tally.rows:
        raise UnreadableTelemetry(
            f"No time in {name} can be read: write ISO 8601 such as 2026-11-25T09:12:00Z, or a "
            "number since 1970 and, on the source's page, its unit"
        )
    if tally.beyond == tally.rows:
        raise UnreadableTelemetry(
            f"The times of {name} lie beyond the year 9999: say on the source's page which unit "
            "they are in"
        )
    if tally.beyond:
        tally.notes.append(f"{rows_of(tally.beyond)} of {name} with a time beyond the year 9999")
    if tally.untimed:
        tally.notes.append(f"{rows_of(tally.untimed)} of {name} without a time that can be read")
    if tally.unmeasured:
        tally.notes.append(f"{rows_of(tally.unmeasured)} of {name} without a number as value")
    is_timed = tally.first <= tally.last
    return Read(
        content=out.getvalue(),
        rows=tally.rows,
        first=tally.first if is_timed else None,
        last=tally.last if is_timed else None,
        services=tuple(tally.services)[:NAMES_CAP],
        notes=tuple(tally.notes),
    )


def glance(data: bytes, *, name: str, kind: str, mapping: Mapping[str, str] | None = None) -> None:
    """Look at a file's size and first row only: what cannot be used at all is refused at once.

    Raises:
        UnreadableTelemetry: as ``read`` would, as far as the first row tells.
    """
    notes: list[str] = []
    stream = _opened(data, name, kind, notes)
    measure(data, name)
    message = _message(data, name, kind)
    if message is not None and telemetry_otlp.is_request(kind, message):
        return
    rows = _rows(stream, name=name, kind=kind, mapping=mapping or {}, notes=notes)
    if next(rows, None) is None:
        raise _rowless(name, notes)


def packed(data: bytes) -> bytes:
    """A file as it is kept: gzipped, whether it came so or not."""
    return data if is_gzip(data) else gzip.compress(data, compresslevel=5, mtime=0)


def digest(data: bytes) -> str:
    """Of what is in a file: packed again, as exporters do to send it again, its bytes are others.

    One that is cut off or damaged is told by its bytes.
    """
    if is_gzip(data):
        notes: list[str] = []
        stream, found = Unpacked(data, "", notes), hashlib.sha256()
        into = memoryview(bytearray(1 << 20))
        while size := stream.readinto(into):
            found.update(into[:size])
        if not notes:
            return found.hexdigest()
    return hashlib.sha256(data).hexdigest()


def header(data: bytes, *, name: str) -> list[str]:
    """The column names a file has, for choosing a mapping.

    Raises:
        UnreadableTelemetry: it is empty or of an unknown form.
    """
    first = next(records(Unpacked(data, name, []), name, []), None)
    if first is None:
        raise UnreadableTelemetry(f"{name} holds no row: send a file with at least one row")
    return [str(column) for column in first]


def _opened(data: bytes, name: str, kind: str, notes: list[str]) -> Unpacked:
    if kind not in COLUMNS:
        raise UnreadableTelemetry(f"{kind} is not a kind of telemetry: {', '.join(COLUMNS)}")
    if not data:
        raise UnreadableTelemetry(f"{name} is empty: send a file with at least one row")
    return Unpacked(data, name, notes)


def _message(data: bytes, name: str, kind: str) -> bytes | None:
    """A file that may be a protobuf message, unpacked."""
    if kind in telemetry_otlp.SIGNALS and Unpacked(data, name, []).read(1) == b"\n":
        return whole(Unpacked(data, name, []), name)
    return None


def _rowless(name: str, notes: Sequence[str]) -> UnreadableTelemetry:
    why = f" ({notes[0]})" if notes else ""
    return UnreadableTelemetry(f"{name} holds no row that can be used{why}: send rows of data")


def _count(tally: _Tally, kind: str, row: Mapping[str, str]) -> None:
    tally.rows += 1
    for column in ("service",) if "service" in row else ("source", "target"):
        if len(tally.services) < NAMES_CAP and row.get(column):
            tally.services.setdefault(row[column])
    if kind in _VALUE and not math.isfinite(number_of(row[_VALUE[kind]])):
        tally.unmeasured += 1
    if kind in TIME:
        at = number_of(row.get(TIME[kind], "")) * unit_of(TIME[kind])
        if FARTHEST <= at < math.inf:
            tally.beyond += 1
        elif at > 0 and math.isfinite(at):
            tally.first, tally.last = min(tally.first, at), max(tally.last, at)
        else:
            tally.untimed += 1


def _rows(
    stream: Unpacked, *, name: str, kind: str, mapping: Mapping[str, str], notes: list[str]
) -> Iterator[dict[str, str]]:
    """Rows under our names. OTLP is known by its own shape."""
    found = records(stream, name, notes)
    first = next((record for record in found if record), None)
    if first is None:
        return
    if telemetry_otlp.SIGNALS.get(kind, "") in first:
        yield from telemetry_otlp.rows(kind, itertools.chain([first], found))
        return
    columns = Columns.of(list(first), name=name, kind=kind, mapping=mapping)
    for record in itertools.chain([first], found):
        for row in columns.rows(record):
            if kind == "logs":
                row["message"] = row["message"][:MESSAGE_CAP]
            yield row
    notes.extend(columns.notes())


def _storable(text: str) -> str:
    r"""A text without what no database keeps, NUL and lone surrogates, its lines ended by \n.

    CSV is read back line by line, and Python's writer does not quote a lone \r.
    """
    if "\0" in text or "\r" in text:
        text = text.replace("\0", "").replace("\r\n", "\n").replace("\r", "\n")
    return text if text.isascii() else text.encode("utf-8", "replace").decode()
