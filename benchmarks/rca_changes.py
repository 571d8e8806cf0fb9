"""Changes to a case that must not, or may only a little, move its answer."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from practice.domain.rootcause.telemetry import (
    EdgeTable,
    Labels,
    LogTable,
    MetricTable,
    SpanTable,
    Telemetry,
)
from practice.domain.rootcause.types import Alert

Change = Callable[[Telemetry, Alert], tuple[Telemetry, Alert]]
LETTERS = "bcdfghjklmnpqrstvwxz"


def _word(source: random.Random) -> str:
    return "".join(source.choice(LETTERS) + source.choice("aeiou") for _ in range(4))


def renamed(names: set[str], seed: int) -> dict[str, str]:
    """A random word for each name, no two alike."""
    source = random.Random(seed)
    found: dict[str, str] = {}
    for name in sorted(names):
        word = _word(source)
        while word in found.values():
            word = _word(source)
        found[name] = word
    return found


def services(telemetry: Telemetry) -> set[str]:
    labels = (
        telemetry.metrics.service,
        telemetry.spans.service,
        telemetry.logs.service,
        telemetry.edges.source,
        telemetry.edges.target,
    )
    found = {name for label in labels for name in label.names if name}
    return found | {name for pair in telemetry.topology for name in pair}


def _relabeled(labels: Labels, words: dict[str, str]) -> Labels:
    return Labels(labels.codes, tuple(words.get(name, name) for name in labels.names))


def _pods(labels: Labels, words: dict[str, str]) -> Labels:
    """A pod's name begins with its service's: rename that part too."""

    def other(name: str) -> str:
        best = max((s for s in words if name.startswith(s)), key=len, default="")
        return words[best] + name[len(best) :] if best else name

    return Labels(labels.codes, tuple(other(name) for name in labels.names))


def rename(telemetry: Telemetry, words: dict[str, str]) -> Telemetry:
    m, s, g, e = telemetry.metrics, telemetry.spans, telemetry.logs, telemetry.edges
    return Telemetry(
        metrics=replace(m, service=_relabeled(m.service, words), pod=_pods(m.pod, words)),
        spans=replace(s, service=_relabeled(s.service, words), pod=_pods(s.pod, words)),
        logs=replace(g, service=_relabeled(g.service, words), pod=_pods(g.pod, words)),
        edges=replace(e, source=_relabeled(e.source, words), target=_relabeled(e.target, words)),
        topology=tuple((words[a], words[b]) for a, b in telemetry.topology),
    )


def _logs(table: LogTable, rows: np.ndarray) -> LogTable:
    return LogTable(
        table.ts[rows], table.service.taken(rows), table.pod.taken(rows),
        table.level.taken(rows), table.source.taken(rows), table.trace_id.taken(rows),
        table.span_id.taken(rows), [table.message[i] for i in np.flatnonzero(rows)],
    )  # fmt: skip


def _spans(table: SpanTable, rows: np.ndarray) -> SpanTable:
    return SpanTable(
        table.trace_id.taken(rows), table.span_id.taken(rows), table.parent_id.taken(rows),
        table.service.taken(rows), table.pod.taken(rows), table.operation.taken(rows),
        table.start[rows], table.duration[rows], table.status.taken(rows),
    )  # fmt: skip


def edge_rows(table: EdgeTable, rows: np.ndarray) -> EdgeTable:
    return EdgeTable(
        table.ts[rows], table.source.taken(rows), table.target.taken(rows),
        table.side.taken(rows), table.latency[rows],
    )  # fmt: skip


def between(telemetry: Telemetry, begin: float, end: float) -> Telemetry:
    """The rows of a time range."""
    m, s, g, e = telemetry.metrics, telemetry.spans, telemetry.logs, telemetry.edges
    return Telemetry(
        m.taken((m.ts >= begin) & (m.ts < end)),
        _spans(s, (s.start >= begin) & (s.start < end)),
        _logs(g, (g.ts >= begin) & (g.ts < end)),
        edge_rows(e, (e.ts >= begin) & (e.ts < end)),
        telemetry.topology,
    )


def without_metrics(telemetry: Telemetry, alert: Alert) -> tuple[Telemetry, Alert]:
    return replace(telemetry, metrics=MetricTable()), alert


def without_traces(telemetry: Telemetry, alert: Alert) -> tuple[Telemetry, Alert]:
    return replace(telemetry, spans=SpanTable()), alert


def without_logs(telemetry: Telemetry, alert: Alert) -> tuple[Telemetry, Alert]:
    return replace(telemetry, logs=LogTable()), alert


def sampled_traces(telemetry: Telemetry, alert: Alert) -> tuple[Telemetry, Alert]:
    """One trace in ten, whole. Log lines stay: collectors sample spans."""
    spans = telemetry.spans
    kept = np.random.default_rng(7).random(len(spans.trace_id.names)) < 0.1
    some = kept[spans.trace_id.codes] if len(spans) else np.zeros(0, dtype=bool)
    return replace(telemetry, spans=_spans(spans, some)), alert


def shifted_clocks(telemetry: Telemetry, alert: Alert) -> tuple[Telemetry, Alert]:
    """Every other service's clock is two seconds ahead in spans and logs."""

    def ahead(labels: Labels) -> np.ndarray:
        late = np.array([sum(name.encode()) % 2 for name in labels.names], dtype=float)
        return 2.0 * late[labels.codes] if len(labels) else np.zeros(0)

    spans, logs = telemetry.spans, telemetry.logs
    return (
        replace(
            telemetry,
            spans=replace(spans, start=spans.start + ahead(spans.service)),
            logs=replace(logs, ts=logs.ts + ahead(logs.service)),
        ),
        alert,
    )


