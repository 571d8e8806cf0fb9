"""Calls around which the caller keeps no span: time on the wire looks like the caller's own work.

All that is seen of such a call is the silence right before and after the callee's span. One caller
that is silent for longer may be slow itself. Two that are, around calls to the same service and not
around their other calls, have that service in common: it is slow to be reached. Ours.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from practice.domain.rootcause.findings import Finding
from practice.domain.rootcause.invocations import Invocations, Rows
from practice.domain.rootcause.latency import Pair, Shift, shifts_of
from practice.domain.rootcause.telemetry import Floats, Modality
from practice.domain.rootcause.types import Direction, EvidenceKind

# One caller alone may be slow by its own doing.
_TOGETHER = 2
# A silence that is sure enough to count, in nats.
_SURE = 1.0
# What is left to a caller when the callee accounts for all of its time.
_LEFT = 0.05


def silences(window: Invocations, reference: Invocations | None, cuts: Floats) -> dict[Pair, Shift]:
    """How the silence around calls that the caller keeps no span of has grown, by pair."""
    mine = _around(window)
    theirs = _around(reference) if reference is not None else None
    return shifts_of(window, mine, reference, theirs, cuts)


def _around(table: Invocations) -> Floats:
    """Per invocation the silence of its caller before and after it, in seconds; NaN if not so."""
    found = np.full(len(table), np.nan)
    begun = np.where(table.parent >= 0, table.start - table.start[table.parent], np.nan)
    rows = np.flatnonzero(np.isfinite(begun) & np.isfinite(table.duration))
    if not len(rows):
        return found
    rows = rows[np.lexsort((table.start[rows], table.parent[rows]))]
    caller = table.parent[rows]
    # Counted from the caller's beginning, for what a float can tell apart.
    start, end, ends = begun[rows], begun[rows] + table.duration[rows], table.duration[caller]
    is_first = np.diff(caller, prepend=-1) != 0
    is_last = np.append(is_first[1:], True)
    previous = np.where(is_first, 0.0, np.concatenate([[0.0], _reached(end, is_first)[:-1]]))
    following = np.where(is_last, ends, np.append(start[1:], 0.0))
    silent = np.maximum(start - previous, 0.0) + np.maximum(following - end, 0.0)
    unseen = np.isnan(table.client[rows]) & np.isfinite(silent)
    found[rows[unseen]] = silent[unseen]
    return found


def _reached(end: Floats, is_first: Rows) -> Floats:
    """The latest end so far among the calls of each caller."""
    step = 1.0 + float(end.max() - end.min())
    shift = np.cumsum(is_first) * step
    reached: Floats = np.maximum.accumulate(end + shift) - shift
    return reached


def charged(findings: Sequence[Finding], grown: Mapping[Pair, Shift]) -> list[Finding]:
    """The findings, with those of services slow to be reached and less for their callers."""
    found = list(findings)
    callers: dict[str, list[str]] = defaultdict(list)
    for caller, callee in grown:
        callers[callee].append(caller)
    for callee, names in sorted(callers.items()):
        added = {name: _beyond_others((name, callee), grown) for name in names}
        slow = [n for n in names if added[n] > 0 and grown[n, callee].weight >= _SURE]
        if len(slow) < _TOGETHER or 2 * len(slow) <= len(names):
            continue
        found = [_less(one, added[one.service]) if one.service in slow else one for one in found]
        found.append(_reached_slowly(callee, slow, grown))
    return found


def _beyond_others(pair: Pair, grown: Mapping[Pair, Shift]) -> float:
    """What was added around a call, beyond what the caller shows around its other calls."""
    others = [one.added for (caller, callee), one in grown.items()
              if caller == pair[0] and callee != pair[1]]  # fmt: skip
    return grown[pair].added - (float(np.median(others)) if others else 0.0)


def _less(one: Finding, added: float) -> Finding:
    """A caller's own time less what was added around its calls to the callee."""
    if one.kind is not EvidenceKind.SELF_TIME or one.observed is None or one.baseline is None:
        return one
    whole = max(one.observed - one.baseline, 1e-9)
    return replace(one, own=one.own * max(1.0 - added / whole, _LEFT))


def _reached_slowly(callee: str, slow: Sequence[str], grown: Mapping[Pair, Shift]) -> Finding:
    """No surer than the second of its callers shows."""
    order = sorted(slow, key=lambda name: (-grown[name, callee].weight, name))
    one = grown[order[_TOGETHER - 1], callee]
    names = ", ".join(order[:4])
    return Finding(
        service=callee,
        kind=EvidenceKind.NETWORK_GAP,
        modality=Modality.TRACES,
        own=one.weight,
        total=one.weight,
        statement=(
            f"{len(order)} callers are silent for longer around calls to it ({names}): "
            f"{one.now * 1e3:.1f} ms, usually {one.usual * 1e3:.1f} ms"
        ),
        direction=Direction.UP,
        toward=order[0],
        baseline=one.usual,
        observed=one.now,
        unit="s",
        onset=one.split,
    )
