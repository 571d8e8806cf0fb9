"""Read telemetry from files: the neutral layout of gzipped CSV in one folder per case.

    <set>/topology.csv                 source,target
    <set>/normal/                      fault-free reference of the same system
    <set>/cases/<case>/alert.json      and metrics, traces, logs, edges as .csv or .csv.gz
    <set>/ground_truth.json            labels; never read here

A file that is cut off gives the rows before the cut and a note; a column that is missing or a
file that unpacks past its cap is refused with one line that says what to do.
"""

from __future__ import annotations

import csv
import gzip
import io
import itertools
import json
import math
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from practice.domain.rootcause.telemetry import (
    EdgeTable,
    Labels,
    LogTable,
    MetricTable,
    SpanTable,
    Telemetry,
    floats,
)
from practice.domain.rootcause.types import Alert

# What one file may unpack to. A case of a busy hour is a tenth of it.
UNPACKED_CAP = 1 << 30
Columns = dict[str, tuple[str, ...]]


class UnreadableTelemetry(ValueError):
    """The telemetry cannot be used. ``str(error)`` is one line that says what to do."""


@dataclass(frozen=True, slots=True)
class Case:
    """One alert with its telemetry. ``notes`` say what was cut off or left out."""

    case_id: str
    alert: Alert
    telemetry: Telemetry
    notes: tuple[str, ...] = ()


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


@contextmanager
def _opened(path: Path, cap: int) -> Iterator[io.TextIOWrapper]:
    with path.open("rb") as raw:
        packed = raw.read(2) == b"\x1f\x8b"
        raw.seek(0)
        stream: BinaryIO = gzip.GzipFile(fileobj=raw) if packed else raw  # type: ignore[assignment]
        capped = io.BufferedReader(_Capped(stream, path.name, cap), 1 << 18)
        yield io.TextIOWrapper(capped, encoding="utf-8", errors="replace", newline="")


def columns(
    path: Path, wanted: Sequence[str], *, optional: Sequence[str] = (), cap: int = UNPACKED_CAP
) -> tuple[Columns, tuple[str, ...]]:
    """The named columns of a CSV file as text, and notes on rows that could not be used.

    Raises:
        UnreadableTelemetry: a wanted column is missing, or the file unpacks to more than ``cap``.
    """
    kept: list[list[str]] = []
    notes: list[str] = []
    with _opened(path, cap) as text:
        try:
            kept.extend(csv.reader(text))  # keeps the rows before an error
        except (EOFError, zlib.error, gzip.BadGzipFile, csv.Error) as error:
            notes.append(f"{path.name} is damaged ({error}): the rows before it are used")
    header = [name.strip().lstrip("\ufeff") for name in kept.pop(0)] if kept else []
    absent = [name for name in wanted if name not in header]
    if absent:
        raise UnreadableTelemetry(
            f"{path.name} has no column {', '.join(absent)}: its first line must name "
            f"{', '.join(wanted)}"
        )
    whole = [row for row in kept if len(row) == len(header)]
    if len(whole) < len(kept):
        notes.append(f"{path.name}: {len(kept) - len(whole)} rows are not whole and were left out")
    table = list(zip(*whole, strict=True)) if whole else [()] * len(header)
    found = {name: table[header.index(name)] for name in (*wanted, *optional) if name in header}
    empty = ("",) * len(whole)
    return found | {name: empty for name in optional if name not in header}, tuple(notes)


def lines(path: Path, *, cap: int = UNPACKED_CAP) -> Iterator[str]:
    """The lines of a text file, packed or not.

    Raises:
        UnreadableTelemetry: the file is cut off, or unpacks to more than ``cap``.
    """
    with _opened(path, cap) as text:
        try:
            yield from text
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise UnreadableTelemetry(f"{path.name} is damaged: {error}") from error


def _numbers(values: Sequence[str], scale: float = 1.0) -> Any:
    try:
        return floats(map(float, values)) * scale
    except ValueError:
        return floats(_number(value) for value in values) * scale


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def _metrics(path: Path) -> tuple[MetricTable, tuple[str, ...]]:
    c, notes = columns(path, ("ts", "metric", "value"), optional=("service", "pod"))
    return MetricTable(
        _numbers(c["ts"]),
        Labels.of(c["service"]),
        Labels.of(c["pod"]),
        Labels.of(c["metric"]),
        _numbers(c["value"]),
    ), notes


