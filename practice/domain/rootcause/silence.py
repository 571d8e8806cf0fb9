"""Services that fell silent: calls nobody answers, and pods whose metrics stop.

A service that is gone says nothing itself, so its callers look like the culprits. It is told by
what is missing around it: a caller's span with no span of the callee below it where there always
was one, resource samples that end while the others go on.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from practice.domain.rootcause.findings import Finding
from practice.domain.rootcause.invocations import Rows, generic
from practice.domain.rootcause.metrics import Role, Series, role
from practice.domain.rootcause.robust import median, shares_ratio
from practice.domain.rootcause.telemetry import Floats, Modality, SpanTable, distinct
from practice.domain.rootcause.types import Direction, EvidenceKind

_ALWAYS = 0.9
_FEWEST = 4
_LOST = 0.5
_INDEPENDENT = 40.0
# Each sample that is missing where one was sure to come, in nats.
_SAMPLE = 3.0
_MOST = 30.0
Side = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Answers:
    """Client spans by (service, operation): when they began, whether ``callee`` answered."""

    start: Mapping[Side, Floats]
    answered: Mapping[Side, Floats]
    callee: Mapping[Side, str]


def answers(spans: SpanTable, parent: Rows) -> Answers:
    """Every span inside a service some of whose kind have another service's directly below.

    ``parent`` has the row of each span's parent.
    """
    service = spans.service.codes
    below = np.flatnonzero((parent >= 0) & (service[np.maximum(parent, 0)] != service))
    callee = np.full(len(spans), -1, dtype=np.int64)
    callee[parent[below]] = service[below]
    masked = [generic(name) for name in spans.operation.names]
    width = max(len(masked), 1)
    key = service.astype(np.int64) * width + spans.operation.codes
    inside = (parent >= 0) & (service[np.maximum(parent, 0)] == service)
    asking = inside & np.isin(key, distinct(key[inside & (callee >= 0)]))
    rows = np.flatnonzero(asking)
    start: dict[Side, list[Floats]] = defaultdict(list)
    answered: dict[Side, list[Floats]] = defaultdict(list)
    names: dict[Side, str] = {}
    order = rows[np.argsort(key[rows], kind="stable")]
    keys, first = np.unique(key[order], return_index=True)
    for code, part in zip(keys.tolist(), np.split(order, first[1:]), strict=len(keys) > 0):
        side = (spans.service.names[code // width], masked[code % width])
        who = callee[part]
        known, times = np.unique(who[who >= 0], return_counts=True)
        names.setdefault(side, spans.service.names[int(known[times.argmax()])])
        start[side].append(spans.start[part])
        answered[side].append((who >= 0).astype(float))
    return Answers(
        {side: np.concatenate(parts) for side, parts in start.items()},
        {side: np.concatenate(parts) for side, parts in answered.items()},
        names,
    )


def _fell(after: Floats, usual: Floats) -> float:
    """Nats for a share that was nearly one and fell below half; 0.0 otherwise."""
    if len(after) < 2 or len(usual) < _FEWEST or float(usual.mean()) < _ALWAYS:
        return 0.0
    if float(after.mean()) > _LOST:
        return 0.0
    thin1, thin0 = (min(1.0, _INDEPENDENT / len(part)) for part in (after, usual))
    k1, k0 = float(after.sum()) * thin1, float(usual.sum()) * thin0
    return shares_ratio(k1, len(after) * thin1, k0, len(usual) * thin0)


def unanswered(window: Answers, reference: Answers | None, cuts: Floats) -> list[Finding]:
    """Callees that no longer answer calls that are still made."""
    best: dict[str, Finding] = {}
    for side, start in window.start.items():
        got = window.answered[side]
        known = reference.answered.get(side, np.zeros(0)) if reference else np.zeros(0)
        callee = window.callee[side]
        for cut in cuts.tolist():
            usual = np.concatenate([got[start < cut], known])
            after = got[start >= cut]
            nats = _fell(after, usual)
            if nats > 1.0 and (callee not in best or nats > best[callee].own):
                statement = (
                    f"{int((1 - after).sum())} of {len(after)} calls of {side[0]} went unanswered "
                    f"({side[1]}), usually {1 - float(usual.mean()):.0%}"
                )
                best[callee] = _silent(callee, nats, statement, Modality.TRACES, cut, side[0])
    return list(best.values())


def stopped(series: Iterable[Series], begin: float, end: float) -> list[Finding]:
    """Pods whose resource samples end within the window, while those of others go on.

    What always used something and now uses nothing at all has stopped as well: some collectors
    go on with zeros, and a counter of a pod that is gone stands still.
    """
    best: dict[str, Finding] = {}
    going: set[str] = set()
    for one in series:
        if not one.service or role(one.metric) is not Role.RESOURCE:
            continue
        before = one.ts[one.ts < begin]
        if len(before) < _FEWEST:
            continue
        step = median(before[1:] - before[:-1])
        regular = (before[-1] - before[0]) / max(step, 1e-9) <= 1.2 * len(before)
        is_idle = (one.value == 0) & bool((one.value[one.ts < begin] > 0).all())
        expected = (end - begin) / max(step, 1e-9)
        came = int(((one.ts >= begin) & ~is_idle).sum())
        missing = int(expected - came - 0.5)
        if missing < 2 or came > _LOST * expected or not regular:
            going.add(one.pod or one.service)
            continue
        nats = min(_SAMPLE * missing, _MOST)
        if one.service not in best or nats > best[one.service].own:
            name = one.pod or one.service
            statement = f"{one.metric} of {name} stopped: {missing} samples are missing"
            best[one.service] = _silent(
                one.service, nats, statement, Modality.METRICS, begin, "", one.pod
            )
    return [one for one in best.values() if (one.pod or one.service) not in going]


def _silent(
    service: str, nats: float, statement: str, modality: Modality, onset: float, toward: str,
    pod: str = "",
) -> Finding:  # fmt: skip
    return Finding(
        service=service,
        kind=EvidenceKind.SILENCE,
        modality=modality,
        own=nats,
        total=nats,
        statement=statement,
        direction=Direction.GONE,
        pod=pod,
        toward=toward,
        onset=onset,
    )
