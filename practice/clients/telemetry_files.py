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
import json
import math
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from practice.clients import telemetry_otlp
from practice.clients.telemetry_columns import UnreadableTelemetry

#: Columns of the neutral layout per kind; the first group must be there.
COLUMNS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "metrics": (("ts", "metric", "value"), ("service", "pod", "host")),
    "traces": (
        ("trace_id", "span_id", "parent_id", "service", "start_us", "duration_us"),
        ("pod", "operation", "status", "host"),
    ),
    "logs": (
        ("ts_us", "service", "message"),
        ("pod", "level", "source", "trace_id", "span_id"),
    ),
    "edges": (("ts", "source", "target", "side", "p50_s"), ()),
    "topology": (("source", "target"), ()),
}
_TIME = {"metrics": "ts", "traces": "start_us", "logs": "ts_us", "edges": "ts"}
UNITS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}
#: What one sent file may unpack to; a million log lines are half of it.
UNPACKED_CAP = 256 << 20
MESSAGE_CAP = 2_000
NAMES_CAP = 500
_PIECE = 1 << 16


@dataclass(frozen=True, slots=True)
class Read:
    """A file as the engine reads it. Times are epoch seconds, ``None`` where no row has one."""

    content: bytes
    original: bytes
    digest: str
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
    first: float = math.inf
    last: float = -math.inf
    services: dict[str, None] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def read(data: bytes, *, name: str, kind: str, mapping: Mapping[str, str] | None = None) -> Read:
    """Read one sent file of ``kind`` (a key of ``COLUMNS``), with its source's column names.

    Raises:
        UnreadableTelemetry: empty, of an unknown form, without a column that is needed, without a
            row that can be used, or unpacking to more than the cap. One line, says what to do.
    """
    if kind not in COLUMNS:
        raise UnreadableTelemetry(f"{kind} is no kind of telemetry: {', '.join(COLUMNS)}")
    if not data:
        raise UnreadableTelemetry(f"{name} is empty: send a file with at least one row")
    mapping = mapping or {}
    tally = _Tally()
    raw = _plain(data, name, tally.notes)
    batch = telemetry_otlp.decoded(kind, raw)
    rows = (
        telemetry_otlp.rows(kind, [batch])
        if batch is not None
        else _rows(_decoded(raw), name=name, kind=kind, mapping=mapping, notes=tally.notes)
    )
    out = io.BytesIO()
    needed, more = COLUMNS[kind]
    with (
        gzip.GzipFile(fileobj=out, mode="wb", mtime=0, compresslevel=5) as packed,
        io.TextIOWrapper(packed, encoding="utf-8", errors="replace", newline="") as target,
    ):
        writer = csv.writer(target, lineterminator="\n")
        writer.writerow((*needed, *more))
        for row in rows:
            writer.writerow([row.get(column, "") for column in (*needed, *more)])
            _count(tally, kind, row)
    if not tally.rows:
        raise UnreadableTelemetry(f"{name} holds no row that can be used: send rows of data")
    if tally.untimed:
        tally.notes.append(f"{tally.untimed} rows of {name} carry no time that can be read")
    is_timed = tally.first <= tally.last
    return Read(
        content=out.getvalue(),
        original=data if _is_gzip(data) else gzip.compress(data, compresslevel=5, mtime=0),
        digest=hashlib.sha256(data).hexdigest(),
        rows=tally.rows,
        first=tally.first if is_timed else None,
        last=tally.last if is_timed else None,
        services=tuple(tally.services)[:NAMES_CAP],
        notes=tuple(tally.notes),
    )


def header(data: bytes, *, name: str) -> list[str]:
    """The column names a file has, for choosing a mapping.

    Raises:
        UnreadableTelemetry: it is empty or of an unknown form.
    """
    text = _decoded(_plain(data, name, []))
    first = next((row for row in _records(text, name, [])), None)
    if first is None:
        raise UnreadableTelemetry(f"{name} holds no row: send a file with at least one row")
    return [str(column) for column in first]


def _count(tally: _Tally, kind: str, row: Mapping[str, str]) -> None:
    tally.rows += 1
    for column in ("service",) if "service" in row else ("source", "target"):
        if len(tally.services) < NAMES_CAP and row.get(column):
            tally.services.setdefault(row[column])
    if kind in _TIME:
        at = _number(row.get(_TIME[kind], "")) * (1e-6 if _TIME[kind].endswith("_us") else 1.0)
        if math.isfinite(at) and at > 0:
            tally.first, tally.last = min(tally.first, at), max(tally.last, at)
        else:
            tally.untimed += 1


def _is_gzip(data: bytes) -> bool:
    return data[:2] == b"\x1f\x8b"


def _plain(data: bytes, name: str, notes: list[str]) -> bytes:
    if data[:4] == b"PK\x03\x04":
        raise UnreadableTelemetry(f"{name} is a zip archive: send each file in it by itself")
    if _is_gzip(data):
        data = _gunzipped(data, name, notes)
    return data


