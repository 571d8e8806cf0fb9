"""What the page of an incident draws of its telemetry: series, log lines, one trace. Pure.

Cut out once, when the analysis ends: a page must not read a million rows to draw forty points.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from memoryapp.domain.masking import redact
from practice.domain.causal_layout import short, verdicts
from practice.domain.rootcause.counters import per_second
from practice.domain.rootcause.robust import spread
from practice.domain.rootcause.telemetry import Floats, MetricTable, SpanTable, Telemetry
from practice.domain.rootcause.types import Analysis, Node, Verdict

MAX_SERIES = 12
MAX_POINTS = 64
MAX_LOGS = 12
MAX_SPANS = 60
LINE_CAP = 300
_MOST = 1e12
_LOUD = frozenset({"error", "fatal", "critical", "warn", "warning"})


def panels(telemetry: Telemetry, analysis: Analysis) -> dict[str, Any]:
    """JSON: ``metrics`` (series, their usual band), ``logs``, ``trace``; empty where missing."""
    order = _nodes_by_interest(analysis)
    return {
        "metrics": _metrics(telemetry, analysis, order),
        "logs": _templates(order) or _lines(telemetry, order),
        "trace": _trace(telemetry, analysis),
    }


def _nodes_by_interest(analysis: Analysis) -> list[Node]:
    """The first causes, then what deviates, then the rest, each once."""
    nodes = {node.node_id: node for node in analysis.nodes}
    decided = verdicts(analysis)
    ranked = [cause.node for cause in analysis.causes[:3]]
    deviating = [n for n, v in decided.items() if v.verdict in {Verdict.OWN, Verdict.INHERITED}]
    return [nodes[n] for n in dict.fromkeys([*ranked, *deviating, *decided]) if n in nodes]


def _verdict(analysis: Analysis, node: str) -> str:
    visit = verdicts(analysis).get(node)
    return visit.verdict.value if visit else ""


def _metrics(
    telemetry: Telemetry, analysis: Analysis, order: Sequence[Node]
) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    table = telemetry.metrics
    alert = analysis.alert
    onset = alert.onset[0] if alert.onset else alert.at - 2 * alert.interval
    for node in order:
        known = {(m.metric, m.pod): m for m in node.metrics}
        rows = table.service.is_name(short(node.node_id)) | table.pod.is_name(short(node.node_id))
        rows &= np.isfinite(table.value) & np.isfinite(table.ts)
        drawn = [
            series
            for series in _series_of(table, np.flatnonzero(rows), onset)
            if not known or (series["metric"], series["pod"]) in known
        ]
        drawn.sort(key=lambda series: -series["deviation"])
        for series in drawn[: 2 if not found else 1]:
            summary = known.get((series["metric"], series["pod"]))
            found.append(
                series
                | {
                    "node": short(node.node_id),
                    "verdict": _verdict(analysis, node.node_id),
                    "onset": summary.onset if summary else None,
                }
            )
        if len(found) >= MAX_SERIES:
            break
    return sorted(found, key=lambda s: (s["onset"] is None, s["onset"] or 0.0))[:MAX_SERIES]


def _series_of(table: MetricTable, rows: Any, onset: float) -> list[dict[str, Any]]:
    found = []
    keys = np.stack([table.pod.codes[rows], table.metric.codes[rows]])
    for pod, metric in np.unique(keys, axis=1).T if len(rows) else ():
        mine = rows[(keys[0] == pod) & (keys[1] == metric)]
        mine = mine[np.argsort(table.ts[mine], kind="stable")]
        name = table.metric.names[metric]
        ts, values, is_rate = per_second(name, table.ts[mine], table.value[mine])
        before, after = values[ts < onset], values[ts >= onset]
        if len(before) < 3 or not len(after):
            continue
        usual = float(np.median(before))
        width = max(spread(before), 1e-9)
        now = float(np.median(after))
        # Values a float can just hold have distances it cannot, which JSON has no word for.
        apart = float(values.max()) - float(values.min())
        if not np.isfinite([apart, usual - 2 * width, usual + 2 * width, now]).all():
            continue
        found.append(
            {
                "metric": name,
                "is_rate": is_rate,
                "pod": table.pod.names[pod],
                "points": _thinned(ts, values),
                "low": usual - 2 * width,
                "high": usual + 2 * width,
                "was": usual,
                "now": now,
                "deviation": min(abs(now - usual) / max(width, 0.02 * abs(usual)), _MOST),
            }
        )
    return found


def _thinned(ts: Floats, values: Floats) -> list[list[float]]:
    """At most ``MAX_POINTS`` points: of each bin the value farthest from the middle."""
    if len(ts) <= MAX_POINTS:
        return [[float(t), float(v)] for t, v in zip(ts, values, strict=True)]
    middle = float(np.median(values))
    points = []
    for part in np.array_split(np.arange(len(ts)), MAX_POINTS):
        row = int(part[np.argmax(np.abs(values[part] - middle))])
        points.append([float(ts[row]), float(values[row])])
    return points


def _templates(order: Sequence[Node]) -> list[dict[str, Any]]:
    """Templates that are there more often than usual, the most surprising first."""
    found: list[dict[str, Any]] = [
        {
            "node": short(node.node_id),
            "level": item.level,
            "text": redact(item.template)[:LINE_CAP],
            "count": item.count,
            "expected": item.expected,
            "evidence": item.evidence_id,
            "first_seen": item.first_seen,
        }
        for node in order
        for item in node.templates
        if item.count > item.expected or item.evidence_id
    ]
    found.sort(key=lambda row: (not row["evidence"], -(row["count"] - row["expected"])))
    return found[:MAX_LOGS]


def _lines(telemetry: Telemetry, order: Sequence[Node]) -> list[dict[str, Any]]:
    """Where no template is known: error lines of what deviates, counted by their text."""
    logs = telemetry.logs
    counts: dict[tuple[str, str, str], int] = {}
    for node in order[:6]:
        for row in np.flatnonzero(logs.service.is_name(short(node.node_id))):
            level = logs.level[int(row)]
            if level.lower() in _LOUD:
                key = (short(node.node_id), level, redact(logs.message[int(row)])[:LINE_CAP])
                counts[key] = counts.get(key, 0) + 1
    top = sorted(counts.items(), key=lambda item: -item[1])[:MAX_LOGS]
    return [
        {"node": n, "level": level, "text": text, "count": count, "expected": None, "evidence": ""}
        for (n, level, text), count in top
    ]


def _trace(telemetry: Telemetry, analysis: Analysis) -> dict[str, Any]:
    """One trace to look at: the alert's, one that evidence names, or the slowest over the cause."""
    spans = telemetry.spans
    if not len(spans):
        return {}
    name = _chosen(spans, analysis)
    if not name:
        return {}
    rows = np.flatnonzero(spans.trace_id.is_name(name))
    return {"trace_id": name, **_waterfall(spans, rows, analysis)}


