"""Does a service still do what it did? Steps that went missing and errors that came.

For each kind of request (service and operation) and each feature of its invocations (an operation,
a call, a log statement) the share of invocations that have it is compared between the time since
a split and what is usual. The split is scanned, because a fault takes hold some time after it
begins. Only *fault-like* changes count: a usual step that went missing or an error that came. A
step that came or an error that went is a recovery or another workload.

A step that follows only now and then is compared where it normally follows: among invocations with
its *antecedent*, the rarest feature that (nearly) always comes with it. An invocation that shows a
fault-like change is *own* if no invocation it called shows one, else *inherited*.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from practice.domain.rootcause.findings import Finding
from practice.domain.rootcause.invocations import CALL, LOG, STATUS, TIE, Invocations, Rows
from practice.domain.rootcause.robust import rate_ratio
from practice.domain.rootcause.telemetry import Floats, Modality, distinct
from practice.domain.rootcause.types import Direction, EvidenceKind

#: What a request does that has such a feature.
_VERBS = {LOG: "logs", CALL: "calls", STATUS: "ends with"}
_ERROR_LEVEL = re.compile(r"^log:(ERROR|ERR|FATAL|CRITICAL|SEVERE|EMERG\w*|ALERT|PANIC)\b", re.I)
_ERROR_WORD = re.compile(r"error|exception|fail|fault|panic|abort|timeout|refused", re.I)
_SPLITS = 9
# What was already so before the window counts for half: a fault begins inside it.
_PERSISTED = 0.5
# A step "normally follows" its antecedent when it does so this often.
_FOLLOWS = 0.9
# A step that is now and then taken depends on what is asked for, which comes in bursts: requests
# are then far from independent, and their evidence counts for this much.
_BURSTS = 0.25
# A callee accounts for its caller's deviation when its own is half as sure.
_ACCOUNTS = 2.0
_FEWEST = 4
# Two changes that are sure to this part of each other say the same.
_AS_SURE = 0.95
#: The kinds of what ``behavior`` finds.
CHANGED = frozenset(
    {
        EvidenceKind.OWN_ERROR,
        EvidenceKind.ERROR,
        EvidenceKind.MISSING_STEP,
        EvidenceKind.MISSING_CALL,
    }
)


@dataclass(frozen=True, slots=True)
class Merged:
    """The invocations of the window and of the reference under shared names."""

    kind: Rows
    period: Rows
    parent: Rows
    row: Rows
    feature: Rows
    kinds: tuple[str, ...]
    features: tuple[str, ...]
    windowed: int


@dataclass(frozen=True, slots=True)
class _Step:
    """One feature of one kind whose share changed; ``rows`` are the deviant invocations."""

    kind: int
    feature: int
    weight: float
    split: int
    after: tuple[int, int]
    usual: tuple[int, int]
    rows: Rows


def is_error(feature: str) -> bool:
    """Whether a feature is a sign of failure: an error-level line or an error handler's name."""
    if feature.startswith(f"{LOG}:"):
        return bool(_ERROR_LEVEL.match(feature))
    if feature.startswith(f"{STATUS}:"):
        return True  # only statuses that tell of a failure are features
    return bool(_ERROR_WORD.search(feature.rpartition(" ")[2])) and not feature.startswith(CALL)


def splits(begin: float, end: float) -> Floats:
    """Times at which a fault that began in the window may have taken hold."""
    return begin + (end - begin) * np.linspace(0.0, 0.75, _SPLITS)


