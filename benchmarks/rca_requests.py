"""Requests through a generated system, with or without a fault: spans and log lines as rows."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, field

from benchmarks.rca_systems import System

FAULTS = (
    "cpu", "memory", "disk", "network_delay", "network_loss", "exception", "return", "kill",
    "config", "lock", "slow_code", "host_cpu", "socket",
)  # fmt: skip
_WIRE_MS = 0.4
_ERRORS = (
    "java.lang.NullPointerException: cannot read {w}", "unhandled exception in {w}: bad state",
    "failed to {w}: invalid argument", "panic: {w} index out of range",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with one service from ``begin`` on. ``strength`` scales it, 1 is usual.

    ``pod`` is the one that is struck, -1 for all.
    """

    kind: str
    service: int
    operation: int
    begin: float
    strength: float
    share: float
    pod: int = -1


@dataclass(frozen=True, slots=True)
class Traffic:
    """How many requests come: a tide, a turn that has nothing to do with the fault, patience.

    ``patience`` is the part of the requests that still come when the fault has begun.
    """

    per_second: float
    tide: float
    period: float
    turns_at: float
    turn: float
    fault_at: float
    patience: float

    def at(self, now: float) -> float:
        rate = self.per_second * (1 + self.tide * math.sin(2 * math.pi * now / self.period))
        rate *= self.turn if now >= self.turns_at else 1.0
        return rate * (self.patience if now >= self.fault_at else 1.0)


@dataclass(slots=True)
class Record:
    """What was recorded. Times are epoch seconds, durations seconds."""

    spans: list[tuple[str, str, str, int, str, str, float, float, bool]] = field(
        default_factory=list
    )
    lines: list[tuple[float, int, str, bool, str, str, str, str]] = field(default_factory=list)
    # (service, time, duration, failed, self seconds, pod) of every call, seen by anybody or not.
    served: list[tuple[int, float, float, bool, float, int]] = field(default_factory=list)
    # (caller, callee, time, duration as the caller saw it, failed, the callee's pod)
    called: list[tuple[int, int, float, float, bool, int]] = field(default_factory=list)


