"""Histograms that only ever rise, as what they rose by: calls and their mean per interval.

A program sends one point of each series at a time, so the point before lies in another request.
Points are therefore kept as they came, under names that say of what they are, and the difference
is taken where those of a window lie together: whoever read them, in whatever order, however often
one was sent again.

Prometheus writes the same as two counters, ``…_count`` and ``…_sum``, without a start.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from practice.domain.rootcause.metrics import is_time
from practice.domain.rootcause.telemetry import Floats, Mask, MetricTable

#: No name of a metric holds it, and neither CSV nor JSON gives it a meaning.
_MARK = "\x1f"
COUNT, SUM = "count", "sum"
# No program begins anew between so many of the samples, where there are a few.
_OFTEN, _FEWEST = 1 / 3, 6
_SCRAPED = re.compile(rf"(?P<name>.+)[_.](?P<part>{COUNT}|{SUM})(?P<labels>\{{.*\}})?")


class _Point(NamedTuple):
    """What the name of a kept sample says: its series, which number it is, since when it counts."""

    name: str
    labels: str
    part: str
    start: float


class _Stream(NamedTuple):
    """The counts and sums of one series since one start, in order of time."""

    start: float
    ts: Floats
    calls: Floats
    total: Floats


_Series = tuple[int, int, str, str]


def kept_as(name: str, labels: str, part: str, start: float) -> str:
    """What a sample is called whose ``part``, ``COUNT`` or ``SUM``, has risen since ``start``.

    ``start`` is in epoch seconds, NaN where nobody says.
    """
    began = repr(start) if math.isfinite(start) else ""
    return _MARK.join((name.replace(_MARK, ""), labels.replace(_MARK, ""), part, began))


def differenced(table: MetricTable) -> MetricTable:
    """The table with rising histograms as ``…_calls`` and ``…_mean`` of each interval.

    A program that began anew counts from nothing. Of the first point nobody knows in how long it
    came about, so it only begins an interval.
    """
    known = _known(table.metric.names)
    is_kept = np.array([one is not None for one in known], np.bool_)
    if not is_kept.any():
        return table
    rows = is_kept[table.metric.codes]
    found = [
        (at, service, pod, f"{name}_{what}{labels}", value)
        for (service, pod, name, labels), streams in _streams(table, rows, known).items()
        for what, ts, values in _rises(streams)
        for at, value in zip(ts.tolist(), values.tolist(), strict=True)
    ]
    return table.exchanged(rows, found)


def _known(names: Sequence[str]) -> list[_Point | None]:
    """What each name says. Of two counters of a time, both have to be there."""
    found = [_read(name) for name in names]
    parts: dict[tuple[str, str], dict[str, int]] = defaultdict(dict)
    for place, name in enumerate(names):
        match = _SCRAPED.fullmatch(name)
        if match and is_time(match["name"]):
            parts[match["name"], match["labels"] or ""][match["part"]] = place
    for (name, labels), places in parts.items():
        for part, place in places.items() if len(places) > 1 else ():
            found[place] = _Point(name, labels, part, math.nan)
    return found


def _read(name: str) -> _Point | None:
    parts = name.split(_MARK)
    if len(parts) != len(_Point._fields) or parts[2] not in (COUNT, SUM):
        return None
    try:
        start = float(parts[3] or "nan")
    except ValueError:
        return None
    return _Point(parts[0], parts[1], parts[2], start)


def _streams(
    table: MetricTable, rows: Mask, known: Sequence[_Point | None]
) -> dict[_Series, list[_Stream]]:
    """The streams of each series, by their start."""
    at = np.flatnonzero(rows & np.isfinite(table.ts) & np.isfinite(table.value))
    codes = (table.service.codes[at], table.pod.codes[at], table.metric.codes[at])
    keys, group = np.unique(np.stack(codes, axis=1), axis=0, return_inverse=True)
    order = np.lexsort((table.ts[at], group.ravel()))
    ends = np.flatnonzero(np.diff(group.ravel()[order])) + 1
    samples: dict[_Series, dict[float, dict[str, tuple[Floats, Floats]]]]
    samples = defaultdict(lambda: defaultdict(dict))
    for (service, pod, code), mine in zip(keys.tolist(), np.split(at[order], ends), strict=True):
        point = known[code]
        if point is not None:
            ts, values = _together(table.ts[mine], table.value[mine])
            start = -math.inf if math.isnan(point.start) else point.start
            of_series = samples[service, pod, point.name, point.labels]
            of_series[start][point.part] = (ts, values)
    return {
        series: [_stream(start, parts) for start, parts in sorted(starts.items()) if COUNT in parts]
        for series, starts in samples.items()
    }


def _together(ts: Floats, value: Floats) -> tuple[Floats, Floats]:
    """One sample a time: one sent again is there, and series whose labels are lost add up."""
    apart = np.unique(np.stack([ts, value], axis=1), axis=0)
    times, place = np.unique(apart[:, 0], return_inverse=True)
    return times, np.asarray(np.bincount(place, weights=apart[:, 1]), np.float64)


def _stream(start: float, parts: dict[str, tuple[Floats, Floats]]) -> _Stream:
    ts, calls = parts[COUNT]
    total = np.full(len(ts), math.nan)
    if SUM in parts:
        also, sums = parts[SUM]
        _, mine, theirs = np.intersect1d(ts, also, return_indices=True)
        total[mine] = sums[theirs]
    return _Stream(start, ts, calls, total)


def _rises(streams: Sequence[_Stream]) -> Iterator[tuple[str, Floats, Floats]]:
    """``calls`` and ``mean`` of the intervals of one series, each with its times."""
    ended = math.inf
    for one in streams:
        fell = np.diff(one.calls) < 0  # began anew without saying so
        if len(fell) >= _FEWEST and fell.sum() > _OFTEN * len(
            fell
        ):  # a gauge: a sample tells of its own interval alone
            told = (one.calls > 0) & np.isfinite(one.total)
            yield "calls", one.ts, one.calls
            yield "mean", one.ts[told], one.total[told] / one.calls[told]
            continue
        calls = np.where(fell, one.calls[1:], np.diff(one.calls))
        total = np.where(fell, one.total[1:], np.diff(one.total))
        ts = one.ts[1:]
        if ended <= one.start:  # the one before was over: all of this came since it began
            calls, total = np.append(one.calls[:1], calls), np.append(one.total[:1], total)
            ts = one.ts
        ended = float(one.ts[-1])
        yield "calls", ts, calls
        told = (calls > 0) & np.isfinite(total)
        yield "mean", ts[told], total[told] / calls[told]
