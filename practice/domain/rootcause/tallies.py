"""Log lines in no trace, counted against each other: a statement that no longer follows another.

Whose line follows which cannot be told without an id, but their counts can: what is written at the
end of each request keeps step with what is written at its beginning, whatever the load. So each
statement of a service is held against the one it usually keeps step with best, if it keeps step
with any better than by chance, and judged by how well it usually does. Ours.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from practice.domain.rootcause.findings import Finding
from practice.domain.rootcause.logs import is_error
from practice.domain.rootcause.robust import shares_ratio
from practice.domain.rootcause.telemetry import Floats, Labels, LogTable, Mask, Modality
from practice.domain.rootcause.types import Direction, EvidenceKind

Rows = NDArray[np.int64]
# Lines that tell how two statements usually go together, and times at which they were counted.
_FEWEST, _TIMES = 8, 4
# What follows is written about as often as what it follows, or less.
_AS_OFTEN = 0.9
# Two that always come together vary less than chance would have it. That they do so in the future
# is believed up to here.
_STEADY = 0.25
# What varies as chance would have it is another kind of request, which has a load of its own.
_TIED = 0.5
# More statements of one service are not compared; those written most are.
_MOST = 60


def fallen(
    logs: LogTable,
    names: Labels,
    loose: Mask,
    reference: tuple[LogTable, Labels, Mask] | None,
    begin: float,
    width: float,
) -> list[Finding]:
    """Statements of ``loose`` lines that fell behind what they kept step with, one per service.

    ``reference`` is the same of fault-free lines. Counts are taken every ``width`` seconds.
    """
    found = []
    for code, service in enumerate(logs.service.names):
        mine = loose & (logs.service.codes == code)
        if not service or not (mine & (logs.ts >= begin)).any():
            continue
        usual = [_counted(logs.ts, names, mine & (logs.ts < begin), width)]
        if reference is not None:
            table, known, free = reference
            usual.append(_counted(table.ts, known, free & table.service.is_name(service), width))
        now = _counted(logs.ts, names, mine & (logs.ts >= begin), math.inf)
        # Templates are mined from each table apart: one that the window's lines do not have at all
        # may be there under another name.
        usual = [{name: n for name, n in part.items() if name in names.names} for part in usual]
        one = _most_fallen(service, usual, now, begin)
        if one is not None:
            found.append(one)
    return found


def _counted(ts: Floats, names: Labels, rows: Mask, width: float) -> dict[str, Floats]:
    """How often each statement was written in each stretch of time in which anything was."""
    rows = rows & np.isfinite(ts)
    at, code = ts[rows], names.codes[rows]
    if not len(at):
        return {}
    _, place = np.unique(np.floor(at / width), return_inverse=True)
    size = int(place.max()) + 1
    known, column = np.unique(code, return_inverse=True)
    flat = np.bincount(column * size + place, minlength=len(known) * size)
    counts = flat.reshape(len(known), size).astype(np.float64)
    return {names.names[c]: row for c, row in zip(known.tolist(), counts, strict=True)}


def _most_fallen(
    service: str, usual: list[dict[str, Floats]], now: dict[str, Floats], begin: float
) -> Finding | None:
    sizes = [max((len(row) for row in part.values()), default=0) for part in usual]
    statements = dict.fromkeys(name for part in usual for name in part if not is_error(name))
    whole = {
        name: np.concatenate(
            [part.get(name, np.zeros(size)) for part, size in zip(usual, sizes, strict=True)]
        )
        for name in statements
    }
    often = sorted(
        (name for name in whole if whole[name].sum() >= _FEWEST),
        key=lambda name: (-whole[name].sum(), name),
    )[:_MOST]
    if len(often) < 2 or sum(sizes) < _TIMES:
        return None
    counts = np.stack([whole[name] for name in often])
    after = np.array([float(now[name].sum()) if name in now else 0.0 for name in often])
    best: Finding | None = None
    for place, name in enumerate(often):
        other, unsteady = _companion(counts, place)
        if other < 0:
            continue
        before = counts[[place, other]].sum(1)
        weight = _weight(before, after[[place, other]]) / unsteady - 0.5 * math.log(len(often))
        if weight > 1.0 and (best is None or weight > best.own):
            best = _finding(
                service, name, often[other], before, after[[place, other]], weight, begin
            )
    return best


def _companion(counts: Floats, place: int) -> tuple[int, float]:
    """What a statement keeps step with best, and how badly: 1.0 as chance would have it."""
    mine = counts[place]
    totals = counts.sum(1)
    choices = np.flatnonzero(totals >= _AS_OFTEN * totals[place])
    choices = choices[choices != place]
    if not len(choices):
        return -1, 1.0
    both = mine + counts[choices]
    share = (totals[place] / (totals[place] + totals[choices]))[:, None]
    spread = both * share * (1.0 - share)
    seen = spread > 0
    off = np.divide((mine - both * share) ** 2, spread, out=np.zeros_like(both), where=seen)
    unsteady = off.sum(1) / np.maximum(seen.sum(1) - 1, 1)
    unsteady[seen.sum(1) < _TIMES] = np.inf
    best = int(unsteady.argmin())
    if unsteady[best] > _TIED:
        return -1, 1.0
    return int(choices[best]), max(float(unsteady[best]), _STEADY)


def _weight(before: Floats, after: Floats) -> float:
    """Nats for a fall of the first against the second, by the root of how far it fell."""
    whole, known = after.sum(), before.sum()
    share, usual = after[0] / max(whole, 1.0), before[0] / known
    if after[1] < _TIMES or share >= usual:
        return 0.0
    step = 1.0 - (after[0] / after[1]) / (before[0] / before[1])
    gain = shares_ratio(float(after[0]), float(whole), float(before[0]), float(known))
    return gain * math.sqrt(max(step, 0.0))


def _finding(
    service: str, name: str, other: str, before: Floats, after: Floats, weight: float, begin: float
) -> Finding:
    return Finding(
        service=service,
        kind=EvidenceKind.MISSING_STEP,
        modality=Modality.LOGS,
        own=weight,
        total=weight,
        statement=(
            f"“{name[:150]}” was logged {after[0]:.0f} times to {after[1]:.0f} of "
            f"“{other[:150]}”, usually {before[0]:.0f} to {before[1]:.0f}"
        ),
        direction=Direction.GONE,
        baseline=float(before[0] / before[1]),
        observed=float(after[0] / after[1]),
        unit="share of lines",
        onset=begin,
        references=(name[:200],),
        by_rate=True,
    )