def _chosen(spans: SpanTable, analysis: Analysis) -> str:
    known = set(spans.trace_id.names)
    if analysis.alert.trace_id in known:
        return analysis.alert.trace_id
    top = analysis.causes[0] if analysis.causes else None
    cited = set(top.evidence) if top else set()
    for item in analysis.evidence:
        if item.evidence_id in cited:
            named = next((r for r in item.references if r in known), "")
            if named:
                return named
    rows = (
        spans.service.is_name(top.service)
        if top and top.service
        else np.zeros(len(spans), dtype=np.bool_)
    )
    if not rows.any():
        rows = np.ones(len(spans), dtype=np.bool_)
    lengths = np.where(rows & np.isfinite(spans.duration), spans.duration, -1.0)
    return spans.trace_id[int(np.argmax(lengths))]


def _waterfall(spans: SpanTable, rows: Any, analysis: Analysis) -> dict[str, Any]:
    """Spans in the order of the calls; one whose parent is not there begins a tree of its own."""
    by_id = {spans.span_id[int(row)]: int(row) for row in rows}
    children: dict[str, list[int]] = {}
    roots = []
    for row in map(int, rows):
        parent = spans.parent_id[row]
        if parent in by_id and by_id[parent] != row:
            children.setdefault(parent, []).append(row)
        else:
            roots.append(row)
    order: list[tuple[int, int]] = []
    seen: set[int] = set()
    stack = [(row, 0) for row in sorted(roots, key=lambda r: -spans.start[r])]
    while stack and len(order) < MAX_SPANS:
        row, depth = stack.pop()
        if row in seen:
            continue
        seen.add(row)
        order.append((row, depth))
        below = sorted(children.get(spans.span_id[row], ()), key=lambda r: -spans.start[r])
        stack.extend((child, depth + 1) for child in below)
    if not order:
        return {"spans": [], "total_ms": 0, "left_out": 0}
    begin = min(float(spans.start[row]) for row, _ in order)
    ends = [_end(spans, row) for row, _ in order]
    return {
        "spans": [
            {
                "service": spans.service[row],
                "operation": spans.operation[row][:120],
                "depth": min(depth, 12),
                "start_ms": (float(spans.start[row]) - begin) * 1000,
                "duration_ms": (_end(spans, row) - float(spans.start[row])) * 1000,
                "has_end": bool(np.isfinite(spans.duration[row])),
                "status": spans.status[row],
                "verdict": _verdict(analysis, f"service:{spans.service[row]}"),
            }
            for row, depth in order
        ],
        "total_ms": (max(ends) - begin) * 1000,
        "left_out": len(rows) - len(order),
    }


def _end(spans: SpanTable, row: int) -> float:
    length = float(spans.duration[row])
    return float(spans.start[row]) + (length if np.isfinite(length) and length > 0 else 0.0)
