"""When is a cause a cause? The threshold of one system, judged on another it has not seen.

    python -m benchmarks.rca_left_out --data FOLDER [--generated N]

``FOUND`` is one number for every system. Here it is chosen anew from all systems but one (the
set that has faults found most often less the share of fault-free windows with a cause) and judged
on the one left out, beside the number that is built in. One JSON line per system.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.rca import load
from benchmarks.rca_changes import fault_free
from benchmarks.rca_generated import generated
from practice.clients.telemetry_sets import sets_in
from practice.domain.rootcause.analysis import analyse
from practice.domain.rootcause.evaluation import rank_of, ranking
from practice.domain.rootcause.ranking import FOUND

GENERATED = "generated systems"
FIRST_SEED = 400


@dataclass(frozen=True, slots=True)
class Strengths:
    """Strength of the first cause: per fault with whether it is the right one, and per calm."""

    faults: Sequence[tuple[float, bool]]
    calm: Sequence[float]

    def judged(self, least: float) -> dict[str, float]:
        """Shares of faults found, of those rightly, and of fault-free windows with a cause."""
        found = [right for strength, right in self.faults if strength >= least]
        false = sum(strength >= least for strength in self.calm)
        return {
            "found": len(found) / len(self.faults),
            "right_of_found": sum(found) / max(len(found), 1),
            "false_cause": false / len(self.calm),
        }


def of_set(folder: Path) -> Strengths:
    loaded = load(next(iter(sets_in(folder))))
    entry = loaded.cases[0].alert.entry
    faults = []
    for case in loaded.cases:
        found = analyse(case.telemetry, case.alert, reference=loaded.reference)
        rank = rank_of(loaded.truths[case.alert.alert_id], ranking(found))
        faults.append((found.causes[0].strength, rank == 1))
    calm = []
    for window, alert, reference in fault_free(loaded.normal):
        found = analyse(window, replace(alert, entry=entry), reference=reference)
        calm.append(found.causes[0].strength if found.causes else 0.0)
    return Strengths(faults, calm)


def of_generated(count: int) -> Strengths:
    faults, calm = [], []
    for seed in range(FIRST_SEED, FIRST_SEED + count):
        for is_calm in (False, True):
            case = generated(seed, calm=is_calm)
            found = analyse(case.telemetry, case.alert, reference=case.reference)
            strength = found.causes[0].strength if found.causes else 0.0
            if is_calm:
                calm.append(strength)
            else:
                faults.append((strength, rank_of(case.truth, ranking(found)) == 1))
    return Strengths(faults, calm)


def chosen(systems: Mapping[str, Strengths], left_out: str) -> float:
    """The threshold that serves the other systems best, each counted alike.

    Where a range of them serves alike, its middle: as far from the windows without a fault as from
    those with one.
    """
    others = [one for name, one in systems.items() if name != left_out]
    tried = sorted({s for one in others for s in (*one.calm, *(f[0] for f in one.faults))})

    def served(least: float) -> float:
        judged = [one.judged(least) for one in others]
        return sum(j["found"] * j["right_of_found"] - j["false_cause"] for j in judged)

    values = [served(least) for least in tried]
    last = max(range(len(tried)), key=lambda n: (values[n], n))
    first = last
    while first > 0 and values[first - 1] == values[last]:
        first -= 1
    return (tried[last] + (tried[first - 1] if first else 0.0)) / 2


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--generated", type=int, default=24)
    asked = parser.parse_args()
    systems = {
        one.name: of_set(one.folder) for one in sets_in(asked.data) if one.trajectories is None
    }
    systems[GENERATED] = of_generated(asked.generated)
    for name, mine in systems.items():
        least = chosen(systems, name)
        built_in = {f"built_in_{k}": v for k, v in _rounded(mine.judged(FOUND)).items()}
        row = {
            "left_out": name, "faults": len(mine.faults), "calm": len(mine.calm),
            "threshold_of_the_others": round(least, 3), **_rounded(mine.judged(least)),
            "built_in": FOUND, **built_in,
        }  # fmt: skip
        sys.stdout.write(json.dumps(row) + "\n")
    return 0


def _rounded(values: Mapping[str, float]) -> dict[str, float]:
    return {name: round(value, 3) for name, value in values.items()}


if __name__ == "__main__":
    sys.exit(main())
