"""Causes with their path from the alert: each hop checked for structure, deviation and order."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

from practice.domain.rootcause.graph import Calls, edge_id
from practice.domain.rootcause.naming import is_host, name_of, node_id, shown
from practice.domain.rootcause.ranking import OWN, Standing, ordered, scores, worth
from practice.domain.rootcause.recursion import Subject
from practice.domain.rootcause.types import Cause, EvidenceKind, Hop, Visit


def causes_of(
    strengths: Mapping[str, float], subject: Subject, visits: Sequence[Visit], tolerance: float
) -> tuple[Cause, ...]:
    """Every service seen, ranked. ``tolerance`` is how exact an onset is, in seconds."""
    start = [name_of(visit.node) for visit in visits if visit.parent is None]
    ways = _ways(subject.calls, start[:1])
    order = ordered(strengths, _places(strengths, subject, ways))
    chances = scores([strengths[name] for name in order])
    return tuple(
        _cause(rank, name, chance, strengths[name], subject, ways, tolerance)
        for rank, (name, chance) in enumerate(zip(order, chances, strict=True), start=1)
    )


def _places(
    names: Iterable[str], subject: Subject, ways: Mapping[str, tuple[str, ...]]
) -> dict[str, tuple[float, ...]]:
    """What orders services of equal strength: deviation of any kind, then nearness, then calls.

    Of whom nothing was measured nothing can deviate: they come after those of whom something was.
    """
    found: dict[str, tuple[float, ...]] = {}
    for name in names:
        case = subject.standings.get(name)
        total = sum(one.total for one in case.best) if case else 0.0
        distance = float(len(ways[name])) if name in ways else math.inf
        unseen = float(name not in subject.seen)
        found[name] = (-total, unseen, distance, -float(len(subject.calls.callees.get(name, ()))))
    return found


def _ways(calls: Calls, start: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """The shortest way to each service the calls of ``start`` lead to."""
    ways: dict[str, tuple[str, ...]] = {name: (name,) for name in start}
    waiting = deque(start)
    while waiting:
        name = waiting.popleft()
        for callee in calls.callees.get(name, ()):
            if callee not in ways:
                ways[callee] = (*ways[name], callee)
                waiting.append(callee)
    return ways


def _cause(
    rank: int,
    name: str,
    chance: float,
    strength: float,
    subject: Subject,
    ways: Mapping[str, tuple[str, ...]],
    tolerance: float,
) -> Cause:
    case = subject.standings.get(name)
    evidence = subject.evidence.get(name, ())
    way = ways.get(name, ())
    hops = tuple(_hop(source, target, subject, tolerance) for source, target in pairwise(way))
    top = case.top if case else None
    verified = (
        bool(way)
        and strength >= OWN
        and all(hop.structure and hop.deviation and hop.order is not False for hop in hops)
    )
    said = top.statement if top else "nothing deviates"
    via = f" Reached by {' → '.join(map(shown, way))}." if len(way) > 1 else ""
    return Cause(
        rank=rank,
        node=node_id(name),
        service="" if is_host(name) else name,
        pod=next((one.pod for one in (case.best if case else ()) if one.pod), ""),
        kind=top.kind if top else EvidenceKind.METRIC,
        score=round(chance, 4),
        strength=round(strength, 6),
        verified=verified,
        path=hops,
        evidence=tuple(one.evidence_id for one in evidence[:12]),
        statement=f"{shown(name)}: {said}.{via}",
    )


def _hop(source: str, target: str, subject: Subject, tolerance: float) -> Hop:
    caller, callee = subject.standings.get(source), subject.standings.get(target)
    began, before = _onset(callee), _onset(caller)
    order = None
    if began is not None and before is not None:
        order = began <= before + tolerance
    edge = edge_id(source, target)
    proof = [one for name in (source, target) for one in subject.evidence.get(name, ())]
    return Hop(
        source=node_id(source),
        target=node_id(target),
        structure=(source, target) in subject.calls.live,
        deviation=callee is not None and any(worth(one.total) >= OWN for one in callee.best),
        order=order,
        evidence=tuple(
            one.evidence_id for one in proof if one.edge == edge or one.node == node_id(target)
        )[:6],
    )


def _onset(case: Standing | None) -> float | None:
    """When a service began to deviate: the onset of its strongest finding that has one."""
    if case is None:
        return None
    known = [one for one in case.best if one.onset is not None and worth(one.total) >= OWN]
    return max(known, key=lambda one: one.total).onset if known else None