def merged(window: Invocations, reference: Invocations | None, cuts: Floats) -> Merged:
    """Put both under shared names. Period 0 is the reference, 1 before the first cut, then on."""
    kinds = {name: code for code, name in enumerate(window.kind.names)}
    features = {name: code for code, name in enumerate(window.features)}
    size = len(window)
    period = np.searchsorted(cuts, window.start, side="right") + 1
    if reference is None or not len(reference):
        return Merged(
            window.kind.codes.astype(np.int64), period, window.parent, window.seen_row,
            window.seen_feature, tuple(kinds), tuple(features), size,
        )  # fmt: skip
    to_kind = np.array([kinds.setdefault(n, len(kinds)) for n in reference.kind.names])
    to_feature = np.array([features.setdefault(n, len(features)) for n in reference.features])
    far = np.where(reference.parent >= 0, reference.parent + size, -1)
    return Merged(
        np.concatenate([window.kind.codes, to_kind[reference.kind.codes]]).astype(np.int64),
        np.concatenate([period, np.zeros(len(reference), dtype=np.int64)]),
        np.concatenate([window.parent, far]),
        np.concatenate([window.seen_row, reference.seen_row + size]),
        np.concatenate([window.seen_feature, to_feature[reference.seen_feature]]),
        tuple(kinds),
        tuple(features),
        size,
    )


def _comparable(data: Merged) -> Merged:
    """Without the log statements where only one side has logs: what is not kept is not missing."""
    log = np.array([name.startswith(f"{LOG}:") for name in data.features], dtype=np.bool_)
    lines = log[data.feature]
    in_window = data.row < data.windowed
    if not lines.any() or (lines & in_window).any() == (lines & ~in_window).any():
        return data
    if not (lines & ~in_window).any() and data.windowed == len(data.kind):
        return data
    return replace(data, row=data.row[~lines], feature=data.feature[~lines])


def _weights(k: Floats, n: Floats, *, came: bool) -> NDArray[np.float64]:
    """Weight per row and split of a share that fell (or, if ``came``, rose); columns are periods.

    The usual is the reference and what came before the split, pooled; or the reference alone,
    at a discount, when the change was there before the window. Requests of a minute are not
    independent, so a small step is worth less than its likelihood: by the root of its height.
    """
    after_k, after_n = (c[:, ::-1].cumsum(1)[:, ::-1][:, 2:] for c in (k, n))
    before_k, before_n = (c[:, :-1].cumsum(1)[:, 1:] for c in (k, n))
    reference_k, reference_n = (np.broadcast_to(c[:, :1], after_k.shape) for c in (k, n))

    def weight(k0: Floats, n0: Floats) -> Floats:
        rose = after_k * np.maximum(n0, 1) > k0 * np.maximum(after_n, 1)
        enough = (after_n >= 2) & (n0 >= _FEWEST) & (rose == came)
        step = np.abs(after_k / np.maximum(after_n, 1) - k0 / np.maximum(n0, 1))
        return np.where(enough, rate_ratio(after_k, after_n, k0, n0) * np.sqrt(step), 0.0)

    pooled = weight(before_k, before_n)
    found = np.maximum(pooled, _PERSISTED * weight(reference_k, reference_n))
    return found * _still(k, n, after_k, after_n, came=came)


def _still(k: Floats, n: Floats, after_k: Floats, after_n: Floats, *, came: bool) -> Floats:
    """How far the deviation still holds at the end of the window, 0 to 1."""
    last_k, last_n = k[:, -1:], n[:, -1:]
    if not came:
        last_k, after_k = last_n - last_k, after_n - after_k
    now = (last_k + 0.5) / (last_n + 1.0)
    since = (after_k + 0.5) / (after_n + 1.0)
    return np.where(last_n > 0, np.minimum(now / since, 1.0), 1.0)


