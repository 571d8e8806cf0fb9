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
from practice.domain.rootcause.telemetry import (
    Floats,
    Labels,
    Modality,
    SpanTable,
    distinct,
)
from practice.domain.rootcause.types import Direction, EvidenceKind

_ALWAYS = 0.9
_FEWEST = 4
_LOST = 0.5
_INDEPENDENT = 40.0
# Each sample that is missing where one was sure to come, in nats.
_SAMPLE = 3.0
_MOST = 30.0
Side = tuple[str, str]
_NO_ANSWERS = Labels.of(())


@dataclass(frozen=True, slots=True)
class Answers:
    """Client spans by (service, operation): when they began, and who answered, if anybody."""

    start: Mapping[Side, Floats]
    callee: Mapping[Side, Labels]


def answers(spans: SpanTable, parent: Rows) -> Answers:
    """Every span inside a service some of whose kind have another service's directly below.

    ``parent`` has the row of each span's parent.
    """
    service = spans.service.codes
    below = np.flatnonzero((parent >= 0) & (service[np.maximum(parent, 0)] != service))
    nobody = len(spans.service.names)
    callee = np.full(len(spans), nobody, dtype=np.int32)
    callee[parent[below]] = service[below]
    masked = [generic(name) for name in spans.operation.names]
    width = max(len(masked), 1)
    key = service.astype(np.int64) * width + spans.operation.codes
    inside = (parent >= 0) & (service[np.maximum(parent, 0)] == service)
    asking = inside & np.isin(key, distinct(key[inside & (callee < nobody)]))
    rows = np.flatnonzero(asking)
    of_side: dict[Side, list[Rows]] = defaultdict(list)
    order = rows[np.argsort(key[rows], kind="stable")]
    keys, first = np.unique(key[order], return_index=True)
    for code, part in zip(keys.tolist(), np.split(order, first[1:]), strict=len(keys) > 0):
        of_side[spans.service.names[code // width], masked[code % width]].append(part)
    sides = {side: np.concatenate(parts) for side, parts in of_side.items()}
    names = (*spans.service.names, "")
    return Answers(
        {side: spans.start[part] for side, part in sides.items()},
        {side: Labels(callee[part], names) for side, part in sides.items()},
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
    """Callees that no longer answer calls that are still made.

    Calls to several callees may have one name. Nobody says then to whom one went that was not
    answered: it may be any callee's that answers a smaller part of them all than it did.
    """
    best: dict[str, Finding] = {}
    for side, start in window.start.items():
        who = window.callee[side]
        known = reference.callee.get(side, _NO_ANSWERS) if reference else _NO_ANSWERS
        for callee in filter(None, (who.names[code] for code in distinct(who.codes).tolist())):
            mine, theirs = _by(callee, who), _by(callee, known)
            for cut in cuts.tolist():
                after, before = mine[start >= cut], mine[start < cut]
                usual = np.concatenate([before, theirs])
                lost, kept = after[after >= 0], usual[usual >= 0]
                nats = _fell(lost, kept)
                if nats <= 1.0 or (after > 0).mean() > _LOST * (usual > 0).mean():
                    continue
                if callee not in best or nats > best[callee].own:
                    statement = (
                        f"{int((1 - lost).sum())} of {len(lost)} calls of {side[0]} went "
                        f"unanswered ({side[1]}), usually {1 - float(kept.mean()):.0%}"
                    )
                    best[callee] = _silent(callee, nats, statement, Modality.TRACES, cut, side[0])
    return list(best.values())


def _by(callee: str, who: Labels) -> Floats:
    """For each call 1 where ``callee`` answered it, 0 where nobody did, −1 where another."""
    return np.where(who.is_name(callee), 1.0, np.where(who.is_name(""), 0.0, -1.0))


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
