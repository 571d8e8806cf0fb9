"""The causal graph of a window: services and pods, and who calls whom, now and usually."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from practice.domain.rootcause.hosts import Placed
from practice.domain.rootcause.invocations import TIE, Invocations
from practice.domain.rootcause.naming import host_id, service_id
from practice.domain.rootcause.robust import quantile
from practice.domain.rootcause.telemetry import Floats, Modality, Telemetry, distinct
from practice.domain.rootcause.types import Edge, EdgeKind, Node, NodeKind
from practice.domain.rootcause.window import Window

_SHOWN = 10


def edge_id(source: str, target: str) -> str:
    return f"{source}>{target}"


@dataclass(frozen=True, slots=True)
class Calls:
    """Callees of each service, by name. ``live`` are the calls that spans or edges show."""

    callees: Mapping[str, tuple[str, ...]]
    live: frozenset[tuple[str, str]]

    def named(self) -> frozenset[str]:
        """Everybody who calls or is called."""
        return frozenset(
            name for source, targets in self.callees.items() for name in (source, *targets)
        )

    def reached(self, start: Sequence[str]) -> frozenset[str]:
        """Every service that the calls lead to from ``start``, itself included."""
        found, waiting = set(start), list(start)
        while waiting:
            for callee in self.callees.get(waiting.pop(), ()):
                if callee not in found:
                    found.add(callee)
                    waiting.append(callee)
        return frozenset(found)

    def above(self, targets: Sequence[str]) -> frozenset[str]:
        """``targets`` and every service whose calls lead to one of them."""
        callers: dict[str, list[str]] = defaultdict(list)
        for source, callees in self.callees.items():
            for callee in callees:
                callers[callee].append(source)
        found, waiting = set(targets), list(targets)
        while waiting:
            for caller in callers.get(waiting.pop(), ()):
                if caller not in found:
                    found.add(caller)
                    waiting.append(caller)
        return frozenset(found)


def onto_hosts(known: Calls, where: Placed, named: Collection[str]) -> Calls:
    """The calls, and from each service to the hosts of ``named`` that it runs on."""
    pairs = {(service, host) for service, on in where.items() for host in on if host in named}
    callees = dict(known.callees)
    for service, host in sorted(pairs):
        callees[service] = (*callees.get(service, ()), host)
    return Calls(callees, known.live | pairs)


def calls(telemetry: Telemetry, window: Window, trace_id: str = "") -> Calls:
    """Calls seen in spans (of one trace, if named) and edges; the topology where neither speaks."""
    live = _span_pairs(window.invocations, telemetry, trace_id)
    if not trace_id or not live:
        if window.reference is not None:
            live |= _span_pairs(window.reference, telemetry, "")
        table = telemetry.edges
        live |= {
            (table.source.names[s], table.target.names[t])
            for s, t in set(
                zip(table.source.codes.tolist(), table.target.codes.tolist(), strict=True)
            )
        }
    spoken = {source for source, _ in live}
    # The topology fills in for services whose calls nobody recorded, and for stores nobody traces.
    answering = set(telemetry.spans.service.names) | {target for _, target in live}
    filled = {
        pair
        for pair in telemetry.topology
        if not trace_id and (pair[0] not in spoken or pair[1] not in answering)
    }
    # What neither shows the caller of may still say by its log lines who it is.
    known = {target for _, target in live | filled}
    filled |= {pair for pair in window.by_lines if not trace_id and pair[1] not in known}
    callees: dict[str, set[str]] = defaultdict(set)
    for source, target in live | filled:
        if source != target:
            callees[source].add(target)
    return Calls({s: tuple(sorted(ts)) for s, ts in callees.items()}, frozenset(live))


def _span_pairs(table: Invocations, telemetry: Telemetry, trace_id: str) -> set[tuple[str, str]]:
    rows = np.flatnonzero(table.parent >= 0)
    if trace_id:
        names = telemetry.spans.trace_id.names
        if trace_id not in names:
            return set()
        rows = rows[table.trace[rows] == names.index(trace_id)]
    width = max(len(table.service.names), 1)
    source = table.service.codes[table.parent[rows]].astype(np.int64)
    pairs = distinct(source * width + table.service.codes[rows])
    names = table.service.names
    return {(names[int(p) // width], names[int(p) % width]) for p in pairs}


def nodes(
    window: Window,
    names: Sequence[str],
    anomaly: Mapping[str, float],
    hosts: Sequence[tuple[str, str]] = (),
) -> tuple[Node, ...]:
    """One node per service of ``names``, one per pod seen of it, one per host that runs either."""
    found: list[Node] = []
    operations = _operations(window.invocations)
    pods = _pods(window)
    for name in names:
        found.append(
            Node(
                node_id=service_id(name),
                kind=NodeKind.SERVICE,
                name=name,
                service=name,
                anomaly=round(anomaly.get(name, 0.0), 4),
                operations=operations.get(name, ())[:_SHOWN],
                modalities=tuple(sorted(window.seen.get(name, frozenset()))),
                metrics=window.metrics.get(name, ())[:_SHOWN],
                templates=tuple(window.templates.get(name, ()))[:_SHOWN],
            )
        )
        found.extend(
            Node(node_id=f"{NodeKind.POD}:{pod}", kind=NodeKind.POD, name=pod, service=name)
            for pod in pods.get(name, ())
        )
    shown = {node.name for node in found}
    running = sorted({host for what, host in hosts if what in shown})
    for host in running:
        key = host_id(host)
        found.append(
            Node(
                node_id=key,
                kind=NodeKind.HOST,
                name=host,
                anomaly=round(anomaly.get(key, 0.0), 4),
                modalities=(Modality.METRICS,) if key in window.metrics else (),
                metrics=window.metrics.get(key, ())[:_SHOWN],
            )
        )
    return tuple(found)


def _operations(table: Invocations) -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = defaultdict(list)
    counts = np.bincount(table.kind.codes, minlength=len(table.kind.names))
    for code in np.argsort(-counts, kind="stable").tolist():
        service, _, operation = table.kind.names[code].partition(TIE)
        if counts[code]:
            found[service].append(operation)
    return {name: tuple(mine) for name, mine in found.items()}


def _pods(window: Window) -> dict[str, tuple[str, ...]]:
    found: dict[str, set[str]] = defaultdict(set)
    for name, summaries in window.metrics.items():
        found[name].update(summary.pod for summary in summaries if summary.pod)
    table = window.invocations
    width = max(len(table.pod.names), 1)
    for code in distinct(table.service.codes.astype(np.int64) * width + table.pod.codes).tolist():
        if table.pod.names[code % width]:
            found[table.service.names[code // width]].add(table.pod.names[code % width])
    return {name: tuple(sorted(pods)) for name, pods in found.items()}


def edges(
    window: Window, graph: Calls, shown: Sequence[Node], hosts: Sequence[tuple[str, str]] = ()
) -> tuple[Edge, ...]:
    """Calls with their times now and usually, which pod is an instance of what, and runs where."""
    now, usual = _by_pair(window, current=True), _by_pair(window, current=False)
    found = [
        _edge(source, target, now.get((source, target)), usual.get((source, target)), window)
        for source, targets in sorted(graph.callees.items())
        for target in targets
    ]
    found.extend(
        Edge(
            edge_id=edge_id(node.name, node.service),
            kind=EdgeKind.INSTANCE_OF,
            source=node.node_id,
            target=service_id(node.service),
        )
        for node in shown
        if node.kind is NodeKind.POD
    )
    known = {node.name: node.node_id for node in shown if node.kind is not NodeKind.HOST}
    found.extend(
        Edge(edge_id(what, host), EdgeKind.RUNS_ON, source=known[what], target=host_id(host))
        for what, host in hosts
        if what in known
    )
    return tuple(found)


@dataclass(frozen=True, slots=True)
class _Side:
    calls: int
    per_request: float
    failed: float
    client: Floats
    duration: Floats


def _by_pair(window: Window, *, current: bool) -> dict[tuple[str, str], _Side]:
    table = window.invocations
    found = _sides(table, table.start >= window.begin if current else table.start < window.begin)
    if not current and window.reference is not None:
        known = _sides(window.reference, np.ones(len(window.reference), dtype=np.bool_))
        found = found | known
    return found


def _sides(table: Invocations, rows: NDArray[np.bool_]) -> dict[tuple[str, str], _Side]:
    chosen = np.flatnonzero(rows & (table.parent >= 0))
    width = max(len(table.service.names), 1)
    source = table.service.codes[table.parent[chosen]].astype(np.int64)
    key = source * width + table.service.codes[chosen]
    order = np.argsort(key, kind="stable")
    keys, first = np.unique(key[order], return_index=True)
    handled = np.bincount(table.service.codes[rows], minlength=width)
    found = {}
    for code, part in zip(keys.tolist(), np.split(chosen[order], first[1:]), strict=False):
        caller, callee = code // width, code % width
        found[table.service.names[caller], table.service.names[callee]] = _Side(
            calls=len(part),
            per_request=len(part) / max(int(handled[caller]), 1),
            failed=float(table.failed[part].mean()),
            client=table.client[part],
            duration=table.duration[part],
        )
    return found


def _edge(source: str, target: str, now: _Side | None, usual: _Side | None, window: Window) -> Edge:
    gap = window.gaps.get((source, target))
    missing = None
    if usual is not None:
        missing = max(0.0, 1.0 - (now.per_request if now else 0.0) / usual.per_request)
    return Edge(
        edge_id=edge_id(source, target),
        kind=EdgeKind.CALLS,
        source=service_id(source),
        target=service_id(target),
        calls=now.calls if now else 0,
        baseline_calls=usual.calls if usual else 0,
        error_share=now.failed if now else None,
        caller_p50=_quantile(now.client, 0.5) if now else None,
        caller_p95=_quantile(now.client, 0.95) if now else None,
        callee_p50=_quantile(now.duration, 0.5) if now else None,
        callee_p95=_quantile(now.duration, 0.95) if now else None,
        gap=gap.now if gap else None,
        baseline_gap=gap.usual if gap else None,
        baseline_caller_p50=_quantile(usual.client, 0.5) if usual else None,
        baseline_callee_p50=_quantile(usual.duration, 0.5) if usual else None,
        missing_ratio=missing,
    )


def _quantile(values: Floats, share: float) -> float | None:
    good = np.sort(values[np.isfinite(values)])
    return quantile(good, share) if len(good) else None
