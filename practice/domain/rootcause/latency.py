"""Where did the time go? A service's own time, and the gap between caller's and callee's view.

A gap is the caller's time for a call less the callee's time for the same call: network, queues,
connection pools, a starved process on either side. Which side is told by what the other calls
show: a callee whose *every* caller waits is slow to be reached, a caller for which *every* callee
is slow is slow to reach them (a median polish of gaps over callers and callees).
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from practice.domain.rootcause.findings import Finding
from practice.domain.rootcause.invocations import TIE, Invocations
from practice.domain.rootcause.robust import median, quantile, scale, scale_of, shares_ratio
from practice.domain.rootcause.telemetry import EdgeTable, Floats, Modality, distinct
from practice.domain.rootcause.types import Direction, EvidenceKind

_FEWEST = 4
# Slow means slower than this share of what is usual.
_USUAL = 0.95
# Enough to compare with alone.
_TELLING = 20
_SIGMAS = 3.0
_INDEPENDENT = 40.0
# Without a look at the time before, it may have been so for long: that counts for half.
_PERSISTED = 0.5
# What is added matters by half when it is this part of the usual time of a whole request.
_MATTERS = 1.0
# A finding this weak decides nothing, but orders services of which nothing else is known.
_SLIGHT = 0.2
Pair = tuple[str, str]
EdgeSeries = Mapping[Pair, tuple[Floats, Floats, float]]


@dataclass(frozen=True, slots=True)
class Shift:
    """Times since a split against the usual. ``weight`` in nats, times in seconds."""

    weight: float
    usual: float
    now: float
    split: float
    count: int

    @property
    def added(self) -> float:
        """Seconds more than usual; 0 where it is less."""
        return max(self.now - self.usual, 0.0)


def shift(
    values: Floats, start: Floats, reference: Floats, cuts: Floats, context: float
) -> Shift | None:
    """Whether ``values`` grew after one of ``cuts``; ``None`` if there is too little to tell.

    Where both the reference and the time before the cut have enough to compare with, the growth
    must show against both, for systems drift from day to day. ``context`` is the usual time of a
    whole request per value: what adds little to that weighs little, however regular it was.
    """
    good = np.isfinite(values)
    values, start = values[good], start[good]
    known = _Usual(np.sort(reference))
    best: Shift | None = None
    for cut in cuts:
        late = start >= cut
        after, before = values[late], np.sort(values[~late])
        usual = [one for one in (_Usual(before), known) if len(one.ordered) >= _TELLING]
        usual = usual or [_Usual(np.sort(np.concatenate([before, known.ordered])))]
        if len(after) < _FEWEST or len(usual[0].ordered) < _FEWEST:
            continue
        gains = [_gain(after, one) for one in usual]
        if best is not None and min(gains) <= 0.0:
            continue  # it weighs nothing, whatever was added
        one = min(
            (_grown(after, of, gain, cut, context) for of, gain in zip(usual, gains, strict=True)),
            key=_weight,
        )
        if len(before) < _FEWEST:
            one = replace(one, weight=one.weight * _PERSISTED)
        if best is None or one.weight > best.weight:
            best = one
    return best


def _weight(one: Shift) -> float:
    return one.weight


@dataclass(frozen=True)
class _Usual:
    """Sorted values to compare with, and what is asked of them for each cut anew."""

    ordered: Floats

    @cached_property
    def bar(self) -> float:
        return quantile(self.ordered, _USUAL)

    @cached_property
    def above(self) -> int:
        return len(self.ordered) - int(np.searchsorted(self.ordered, self.bar, side="right"))

    @cached_property
    def mean(self) -> float:
        return float(self.ordered.mean())

    @cached_property
    def scale(self) -> float:
        return scale_of(self.ordered)


def _gain(after: Floats, usual: _Usual) -> float:
    """Nats for more values above the bar than usual."""
    # Requests of one minute share their fate: many say no more than a few dozen.
    n1, n0 = float(len(after)), float(len(usual.ordered))
    thin1, thin0 = (min(1.0, _INDEPENDENT / size) for size in (n1, n0))
    k1, k0 = int((after > usual.bar).sum()) * thin1, usual.above * thin0
    n1, n0 = n1 * thin1, n0 * thin0
    return shares_ratio(k1, n1, k0, n0) if k1 * n0 > k0 * n1 else 0.0


def _grown(after: Floats, usual: _Usual, gain: float, cut: float, context: float) -> Shift:
    middle = quantile(usual.ordered, 0.5)
    # Half the growth of the mean, where only some requests are slow.
    added = max(median(after) - middle, (float(after.mean()) - usual.mean) / 2.0, 0.0)
    certain = min(added / usual.scale / _SIGMAS, 1.0)
    matters = added / (added + _MATTERS * max(context, 1e-9))
    return Shift(
        weight=gain * certain * matters,
        usual=middle,
        now=middle + added,
        split=float(cut),
        count=len(after),
    )


def _groups(codes: NDArray[np.int64]) -> Iterator[tuple[int, NDArray[np.int64]]]:
    if not len(codes):
        return
    order = np.argsort(codes, kind="stable")
    values, first = np.unique(codes[order], return_index=True)
    for value, rows in zip(values, np.split(order, first[1:]), strict=True):
        yield int(value), rows


def _reference_of(reference: Invocations | None) -> Mapping[str, NDArray[np.int64]]:
    if reference is None:
        return {}
    return {reference.kind.names[c]: r for c, r in _groups(reference.kind.codes.astype(np.int64))}


def own_time(window: Invocations, reference: Invocations | None, cuts: Floats) -> list[Finding]:
    """Kinds of request that take longer in the service itself."""
    known = _reference_of(reference)
    whole = _request_times(window)
    found = []
    for code, rows in _groups(window.kind.codes.astype(np.int64)):
        name = window.kind.names[code]
        usual = _values(reference, "self_time", known.get(name))
        context = _context(whole, window, rows)
        one = shift(window.self_time[rows], window.start[rows], usual, cuts, context)
        if one is None or one.weight < _SLIGHT:
            continue
        service, _, operation = name.partition(TIE)
        found.append(
            Finding(
                service=service,
                kind=EvidenceKind.SELF_TIME,
                modality=Modality.TRACES,
                own=one.weight,
                total=one.weight,
                statement=(
                    f"{operation} spends {one.now * 1e3:.1f} ms in the service itself, usually "
                    f"{one.usual * 1e3:.1f} ms ({one.count} requests)"
                ),
                direction=Direction.UP,
                pod=window.pod[int(rows[-1])],
                baseline=one.usual,
                observed=one.now,
                unit="s",
                onset=one.split,
            )
        )
    return found


def _request_times(table: Invocations) -> Floats:
    """For each trace the time of its longest invocation: the whole request as a user sees it."""
    longest = np.zeros(int(table.trace.max()) + 1 if len(table) else 0)
    np.maximum.at(longest, table.trace, np.nan_to_num(table.duration))
    return longest


def _context(whole: Floats, table: Invocations, rows: NDArray[np.int64]) -> float:
    """A low quartile of the whole requests' time, per time the rows occur in one request.

    The low quartile, because the window holds the fault.
    """
    traces = distinct(table.trace[rows])
    return quantile(np.sort(whole[traces]), 0.25) * len(traces) / len(rows)


def _values(table: Invocations | None, column: str, rows: NDArray[np.int64] | None) -> Floats:
    if table is None or rows is None:
        return np.zeros(0)
    values: Floats = getattr(table, column)[rows]
    return values[np.isfinite(values)]


def span_gaps(
    window: Invocations, reference: Invocations | None, cuts: Floats
) -> dict[Pair, Shift]:
    """The gap of each call between two services, from spans of both sides."""

    def gap(table: Invocations) -> Floats:
        return np.asarray(np.maximum(table.client - table.duration, 0.0))

    return shifts_of(window, gap(window), reference, gap(reference) if reference else None, cuts)


def shifts_of(
    window: Invocations,
    mine: Floats,
    reference: Invocations | None,
    theirs: Floats | None,
    cuts: Floats,
) -> dict[Pair, Shift]:
    """How a time of each call, one per invocation (NaN: not known), has grown, by pair."""
    usual = _samples(reference, theirs) if reference is not None and theirs is not None else {}
    found = {}
    for pair, (value, start, context) in _samples(window, mine).items():
        one = shift(value, start, usual[pair][0] if pair in usual else np.zeros(0), cuts, context)
        if one is not None:
            found[pair] = one
    return found


def _samples(table: Invocations, values: Floats) -> dict[Pair, tuple[Floats, Floats, float]]:
    whole = _request_times(table)
    rows = np.flatnonzero((table.parent >= 0) & np.isfinite(values))
    width = max(len(table.service.names), 1)
    caller = table.service.codes[table.parent[rows]].astype(np.int64)
    found = {}
    for code, at in _groups(caller * width + table.service.codes[rows]):
        pair = (table.service.names[code // width], table.service.names[code % width])
        chosen = rows[at]
        found[pair] = (values[chosen], table.start[chosen], _context(whole, table, chosen))
    return found


def edge_gaps(table: EdgeTable, theirs: EdgeSeries, cuts: Floats) -> dict[Pair, Shift]:
    """The gap of each call from per-minute latencies of both sides; ``theirs`` is the usual."""
    found = {}
    for pair, (ts, gap, context) in edge_series(table).items():
        usual = theirs[pair][1] if pair in theirs else np.zeros(0)
        one = _sampled_shift(ts, gap, usual, float(cuts[0]), context)
        if one is not None:
            found[pair] = one
    return found


def _sampled_shift(
    ts: Floats, gap: Floats, usual: Floats, begin: float, context: float
) -> Shift | None:
    """As ``shift``, for a few samples of a median instead of many requests."""
    usual = np.concatenate([gap[ts < begin], usual])
    after, at = gap[ts >= begin], ts[ts >= begin]
    if len(after) < 2 or len(usual) < _FEWEST:
        return None
    bar, middle = np.quantile(usual, [_USUAL, 0.5])
    high = after > bar
    if not high.any():
        return Shift(0.0, float(middle), float(middle), begin, 0)
    now = float(np.median(after[high]))
    added = now - float(middle)
    sigmas = added / max(scale(usual), float(bar - middle))
    worth = float(high.sum()) * np.log1p(max(sigmas, 0.0))
    weight = worth * added / (added + _MATTERS * max(context, 1e-9))
    return Shift(float(weight), float(middle), now, float(at[high][0]), int(high.sum()))


def edge_series(table: EdgeTable) -> EdgeSeries:
    """By pair: times at which both sides were measured, the gap, and the callee's usual time."""
    sides: dict[Pair, dict[str, dict[float, float]]] = defaultdict(lambda: defaultdict(dict))
    columns = (table.source.codes, table.target.codes, table.side.codes, table.ts, table.latency)
    for source, target, side, ts, latency in zip(*(c.tolist() for c in columns), strict=True):
        if math.isfinite(latency):
            pair = (table.source.names[source], table.target.names[target])
            sides[pair][table.side.names[side]][ts] = latency
    found = {}
    for pair, views in sides.items():
        caller, callee = views.get("caller", {}), views.get("callee", {})
        times = sorted(set(caller) & set(callee))
        if times:
            gap = np.array([max(caller[t] - callee[t], 0.0) for t in times])
            context = float(np.median(list(callee.values())))
            found[pair] = (np.array(times), gap, context)
    return found


