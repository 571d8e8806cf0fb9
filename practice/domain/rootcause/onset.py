"""Since when something is wrong, where the alert does not say.

Monitoring waits before it raises an alert: minutes, where a rule says ``for: 10m``. What happened
in them looks usual to whoever takes the last two evaluations for the fault. So each symptom is
asked when it changed for good (the largest Mann-Whitney statistic over all places to part it; ranks
need no unit and mind no outlier), and the time that most changes agree on is taken.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np

from practice.domain.rootcause.invocations import is_ill
from practice.domain.rootcause.metrics import Role, role, series
from practice.domain.rootcause.telemetry import Floats, Telemetry
from practice.domain.rootcause.types import Alert

# A change is looked for this far back; rules that wait longer are of slow decay, not of an outage.
_BACK = 3600.0
# Samples on either side of a change, and standard deviations that no chance reaches in many tries.
_FEWEST, _CLEAR = 4, 5.0
# Bins in an evaluation of the alert: a change is told to within one of them.
_BINS = 4
# What alerts are raised on. What is used follows the tides of load, which are no fault.
_SYMPTOMS = {Role.LATENCY, Role.CALL_LATENCY, Role.ERRORS, Role.SUCCESS}


def dated(alert: Alert, telemetry: Telemetry) -> tuple[Alert, tuple[str, ...]]:
    """The alert with an onset, and a sentence for the operator where it was dated back.

    The onset is its own, or the time since when symptoms have changed. It is never later than two
    evaluations before the alert, or before the last sample where the alert was raised after it.
    """
    if alert.onset is not None:
        return alert, ()
    begin, end = _reach(telemetry, alert)
    if end <= begin:
        return alert, ()
    latest = end - 2.0 * alert.interval
    since = changed(telemetry, max(begin, end - _BACK), end, alert)
    if since is None or since - alert.interval / _BINS >= latest:
        return replace(alert, onset=(latest, latest)), ()
    said = (
        "The alert does not say since when. By what has changed, it began about "
        f"{datetime.fromtimestamp(since, UTC):%H:%M:%S} UTC."
    )
    return replace(alert, onset=(since - alert.interval / _BINS, latest)), (said,)


def changed(telemetry: Telemetry, begin: float, end: float, alert: Alert) -> float | None:
    """When most of what changed for good between two times did so; ``None`` where nothing did."""
    width = alert.interval / _BINS
    edges = np.arange(begin, end + width, width)
    if len(edges) < 2 * _FEWEST + 1:
        return None
    times, weights = [], []
    for is_entry, ts, values in _signals(telemetry, edges, alert.entry):
        found = _parted(ts, values)
        if found is not None:
            times.append(found[0])
            # the entry is what the alert is about: its change is the one that was noticed
            weights.append(found[1] * (3.0 if is_entry else 1.0))
    if len(times) < 2:
        return None
    at, weight = np.array(times), np.array(weights)
    near = np.abs(at[:, None] - at[None, :]) <= alert.interval
    best = int(np.argmax(near @ weight))
    # One thing that changed, of all that were looked at, is chance.
    return float(at[near[best]].min()) if near[best].sum() > 1 else None


def _reach(telemetry: Telemetry, alert: Alert) -> tuple[float, float]:
    """From the first sample to the alert, or to the last sample where that is before it."""
    columns = (telemetry.metrics.ts, telemetry.spans.start, telemetry.logs.ts, telemetry.edges.ts)
    timed = [times for c in columns if len(times := c[np.isfinite(c) & (c <= alert.at)])]
    if not timed:
        return alert.at, alert.at
    begin = min(float(times.min()) for times in timed)
    # Not what is latest of anything: a modality that goes on says nothing of those that ended.
    end = min(alert.at, max(float(times.max()) for times in timed))
    if alert.window is not None:
        begin, end = max(begin, alert.window[0]), min(end, alert.window[1])
    return begin, end


def _signals(
    telemetry: Telemetry, edges: Floats, entry: str
) -> Iterator[tuple[bool, Floats, Floats]]:
    """What may have changed, as (is it of the entry, times, values), each over the bins."""
    middles = (edges[:-1] + edges[1:]) / 2
    width = float(edges[1] - edges[0])
    for one in series(telemetry.metrics, width):
        if role(one.metric) in _SYMPTOMS:
            inside = (one.ts >= edges[0]) & (one.ts <= edges[-1])
            yield one.service == entry, one.ts[inside], one.value[inside]
    spans = telemetry.spans
    took = np.log(np.maximum(spans.duration, 1e-6))
    bad = np.array([is_ill(name) for name in spans.status.names], dtype=np.float64)
    failed = bad[spans.status.codes] if len(spans) else np.zeros(0)
    for code, name in enumerate(spans.service.names):
        mine = (spans.service.codes == code) & (spans.start >= edges[0])
        place = np.searchsorted(edges, spans.start[mine], side="right") - 1
        fits = (place >= 0) & (place < len(middles))
        place = place[fits]
        count = np.bincount(place, minlength=len(middles)).astype(np.float64)
        some = count > 0
        for of_each in (took[mine][fits], failed[mine][fits]):
            total = np.bincount(place, weights=of_each, minlength=len(middles))
            yield name == entry, middles[some], total[some] / count[some]
    logs = telemetry.logs
    severe = np.array(
        [name.upper() in {"ERROR", "FATAL", "CRITICAL", "SEVERE"} for name in logs.level.names],
        dtype=np.bool_,
    )
    if severe.any():
        told = severe[logs.level.codes]
        for code, name in enumerate(logs.service.names):
            at = logs.ts[told & (logs.service.codes == code)]
            if len(at):
                counts, _ = np.histogram(at, edges)
                yield name == entry, middles, counts.astype(np.float64)


def _parted(ts: Floats, values: Floats) -> tuple[float, float] | None:
    """When the later values begin to differ from the earlier ones, and how clearly; else None."""
    good = np.isfinite(values)
    ts, values = ts[good], values[good]
    n = len(values)
    if n < 2 * _FEWEST or values.min() == values.max():
        return None
    _, place, count = np.unique(values, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(count) - (count - 1) / 2.0)[place]
    ties = float((count.astype(np.float64) ** 3 - count).sum()) / (n * (n - 1.0))
    k = np.arange(_FEWEST, n - _FEWEST + 1)
    above = np.cumsum(ranks)[k - 1] - k * (n + 1) / 2.0
    deviation = np.sqrt(k * (n - k) / 12.0 * (n + 1 - ties))
    z = np.abs(above) / np.maximum(deviation, 1e-12)
    best = int(np.argmax(z))
    if z[best] < _CLEAR:
        return None
    return float(ts[k[best]]), float(z[best] - _CLEAR + 1.0)
