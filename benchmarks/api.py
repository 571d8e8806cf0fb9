"""What a pull costs: requests per second and latency beside peers, on one server, in one run.

PostgreSQL, Redis and gunicorn are started as ``make up`` starts them, with a release of 500
bullets. ``wrk`` (Debian package) loads it from a process of its own over loopback, one address
after the other and the whole round ``--repeats`` times; each figure is the median of the rounds,
as a ratio to its peer of the same round. One JSON line per figure.

    python -m benchmarks.api [--seconds 4] [--repeats 3] [--connections 8]
"""

from __future__ import annotations

import argparse
import json
import math
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from memoryapp.project import embedded
from tests.product import ROOT, free_port

BULLETS = 500
_PREPARE = """
from django.contrib.auth import get_user_model
from memoryapp.models import Bullet, BulletRevision, Membership, Playbook, Workspace
from memoryapp.services.releases import release_publish
from memoryapp.services.tokens import api_key_create
user = get_user_model().objects.create(username="bench")
workspace = Workspace.objects.create(name="Bench", slug="bench")
Membership.objects.create(workspace=workspace, user=user, role="admin")
playbook = Playbook.objects.create(
    workspace=workspace, slug="bench", name="Bench", token_budget=20_000)
for number in range({bullets}):
    text = f"Case {{number}}: verify the customer before you refund, and say so in a note. " * 2
    bullet = Bullet(playbook=playbook, label=f"pitfalls-{{number + 1:03d}}")
    bullet.revise(
        content=text.strip(), section="pitfalls", status="approved",
        rule=None, author=user, reason="",
    )
release_publish(playbook=playbook, by=user, label="production")
print(api_key_create(workspace=workspace, name="bench", scopes=["playbooks:pull"], by=user)[1])
"""


@dataclass(frozen=True, slots=True)
class Load:
    """What ``wrk`` saw: requests per second, median and p99 in milliseconds, failed answers."""

    rate: float
    p50: float
    p99: float
    failed: int


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--seconds", type=int, default=4)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--connections", type=int, default=8)
    asked = parser.parse_args()
    if shutil.which("wrk") is None:
        sys.exit("wrk is missing. On Debian: apt-get install wrk")
    data = Path(tempfile.mkdtemp(prefix="gr-bench-"))
    data.chmod(0o755)
    stores = [embedded.Postgres(data), embedded.Redis(data)]
    web: subprocess.Popen[bytes] | None = None
    try:
        for store in stores:
            store.start()
        env = {**os.environ, "GREENROOM_DATA_DIR": str(data), "OPENBLAS_NUM_THREADS": "1"}
        env["DJANGO_SETTINGS_MODULE"] = "benchmarks.api_settings"
        _manage(env, "migrate", "--verbosity", "0")
        key = _manage(env, "shell", "--verbosity", "0", "-c", _PREPARE.format(bullets=BULLETS))
        web, base = _web(env, data)
        _measure(base, key.split()[-1], asked)
    finally:
        if web is not None:
            web.terminate()
            try:
                web.wait(30)
            except subprocess.TimeoutExpired:
                web.kill()
        for store in reversed(stores):
            store.stop()
        shutil.rmtree(data, ignore_errors=True)
    return 0


