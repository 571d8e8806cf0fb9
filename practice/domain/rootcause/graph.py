"""Who calls whom, as the telemetry of a window shows it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from practice.domain.rootcause.telemetry import SpanTable, Telemetry


def parents(spans: SpanTable) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Row of each span's parent, −1 for roots and orphans. Ids match as text, within one trace."""
    rows: dict[tuple[int, str], int] = {}
    trace = spans.trace_id.codes
    for row, (code, span) in enumerate(zip(trace, spans.span_id.codes, strict=True)):
        rows.setdefault((int(code), spans.span_id.names[span]), row)
    names = spans.parent_id.names
    found = np.full(len(spans), -1, dtype=np.int64)
    for row, (code, parent) in enumerate(zip(trace, spans.parent_id.codes, strict=True)):
        if names[parent]:
            found[row] = rows.get((int(code), names[parent]), -1)
    found[found == np.arange(len(spans))] = -1
    return found


def calls(telemetry: Telemetry) -> Mapping[tuple[str, str], int]:
    """(caller, callee) → calls seen in spans; 0 where only topology or edges know the call."""
    counts: dict[tuple[str, str], int] = dict.fromkeys(telemetry.topology, 0)
    spans = telemetry.spans
    up = parents(spans)
    child = np.flatnonzero(up >= 0)
    service = spans.service.codes
    pairs = np.stack([service[up[child]], service[child]])
    for (source, target), number in zip(
        *(lambda found: (found[0].T, found[1]))(np.unique(pairs, axis=1, return_counts=True)),
        strict=True,
    ):
        if source != target:
            counts[spans.service.names[source], spans.service.names[target]] = int(number)
    edges = telemetry.edges
    for source, target in set(zip(edges.source.codes, edges.target.codes, strict=True)):
        counts.setdefault((edges.source.names[source], edges.target.names[target]), 0)
    return counts