def blamed(gaps: Mapping[Pair, Shift]) -> dict[str, list[tuple[Pair, float, float]]]:
    """Service → calls whose gap it is blamed for: (pair, share of the gap, weight in nats).

    ``out[u] + into[v]`` is fitted to the added time of each call u → v: the caller's part is the
    median over its callees, the callee's part what is left over all its callers.
    """
    by_caller: dict[str, list[Pair]] = defaultdict(list)
    by_callee: dict[str, list[Pair]] = defaultdict(list)
    for pair in gaps:
        by_caller[pair[0]].append(pair)
        by_callee[pair[1]].append(pair)
    added = {pair: one.added for pair, one in gaps.items()}
    out = {u: _common([added[p] for p in pairs]) for u, pairs in by_caller.items()}
    into = {
        v: float(np.median([max(added[p] - out[p[0]], 0.0) for p in pairs]))
        for v, pairs in by_callee.items()
    }
    found: dict[str, list[tuple[Pair, float, float]]] = defaultdict(list)
    for pair, one in gaps.items():
        whole = out[pair[0]] + into[pair[1]]
        for name, part in ((pair[0], out[pair[0]]), (pair[1], into[pair[1]])):
            share = min(part / whole, 1.0) if whole > 0 else 0.0
            if share * one.weight >= 1.0:
                found[name].append((pair, share, share * one.weight))
    return found


def _common(values: list[float]) -> float:
    """What most calls of one caller share: their lower median, for one of two is not most.

    With one callee it cannot be told: nothing.
    """
    return sorted(values)[(len(values) - 1) // 2] if len(values) > 1 else 0.0


def gap_findings(gaps: Mapping[Pair, Shift], modality: Modality) -> list[Finding]:
    """Return one finding a blamed service: its heaviest gap (seconds), charged by its share."""
    found = []
    for name, parts in blamed(gaps).items():
        pair, share, weight = max(parts, key=lambda part: (part[2], part[0]))
        one = gaps[pair]
        other = pair[1] if name == pair[0] else pair[0]
        found.append(
            Finding(
                service=name,
                kind=EvidenceKind.NETWORK_GAP,
                modality=modality,
                own=weight,
                total=one.weight,
                statement=(
                    f"calls {pair[0]} → {pair[1]} take the caller {one.now * 1e3:.1f} ms longer "
                    f"than the callee, usually {one.usual * 1e3:.1f} ms; "
                    f"{share:.0%} of it is this side's"
                ),
                direction=Direction.UP,
                toward=other,
                baseline=one.usual,
                observed=one.now,
                unit="s",
                onset=one.split,
            )
        )
    return found
