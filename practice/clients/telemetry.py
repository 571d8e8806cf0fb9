"""Read telemetry from files: the neutral layout, one folder per case.

    <set>/topology.csv                 source,target
    <set>/normal/                      fault-free reference of the same system
    <set>/cases/<case>/alert.json      and metrics, traces, logs, edges as CSV
    <set>/ground_truth.json            labels; never read here

Instead of CSV a file may be Parquet, JSON or OTLP in JSON (``telemetry_tables``), packed or not.
A file that is cut off gives the rows before the cut and a note; one without a needed column, or
that unpacks past its cap, is left out with a note. Columns may come in any order, under the names
other collectors give them, and in other units (``telemetry_columns``).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from practice.clients.telemetry_columns import (
    Holds,
    UnreadableTelemetry,
    moment,
    rows_of,
    unit_of,
)
from practice.clients.telemetry_lines import opened
from practice.clients.telemetry_names import named
from practice.clients.telemetry_tables import columns, files_of, has_form, inside, lying
from practice.clients.telemetry_wide import samples
from practice.domain.rootcause.buckets import quantiled
from practice.domain.rootcause.clipping import timely
from practice.domain.rootcause.cumulative import differenced
from practice.domain.rootcause.telemetry import (
    EdgeTable,
    Labels,
    LogTable,
    MetricTable,
    SpanTable,
    Telemetry,
    joined,
    no_labels,
)
from practice.domain.rootcause.types import Alert

__all__ = ["Case", "UnreadableTelemetry", "alert", "case", "telemetry", "topology"]

Notes = tuple[str, ...]
Hosts = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Case:
    """One alert with its telemetry. ``notes`` say what was cut off or left out."""

    case_id: str
    alert: Alert
    telemetry: Telemetry
    notes: tuple[str, ...] = ()


def _names(*names: str) -> dict[str, Holds]:
    return dict.fromkeys(names, Holds.NAMES)


def _numbers(*names: str) -> dict[str, Holds]:
    return dict.fromkeys(names, Holds.NUMBERS)


def _timed(found: dict[str, Any], name: str, path: Path, near: float | None) -> tuple[float, Notes]:
    """What the times must be multiplied by, and notes where the file means them otherwise.

    Rows dated before 1970 among others that are not have no time: somebody wrote the zero of
    another calendar. Taken at its word, one such row makes the window centuries long.
    """
    notes, times = [], found[name]
    if (lost := int((times < 0).sum())) and np.nanmedian(times) > 0:
        found[name] = np.where(times < 0, np.nan, times)
        notes.append(f"{path.name}: {rows_of(lost)} dated before 1970, read as without a time")
    scale = unit_of(found[name], near)
    if scale != 1.0:
        notes.append(f"{path.name}: {name} is in another unit than it says; it was read as it fits")
    return scale, tuple(notes)


def _hosts(c: Mapping[str, Labels]) -> Hosts:
    """What runs where: each pod, or service where no pod is named, with its host."""
    host, pod, service = c["host"], c["pod"], c["service"]
    if not any(host.names):
        return ()
    pods, services = len(pod.names), len(service.names)
    key = (host.codes.astype(np.int64) * pods + pod.codes) * services + service.codes
    pairs = {
        (pod.names[one // services % pods] or service.names[one % services],
         host.names[one // services // pods])
        for one in np.unique(key).tolist()
        if host.names[one // services // pods]
    }  # fmt: skip
    return tuple(sorted(pair for pair in pairs if pair[0]))


def _instances(c: Mapping[str, Labels]) -> Labels:
    """What each sample was taken of: a pod, or a host where neither pod nor service is named."""
    host, pod, service = c["host"], c["pod"], c["service"]
    if "" not in service.names or not any(host.names):
        return pod
    alone = service.is_name("") & pod.is_name("") & ~host.is_name("")
    names = (*pod.names, *host.names)
    return Labels(np.where(alone, len(pod.names) + host.codes, pod.codes).astype(np.int32), names)


def _whose(path: Path, services: Labels, pods: Labels, hosts: Labels) -> Labels:
    """The service of each row.

    Raises:
        UnreadableTelemetry: there are rows, and not one of them says whose it is.
    """
    found = named(services, pods, hosts)
    if len(found) and not any(found.names):
        raise UnreadableTelemetry(f"{path.name} has no column service: each row must name one")
    return found


def _metrics(path: Path, near: float | None) -> tuple[MetricTable, Notes, Hosts]:
    c, notes = samples(path)
    c["service"] = named(c["service"], c["pod"], c["host"])
    scale, said = _timed(c, "ts", path, near)
    table = MetricTable(c["ts"] * scale, c["service"], _instances(c), c["metric"], c["value"])
    return table, (*notes, *said), _hosts(c)


def _lacking(c: Mapping[str, Any], path: Path) -> Notes:
    """What cannot be told of spans whose file has no column for it, or never fills it."""
    found = []
    lacking = [column for column in ("span_id", "parent_id") if not any(c[column].names)]
    if len(c["start_us"]) and lacking:
        found.append(
            f"No span of {path.name} has a {' or a '.join(lacking)}: who called whom cannot be "
            "told from it"
        )
    if len(c["start_us"]) and not (np.isfinite(c["duration_us"]) | np.isfinite(c["end_us"])).any():
        found.append(f"{path.name} has no duration_us: its spans were used as calls, not as times")
    return tuple(found)


def _spans(path: Path, near: float | None) -> tuple[SpanTable, Notes, Hosts]:
    c, notes = columns(
        path,
        {**_names("trace_id"), **_numbers("start_us")},
        optional={
            **_names("span_id", "parent_id", "service", "pod", "operation", "status", "host"),
            **_numbers("duration_us", "end_us"),
        },
    )
    notes = (*notes, *_lacking(c, path))
    took = c["duration_us"]
    if not np.isfinite(took).any():
        took = c["end_us"] - c["start_us"]
    c["service"] = _whose(path, c["service"], c["pod"], c["host"])
    scale, said = _timed(c, "start_us", path, near)
    table = SpanTable(
        trace_id=c["trace_id"],
        span_id=c["span_id"],
        parent_id=c["parent_id"],
        service=c["service"],
        pod=c["pod"],
        operation=c["operation"],
        start=c["start_us"] * scale,
        duration=took * scale,
        status=c["status"],
    )
    # One span of which nobody knows when it began would take the own times of all others with it.
    timed = np.isfinite(table.start)
    if lost := int((~timed).sum()):
        table = table.taken(timed)
        said = (*said, f"{path.name}: {rows_of(lost)} without a time that can be read, left out")
    return table, (*notes, *said), _hosts(c)


def _logs(path: Path, near: float | None) -> tuple[LogTable, Notes, Hosts]:
    c, notes = columns(
        path,
        {**_numbers("ts_us"), "message": Holds.TEXTS},
        optional=_names("service", "pod", "level", "source", "trace_id", "span_id"),
    )
    c = opened(c)
    c["service"] = _whose(path, c["service"], c["pod"], no_labels())
    scale, said = _timed(c, "ts_us", path, near)
    return (
        LogTable(
            ts=c["ts_us"] * scale,
            service=c["service"],
            pod=c["pod"],
            level=c["level"],
            source=c["source"],
            trace_id=c["trace_id"],
            span_id=c["span_id"],
            message=c["message"],
        ),
        (*notes, *said),
        (),
    )


def _edges(path: Path, near: float | None) -> tuple[EdgeTable, Notes, Hosts]:
    names = _names("source", "target", "side")
    c, notes = columns(path, {**_numbers("ts"), **names, **_numbers("p50_s")})
    scale, said = _timed(c, "ts", path, near)
    table = EdgeTable(c["ts"] * scale, c["source"], c["target"], c["side"], c["p50_s"])
    return table, (*notes, *said), ()


#: numbers too large for a float, and values nested too deeply.
_BEYOND = (OverflowError, RecursionError)
_READERS = {"metrics": _metrics, "traces": _spans, "logs": _logs, "edges": _edges}
_FIELDS = {"metrics": "metrics", "traces": "spans", "logs": "logs", "edges": "edges"}


def telemetry(
    folder: Path, topology: tuple[tuple[str, str], ...] = (), *, near: float | None = None
) -> tuple[Telemetry, Notes]:
    """What lies in ``folder``; each of metrics, traces, logs and edges may be missing.

    A file that cannot be used is as good as missing, and a note says why. ``near`` is a time in
    epoch seconds that the telemetry is about, by which its units are checked.

    Raises:
        UnreadableTelemetry: there are files, and not one of them can be used.
    """
    tables: dict[str, Any] = {}
    notes: list[str] = []
    refused: list[str] = []
    hosts: dict[tuple[str, str], None] = {}
    for name, read in _READERS.items():
        parts: list[Any] = []
        for path in files_of(folder, name):
            try:
                table, said, where = read(path, near)
                parts.append(table)
                notes.extend(said)
                hosts |= dict.fromkeys(where)
            except UnreadableTelemetry as error:
                refused.append(f"{error}. The other files were used")
        if parts:
            whole = joined(parts)
            tables[_FIELDS[name]] = differenced(quantiled(whole)) if name == "metrics" else whole
    if refused and not tables:
        raise UnreadableTelemetry(refused[0].removesuffix(". The other files were used"))
    return Telemetry(**tables, topology=topology, hosts=tuple(hosts)), (*refused, *notes)


def topology(folder: Path) -> tuple[tuple[str, str], ...]:
    """Caller → callee pairs of every file in ``folder`` whose name begins with ``topology``."""
    pairs: dict[tuple[str, str], None] = {}
    mine = [p for p in inside(folder) if p.name.lower().startswith("topology")]
    for path in filter(has_form, mine):
        c, _ = columns(path, _names("source", "target"))
        pairs.update(dict.fromkeys(zip(c["source"], c["target"], strict=True)))
    return tuple(pairs)


def alert(folder: Path) -> Alert:
    """The alert of a case folder. Its times are epoch seconds (finer units are told), or ISO 8601.

    Raises:
        UnreadableTelemetry: ``alert.json`` is missing, not JSON, or has no ``alert_ts``.
    """
    path = lying(folder, "alert.json")
    try:
        data = json.loads(path.read_text(encoding="utf-8-sig"))
        interval = float(_said(data, "evaluation_interval_s", "interval_s") or 60.0)
        interval = interval if interval > 0 else 60.0
        between = _said(data, "onset_between", "onset", "window")
        onset = (_time(between[0]), _time(between[1])) if between else None
        known = None if onset is None else onset[1] + interval
        at = _said(
            data, "alert_ts", "ts", "timestamp", "time", "alert_time", "startsAt", other=known
        )
        at = _time(data["alert_ts"] if at is None else at)
    except OSError as error:
        raise UnreadableTelemetry(
            f"{path} cannot be opened ({error.strerror}): a case is a folder with alert.json"
        ) from error
    except (ValueError, LookupError, TypeError, AttributeError, *_BEYOND) as error:
        raise UnreadableTelemetry(
            f"{path} must be a JSON object with alert_ts in epoch seconds ({error})"
        ) from error
    return Alert(
        alert_id=str(data.get("case_id") or folder.name),
        at=at,
        entry=str(_said(data, "entry_service", "entry", "service") or ""),
        onset=onset,
        interval=interval,
        signal=str(data.get("signal") or ""),
        system=str(data.get("dataset") or ""),
    )


def _said(data: Mapping[str, Any], *names: str, other: Any = None) -> Any:
    """The first of the named values that is there."""
    return next((data[name] for name in names if data.get(name) is not None), other)


def _time(value: Any) -> float:
    """Epoch seconds of a number in any unit, or of an ISO 8601 text.

    Raises:
        ValueError: it is neither.
    """
    try:
        seconds = np.array([float(value)])
    except ValueError:
        seconds = np.array([moment(str(value))])
    if not np.isfinite(seconds[0]):
        raise ValueError(f"{value!r} is not a time")
    return float(seconds[0]) * unit_of(seconds, None)


def case(folder: Path, topology: tuple[tuple[str, str], ...] = ()) -> Case:
    """One case folder: its alert and whatever telemetry lies beside it."""
    found = alert(folder)
    tables, notes = telemetry(folder, topology, near=found.at)
    tables, late = timely(tables, found.at)
    return Case(folder.name, found, tables, (*notes, *late))
