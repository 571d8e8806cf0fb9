"""Telemetry cut to a time: the window that was asked for, and what can be of an alert at all."""

from __future__ import annotations

import math
from datetime import UTC, datetime

import numpy as np

from practice.domain.rootcause.telemetry import (
    EdgeTable,
    Floats,
    LogTable,
    Modality,
    Telemetry,
)

# What is dated this long after an alert is not of it: the clock that dated it is ahead.
_AHEAD = 86_400.0
_LAST = datetime(9999, 12, 31, tzinfo=UTC).timestamp()


def trimmed(telemetry: Telemetry, begin: float, end: float) -> Telemetry:
    """The rows of a window; rows without a time are left out.

    A span counts by its start or by that of its trace: one service's clock that is ahead must not
    make its callers look as if nobody had answered them.
    """
    m, s, g, e = telemetry.metrics, telemetry.spans, telemetry.logs, telemetry.edges
    rows_m = (m.ts >= begin) & (m.ts <= end)
    first = np.full(len(s.trace_id.names), math.inf)
    np.fmin.at(first, s.trace_id.codes, s.start)
    began = first[s.trace_id.codes]
    rows_s = ((s.start >= begin) & (s.start <= end)) | ((began >= begin) & (began <= end))
    rows_g = (g.ts >= begin) & (g.ts <= end)
    rows_e = (e.ts >= begin) & (e.ts <= end)
    kept = np.flatnonzero(rows_g)
    return Telemetry(
        metrics=m.taken(rows_m),
        spans=s.taken(rows_s),
        logs=LogTable(
            ts=g.ts[rows_g],
            service=g.service.taken(rows_g),
            pod=g.pod.taken(rows_g),
            level=g.level.taken(rows_g),
            source=g.source.taken(rows_g),
            trace_id=g.trace_id.taken(rows_g),
            span_id=g.span_id.taken(rows_g),
            message=[g.message[int(row)] for row in kept],
        ),
        edges=EdgeTable(
            e.ts[rows_e],
            e.source.taken(rows_e),
            e.target.taken(rows_e),
            e.side.taken(rows_e),
            e.latency[rows_e],
        ),
        topology=telemetry.topology,
        hosts=telemetry.hosts,
    )


def timely(telemetry: Telemetry, at: float) -> tuple[Telemetry, tuple[str, ...]]:
    """Without what is dated more than a day after ``at``, which is told by a note per modality.

    Left in, a clock that is ahead by years would look like all that time without a sample.
    """
    last = at + _AHEAD
    if not any((ts > last).any() for ts in _times(telemetry).values()):
        return telemetry, ()
    kept = trimmed(telemetry, -math.inf, last)
    left = _times(kept)
    notes = tuple(
        f"{late} of {len(ts)} rows of {modality.value} are dated more than a day after the alert, "
        f"up to {_day(float(np.nanmax(ts)))}, and were left out."
        for modality, ts in _times(telemetry).items()
        if (late := int((ts > last).sum()) - int((left[modality] > last).sum()))
    )
    return kept, notes


def _times(telemetry: Telemetry) -> dict[Modality, Floats]:
    return {
        Modality.METRICS: telemetry.metrics.ts,
        Modality.TRACES: telemetry.spans.start,
        Modality.LOGS: telemetry.logs.ts,
        Modality.EDGES: telemetry.edges.ts,
    }


def covers(telemetry: Telemetry, begin: float) -> bool:
    """Whether anything at all was measured at ``begin`` or later."""
    return any(bool((times >= begin).any()) for times in _times(telemetry).values())


def _day(at: float) -> str:
    return f"{datetime.fromtimestamp(min(at, _LAST), UTC):%Y-%m-%d}"