def _steps(data: Merged) -> list[_Step]:
    periods = _SPLITS + 2
    width = max(len(data.features), 1)
    pair, place = np.unique(data.kind[data.row] * width + data.feature, return_inverse=True)
    kind, feature = pair // width, pair % width
    n = _counts(data.kind, data.period, len(data.kinds), periods)[kind]
    k = _counts(place, data.period[data.row], len(pair), periods)
    error = np.array([is_error(name) for name in data.features], dtype=np.bool_)[feature]
    # Half of Bonferroni's penalty: the features of one kind come and go together.
    penalty = 0.5 * np.log(max(len(pair), 1))
    order = np.argsort(place, kind="stable")
    bounds = np.searchsorted(place[order], np.arange(len(pair) + 1))
    members = [data.row[order[a:b]] for a, b in pairwise(bounds)]
    came = _weights(k, n, came=True) - penalty
    found = [
        _step(p, kind, feature, came[p], k[p], n[p], members[p])
        for p in np.flatnonzero(error & (came.max(axis=1, initial=0.0) > 1.0)).tolist()
    ]
    usual = k[:, :2].sum(1) >= _FOLLOWS * np.maximum(n[:, :2].sum(1), 1)
    gone = _weights(k, n, came=False) - penalty
    of_kind = np.argsort(data.kind, kind="stable")
    starts = np.searchsorted(data.kind[of_kind], np.arange(len(data.kinds) + 1))
    for code in distinct(kind[~error]):
        rows = of_kind[starts[code] : starts[code + 1]]
        mine = np.flatnonzero((kind == code) & ~error)
        worth = np.where(usual[mine], 1.0, _BURSTS)[:, None] * gone[mine]
        for p, weights in zip(mine.tolist(), worth, strict=True):
            if weights.max() > 1.0:
                lacking = np.setdiff1d(rows, members[p], assume_unique=True)
                found.append(_step(p, kind, feature, weights, k[p], n[p], lacking))
        found.extend(_followers(data, rows, mine, ~usual[mine], kind, feature, members, penalty))
    return found


def _counts(code: Rows, period: Rows, size: int, periods: int) -> Floats:
    flat = np.bincount(code * periods + period, minlength=size * periods)
    return flat.reshape(-1, periods).astype(np.float64)


def _step(
    p: int, kind: Rows, feature: Rows, weights: Floats, k: Floats, n: Floats, rows: Rows
) -> _Step:
    split = int(weights.argmax())
    return _Step(
        kind=int(kind[p]),
        feature=int(feature[p]),
        weight=float(weights[split]),
        split=split,
        after=(int(k[split + 2 :].sum()), int(n[split + 2 :].sum())),
        usual=(int(k[: split + 2].sum()), int(n[: split + 2].sum())),
        rows=rows,
    )


def _followers(
    data: Merged,
    rows: Rows,
    mine: Rows,
    sometimes: NDArray[np.bool_],
    kind: Rows,
    feature: Rows,
    members: list[Rows],
    penalty: float,
) -> Iterator[_Step]:
    """Steps that follow an antecedent only, and went missing after it."""
    if not sometimes.any() or len(rows) < 2 * _FEWEST:
        return
    has = np.zeros((len(mine), len(rows)), dtype=np.float32)
    for number, p in enumerate(mine):
        place = np.searchsorted(rows, members[p])
        has[number, place] = 1.0
    period = data.period[rows]
    for calm in (period <= 1, period == 0):
        if calm.sum() < _FEWEST:
            continue
        together = has[:, calm] @ has[:, calm].T
        seen = together.diagonal()
        follows = (together >= _FOLLOWS * seen[:, None]) & (seen[:, None] >= _FEWEST)
        np.fill_diagonal(follows, False)
        for g in np.flatnonzero(sometimes & (seen >= _FEWEST)):
            choices = np.flatnonzero(follows[:, g])
            if not len(choices):
                continue
            f = choices[seen[choices].argmin()]
            given = np.flatnonzero(has[f] > 0)
            n = _counts(np.zeros(len(given), np.int64), period[given], 1, _SPLITS + 2)
            both = given[has[g, given] > 0]
            k = _counts(np.zeros(len(both), np.int64), period[both], 1, _SPLITS + 2)
            weights = _weights(k, n, came=False)[0] - penalty
            if weights.max() > 1.0:
                lacking = rows[np.setdiff1d(given, both, assume_unique=True)]
                yield _step(mine[g], kind, feature, weights, k[0], n[0], lacking)


