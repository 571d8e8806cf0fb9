"""Histograms as Prometheus writes them, a counter per bucket, as the quantile they tell of.

A bucket counts all requests up to a time since the program began, so each of them only ever rises,
with the load as well as with the wait. What says how long requests take is how those of one
interval lie among the buckets.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping

import numpy as np

from practice.domain.rootcause.telemetry import Floats, MetricTable

_BUCKET = re.compile(r"(?P<base>.+)[_.]bucket(\{(?P<labels>.*)\})?")
_BOUND = re.compile(r"(^|,)\s*le\s*=\s*\"?(?P<le>[^\",]+)\"?\s*")
# Of the usual quantiles the one that most requests of an interval still say something of.
_SHARE, _CALLED = 0.95, "p95"

_Series = tuple[int, int, str, str]
_Samples = tuple[Floats, Floats]


def quantiled(table: MetricTable) -> MetricTable:
    """The table with the buckets of a histogram as ``…_p95`` of each interval.

    Buckets that do not say up to which time they count are left out: nothing can be told by them.
    """
    found = [_BUCKET.fullmatch(name) for name in table.metric.names]
    is_bucket = np.array([one is not None for one in found], np.bool_)
    if not is_bucket.any():
        return table
    rows = is_bucket[table.metric.codes]
    told = [
        (at, service, pod, f"{base}_{_CALLED}{labels}", value)
        for (service, pod, base, labels), bounds in _histograms(table, rows, found).items()
        for at, value in zip(*(part.tolist() for part in _quantiles(bounds)), strict=True)
    ]
    return table.exchanged(rows, told)


def _histograms(
    table: MetricTable, rows: np.ndarray, found: list[re.Match[str] | None]
) -> Mapping[_Series, Mapping[float, _Samples]]:
    """By series the samples of each bucket, by its bound."""
    at = np.flatnonzero(rows & np.isfinite(table.ts) & np.isfinite(table.value))
    codes = (table.service.codes[at], table.pod.codes[at], table.metric.codes[at])
    keys, group = np.unique(np.stack(codes, axis=1), axis=0, return_inverse=True)
    order = np.lexsort((table.ts[at], group.ravel()))
    ends = np.flatnonzero(np.diff(group.ravel()[order])) + 1
    known: dict[_Series, dict[float, _Samples]] = defaultdict(dict)
    for (service, pod, code), mine in zip(keys.tolist(), np.split(at[order], ends), strict=True):
        match = found[code]
        bound = match and _BOUND.search(match["labels"] or "")
        if match is None or not bound:
            continue
        try:
            most = float(bound["le"])
        except ValueError:
            continue
        rest = _BOUND.sub("", match["labels"]).strip(",")
        ts, first = np.unique(table.ts[mine], return_index=True)
        series = (service, pod, match["base"], f"{{{rest}}}" if rest else "")
        known[series][most] = (ts, table.value[mine][first])
    return known


def _quantiles(bounds: Mapping[float, _Samples]) -> tuple[Floats, Floats]:
    """Times, and the quantile of the requests since the time before: straight within a bucket."""
    least = sorted(bounds)
    if len(least) < 2 or not math.isinf(least[-1]):
        return np.zeros(0), np.zeros(0)
    ts = bounds[least[-1]][0]
    for bound in least[:-1]:
        ts = np.intersect1d(ts, bounds[bound][0])
    if len(ts) < 2:
        return np.zeros(0), np.zeros(0)
    counts = np.stack(list(_at(ts, bounds, least)), axis=1)
    began_anew = counts[1:, -1:] < counts[:-1, -1:]
    came = np.maximum(np.where(began_anew, counts[1:], np.diff(counts, axis=0)), 0.0)
    asked = came[:, -1] > 0
    came, at = came[asked], ts[1:][asked]
    wanted = _SHARE * came[:, -1]
    place = (came >= wanted[:, None]).argmax(axis=1)
    edges = np.array([0.0, *least[:-1], least[-2]])  # of what is beyond, only that is known
    row = np.arange(len(came))
    below = np.where(place > 0, came[row, np.maximum(place - 1, 0)], 0.0)
    inside = np.maximum(came[row, place] - below, 1e-12)
    low, high = edges[place], edges[place + 1]
    return at, low + (high - low) * np.clip((wanted - below) / inside, 0.0, 1.0)


def _at(ts: Floats, bounds: Mapping[float, _Samples], least: list[float]) -> Iterator[Floats]:
    for bound in least:
        known, values = bounds[bound]
        yield values[np.searchsorted(known, ts)]
