"""Kill parts of a running product at random moments and count what came of it.

For each victim (worker, beat, web, redis, postgres) runs are practised on the sample world while it
is killed with SIGKILL at seeded random moments. For ``network`` a second host works along, in a
namespace of its own, and is cut off for seconds: longer and shorter than a lease. Prints one JSON
line per figure: ``peer`` is what an undisturbed run must give. Every run must end by itself with
exact totals.

    python -m benchmarks.chaos --kills 20 --seed 1
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks import second_host
from benchmarks.product_api import api_key, call, in_shell, start_run
from tests.product import Product, start_product, stop_product

VICTIMS = {
    "worker": "celery.* worker",
    "beat": "celery.* beat",
    "web": "gunicorn",
    "redis": "redis-server",
    "postgres": "bin/postgres",
}
NETWORK = "network"
#: A lease is six seconds here: some cuts are noticed by nobody, some lose the work to another.
CUT_SECONDS = (1.0, 14.0)
ROUNDS, TASKS = 4, 6
LEASES = {"UNIT_LEASE_SECONDS": "6", "SWEEP_SECONDS": "2"}
RUN_SECONDS = 900.0
_COUNT = """
import json
from collections import Counter
from memoryapp.models import Candidate
from practice.models import Attempt, LedgerEntry, PracticeRecord, PracticeTask, Run, Unit
runs = Run.objects.filter(number__in={numbers})
attempts = list(Attempt.objects.filter(run__in=runs).prefetch_related("steps"))
torn = 0
for attempt in attempts:
    steps = [s.number for s in attempt.steps.all() if s.try_number == attempt.current_try]
    torn += steps != list(range(1, attempt.step_count + 1))
proposed = Counter(Candidate.objects.values_list("op", "section", "content"))
paid = Counter(LedgerEntry.objects.filter(run__in=runs).values_list("unit", "role"))
done = Unit.objects.filter(run__in=runs, status="done", ledger=None).exclude(stage="admit")
print(json.dumps({{
    "finished": runs.filter(status="finished").count(),
    "attempts": len(attempts),
    "chosen": PracticeTask.objects.filter(round__run__in=runs, drop_reason="").count(),
    "records": PracticeRecord.objects.filter(run__in=runs).count(),
    "practised": len({{a.task_id for a in attempts if a.label}}),
    "attempts_unjudged": sum(not a.label for a in attempts),
    "units_left": Unit.objects.filter(run__in=runs).exclude(status="done").count(),
    "trajectories_torn": torn,
    "candidates_doubled": sum(n - 1 for n in proposed.values()),
    "ledger_entries_doubled": sum(n - 1 for n in paid.values()),
    "ledger_entries_lost": done.count(),
}}))
"""
GAP_SECONDS = (0.2, 24.0)


def main() -> int:
    """Run every victim's trial. Returns 1 when a total was not exact."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--kills", type=int, default=20, help="kills per victim")
    options.add_argument("--seed", type=int, default=1)
    options.add_argument(
        "--victims", nargs="*", default=[*VICTIMS, NETWORK], choices=[*VICTIMS, NETWORK]
    )
    asked = options.parse_args()
    wrong = 0
    for victim in asked.victims:
        found = _trial(victim, asked.kills, random.Random(f"{asked.seed} {victim}"))
        for name, (value, peer) in found.items():
            line = {
                "figure": f"chaos_{victim}_{name}",
                "value": value,
                "peer": peer,
                "seed": asked.seed,
            }
            sys.stdout.write(json.dumps(line) + "\n")
            sys.stdout.flush()
            wrong += peer is not None and value != peer
    return int(wrong > 0)


def _trial(victim: str, kills: int, moments: random.Random) -> dict[str, tuple[Any, Any]]:
    data = Path(tempfile.mkdtemp(prefix="gr-chaos-"))
    data.chmod(0o755)  # root's database user must be able to walk into it
    product = start_product(data, **LEASES)
    try:
        key = api_key(data)
        if victim != NETWORK:
            kill = partial(_kill, product, VICTIMS[victim])
            return _totals(data, *_runs(product, key, kill, kills, moments))
        with second_host.joined(data, **LEASES) as host:

            def cut() -> int:
                host.cut(moments.uniform(*CUT_SECONDS))
                return 1

            numbers, killed = _runs(product, key, cut, kills, moments)
            done = host.tasks_done
        return {
            **_totals(data, numbers, killed),
            "tasks_of_second_host": (done, None),
        }
    finally:
        stop_product(product)
        shutil.rmtree(data, ignore_errors=True)


def _runs(
    product: Product, key: str, strike: Callable[[], int], strikes: int, moments: random.Random
) -> tuple[list[int], int]:
    """Practise until that many strikes were struck: the runs' numbers, and how many it were."""
    killed, numbers = 0, []
    deadline = time.monotonic() + RUN_SECONDS
    while killed < strikes and time.monotonic() < deadline:
        numbers.append(start_run(product, key, rounds=ROUNDS, tasks=TASKS))
        killed += _disturb(product, key, numbers[-1], strike, strikes - killed, moments)
    return numbers, killed


def _kill(product: Product, pattern: str) -> int:
    pids = product.pids_of(pattern)
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    return len(pids)


def _disturb(
    product: Product,
    key: str,
    number: int,
    strike: Callable[[], int],
    most: int,
    moments: random.Random,
) -> int:
    """Kill until the run has ended by itself or ``most`` is reached, then let it end."""
    killed = 0
    deadline = time.monotonic() + RUN_SECONDS
    while call(product, key, f"/api/v1/runs/{number}")["status"] == "running":
        if time.monotonic() > deadline:
            break
        time.sleep(moments.uniform(*GAP_SECONDS))
        if killed < most:
            killed += strike()
    return killed


def _totals(data: Path, numbers: list[int], killed: int) -> dict[str, tuple[Any, Any]]:
    """Count what is left in the rows of the runs, in the product's own database."""
    counted = json.loads(in_shell(data, _COUNT.format(numbers=numbers)).splitlines()[-1])
    return {
        "kills": (killed, None),
        "runs_finished": (counted.pop("finished"), len(numbers)),
        "attempts": (counted.pop("attempts"), counted.pop("chosen")),
        "records": (counted.pop("records"), counted.pop("practised")),
        **{name: (value, 0) for name, value in counted.items()},
    }


if __name__ == "__main__":
    raise SystemExit(main())
