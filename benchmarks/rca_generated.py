"""Generated incidents: telemetry of a generated system with one injected fault, and its label."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

import numpy as np

from benchmarks.rca_meters import Meters, meters, metric_table
from benchmarks.rca_requests import FAULTS, Fault, Record, Simulation, Traffic
from benchmarks.rca_systems import System, system
from practice.domain.rootcause.evaluation import Truth
from practice.domain.rootcause.telemetry import (
    Labels,
    LogTable,
    SpanTable,
    Telemetry,
)
from practice.domain.rootcause.types import Alert

EPOCH = 1_700_000_000.0
_STREAM = 7919
# What may befall one pod of a service while the others are well.
_OF_A_POD = ("cpu", "memory", "disk", "network_delay", "network_loss", "socket")


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
    habits = meters(known, r)
    traffic = _traffic(known, begin + before, fault, r)
    run = Simulation(known, r, fault, traffic)
    run.run(begin, end)
    names = [one.name for one in known.services]
    has_reference = r.random() < 0.6
    whole_traces = r.random() < 0.5 or not has_reference
    telemetry = watched(
        known,
        habits,
        run.record,
        begin,
        end,
        fault,
        r,
        since=begin if whole_traces else begin + before,
    )
    reference = None
    if has_reference:
        calm = Simulation(known, r, None, traffic)
        calm.run(begin - 7200, begin - 7200 + 300)
        reference = watched(known, habits, calm.record, begin - 7200, begin - 6900, None, r)
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
    often = busy(known)
    choices = [s for s in range(len(known.services)) if often[s] >= 0.2 and s > 0] or [1]
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
    pods = len(known.services[s].pods)
    pod = r.randrange(pods) if kind in _OF_A_POD and r.random() < 0.4 else -1
    return Fault(kind, s, o, onset, r.choice((0.7, 1.0, 2.0)), r.choice((0.5, 0.8, 1.0)), pod)


def _traffic(known: System, around: float, fault: Fault, r: random.Random) -> Traffic:
    """Users come and go, some wait for answers before they ask again, and load changes anyway."""
    return Traffic(
        per_second=known.requests_per_second,
        tide=r.choice((0.0, 0.2, 0.5)),
        period=r.choice((900.0, 3600.0)),
        turns_at=around + r.uniform(-120, 240),
        turn=r.choice((1.0, 1.0, 1.0, 0.6, 1.5)),
        fault_at=fault.begin,
        patience=r.choice((1.0, 1.0, 0.8, 0.5)),
    )


def busy(known: System) -> list[float]:
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


def watched(
    known: System, habits: Meters, record: Record, begin: float, end: float,
    fault: Fault | None, r: random.Random, since: float = 0.0,
) -> Telemetry:  # fmt: skip
    return Telemetry(
        metrics=metric_table(known, habits, record, begin, end, fault, r),
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