def _decoded(data: bytes) -> str:
    return data.decode("utf-8", errors="replace").lstrip("\ufeff").replace("\0", "")


def _gunzipped(data: bytes, name: str, notes: list[str]) -> bytes:
    """All that can be unpacked, in small pieces: what comes before a damage is kept."""
    out = bytearray()
    unpacker = zlib.decompressobj(wbits=31)
    rest = memoryview(data)
    try:
        while len(rest):
            taken, rest = rest[:_PIECE], rest[_PIECE:]
            piece: bytes | memoryview = taken
            while piece:
                out += unpacker.decompress(piece, UNPACKED_CAP - len(out) + 1)
                if len(out) > UNPACKED_CAP:
                    raise UnreadableTelemetry(
                        f"{name} unpacks to more than {UNPACKED_CAP >> 20} MB: split it by time"
                    )
                piece = unpacker.unused_data if unpacker.eof else unpacker.unconsumed_tail
                if unpacker.eof and piece:
                    unpacker = zlib.decompressobj(wbits=31)  # files may be joined end to end
        damage = "" if unpacker.eof else "it ends too early"
    except zlib.error as error:
        damage = str(error)
    if damage:
        notes.append(f"{name} is cut off or damaged ({damage}): the rows before that are used")
    return bytes(out)


def _records(text: str, name: str, notes: list[str]) -> Iterator[dict[str, Any]]:
    """Rows as they are, under the names they have."""
    start = text.lstrip()[:1]
    if start == "[":
        yield from _json_list(text, name)
    elif start == "{":
        yield from _json_lines(text, name, notes)
    else:
        reader = csv.DictReader(io.StringIO(text, newline=""), restkey="", restval=None)
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
            notes.append(f"{bad} rows of {name} have another number of fields than its first line")


def _json_list(text: str, name: str) -> Iterator[dict[str, Any]]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UnreadableTelemetry(
            f"{name} is not JSON ({error}): send it whole, or one object per line"
        ) from error
    yield from (row for row in found if isinstance(row, dict))


def _json_lines(text: str, name: str, notes: list[str]) -> Iterator[dict[str, Any]]:
    try:
        whole = json.loads(text)
    except (ValueError, RecursionError):
        whole = None
    if isinstance(whole, dict):
        yield whole
        return
    bad = 0
    for line in text.splitlines():
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            row = None
        if isinstance(row, dict):
            yield row
        else:
            bad += 1
    if bad:
        notes.append(f"{bad} lines of {name} are no JSON objects and were left out")


def _rows(
    text: str, *, name: str, kind: str, mapping: Mapping[str, str], notes: list[str]
) -> Iterator[dict[str, str]]:
    """Rows under our names. OTLP is known by its own shape."""
    records = _records(text, name, notes)
    first = next((record for record in records if record), None)
    if first is None:
        return
    if telemetry_otlp.SIGNALS.get(kind, "") in first:
        yield from telemetry_otlp.rows(kind, _chained(first, records))
        return
    needed, more = COLUMNS[kind]
    theirs = {ours: mapping.get(ours) or ours for ours in (*needed, *more)}
    absent = [theirs[ours] for ours in needed if theirs[ours] not in first]
    if absent:
        raise UnreadableTelemetry(
            f"{name} has no column {', '.join(absent)}: it has {', '.join(map(str, first))[:300]}. "
            "Say on the source's page what its columns are called"
        )
    unit = mapping.get("time_unit", "")
    for row in _chained(first, records):
        found = {ours: _text(row.get(column)) for ours, column in theirs.items()}
        _set_time(found, kind, unit, bool(mapping.get(_TIME.get(kind, ""))))
        if kind == "logs":
            found["message"] = found["message"][:MESSAGE_CAP]
        yield found


def _chained(first: dict[str, Any], rest: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    yield first
    yield from rest


def _set_time(row: dict[str, str], kind: str, unit: str, is_mapped: bool) -> None:
    """Bring a row's time, and a span's duration, to the unit the neutral layout has."""
    column = _TIME.get(kind)
    if column is None:
        return
    target = 1e-6 if column.endswith("_us") else 1.0
    if unit in UNITS and is_mapped:
        scale = UNITS[unit] / target
        row[column] = _scaled(row[column], scale)
        if kind == "traces":
            row["duration_us"] = _scaled(row["duration_us"], scale)
    if not math.isfinite(_number(row[column])):
        seconds = _iso(row[column])
        row[column] = "" if seconds is None else repr(round(seconds / target, 6))


def _scaled(value: str, scale: float) -> str:
    number = _number(value)
    if not math.isfinite(number) or scale == 1.0:
        return value
    return repr(round(number * scale, 6))


def _iso(value: str) -> float | None:
    try:
        parsed = datetime.fromisoformat(value.strip())
    except ValueError:
        return None
    return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp()


def _number(value: str) -> float:
    try:
        return float(value)
    except ValueError:
        return math.nan


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