def behavior(window: Invocations, reference: Invocations | None, cuts: Floats) -> list[Finding]:
    """Fault-like changes of steps, one finding per kind of request and best feature."""
    if not len(window):
        return []
    data = _comparable(merged(window, reference, cuts))
    steps = _steps(data)
    deviance = np.zeros(len(data.kind))
    for step in steps:
        deviance[step.rows] = np.maximum(deviance[step.rows], step.weight)
    below = np.zeros(len(data.kind))
    called = np.flatnonzero((data.parent >= 0) & (deviance > 0))
    np.maximum.at(below, data.parent[called], deviance[called])
    best: dict[int, tuple[float, _Step]] = {}
    for step in steps:
        rows = _deviants(window, data, cuts, step)
        inherited = np.minimum(_ACCOUNTS * below[rows] / step.weight, 1.0)
        share = 1.0 - float(inherited.mean()) if len(rows) else 0.0
        known = best.get(step.kind)
        if known is None or _says_more((share, step), known, data):
            best[step.kind] = (share, step)
    return [_finding(window, data, cuts, share, step) for share, step in best.values()]


def _says_more(one: tuple[float, _Step], other: tuple[float, _Step], data: Merged) -> bool:
    """Whether one step tells more of a kind of request than another.

    Of two that are as sure a line that tells of the failure says more than one that is missing for
    it, and a line more than a status.
    """
    sure, known = (share * step.weight for share, step in (one, other))
    if min(sure, known) < _AS_SURE * max(sure, known):
        return sure > known
    mine, theirs = (_telling(data.features[step.feature]) for _, step in (one, other))
    return (mine, sure) > (theirs, known)


def _telling(feature: str) -> int:
    return is_error(feature) + (is_error(feature) and feature.startswith(f"{LOG}:"))


def _deviants(window: Invocations, data: Merged, cuts: Floats, step: _Step) -> Rows:
    rows = step.rows[step.rows < data.windowed]
    late: Rows = rows[window.start[rows] >= cuts[step.split]]
    return late


def _finding(window: Invocations, data: Merged, cuts: Floats, share: float, step: _Step) -> Finding:
    service, _, operation = data.kinds[step.kind].partition(TIE)
    feature = data.features[step.feature]
    error = is_error(feature)
    what = feature.partition(":")[2]
    sort = feature.partition(":")[0]
    if sort == STATUS:
        what = f"status {what}"
    rows = _deviants(window, data, cuts, step)
    kind = EvidenceKind.OWN_ERROR if error else EvidenceKind.MISSING_STEP
    if not error and feature.startswith(CALL):
        kind = EvidenceKind.MISSING_CALL
    if error and share < 0.5:
        kind = EvidenceKind.ERROR
    now, usual = step.after, step.usual
    shown = what.replace(TIE, " ")
    verb = _VERBS.get(sort, "shows")
    did = f"now {verb} “{shown}”" if error else f"no longer {verb} “{shown}”"
    if not error and now[0]:  # what some requests still do is not gone
        did = f"{verb} “{shown}” less often"
    pods = [window.pod[int(row)] for row in rows[:1]]
    return Finding(
        service=service,
        kind=kind,
        modality=Modality.LOGS if feature.startswith(LOG) else Modality.TRACES,
        own=share * step.weight,
        total=step.weight,
        statement=(
            f"{operation} {did}: in {now[0]} of {now[1]} requests, "
            f"usually in {usual[0]} of {usual[1]}"
        ),
        direction=Direction.NEW if error else Direction.GONE,
        pod=pods[0] if pods else "",
        toward=what.partition(TIE)[0] if feature.startswith(CALL) else "",
        baseline=usual[0] / max(usual[1], 1),
        observed=now[0] / max(now[1], 1),
        unit="share of requests",
        onset=float(cuts[step.split]),
    )
