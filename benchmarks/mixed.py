"""Everything agents and people ask at once, for minutes, with the server saturated: no 5xx.

The product runs as ``make up`` starts it. ``--clients`` threads of a process of its own send, each
over one connection, a mix of pulls, searches, reports, trajectories, spans, lists and decisions as
fast as they are answered; one answer in fifty is left unread and its connection dropped. Prints one
JSON line for each kind of request and one for the whole.

    python -m benchmarks.mixed [--minutes 10] [--clients 16]
"""

from __future__ import annotations

import argparse
import http.client
import json
import multiprocessing
import random
import shutil
import statistics
import sys
import tempfile
import threading
import time
import uuid
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from benchmarks.product_api import in_shell
from tests.domain.traces.otlp import as_json, refund
from tests.product import start_product, stop_product

BULLETS = 200
PREPARE = f"""
from django.contrib.auth import get_user_model
from memoryapp.models import Bullet, Playbook, Workspace
from memoryapp.services.releases import release_publish
from memoryapp.services.tokens import api_key_create
user = get_user_model().objects.get()
workspace = Workspace.objects.get()
playbook = Playbook.objects.create(workspace=workspace, slug="mixed", name="Mixed")
for number in range({BULLETS}):
    bullet = Bullet(playbook=playbook, label=f"pitfalls-{{number + 1:03d}}")
    bullet.revise(
        content=f"Case {{number}}: verify the customer before you refund order {{number}}.",
        section="pitfalls", status="approved", rule=None, author=user, reason="",
    )
release = release_publish(playbook=playbook, by=user, label="production")
key = api_key_create(
    workspace=workspace, name="mixed", by=user, rate_limit=0,
    scopes=["playbooks:pull", "feedback:write", "trajectories:write", "read", "write"],
)[1]
print(release.pk, key)
"""

Request = tuple[str, str, bytes | None, dict[str, str]]


@dataclass
class Seen:
    """Answers of one kind of request: how many by status, and how long they took in ms."""

    statuses: Counter[int] = field(default_factory=Counter)
    took: list[float] = field(default_factory=list)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--clients", type=int, default=16)
    asked = parser.parse_args()
    data = Path(tempfile.mkdtemp(prefix="gr-mixed-"))
    # Root's database user must be able to walk into it.
    data.chmod(0o755)
    product = start_product(data)
    try:
        release, key = in_shell(data, PREPARE).split()[-2:]
        answers: Any = multiprocessing.Queue()
        load = multiprocessing.Process(
            target=load_clients, args=(product.url, key, int(release), asked, answers)
        )
        load.start()
        kinds, dropped = answers.get()
        load.join()
    finally:
        stop_product(product)
        shutil.rmtree(data, ignore_errors=True)
    return report(kinds, dropped, asked)


def report(kinds: dict[str, Seen], dropped: int, asked: argparse.Namespace) -> int:
    failed = total = 0
    for name, seen in sorted(kinds.items()):
        took = sorted(seen.took)
        failed += sum(count for status, count in seen.statuses.items() if status >= 500)
        total += len(took)
        figure = {
            "figure": f"mixed load: {name}",
            "requests": len(took),
            "p50_ms": round(statistics.median(took), 1),
            "p95_ms": round(took[int(len(took) * 0.95)], 1),
            "statuses": dict(sorted(seen.statuses.items())),
        }
        sys.stdout.write(json.dumps(figure) + "\n")
    figure = {
        "figure": "5xx under mixed load at saturation",
        "at_most": 0,
        "value": failed,
        "requests": total,
        "rate": round(total / asked.minutes / 60),
        "minutes": asked.minutes,
        "clients": asked.clients,
        "connections_dropped_by_clients": dropped,
    }
    sys.stdout.write(json.dumps(figure) + "\n")
    return 1 if failed else 0


def load_clients(url: str, key: str, release: int, asked: argparse.Namespace, answers: Any) -> None:
    kinds: dict[str, Seen] = defaultdict(Seen)
    lock, dropped = threading.Lock(), Counter[str]()
    ends = time.monotonic() + asked.minutes * 60

    def client(number: int) -> None:
        draw = random.Random(number)
        address = urlsplit(url).netloc
        connection = http.client.HTTPConnection(address, timeout=60)
        while time.monotonic() < ends:
            name, (method, path, body, headers) = _request(draw, release)
            began = time.monotonic()
            try:
                connection.request(
                    method, path, body, {"Authorization": f"Bearer {key}", **headers}
                )
                if draw.random() < 0.02:
                    connection.close()
                    dropped["all"] += 1
                    continue
                answer = connection.getresponse()
                answer.read()
                status = answer.status
            except (OSError, http.client.HTTPException):
                connection.close()
                status = 599  # not answered at all
            with lock:
                kinds[name].statuses[status] += 1
                kinds[name].took.append((time.monotonic() - began) * 1000)

    threads = [threading.Thread(target=client, args=(n,)) for n in range(asked.clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    answers.put((dict(kinds), dropped["all"]))


def _request(draw: random.Random, release: int) -> tuple[str, Request]:
    """One request of the mix, the frequent ones first."""
    as_is: dict[str, str] = {}
    sends = {"Content-Type": "application/json"}
    agent = {"X-Agent-Id": f"agent-{draw.randrange(50)}"}
    label = f"pitfalls-{draw.randrange(BULLETS) + 1:03d}"
    number = draw.randrange(10**9)
    chance = draw.random()
    if chance < 0.4:
        return "pull", ("GET", "/api/v1/playbooks/mixed", None, agent)
    if chance < 0.5:
        form = draw.choice(["md", "ace", "skill", "agents-md"])
        path = f"/api/v1/playbooks/mixed?format={form}&max_tokens={draw.choice([200, 900])}"
        return "pull cut to a budget", ("GET", path, None, agent)
    if chance < 0.65:
        asked = {"query": f"refund order {draw.randrange(BULLETS)}", "k": 8}
        return "search", ("POST", "/api/v1/playbooks/mixed/retrieve", _json(asked), sends)
    if chance < 0.8:
        vote = draw.choice(["helpful", "harmful", "neutral"])
        said = {
            "release": release,
            "task": f"task {number}",
            "outcome": draw.choice(["success", "failure"]),
            "bullets": [{"id": label, "vote": vote}],
        }
        return "report", ("POST", "/api/v1/feedback", _json(said), sends)
    if chance < 0.86:
        steps = [{"tool": "get_order", "arguments": {"order_id": "7"}, "observation": "{}"}]
        entry = {"id": str(uuid.uuid4()), "instruction": "Refund.", "steps": steps, "answer": "Ok"}
        where = {"playbook": "mixed", "environment": "help-desk", "trajectories": [entry]}
        return "trajectory", ("POST", "/api/v1/trajectories", _json(where), sends)
    if chance < 0.9:
        where = {"X-Greenroom-Playbook": "mixed", "X-Greenroom-Environment": "help-desk", **sends}
        return "spans", ("POST", "/api/v1/otlp/v1/traces", as_json(refund()), where)
    if chance < 0.97:
        listed = draw.choice(["candidates", "playbooks", "audit", "runs", "feedback", "nowhere"])
        return "list", ("GET", f"/api/v1/{listed}", None, as_is)
    broken = draw.choice([b"{", b"[]", b"\xff", b'{"release": "x"}'])
    return "broken body", ("POST", "/api/v1/feedback", broken, sends)


def _json(value: Any) -> bytes:
    return json.dumps(value).encode()


if __name__ == "__main__":
    sys.exit(main())