def _spans(path: Path) -> tuple[SpanTable, tuple[str, ...]]:
    c, notes = columns(
        path,
        ("trace_id", "span_id", "parent_id", "service", "start_us", "duration_us"),
        optional=("pod", "operation", "status"),
    )
    return SpanTable(
        trace_id=Labels.of(c["trace_id"]),
        span_id=Labels.of(c["span_id"]),
        parent_id=Labels.of(c["parent_id"]),
        service=Labels.of(c["service"]),
        pod=Labels.of(c["pod"]),
        operation=Labels.of(c["operation"]),
        start=_numbers(c["start_us"], 1e-6),
        duration=_numbers(c["duration_us"], 1e-6),
        status=Labels.of(c["status"]),
    ), notes


def _logs(path: Path) -> tuple[LogTable, tuple[str, ...]]:
    c, notes = columns(
        path,
        ("ts_us", "service", "message"),
        optional=("pod", "level", "source", "trace_id", "span_id"),
    )
    return LogTable(
        ts=_numbers(c["ts_us"], 1e-6),
        service=Labels.of(c["service"]),
        pod=Labels.of(c["pod"]),
        level=Labels.of(c["level"]),
        source=Labels.of(c["source"]),
        trace_id=Labels.of(c["trace_id"]),
        span_id=Labels.of(c["span_id"]),
        message=c["message"],
    ), notes


def _edges(path: Path) -> tuple[EdgeTable, tuple[str, ...]]:
    c, notes = columns(path, ("ts", "source", "target", "side", "p50_s"))
    return EdgeTable(
        _numbers(c["ts"]),
        Labels.of(c["source"]),
        Labels.of(c["target"]),
        Labels.of(c["side"]),
        _numbers(c["p50_s"]),
    ), notes


_READERS = {"metrics": _metrics, "traces": _spans, "logs": _logs, "edges": _edges}
_FIELDS = {"metrics": "metrics", "traces": "spans", "logs": "logs", "edges": "edges"}


def telemetry(
    folder: Path, topology: tuple[tuple[str, str], ...] = ()
) -> tuple[Telemetry, tuple[str, ...]]:
    """What lies in ``folder``; each of metrics, traces, logs and edges may be missing."""
    tables: dict[str, Any] = {}
    notes: list[str] = []
    for name, read in _READERS.items():
        path = next(
            (p for p in (folder / f"{name}.csv.gz", folder / f"{name}.csv") if p.exists()), None
        )
        if path is not None:
            tables[_FIELDS[name]], said = read(path)
            notes.extend(said)
    return Telemetry(**tables, topology=topology), tuple(notes)


def topology(folder: Path) -> tuple[tuple[str, str], ...]:
    """Caller → callee pairs of every ``topology*.csv`` in ``folder``."""
    pairs: dict[tuple[str, str], None] = {}
    for path in sorted(itertools.chain(folder.glob("topology*.csv"), folder.glob("topology*.gz"))):
        c, _ = columns(path, ("source", "target"))
        pairs.update(dict.fromkeys(zip(c["source"], c["target"], strict=True)))
    return tuple(pairs)


def alert(folder: Path) -> Alert:
    """The alert of a case folder.

    Raises:
        UnreadableTelemetry: ``alert.json`` is missing, not JSON, or has no ``alert_ts``.
    """
    path = folder / "alert.json"
    try:
        data = json.loads(path.read_text())
        at = float(data["alert_ts"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UnreadableTelemetry(
            f"{path} must be a JSON object with alert_ts in epoch seconds ({error})"
        ) from error
    between = data.get("onset_between")
    return Alert(
        alert_id=str(data.get("case_id") or folder.name),
        at=at,
        entry=str(data.get("entry_service") or ""),
        onset=(float(between[0]), float(between[1])) if between else None,
        interval=float(data.get("evaluation_interval_s") or 60.0),
        signal=str(data.get("signal") or ""),
        system=str(data.get("dataset") or ""),
    )


def case(folder: Path, topology: tuple[tuple[str, str], ...] = ()) -> Case:
    """One case folder: its alert and whatever telemetry lies beside it."""
    found = alert(folder)
    tables, notes = telemetry(folder, topology)
    return Case(folder.name, found, tables, notes)
