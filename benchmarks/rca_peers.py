"""Simpler methods on the same cases, each a list of services, best first.

``max_z``: the largest robust z of any metric. ``robust_scorer``: BARO's ranking step (Pham et al.,
FSE 2024: median and interquartile range of the time before, largest scaled value after), written
anew; its change point detection is given the alert's onset instead. ``page_rank``: random walks
along calls, restarting where metrics are anomalous. ``error_logs``: error lines in the window.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict

import numpy as np

from practice.domain.rootcause.metrics import series
from practice.domain.rootcause.telemetry import Telemetry
from practice.domain.rootcause.types import Alert
from practice.domain.rootcause.window import bounds, examine


def _scaled(telemetry: Telemetry, alert: Alert, *, quartiles: bool) -> dict[str, float]:
    begin, _ = bounds(alert)
    found: dict[str, float] = defaultdict(float)
    for one in series(telemetry.metrics):
        before, after = one.value[one.ts < begin], one.value[one.ts >= begin]
        if len(before) < 3 or not len(after) or not one.service:
            continue
        middle = np.median(before)
        if quartiles:
            width = float(np.subtract(*np.percentile(before, [75, 25]))) or 1.0
        else:
            width = 1.4826 * float(np.median(np.abs(before - middle))) or 1e-9 + abs(middle) * 0.05
        found[one.service] = max(found[one.service], float(np.abs(after - middle).max() / width))
    return found


def _order(weights: dict[str, float]) -> list[str]:
    return sorted(weights, key=lambda n: (-weights[n], hashlib.sha256(n.encode()).hexdigest()))


def max_z(telemetry: Telemetry, alert: Alert) -> list[str]:
    return _order(_scaled(telemetry, alert, quartiles=False))


def robust_scorer(telemetry: Telemetry, alert: Alert) -> list[str]:
    return _order(_scaled(telemetry, alert, quartiles=True))


def error_logs(telemetry: Telemetry, alert: Alert) -> list[str]:
    begin, _ = bounds(alert)
    logs = telemetry.logs
    counts: Counter[str] = Counter()
    for row in range(len(logs)):
        if logs.ts[row] >= begin and logs.level[row].upper() in {"ERROR", "FATAL", "CRITICAL"}:
            counts[logs.service[row]] += 1
    return _order({n: float(counts[n]) for n in set(counts) | set(logs.service.names) if n})


def page_rank(telemetry: Telemetry, alert: Alert) -> list[str]:
    weights = _scaled(telemetry, alert, quartiles=False)
    table = examine(telemetry, alert, None).invocations
    rows = np.flatnonzero(table.parent >= 0)
    pairs = Counter(
        (table.service[int(table.parent[r])], table.service[int(r)]) for r in rows.tolist()
    )
    for pair in telemetry.topology:
        pairs.setdefault(pair, 0)
    names = sorted(set(weights) | {n for pair in pairs for n in pair})
    place = {name: i for i, name in enumerate(names)}
    steps = np.zeros((len(names), len(names)))
    for source, target in pairs:
        if source != target:
            steps[place[source], place[target]] += np.log1p(weights.get(target, 0.0)) + 1e-6
    total = steps.sum(axis=1, keepdims=True)
    steps = np.divide(steps, total, out=np.zeros_like(steps), where=total > 0)
    start = np.array([np.log1p(weights.get(name, 0.0)) for name in names])
    start = start / start.sum() if start.sum() else np.full(len(names), 1 / len(names))
    rank = start
    for _ in range(100):
        rank = 0.15 * start + 0.85 * (rank @ steps + rank[total[:, 0] == 0].sum() * start)
    return _order(dict(zip(names, rank.tolist(), strict=True)))


def at_random(telemetry: Telemetry, alert: Alert) -> list[str]:
    names = {n for n in (*telemetry.metrics.service.names, *telemetry.spans.service.names) if n}
    key = alert.alert_id
    return sorted(names, key=lambda n: hashlib.sha256(f"{key}/{n}".encode()).hexdigest())


PEERS = {
    "max_z": max_z,
    "robust_scorer": robust_scorer,
    "error_logs": error_logs,
    "page_rank": page_rank,
    "random": at_random,
}
