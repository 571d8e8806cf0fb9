"""Analyse one alert: causal graph, detectors, recursion, ranking."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from practice.domain.rootcause.graph import calls
from practice.domain.rootcause.robust import spread
from practice.domain.rootcause.telemetry import Modality, Telemetry
from practice.domain.rootcause.types import (
    Alert,
    Analysis,
    Ask,
    Budget,
    Cause,
    Clock,
    Closing,
    Direction,
    Edge,
    EdgeKind,
    Evidence,
    EvidenceKind,
    Hop,
    MemoryEntry,
    Node,
    NodeKind,
    Outcome,
    Phase,
    Spent,
    Told,
    Verdict,
    Visit,
)

_ANOMALOUS = 4.0


def analyse(
    telemetry: Telemetry,
    alert: Alert,
    *,
    reference: Telemetry | None = None,
    memory: Sequence[MemoryEntry] = (),
    budget: Budget | None = None,
    asked: Ask | None = None,
    told: Told = lambda visit: None,
    should_stop: Callable[[], bool] = lambda: False,
    clock: Clock = time.monotonic,
) -> Analysis:
    """Rank the root causes of ``alert`` in ``telemetry``; deterministic for the same input.

    ``reference`` is fault-free telemetry of the same system. ``memory`` are entries that may be
    reused. ``asked`` answers open verdicts (a model); ``told`` hears of each visit as it is made.
    """
    began = clock()
    budget = budget or Budget()
    evidence = _metric_evidence(telemetry, alert, reference)
    pairs = calls(telemetry)
    names = sorted({item.node for item in evidence} | {f"service:{n}" for p in pairs for n in p})
    worst: dict[str, Evidence] = {}
    for item in evidence:
        if item.node not in worst or item.deviation > worst[item.node].deviation:
            worst[item.node] = item
    visits = _recurse(alert, pairs, worst, budget, should_stop)
    for visit in visits:
        told(visit)
    causes = _ranked(names, worst, visits)
    found = bool(causes) and causes[0].strength >= _ANOMALOUS
    return Analysis(
        alert=alert,
        outcome=Outcome.FOUND if found else Outcome.NONE,
        statement=causes[0].statement if found else "No component deviates from what is usual.",
        causes=causes,
        nodes=tuple(
            Node(name, NodeKind.SERVICE, name.partition(":")[2], name.partition(":")[2])
            for name in names
        ),
        edges=tuple(
            Edge(f"{s}>{t}", EdgeKind.CALLS, f"service:{s}", f"service:{t}", calls=number)
            for (s, t), number in sorted(pairs.items())
        ),
        evidence=evidence,
        visits=visits,
        missing=tuple(sorted(set(Modality) - telemetry.present())),
        budget=budget,
        spent=Spent(visits=len(visits), seconds=clock() - began),
    )


def _metric_evidence(
    telemetry: Telemetry, alert: Alert, reference: Telemetry | None
) -> tuple[Evidence, ...]:
    begin = alert.onset[0] if alert.onset else alert.at - 2 * alert.interval
    table = telemetry.metrics
    found: list[Evidence] = []
    keys = np.stack([table.service.codes, table.pod.codes, table.metric.codes])
    for service, pod, metric in np.unique(keys, axis=1).T:
        if not table.service.names[service]:
            continue
        rows = np.all(keys == np.array([[service], [pod], [metric]]), axis=0)
        rows &= np.isfinite(table.value)
        before = table.value[rows & (table.ts < begin)]
        after = table.value[rows & (table.ts >= begin)]
        if len(before) < 3 or not len(after):
            continue
        usual = float(np.median(before))
        scale = max(spread(before), 0.05 * abs(usual), 1e-9)
        now = float(np.median(after))
        found.append(
            Evidence(
                evidence_id=f"e{len(found) + 1}",
                kind=EvidenceKind.METRIC,
                modality=Modality.METRICS,
                node=f"service:{table.service.names[service]}",
                statement=f"{table.metric.names[metric]} went from {usual:.4g} to {now:.4g}",
                direction=Direction.UP if now > usual else Direction.DOWN,
                deviation=min(abs(now - usual) / scale, 100.0),
                weight=0.0,
                baseline=usual,
                observed=now,
            )
        )
    return tuple(found)


def _recurse(
    alert: Alert,
    pairs: Mapping[tuple[str, str], int],
    worst: Mapping[str, Evidence],
    budget: Budget,
    should_stop: Callable[[], bool],
) -> tuple[Visit, ...]:
    visits: list[Visit] = []
    seen: set[str] = set()
    waiting: deque[tuple[str, str | None, int]] = deque([(alert.entry, None, 0)])
    while waiting and len(visits) < budget.visits and not should_stop():
        name, parent, depth = waiting.popleft()
        if not name or name in seen or depth > budget.depth:
            continue
        seen.add(name)
        node = f"service:{name}"
        item = worst.get(node)
        deviates = item is not None and item.deviation >= _ANOMALOUS
        callees = sorted(target for source, target in pairs if source == name)
        visit = Visit(
            visit_id=f"v{len(visits) + 1}",
            parent=parent,
            depth=depth,
            node=node,
            phase=Phase.BREADTH,
            verdict=Verdict.OWN if deviates else Verdict.NORMAL,
            closing=Closing.RECURSED if callees else Closing.LEAF,
            confidence=0.5,
            reason=item.statement if item else "nothing was measured",
            evidence=(item.evidence_id,) if item else (),
        )
        visits.append(visit)
        waiting.extend((callee, visit.visit_id, depth + 1) for callee in callees)
    return tuple(visits)


def _ranked(
    names: Sequence[str], worst: Mapping[str, Evidence], visits: Sequence[Visit]
) -> tuple[Cause, ...]:
    by_id = {visit.visit_id: visit for visit in visits}
    at = {visit.node: visit for visit in visits}
    order = sorted(names, key=lambda n: (-worst[n].deviation if n in worst else 0.0, n))
    causes = []
    for rank, name in enumerate(order, start=1):
        item = worst.get(name)
        hops: list[Hop] = []
        visit = at.get(name)
        while visit is not None and visit.parent:
            source = by_id[visit.parent]
            hops.insert(0, Hop(source.node, visit.node, True, visit.verdict is Verdict.OWN, None))
            visit = source
        strength = item.deviation if item else 0.0
        causes.append(
            Cause(
                rank=rank,
                node=name,
                service=name.partition(":")[2],
                pod="",
                kind=EvidenceKind.METRIC,
                score=min(strength / 100.0, 0.99),
                strength=strength,
                verified=name in at,
                path=tuple(hops),
                evidence=(item.evidence_id,) if item else (),
                statement=f"{name}: {item.statement}" if item else f"{name}: nothing was measured",
            )
        )
    return tuple(causes)