def repeated(telemetry: Telemetry, times: int) -> Telemetry:
    """The same spans and log lines ``times`` over, as traces of their own."""
    spans, logs = telemetry.spans, telemetry.logs
    s = np.tile(np.arange(len(spans)), times)
    g = np.tile(np.arange(len(logs)), times)

    def own(labels: Labels, rows: np.ndarray) -> Labels:
        size = len(labels.names)
        names = tuple(f"{name}~{t}" if name else "" for t in range(times) for name in labels.names)
        each = np.repeat(np.arange(times), len(labels)) * size
        return Labels((labels.codes[rows] + each).astype(np.int32), names)

    many = replace(
        _spans(spans, s),
        trace_id=own(spans.trace_id, s),
        span_id=own(spans.span_id, s),
        parent_id=own(spans.parent_id, s),
    )
    lines = LogTable(
        logs.ts[g], logs.service.taken(g), logs.pod.taken(g), logs.level.taken(g),
        logs.source.taken(g), own(logs.trace_id, g), own(logs.span_id, g),
        list(logs.message) * times,
    )  # fmt: skip
    return replace(telemetry, spans=many, logs=lines)


def fault_free(
    normal: Telemetry, *, before: float = 1200.0, after: float = 240.0, step: float = 240.0
) -> list[tuple[Telemetry, Alert, Telemetry]]:
    """Windows cut out of fault-free telemetry, each with an alert and the rest as reference.

    The one fault-free minute of spans and logs is halved: its first half is the reference, its
    second is moved into each window.
    """
    m, s = normal.metrics, normal.spans
    first, last = float(m.ts.min()), float(m.ts.max())
    middle = float(np.median(s.start)) if len(s) else 0.0
    early = between(normal, 0.0, middle)
    late = between(normal, middle, np.inf)
    found = []
    at = first + before + after
    while at <= last:
        begin, end = at - before - after, at
        rest = (m.ts < begin) | (m.ts >= end)
        edges = normal.edges
        far = (edges.ts < begin) | (edges.ts >= end)
        alert = Alert(f"calm-{len(found)}", end - 60.0, "", (end - 240.0, end - 180.0))
        move = end - 230.0 - middle
        window = between(normal, begin, end)
        window = replace(
            window,
            spans=replace(late.spans, start=late.spans.start + move),
            logs=replace(late.logs, ts=late.logs.ts + move),
        )
        reference = replace(
            normal,
            metrics=m.taken(rest),
            edges=edge_rows(edges, far),
            spans=early.spans,
            logs=early.logs,
        )
        found.append((window, alert, reference))
        at += step
    return found
