"""A case of a million log lines, read from a file and reasoned over, and taken in as an upload.

    python -m benchmarks.rca_big [--lines N]

One JSON line per figure: processor seconds and the peak of resident memory, each in a process of
its own. Lines carry no logger, so that every template has to be mined.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from practice.clients.telemetry import case
from practice.clients.telemetry_files import read
from practice.domain.rootcause.analysis import analyse

BEGIN = 1_795_000_000
SECONDS = 600
SERVICES = (
    "order", "payment", "cart", "stock", "user", "route", "price", "session", "token", "cache",
    "index", "batch", "worker", "queue", "shard",
)  # fmt: skip
GUILTY = "stock"
TEMPLATES = (
    "served request {a} for user {b} in {b} ms",
    "cache miss for key {a:x} in shard {b}",
    "opened connection to 10.0.{b}.{b}:5432",
    "retrying {s} after {a} ms",
    "stored {s} id={a}",
    "{s} finished: {a} rows",
)
FAULT = "could not obtain lock {a} on table refunds"


def write(folder: Path, lines: int) -> None:
    """One case whose guilty service logs errors in the last tenth of its time."""
    r = random.Random(3)
    columns = "ts_us,service,pod,level,source,trace_id,span_id,message\n"
    with gzip.open(folder / "logs.csv.gz", "wt", compresslevel=1) as out:
        out.write(columns)
        for n in range(lines):
            at, service = BEGIN + SECONDS * n / lines, SERVICES[n % len(SERVICES)]
            ill = at > BEGIN + 0.9 * SECONDS and service == GUILTY and r.random() < 0.3
            values = {"a": r.randrange(10**6), "b": r.randrange(250), "s": r.choice(SERVICES)}
            said = (FAULT if ill else r.choice(TEMPLATES)).format(**values)
            level = "ERROR" if ill else "INFO"
            out.write(f"{at * 1e6:.0f},{service},{service}-0,{level},,,,{said}\n")
    alert = {
        "alert_ts": BEGIN + SECONDS - 10,
        "entry_service": SERVICES[0],
        "onset_between": [BEGIN + SECONDS - 120, BEGIN + SECONDS - 60],
    }
    (folder / "alert.json").write_text(json.dumps(alert))


def reasoned(folder: Path) -> dict[str, object]:
    began = time.process_time()
    found = case(folder)
    read_at = time.process_time()
    answer = analyse(found.telemetry, found.alert)
    return {
        "figure": "case of a folder",
        "lines": len(found.telemetry.logs),
        "reading": round(read_at - began, 1),
        "reasoning": round(time.process_time() - read_at, 1),
        "right": answer.causes[0].service == GUILTY,
    }


def taken(folder: Path) -> dict[str, object]:
    data = (folder / "logs.csv.gz").read_bytes()
    began = time.process_time()
    found = read(data, name="logs.csv.gz", kind="logs")
    seconds = round(time.process_time() - began, 1)
    return {"figure": "upload, read by a worker", "lines": found.rows, "reading": seconds}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, default=1_000_000)
    parser.add_argument("--do", choices=("reasoned", "taken"), help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.do:
        figures = (reasoned if asked.do == "reasoned" else taken)(asked.folder)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
        sys.stdout.write(json.dumps(figures | {"peak_mib": peak}) + "\n")
        return 0
    with tempfile.TemporaryDirectory() as name:
        write(Path(name), asked.lines)
        for what in ("reasoned", "taken"):
            command = [sys.executable, "-m", "benchmarks.rca_big", "--do", what, "--folder", name]
            subprocess.run(command, check=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
