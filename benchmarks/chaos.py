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
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections import Counter
from pathlib import Path
from typing import Any

from tests.product import Product, start_product, stop_product

VICTIMS = {
    "worker": "celery.* worker",
    "beat": "celery.* beat",
    "redis": "redis-server",
    "postgres": "bin/postgres",
}
ROUNDS, TASKS = 4, 6
RUN_SECONDS = 600.0
#: The supervisor gives up on what dies more often than five times a minute, which is its job.
GAP_SECONDS = (13.0, 17.0)


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
        key = _key(data)
        killed, numbers = 0, []
        deadline = time.monotonic() + RUN_SECONDS
        while killed < kills and time.monotonic() < deadline:
            numbers.append(_start(product, key))
            killed += _disturb(product, key, numbers[-1], VICTIMS[victim], kills - killed, moments)
        return _totals(product, key, numbers, killed)
    finally:
        stop_product(product)
        shutil.rmtree(data, ignore_errors=True)


def _disturb(
    product: Product, key: str, number: int, victim: str, most: int, moments: random.Random
) -> int:
    """Kill until the run has ended by itself or ``most`` is reached, then let it end."""
    killed = 0
    deadline = time.monotonic() + RUN_SECONDS
    while _call(product, key, f"/api/v1/runs/{number}")["status"] == "running":
        if time.monotonic() > deadline:
            break
        time.sleep(moments.uniform(*GAP_SECONDS))
        if killed < most:
            for pid in product.pids_of(victim):
                os.kill(pid, signal.SIGKILL)
                killed += 1
    return killed


def _totals(
    product: Product, key: str, numbers: list[int], killed: int
) -> dict[str, tuple[Any, Any]]:
    states, attempts, judged, torn = Counter[str](), 0, 0, 0
    for number in numbers:
        run = _call(product, key, f"/api/v1/runs/{number}")
        states[run["status"]] += 1
        rows = _call(product, key, f"/api/v1/attempts?run={number}&page_size=200")["results"]
        attempts += len({(row["round"], row["instruction"]) for row in rows})
        judged += sum(bool(row["label"]) for row in rows)
        for row in rows:
            steps = _call(product, key, f"/api/v1/attempts/{row['id']}")["steps"]
            torn += [s["number"] for s in steps] != list(range(1, row["step_count"] + 1))
    return {
        "kills": (killed, None),
        "runs_finished": (states["finished"], len(numbers)),
        "attempts_unjudged": (attempts - judged, 0),
        "trajectories_torn": (torn, 0),
    }


def _key(data: Path) -> str:
    """Make a key in the product's own database, as an admin would in the browser."""
    script = (
        "from memoryapp.models import Workspace; from django.contrib.auth import get_user_model;"
        "from memoryapp.services.tokens import api_key_create;"
        "print(api_key_create(workspace=Workspace.objects.get(), name='chaos',"
        " scopes=['read', 'write'], by=get_user_model().objects.get())[1])"
    )
    done = subprocess.run(
        [sys.executable, "manage.py", "shell", "--verbosity", "0", "-c", script],
        env={**os.environ, "GREENROOM_DATA_DIR": str(data)},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip().splitlines()[-1]


def _start(product: Product, key: str) -> int:
    body = {
        "environment": "help-desk",
        "playbook": "help-desk",
        "engine": "rules",
        "rounds": ROUNDS,
        "tasks": TASKS,
    }
    while True:
        try:
            return int(_call(product, key, "/api/v1/runs", body)["number"])
        except urllib.error.HTTPError as error:
            if error.code != 409:  # the sample is still being checked
                raise
            time.sleep(0.5)


def _call(product: Product, key: str, path: str, body: Any = None) -> Any:
    """Call the API; a store that was just killed is waited for."""
    deadline = time.monotonic() + 60
    while True:
        request = urllib.request.Request(
            product.url + path,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {key}", "Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=15) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            if error.code < 500 or time.monotonic() > deadline:
                raise
        except OSError:
            if time.monotonic() > deadline:
                raise
        time.sleep(0.3)


if __name__ == "__main__":
    raise SystemExit(main())