@dataclass(slots=True)
class Simulation:
    """Sends requests through ``system``; what happens is kept in ``record``."""

    system: System
    random: random.Random
    fault: Fault | None
    traffic: Traffic
    record: Record = field(default_factory=Record)
    _spans: int = 0

    def run(self, begin: float, end: float) -> None:
        at, number = begin, 0
        while True:
            at += self.random.expovariate(self.traffic.at(at))
            if at >= end:
                return
            number += 1
            op = self.random.randrange(len(self.system.services[0].operations))
            self._serve(0, self._pod(0), op, at, f"t{begin:.0f}-{number}", "")

    def _pod(self, s: int) -> int:
        """Which pod takes a request; the first takes more than its share."""
        size = len(self.system.services[s].pods)
        return int(size * self.random.random() ** 1.3)

    def _on(self, s: int, pod: int, at: float, *kinds: str) -> bool:
        fault = self.fault
        return (
            fault is not None and fault.service == s and at >= fault.begin
            and fault.kind in kinds and fault.pod in (-1, pod)
        )  # fmt: skip

    def _slowdown(self, s: int, pod: int, at: float) -> float:
        fault, r = self.fault, self.random
        if fault is None or at < fault.begin or (fault.service == s and fault.pod not in (-1, pod)):
            return 1.0
        if fault.kind == "host_cpu":
            services = self.system.services
            same = services[s].host == services[fault.service].host
            return 1 + (2.0 if s == fault.service else 0.4 * same) * fault.strength
        if fault.service != s:
            return 1.0
        if fault.kind == "cpu":
            return 1 + 2.5 * fault.strength * r.uniform(0.5, 1.5)
        if fault.kind == "memory":
            return 1 + 0.7 * fault.strength * (r.random() < 0.5)
        if fault.kind == "disk":
            return 1 + 2.0 * fault.strength * (r.random() < 0.6)
        if fault.kind == "lock":
            return 1 + 8.0 * fault.strength * (r.random() < 0.5)
        return 1.0

    def _span(self) -> str:
        self._spans += 1
        return f"{self._spans:x}"

    def _serve(
        self, s: int, place: int, o: int, start: float, trace: str, parent: str
    ) -> tuple[float, bool]:
        """When it ended and whether it failed; records a server span."""
        service, r = self.system.services[s], self.random
        op, fault = service.operations[o], self.fault
        span = self._span() if service.is_traced else parent
        pod = service.pods[place]
        own = op.self_ms * r.lognormvariate(0.0, 0.25) / 1e3 * self._slowdown(s, place, start)
        hit = r.random() < (fault.share if fault else 0.0)
        mine = fault is not None and o == fault.operation
        if mine and hit and self._on(s, place, start, "slow_code"):
            own += 0.15 * (fault.strength if fault else 0.0)
        now, failed = start + own / 2, False
        self._log(s, pod, now, False, op.statements[0], trace, span)
        broken = (mine and hit and self._on(s, place, start, "exception")) or (
            hit and self._on(s, place, start, "config")
        )
        returned = mine and hit and self._on(s, place, start, "return")
        if s == self.system.grumbler and r.random() < 0.05:
            self._log(s, pod, now, True, "cache miss: entry not found, failed over", trace, span)
        if broken:
            word = op.name.strip("/#0123456789")
            self._log(s, pod, now, True, _ERRORS[s % len(_ERRORS)].format(w=word), trace, span)
            failed = True
        elif not returned:
            for t, callee_op, chance in op.calls:
                if r.random() < chance:
                    now, bad = self._call(s, place, t, callee_op, now, trace, span)
                    if bad and r.random() < 0.8:
                        failed = True
                        break
            if self.system.has_inner_spans and not failed and service.is_traced:
                self._keep(trace, self._span(), span, s, pod, "render", now, own / 8, False)
        now += own / 2
        if not failed and not returned:
            self._log(s, pod, now, False, op.statements[1], trace, span)
        if service.is_traced:
            self._keep(trace, span, parent, s, pod, op.name, start, now - start, failed)
        self.record.served.append((s, start, now - start, failed, own, place))
        return now, failed

    def _call(
        self, s: int, place: int, t: int, o: int, start: float, trace: str, parent: str
    ) -> tuple[float, bool]:
        r, fault = self.random, self.fault
        pod, other = self.system.services[s].pods[place], self._pod(t)
        wire = _WIRE_MS * r.lognormvariate(0.0, 0.3) / 1e3
        dropped = False
        for end in ((s, place), (t, other)):
            if self._on(*end, start, "network_delay"):
                wire += 0.1 * (fault.strength if fault else 0) * r.uniform(0.7, 1.3)
            if self._on(*end, start, "socket") and r.random() < 0.3:
                wire += 0.05 * (fault.strength if fault else 0) * r.uniform(0.5, 2.0)
                dropped = dropped or r.random() < 0.1
            if self._on(*end, start, "network_loss") and r.random() < 0.25:
                wire += 0.2 * r.choice((1, 1, 3))
                dropped = dropped or r.random() < 0.15
        client = parent
        traced = self.system.services[s].is_traced
        if self.system.has_client_spans and traced:
            client = self._span()
        gone = self._on(t, other, start, "kill") and r.random() < 0.9
        if gone or dropped:
            ended, failed = start + wire + (0.002 if gone else 1.0), True
        else:
            ended, failed = self._serve(t, other, o, start + wire / 2, trace, client)
            ended += wire / 2
        if client != parent:
            name = f"call {self.system.services[t].operations[o].name}"
            self._keep(trace, client, parent, s, pod, name, start, ended - start, failed)
        if failed:
            why = "connection refused" if gone else "timeout" if dropped else "status 500"
            text = f"request to {self.system.services[t].name} failed: {why}"
            self._log(s, pod, ended, True, text, trace, parent)
        self.record.called.append((s, t, start, ended - start, failed, other))
        return ended, failed

    def _keep(
        self, trace: str, span: str, parent: str, s: int, pod: str, name: str, start: float,
        duration: float, failed: bool,
    ) -> None:  # fmt: skip
        self.record.spans.append((trace, span, parent, s, pod, name, start, duration, failed))

    def _log(
        self, s: int, pod: str, at: float, is_error: bool, text: str, trace: str, span: str
    ) -> None:
        if self.system.services[s].is_logged:
            id_ = self.random.randrange(10_000)
            source = f"{text.split()[0]}#{len(text)}"
            self.record.lines.append(
                (at, s, pod, is_error, f"{text} id={id_}", trace, span, source)
            )
