"""A callee whose lines are gone from its caller's requests: who is blamed, by log lines and counts?

    python -m benchmarks.rca_callers [--cases N] [--first SEED]

Four things look alike in lines. Of a generated system without spans, from a moment on, one caller

- *stopped* asking its callee;
- has *moved*: another service asks it in the caller's place, as often;
- asks as ever, and the callee *throws* before it writes its first line;
- as before, and the caller tells of the failure (*told*).

In the first two the callee is well. One JSON line per way: how often each is named first.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections import Counter, defaultdict
from dataclasses import dataclass, replace

from benchmarks.rca_changes import without_traces
from benchmarks.rca_generated import EPOCH, busy, watched
from benchmarks.rca_meters import meters
from benchmarks.rca_requests import Simulation, Traffic
from benchmarks.rca_systems import System, system
from practice.domain.rootcause.analysis import analyse
from practice.domain.rootcause.evaluation import ranking
from practice.domain.rootcause.types import Alert

WAYS = ("stopped", "moved", "throws", "told")
BEFORE, AFTER = 600.0, 240.0
_LATE = 20.0
_BUSY = 0.2


@dataclass(slots=True)
class Rerouted(Simulation):
    """``caller`` and ``callee`` part at ``since`` in one of ``WAYS``; ``heir`` takes over."""

    way: str = ""
    caller: int = 0
    callee: int = 0
    heir: int = -1
    rate: float = 0.0
    since: float = 0.0

    def _call(
        self, s: int, place: int, t: int, o: int, start: float, trace: str, parent: str
    ) -> tuple[float, bool]:
        is_late = start >= self.since
        if is_late and self.way in ("stopped", "moved") and (s, t) == (self.caller, self.callee):
            return start, False
        # No zero-argument super: the class was made anew for its slots.
        ended, failed = Simulation._call(self, s, place, t, o, start, trace, parent)
        if is_late and self.way == "moved" and s == self.heir and self.random.random() < self.rate:
            Simulation._call(self, s, place, self.callee, 0, ended, trace, parent)
        return ended, failed

    def _serve(
        self, s: int, place: int, o: int, start: float, trace: str, parent: str
    ) -> tuple[float, bool]:
        if start >= self.since and self.way in ("throws", "told") and s == self.callee:
            self.record.served.append((s, start, 0.001, True, 0.001, place))
            return start + 0.001, self.way == "told"
        return Simulation._serve(self, s, place, o, start, trace, parent)


def first_named(seed: int, way: str) -> str:
    """Who is first of *callee*, *caller*, *heir*, *another*; empty where the system has no such."""
    r, drawn = random.Random(seed * 77 + 1), system(seed)
    services = tuple(replace(one, is_logged=True) for one in drawn.services)
    known = replace(drawn, lines_have_traces=True, services=services)
    pairs = _alone(known)
    if not pairs:
        return ""
    caller, callee = r.choice(pairs)
    often = busy(known)
    heirs = [
        s for s, one in enumerate(services)
        if s not in (caller, callee) and often[s] > _BUSY and any(op.calls for op in one.operations)
    ]  # fmt: skip
    if not heirs:
        return ""
    heir, since, end = r.choice(heirs), EPOCH + BEFORE + _LATE, EPOCH + BEFORE + AFTER
    habits = meters(known, r)
    traffic = Traffic(known.requests_per_second * 2, 0.0, 900.0, since, 1.0, since, 1.0)
    calls = sum(len(op.calls) for op in services[heir].operations) / len(services[heir].operations)
    run = Rerouted(
        known, r, None, traffic, way=way, caller=caller, callee=callee, heir=heir, since=since,
        rate=min(1.0, often[callee] / max(often[heir] * calls, _BUSY)),
    )  # fmt: skip
    run.run(EPOCH, end)
    alert = Alert(
        alert_id=f"{way}-{seed}", at=EPOCH + BEFORE + 120.0, entry=services[0].name,
        onset=(EPOCH + BEFORE, EPOCH + BEFORE + 60.0),
    )  # fmt: skip
    whole = watched(known, habits, run.record, EPOCH, end, None, r)
    telemetry, _ = without_traces(whole, alert)
    first = next(iter(ranking(analyse(telemetry, alert))), "")
    parts = {"callee": callee, "caller": caller, "heir": heir}
    return next((part for part, s in parts.items() if services[s].name == first), "another")


def _alone(known: System) -> list[tuple[int, int]]:
    """(caller, callee) of those who are always asked by one service alone, and often."""
    callers: dict[int, set[int]] = defaultdict(set)
    for s, service in enumerate(known.services):
        for op in service.operations:
            for t, _, chance in op.calls:
                callers[t].add(s if chance == 1.0 else -1)
    often = busy(known)
    return sorted(
        (s, t) for t, asking in callers.items() if len(asking) == 1 and often[t] > _BUSY
        for s in asking if s >= 0
    )  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=24)
    parser.add_argument("--first", type=int, default=20)
    asked = parser.parse_args()
    for way in WAYS:
        seeds = range(asked.first, asked.first + asked.cases)
        named = Counter(filter(None, (first_named(seed, way) for seed in seeds)))
        sys.stdout.write(json.dumps({"way": way, "cases": named.total(), **named}) + "\n")
        sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
