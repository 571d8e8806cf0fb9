"""Generated incidents: telemetry of a generated system with one injected fault, and its label."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

import numpy as np

from benchmarks.rca_requests import FAULTS, Fault, Record, Simulation
from benchmarks.rca_systems import System, system
from practice.domain.rootcause.evaluation import Truth
from practice.domain.rootcause.telemetry import (
    Floats,
    Labels,
    LogTable,
    MetricTable,
    SpanTable,
    Telemetry,
)
from practice.domain.rootcause.types import Alert

EPOCH = 1_700_000_000.0
_STREAM = 7919


@dataclass(frozen=True, slots=True)
class Generated:
    """One incident. ``reference`` is fault-free telemetry of the same system, or ``None``."""

    alert: Alert
    telemetry: Telemetry
    reference: Telemetry | None
    truth: Truth


def generated(seed: int, fault_kind: str = "", *, calm: bool = False) -> Generated:
    """The incident of a seed; the kind of fault is drawn unless it is given.

    ``calm``: the same system watched in the same way, with an alert and no fault.
    """
    r = random.Random(seed * _STREAM + 1)
    known = system(seed)
    kind = fault_kind or FAULTS[seed % len(FAULTS)]
    before, after = r.choice((600.0, 1200.0)), r.choice((180.0, 240.0, 600.0))
    begin, end = EPOCH, EPOCH + before + after
    onset = begin + before + r.uniform(0, 55)
    fault = _fault(known, kind, math.inf if calm else onset, r)
    run = Simulation(known, r, fault)
    run.run(begin, end)
    names = [one.name for one in known.services]
    has_reference = r.random() < 0.6
    whole_traces = r.random() < 0.5 or not has_reference
    telemetry = _telemetry(
        known, run.record, begin, end, fault, r, since=begin if whole_traces else begin + before
    )
    reference = None
    if has_reference:
        calm = Simulation(known, r, None)
        calm.run(begin - 7200, begin - 7200 + 300)
        reference = _telemetry(known, calm.record, begin - 7200, begin - 6900, None, r)
    told = r.random() < 0.8
    alert = Alert(
        alert_id=f"generated-{seed}",
        at=begin + before + 120.0,
        entry=names[0] if r.random() < 0.8 else "",
        onset=(begin + before, begin + before + 60.0) if told else None,
    )
    return Generated(alert, telemetry, reference, Truth(alert.alert_id, names[fault.service], kind))


def _fault(known: System, kind: str, onset: float, r: random.Random) -> Fault:
    """A place where this kind of fault can show: somebody calls it, and a step can go missing."""
    busy = _busy(known)
    choices = [s for s in range(len(known.services)) if busy[s] >= 0.2 and s > 0] or [1]
    if kind in ("exception", "return", "config", "slow_code"):
        choices = [s for s in choices if not known.services[s].is_store] or choices
    if kind == "return":
        calling = [s for s in choices if any(o.calls for o in known.services[s].operations)]
        choices = calling or choices
    if kind == "lock":
        choices = [s for s in choices if known.services[s].is_store] or choices
    s = r.choice(choices)
    ops = known.services[s].operations
    with_calls = [o for o in range(len(ops)) if ops[o].calls]
    o = r.choice(with_calls) if kind == "return" and with_calls else r.randrange(len(ops))
    return Fault(kind, s, o, onset, r.choice((0.7, 1.0, 2.0)), r.choice((0.5, 0.8, 1.0)))


def _busy(known: System) -> list[float]:
    """Calls of each service per request, in the mean."""
    found = [0.0] * len(known.services)

    def visit(s: int, o: int, weight: float) -> None:
        found[s] += weight
        for t, op, chance in known.services[s].operations[o].calls:
            visit(t, op, weight * chance)

    first = known.services[0].operations
    for o in range(len(first)):
        visit(0, o, 1 / len(first))
    return found


def _telemetry(
    known: System, record: Record, begin: float, end: float, fault: Fault | None,
    r: random.Random, since: float = 0.0,
) -> Telemetry:  # fmt: skip
    return Telemetry(
        metrics=_metrics(known, record, begin, end, fault, r),
        spans=_spans(known, record, since),
        logs=_logs(known, record, since),
        topology=_topology(known) if known.has_topology else (),
        hosts=tuple((pod, one.host) for one in known.services for pod in one.pods),
    )


def _topology(known: System) -> tuple[tuple[str, str], ...]:
    names = [one.name for one in known.services]
    return tuple(
        dict.fromkeys(
            (one.name, names[t]) for one in known.services for op in one.operations
            for t, _, _ in op.calls
        )
    )  # fmt: skip


def _spans(known: System, record: Record, since: float) -> SpanTable:
    rows = [row for row in record.spans if row[6] >= since]
    columns = list(zip(*rows, strict=True)) if rows else [()] * 9
    names = [one.name for one in known.services]
    return SpanTable(
        Labels.of(columns[0]), Labels.of(columns[1]), Labels.of(columns[2]),
        Labels.of(names[s] for s in columns[3]), Labels.of(columns[4]), Labels.of(columns[5]),
        np.array(columns[6], dtype=float), np.array(columns[7], dtype=float),
        Labels.of(known.status[bad] for bad in columns[8]),
    )  # fmt: skip


def _logs(known: System, record: Record, since: float) -> LogTable:
    rows = sorted(row for row in record.lines if row[0] >= since)
    columns = list(zip(*rows, strict=True)) if rows else [()] * 8
    names = [one.name for one in known.services]
    blank = [""] * len(rows)
    traced = known.lines_have_traces
    return LogTable(
        np.array(columns[0], dtype=float), Labels.of(names[s] for s in columns[1]),
        Labels.of(columns[2]), Labels.of(known.levels[bad] for bad in columns[3]),
        Labels.of(columns[7] if known.has_sources else blank),
        Labels.of(columns[5] if traced else blank), Labels.of(columns[6] if traced else blank),
        [known.log_form(names[s], text) for s, text in zip(columns[1], columns[4], strict=True)],
    )  # fmt: skip


def _metrics(
    known: System, record: Record, begin: float, end: float, fault: Fault | None, r: random.Random
) -> MetricTable:
    noise = np.random.default_rng(r.randrange(1 << 30))
    edges = np.arange(begin, end + known.interval, known.interval)
    at = edges[1:]
    served = np.array(record.served, dtype=float).reshape(-1, 5)
    called = np.array(record.called, dtype=float).reshape(-1, 5)
    columns: list[tuple[str, str, str, Floats]] = []
    for s, service in enumerate(known.services):
        mine = served[served[:, 0] == s]
        out = called[called[:, 0] == s]
        on = (at >= fault.begin) if fault is not None and fault.service == s else at < 0
        for name, values in _of_service(known, mine, out, edges, on, fault, noise).items():
            for pod in service.pods:
                own = values * noise.lognormal(0, 0.05, len(values))
                if name.endswith("total"):
                    own = np.cumsum(np.nan_to_num(own)) + noise.integers(0, 10**6)
                columns.append((service.name, pod, name, own))
    size = len(at)
    flat = [(np.full(size, n), values) for n, (_, _, _, values) in enumerate(columns)]
    codes = np.concatenate([codes for codes, _ in flat]).astype(int)
    values = np.concatenate([values for _, values in flat])
    good = np.isfinite(values)
    names = [Labels.of(column) for column in list(zip(*columns, strict=True))[:3]]
    picked = [Labels(label.codes[codes[good]], label.names) for label in names]
    return MetricTable(np.tile(at, len(columns))[good], *picked, values[good])


def _of_service(
    known: System, mine: Floats, out: Floats, edges: Floats, on: Floats, fault: Fault | None,
    noise: np.random.Generator,
) -> dict[str, Floats]:  # fmt: skip
    """Metric name → value per interval, for one service (all pods alike)."""
    d, width, size = known.dialect, known.interval, len(edges) - 1
    place = np.clip(np.searchsorted(edges, mine[:, 1]) - 1, 0, size - 1)
    count = np.bincount(place, minlength=size).astype(float)
    bad = np.bincount(place, weights=mine[:, 3], minlength=size)
    busy = np.bincount(place, weights=mine[:, 4], minlength=size) / width
    kind = fault.kind if fault is not None and on.any() else ""
    power = fault.strength if fault is not None else 0.0
    wander = np.cumsum(noise.normal(0, 0.02, size))
    spikes = (noise.random(size) < 0.01) * noise.uniform(0.5, 2.0, size)
    cpu = (0.05 + 0.5 * busy) * np.exp(wander * 0.3) * (1 + spikes)
    mem = 150e6 * (1 + 0.05 * wander)
    disk = 1e4 * noise.lognormal(0, 0.4, size)
    net = (count / width + 0.1) * 900 * noise.lognormal(0, 0.1, size)
    up = np.zeros(size)
    if kind in ("cpu", "host_cpu"):
        cpu = cpu + on * 0.4 * power * noise.uniform(0.8, 1.2, size)
    if kind == "memory":
        since = np.cumsum(on) * width
        mem = mem * (1 + power * np.minimum(since / 120, 1.0))
    if kind == "disk":
        disk = disk * (1 + on * 30 * power)
    if kind == "kill":
        up, dead = on * 1.0, on & (noise.random(size) < 0.9)
        cpu, mem, net, disk = (np.where(dead, np.nan, v) for v in (cpu, mem, net, disk))
    if kind in ("network_delay", "network_loss"):
        net = net * (1 - 0.3 * on)
    found = {
        d["cpu"]: cpu * (width if d["cpu"].endswith("total") else 100.0), d["mem"]: mem,
        d["disk"]: disk, d["rx"]: net, d["tx"]: net * 1.4, d["load"]: count / (
            1 if d["load"].endswith("total") else width
        ), d["errors"]: bad,
    }  # fmt: skip
    if d["restarts"]:
        found[d["restarts"]] = up if d["restarts"].endswith("total") else np.minimum(up, 1)
    if d["host_cpu"]:
        busy_host = 30 * power * on * (kind == "host_cpu")
        found[d["host_cpu"]] = 30 + 3 * noise.normal(0, 1, size) + busy_host
    unit = 1e3 if "ms" in d["latency"] else 1.0
    for q in (50, 95):
        found[d["latency"].format(q=q)] = unit * _quantiles(place, mine[:, 2], size, q)
        if d["client"] and len(out):
            spot = np.clip(np.searchsorted(edges, out[:, 2]) - 1, 0, size - 1)
            found[d["client"].format(q=q)] = unit * _quantiles(spot, out[:, 3], size, q)
    return found


def _quantiles(place: Floats, values: Floats, size: int, q: int) -> Floats:
    found = np.full(size, np.nan)
    order = np.argsort(place, kind="stable")
    bounds = np.searchsorted(place[order], np.arange(size + 1))
    for n in range(size):
        part = values[order[bounds[n] : bounds[n + 1]]]
        if len(part):
            found[n] = np.percentile(part, q)
    return found
