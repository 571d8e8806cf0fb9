"""BARO as its authors publish it (Pham et al., FSE 2024), on the sets the engine is measured on.

    uv pip install --target /tmp/baro fse-baro
    PYTHONPATH=/tmp/baro python -m benchmarks.rca_baro --data FOLDER [--detect]

In an environment of its own, for it brings pandas and scikit-learn. It is given the alert's onset
as the time of the fault; with ``--detect`` it has to find that itself, by its multivariate change
point detection, as in its paper. A service's place is that of its first metric. One JSON line per
set.
"""

from __future__ import annotations

import argparse
import json
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from practice.clients import telemetry as files
from practice.clients.telemetry_sets import CaseSet, sets_in
from practice.domain.rootcause.evaluation import figures, rank_of
from practice.domain.rootcause.metrics import Role, role, series
from practice.domain.rootcause.telemetry import Telemetry
from practice.domain.rootcause.window import bounds

# What its change point detection looks for in a metric's name.
_NAMES = {Role.LATENCY: "latency", Role.CALL_LATENCY: "latency", Role.ERRORS: "error"}
_STEP = 60.0


def frame(telemetry: Telemetry) -> tuple[Any, dict[str, str]]:
    """Metrics as it takes them, one column each on a common time; and whose each column is."""
    pandas = import_module("pandas")
    ts = telemetry.metrics.ts
    time = np.arange(ts.min() // _STEP * _STEP, ts.max() + _STEP, _STEP)
    columns: dict[str, Any] = {"time": time}
    whose: dict[str, str] = {}
    for number, one in enumerate(series(telemetry.metrics)):
        if not one.service:
            continue
        name = f"{one.service}_{_NAMES.get(role(one.metric), one.metric)}_{number}"
        columns[name] = np.interp(time, one.ts, one.value)
        whose[name] = one.service
    return pandas.DataFrame(columns), whose


def ranked(telemetry: Telemetry, onset: float, *, detect: bool) -> list[str]:
    baro = import_module("baro.root_cause_analysis")
    data, whose = frame(telemetry)
    if detect:
        anomalies = import_module("baro.anomaly_detection").bocpd(data)
        found = baro.robust_scorer(data, anomalies=anomalies or [len(data) // 2])
    else:
        found = baro.robust_scorer(data, inject_time=onset)
    return list(dict.fromkeys(whose[name] for name in found["ranks"]))


def of_set(case_set: CaseSet, *, detect: bool) -> dict[str, Any]:
    truths = case_set.truths() or {}
    ranks = []
    for folder in case_set.case_folders():
        case = files.case(folder)
        listed = ranked(case.telemetry, bounds(case.alert)[0], detect=detect)
        ranks.append(rank_of(truths[case.alert.alert_id], listed))
    return figures(ranks)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--detect", action="store_true")
    asked = parser.parse_args()
    for one in sets_in(asked.data):
        if one.trajectories is None:
            found = of_set(one, detect=asked.detect)
            sys.stdout.write(json.dumps({"method": "fse-baro", "set": one.name, **found}) + "\n")
            sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