def _manage(env: dict[str, str], *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=env,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return done.stdout


def _web(env: dict[str, str], data: Path) -> tuple[subprocess.Popen[bytes], str]:
    bind = f"127.0.0.1:{free_port()}"
    command = [
        *(sys.executable, "-m", "gunicorn", "--config", "python:memoryapp.project.serving"),
        *("--bind", bind, "--threads", "4"),
    ]
    with (data / "web.log").open("wb") as log:
        web = subprocess.Popen(command, cwd=ROOT, env=env, stdout=log, stderr=log)
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        try:
            urllib.request.urlopen(f"http://{bind}/healthz", timeout=2).read()
            return web, f"http://{bind}"
        except OSError:
            time.sleep(0.2)
    sys.exit((data / "web.log").read_text())


def _measure(base: str, key: str, asked: argparse.Namespace) -> None:
    bearer = f"Authorization: Bearer {key}"
    url = f"{base}/api/v1/playbooks/bench"
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {key}"})
    with urllib.request.urlopen(request) as answer:
        etag, size = answer.headers["ETag"], len(answer.read())
    addresses = {
        "empty": (f"{base}/bench/empty", []),
        "unchanged": (url, [bearer, f"If-None-Match: {etag}"]),
        "full": (url, [bearer]),
        "static": (f"{base}/bench/static", []),
        "built": (f"{base}/bench/built", [bearer]),
    }
    rounds: dict[str, list[Load]] = {name: [] for name in addresses}
    for _ in range(asked.repeats):
        for name, (address, headers) in addresses.items():
            rounds[name].append(_wrk(address, headers, asked.seconds, asked.connections))
    facts = {"bullets": BULLETS, "bytes": size, "connections": asked.connections}
    _ratio("304 pulls against an empty DRF view", 0.8, rounds, "unchanged", "empty", facts)
    _ratio("304 pulls against pulls built from rows", 5.0, rounds, "unchanged", "built", facts)
    _ratio("full pulls against a static view", 0.7, rounds, "full", "static", facts)
    tails = [load.p99 / load.p50 for load in rounds["unchanged"]]
    peers = [load.p99 / load.p50 for load in rounds["empty"]]
    print(
        json.dumps(
            {
                "figure": "p99 of 304 pulls against their median",
                "at_most": 3.0,
                "value": round(statistics.median(tails), 2),
                "peer": {"empty DRF view": round(statistics.median(peers), 2)},
                **facts,
            }
        )
    )
    failed = sum(load.failed for loads in rounds.values() for load in loads)
    print(json.dumps({"figure": "failed answers under load", "at_most": 0, "value": failed}))


def _ratio(
    figure: str,
    at_least: float,
    rounds: dict[str, list[Load]],
    name: str,
    peer: str,
    facts: dict[str, int],
) -> None:
    ratios = [one.rate / other.rate for one, other in zip(rounds[name], rounds[peer], strict=True)]
    print(
        json.dumps(
            {
                "figure": figure,
                "at_least": at_least,
                "value": round(statistics.median(ratios), 2),
                "rounds": [round(ratio, 2) for ratio in ratios],
                "rate": round(statistics.median(load.rate for load in rounds[name])),
                "peer": {peer: round(statistics.median(load.rate for load in rounds[peer]))},
                **facts,
            }
        ),
        flush=True,
    )


def _wrk(url: str, headers: list[str], seconds: int, connections: int) -> Load:
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency"]
    for header in headers:
        command += ["-H", header]
    said = subprocess.run([*command, url], capture_output=True, text=True, check=True).stdout
    failed = sum(
        int(number)
        for line in re.findall(r"(?:Non-2xx or 3xx responses: \d+|Socket errors: .*)", said)
        for number in re.findall(r"\d+(?!xx)", line.replace("2xx", "").replace("3xx", ""))
    )
    return Load(
        rate=float(_found(r"Requests/sec:\s+([\d.]+)", said)),
        p50=_milliseconds(_found(r"^\s+50%\s+(\S+)", said)),
        p99=_milliseconds(_found(r"^\s+99%\s+(\S+)", said)),
        failed=failed,
    )


def _found(pattern: str, text: str) -> str:
    found = re.search(pattern, text, re.MULTILINE)
    if found is None:
        sys.exit(f"wrk said something else than expected:\n{text}")
    return found[1]


def _milliseconds(text: str) -> float:
    found = re.fullmatch(r"([\d.]+)(us|ms|s|m)", text)
    if found is None:  # nothing was answered in time
        return math.inf
    return float(found[1]) * {"us": 0.001, "ms": 1.0, "s": 1_000.0, "m": 60_000.0}[found[2]]


if __name__ == "__main__":
    sys.exit(main())
