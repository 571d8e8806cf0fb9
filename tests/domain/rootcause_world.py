"""A small shop whose telemetry tests can bend: web calls shop, shop calls stock."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from practice.domain.rootcause.telemetry import (
    Labels,
    LogTable,
    MetricTable,
    SpanTable,
    Telemetry,
    floats,
)
from practice.domain.rootcause.types import Alert

BEGIN, AT = 1_000.0, 1_120.0
ALERT = Alert("a1", AT, "web", onset=(BEGIN, BEGIN + 60.0))


@dataclass
class Spans:
    """Rows of a span table, added one by one. Times are seconds."""

    rows: list[tuple[str, str, str, str, str, float, float, str]] = field(default_factory=list)

    def add(
        self, trace: str, span: str, parent: str, service: str, operation: str, start: float,
        duration: float, status: str = "",
    ) -> None:  # fmt: skip
        self.rows.append((trace, span, parent, service, operation, start, duration, status))

    def table(self) -> SpanTable:
        columns = list(zip(*self.rows, strict=True)) if self.rows else [()] * 8
        return SpanTable(
            trace_id=Labels.of(columns[0]),
            span_id=Labels.of(columns[1]),
            parent_id=Labels.of(columns[2]),
            service=Labels.of(columns[3]),
            pod=Labels.of(f"{name}-1" for name in columns[3]),
            operation=Labels.of(columns[4]),
            start=floats(columns[5]),
            duration=floats(columns[6]),
            status=Labels.of(columns[7]),
        )


Request = Callable[[Spans, str, float], None]


def request(
    *,
    own: float = 0.010,
    stock: float = 0.005,
    gap: float = 0.001,
    steps: Sequence[str] = ("SELECT",),
) -> Request:
    """One request: web → shop → stock. ``own`` is the shop's own time, ``gap`` of its call."""

    def add(spans: Spans, trace: str, at: float) -> None:
        inner = own + stock + gap
        spans.add(trace, "w", "", "web", "GET /", at, inner + 0.006)
        spans.add(trace, "wc", "w", "web", "call shop", at + 0.002, inner + 0.001)
        spans.add(trace, "s", "wc", "shop", "POST /buy", at + 0.0025, inner)
        spans.add(trace, "sc", "s", "shop", "call stock", at + 0.004, stock + gap)
        spans.add(trace, "t", "sc", "stock", "GET /stock", at + 0.004 + gap / 2, stock)
        for number, step in enumerate(steps):
            spans.add(trace, f"x{number}", "t", "stock", step, at + 0.005, 0.001)

    return add


def traces(begin: float, end: float, each: Request, every: float = 2.0) -> Spans:
    spans = Spans()
    for number, at in enumerate(np.arange(begin, end, every)):
        each(spans, f"r{begin:g}-{number}", float(at) + 0.01 * (number % 3))
    return spans


def world(
    bad: Request, good: Request | None = None, metrics: MetricTable | None = None
) -> tuple[Telemetry, Telemetry]:
    """(window, reference): good requests until the fault begins, then bad ones."""
    good = good or request()
    early, late = traces(BEGIN - 60, BEGIN, good), traces(BEGIN + 20, AT, bad)
    window = Spans(early.rows + late.rows)
    calm = traces(0.0, 200.0, good)
    return (
        Telemetry(metrics=metrics or MetricTable(), spans=window.table()),
        Telemetry(spans=calm.table()),
    )


def metrics(values: dict[tuple[str, str], Sequence[float]], every: float = 60.0) -> MetricTable:
    """(service, metric) → samples, the last two of them inside the window."""
    rows = [
        (BEGIN + every * (place - len(samples) + 2), service, metric, value)
        for (service, metric), samples in values.items()
        for place, value in enumerate(samples)
    ]
    return MetricTable(
        floats(row[0] for row in rows),
        Labels.of(row[1] for row in rows),
        Labels.of(f"{row[1]}-1" for row in rows),
        Labels.of(row[2] for row in rows),
        floats(row[3] for row in rows),
    )


def logs(rows: Sequence[tuple[float, str, str, str]]) -> LogTable:
    """(time, service, level, message)."""
    empty = Labels.of("" for _ in rows)
    return LogTable(
        floats(row[0] for row in rows),
        Labels.of(row[1] for row in rows),
        empty,
        Labels.of(row[2] for row in rows),
        empty,
        empty,
        empty,
        [row[3] for row in rows],
    )
