"""How practice that waits for its environment gains from more workers, and what an attempt costs.

The product practises in a library behind an OpenAPI document that takes ``--latency`` seconds for
every call: once with one worker process, once with ``--workers``. Several runs go side by side, so
that the end of one round is not waited for by all. Throughput is attempts over the time from the
first attempt's begin to the last one's end. Also: processor seconds of the workers per attempt, and
bytes of the tables per attempt and per step, indexes included. One JSON line per figure.

    python -m benchmarks.scaleout [--workers 8] [--latency 2] [--runs 2] [--rounds 2] [--tasks 8]
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.product_api import api_key, call, in_shell, start_run
from tests.practice.servers import shelf
from tests.product import Product, start_product, stop_product

BAR = 7.0
_CONNECT = """
from django.contrib.auth import get_user_model
from memoryapp.models import Workspace
from practice.services.environments import OpenApiAsked, environment_connect
environment_connect(
    workspace=Workspace.objects.get(), name="Library", transport="openapi",
    url="{url}/openapi.json", slots={slots}, by=get_user_model().objects.get(),
    openapi=OpenApiAsked(scheme="header", parameter="X-API-Key", credential="{key}"),
)
"""
_COUNT = """
import json
from django.db import connection
from django.db.models import Sum
from practice.models import Attempt
made = Attempt.objects.filter(run__environment__slug="library").exclude(ended_at=None)
ends = [(a.ended_at.timestamp() - a.duration_ms / 1000, a.ended_at.timestamp()) for a in made]
with connection.cursor() as cursor:
    cursor.execute("SELECT relname, pg_total_relation_size(relid) FROM pg_stat_user_tables"
                   " WHERE relname IN ('practice_attempt', 'practice_step', 'practice_unit')")
    sizes = dict(cursor.fetchall())
print(json.dumps({
    "attempts": len(ends), "seconds": max(e for _, e in ends) - min(b for b, _ in ends),
    "steps": made.aggregate(n=Sum("step_count"))["n"], "sizes": sizes,
}))
"""


class Slow(shelf.Handler):
    """The library, as if it were far away and busy."""

    latency = 0.0

    def _serve(self, method: str) -> None:
        time.sleep(self.latency)
        super()._serve(method)


@dataclass(frozen=True, slots=True)
class Measured:
    attempts: int
    steps: int
    seconds: float
    processor_seconds: float
    sizes: dict[str, int]

    @property
    def per_minute(self) -> float:
        return 60 * self.attempts / self.seconds


def main() -> int:
    """Print the figures. Returns 1 when more workers gave less than the bar."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--workers", type=int, default=8)
    options.add_argument("--latency", type=float, default=2.0)
    options.add_argument("--runs", type=int, default=2)
    options.add_argument("--rounds", type=int, default=2)
    options.add_argument("--tasks", type=int, default=8)
    asked = options.parse_args()
    Slow.latency = asked.latency
    one, many = (_measure(workers, asked) for workers in (1, asked.workers))
    for workers, found in ((1, one), (asked.workers, many)):
        _figure(f"scaleout_attempts_per_minute_{workers}_workers", found.per_minute, None)
        cost = found.processor_seconds / found.attempts
        _figure(f"scaleout_worker_processor_seconds_per_attempt_{workers}_workers", cost, None)
    ratio = many.per_minute / one.per_minute
    _figure(f"scaleout_throughput_ratio_1_to_{asked.workers}_workers", ratio, BAR)
    _figure("scaleout_load_average", os.getloadavg()[1], None)
    for table, size in many.sizes.items():
        rows = many.steps if table == "practice_step" else many.attempts
        per = "step" if table == "practice_step" else "attempt"
        _figure(f"scaleout_bytes_of_{table}_per_{per}", size / rows, None)
    return int(ratio < BAR)


def _measure(workers: int, asked: argparse.Namespace) -> Measured:
    data = Path(tempfile.mkdtemp(prefix="gr-scaleout-"))
    data.chmod(0o755)  # root's database user must be able to walk into it
    with shelf.Shelf() as library:
        library.RequestHandlerClass = Slow
        threading.Thread(target=library.serve_forever, daemon=True).start()
        product = start_product(data, WORKER_PROCESSES=str(workers))
        try:
            key = api_key(data)
            in_shell(data, _CONNECT.format(url=library.url, key=shelf.KEY, slots=2 * workers))
            _practise(product, key, asked)
            processor = _processor_seconds(product)
            found = json.loads(in_shell(data, _COUNT).splitlines()[-1])
        finally:
            stop_product(product)
            library.shutdown()
            shutil.rmtree(data, ignore_errors=True)
    return Measured(processor_seconds=processor, **found)


def _practise(product: Product, key: str, asked: argparse.Namespace) -> None:
    while call(product, key, "/api/v1/environments/library")["status"] != "connected":
        time.sleep(0.5)
    size = {"rounds": asked.rounds, "tasks": asked.tasks, "parallel": asked.tasks}
    numbers = [
        start_run(product, key, environment="library", seed=seed, **size)
        for seed in range(1, asked.runs + 1)
    ]
    while any(call(product, key, f"/api/v1/runs/{n}")["status"] == "running" for n in numbers):
        time.sleep(1.0)


def _processor_seconds(product: Product) -> float:
    """User and system time of the workers, their ended children included."""
    tick = os.sysconf("SC_CLK_TCK")
    leaders = product.pids_of("celery.* worker")
    total = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[2]) in leaders:  # the process group is the leader's
            total += sum(map(int, fields[11:15]))
    return total / tick


def _figure(name: str, value: float, peer: Any) -> None:
    line = {"figure": name, "value": round(value, 2), "peer": peer}
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    raise SystemExit(main())
