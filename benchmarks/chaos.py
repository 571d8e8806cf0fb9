"""Kill parts of a running product at random moments and count what came of it.

For each victim (worker, beat, redis, postgres) one run is practised on the sample world while the
victim is killed with SIGKILL at seeded random moments. Prints one JSON line per figure: ``peer`` is
what an undisturbed run must give. Every run must end by itself with exact totals.

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
from pathlib import Path
from typing import Any

from benchmarks.product_api import api_key, call, in_shell, start_run
from tests.product import Product, start_product, stop_product

VICTIMS = {
    "worker": "celery.* worker",
    "beat": "celery.* beat",
    "redis": "redis-server",
    "postgres": "bin/postgres",
}
ROUNDS, TASKS = 4, 6
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
#: The supervisor gives up on what dies more often than five times a minute, which is its job.
PER_MINUTE = 4


def main() -> int:
    """Run every victim's trial. Returns 1 when a total was not exact."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--kills", type=int, default=20, help="kills per victim")
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--victims", nargs="*", default=list(VICTIMS), choices=list(VICTIMS))
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
    product = start_product(data, UNIT_LEASE_SECONDS="6", SWEEP_SECONDS="2")
    try:
        key = api_key(data)
        killed, numbers = 0, []
        deadline = time.monotonic() + RUN_SECONDS
        while killed < kills and time.monotonic() < deadline:
            numbers.append(start_run(product, key, rounds=ROUNDS, tasks=TASKS))
            killed += _disturb(product, key, numbers[-1], VICTIMS[victim], kills - killed, moments)
        return _totals(data, numbers, killed)
    finally:
        stop_product(product)
        shutil.rmtree(data, ignore_errors=True)


def _disturb(
    product: Product, key: str, number: int, victim: str, most: int, moments: random.Random
) -> int:
    """Kill until the run has ended by itself or ``most`` is reached, then let it end."""
    killed = 0
    times: list[float] = []
    deadline = time.monotonic() + RUN_SECONDS
    while call(product, key, f"/api/v1/runs/{number}")["status"] == "running":
        if time.monotonic() > deadline:
            break
        time.sleep(moments.uniform(*GAP_SECONDS))
        if killed < most:
            if len(times) >= PER_MINUTE:
                time.sleep(max(0.0, times[-PER_MINUTE] + 60 - time.monotonic()))
            times.append(time.monotonic())
            for pid in product.pids_of(victim):
                os.kill(pid, signal.SIGKILL)
                killed += 1
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
