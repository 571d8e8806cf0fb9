"""Root causes in systems nobody tuned for: generated incidents, whole and with inputs taken away.

    python -m benchmarks.rca_generality [--cases N] [--first SEED] [--wrong]

One JSON line per way of watching, per kind of fault. ``--wrong`` names the cases that were missed.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import defaultdict
from dataclasses import replace

from benchmarks.rca_changes import (
    sampled_traces,
    without_logs,
    without_metrics,
    without_traces,
)
from benchmarks.rca_generated import Generated, generated
from benchmarks.rca_peers import PEERS
from practice.domain.rootcause.analysis import analyse
from practice.domain.rootcause.evaluation import figures, rank_of, ranking
from practice.domain.rootcause.telemetry import Telemetry

PEERS_TRIED = ("max_z", "robust_scorer", "error_logs", "random")
WAYS = {
    "everything": (),
    "no metrics": (without_metrics,),
    "no traces": (without_traces,),
    "no logs": (without_logs,),
    "one trace in ten": (sampled_traces,),
    "metrics alone": (without_traces, without_logs),
    "traces alone": (without_metrics, without_logs),
    "logs alone": (without_metrics, without_traces),
}


def seen(case: Generated, way: str) -> Generated:
    def cut(telemetry: Telemetry) -> Telemetry:
        for change in WAYS[way]:
            telemetry, _ = change(telemetry, case.alert)
        return telemetry

    reference = cut(case.reference) if case.reference is not None else None
    return replace(case, telemetry=cut(case.telemetry), reference=reference)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=120)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--ways", nargs="*", choices=list(WAYS), default=list(WAYS))
    parser.add_argument("--wrong", action="store_true")
    asked = parser.parse_args()
    ranks: dict[tuple[str, str], list[int | None]] = defaultdict(list)
    peers: dict[tuple[str, str], list[int | None]] = defaultdict(list)
    for seed in range(asked.first, asked.first + asked.cases):
        case = generated(seed)
        for way in asked.ways:
            one = seen(case, way)
            found = analyse(one.telemetry, one.alert, reference=one.reference)
            listed = ranking(found)
            rank = rank_of(one.truth, listed)
            ranks[way, one.truth.fault_type].append(rank)
            for name in PEERS_TRIED if way == "everything" else ():
                peers[way, name].append(rank_of(one.truth, PEERS[name](one.telemetry, one.alert)))
            if asked.wrong and rank != 1:
                own = [c.statement for c in found.causes if c.service == one.truth.service]
                say(
                    wrong=seed, way=way, fault=one.truth.fault_type, truth=one.truth.service,
                    rank=rank, said=[c.statement for c in found.causes[:2]],
                    own=own[:1],
                )  # fmt: skip
    for way in asked.ways:
        mine = {kind: rs for (w, kind), rs in ranks.items() if w == way}
        say(
            way=way, **figures(r for rs in mine.values() for r in rs),
            by_fault={kind: figures(rs)["r_at_1"] for kind, rs in sorted(mine.items())},
            peers={name: figures(rs)["r_at_1"] for (w, name), rs in peers.items() if w == way},
        )  # fmt: skip
    return 0


def say(**values: object) -> None:
    sys.stdout.write(json.dumps(values, ensure_ascii=False) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
