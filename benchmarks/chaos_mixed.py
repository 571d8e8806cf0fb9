"""Kill parts of one product at random, a thousand times, while all its kinds of work go on at once.

Practice runs follow one another, incidents are analysed, and programs send spans, trajectories,
reports, alerts, telemetry, edits, imports and decisions, and ask for exports and replays
(``chaos_senders``). A second host works along, in a namespace of its own. Each strike draws its
victim: worker, beat, web, Redis or PostgreSQL die by SIGKILL, the network is cut for 1 to 14 s. Now
and then strikes and senders stop: nothing that waits or runs may be stuck after a minute, and when
all has ended ``chaos_counts`` holds the rows to what was acknowledged. One JSON line per figure;
``peer`` is what a product that nobody disturbs must give. SIGTERM ends the strikes early, and it is
counted then.

    python -m benchmarks.chaos_mixed --strikes 1000 --seed 1
"""

from __future__ import annotations

import argparse
import http.client
import io
import json
import os
import random
import shutil
import signal
import socket
import sys
import tempfile
import threading
import time
import traceback
import zipfile
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import psycopg

from benchmarks import chaos_senders as senders
from benchmarks import mixed, second_host
from benchmarks.chaos import CUT_SECONDS, LEASES, NETWORK, VICTIMS
from benchmarks.chaos_senders import Gate, Notebook, Over, Sender
from benchmarks.product_api import api_key, in_shell
from memoryapp.project.embedded import database_url
from tests.product import Product, start_product, stop_product

SCOPES = "read write admin playbooks:pull feedback:write trajectories:write"
GAP_SECONDS = (0.2, 5.0)
CHECK_EVERY = 100
STUCK_SECONDS = 60.0
#: how long nothing may move after that.
STILL_SECONDS = 20.0
#: rows that wait for a worker or are held by one, by what they are.
OPEN = {
    "runs": "practice_run WHERE status IN ('running', 'paused')",
    "units": "practice_unit u JOIN practice_run r ON r.id = u.run_id"
    " WHERE u.status IN ('waiting', 'running') AND r.status IN ('running', 'paused')",
    "analyses": "practice_analysis WHERE status IN ('waiting', 'running')",
    "replays": "practice_replaycase WHERE status IN ('waiting', 'running')",
    "telemetry_files": "practice_telemetryfile WHERE status IN ('waiting', 'running')",
    "case_sets": "practice_caseset WHERE status IN ('waiting', 'running')",
    "traces": "practice_senttrace WHERE status = 'open'",
    "trajectories": "practice_senttrajectory WHERE status = 'waiting'",
    "exports": "memoryapp_workspaceexport WHERE status IN ('queued', 'running')",
    # Not those a receiver did not take, which wait for their next try.
    "deliveries": "memoryapp_delivery d WHERE status = 'waiting' AND (next_try_at < now()"
    " OR tries > (SELECT count(*) FROM memoryapp_deliverytry t WHERE t.delivery_id = d.id))",
    "answers": "memoryapp_idempotentrequest WHERE status IS NULL",
}
ENDED = "SELECT count(*) FROM practice_unit WHERE ended_at IS NOT NULL"


def main() -> int:
    """Strike, check now and then, and report. Returns 1 when something was off."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--strikes", type=int, default=1000)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--every", type=int, default=CHECK_EVERY, help="strikes between checks")
    options.add_argument("--keep", action="store_true", help="keep the data folder")
    asked = options.parse_args()
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    data = Path(tempfile.mkdtemp(prefix="gr-mixed-chaos-"))
    data.chmod(0o755)  # root's database user must be able to walk into it
    settings = {**LEASES, "WEBHOOK_PRIVATE_ADDRESSES": "true"}
    product = start_product(data, **settings)
    try:
        with second_host.joined(data, **settings) as host:
            trial = Trial(product, data, asked.seed)
            wrong = trial.run(host, asked.strikes, asked.every, stop)
            _say("tasks_of_second_host", host.tasks_done, starts=host.starts)
    finally:
        stop_product(product)
        if not asked.keep:
            shutil.rmtree(data, ignore_errors=True)
    return int(wrong > 0)


class Trial:
    """One product, its senders, and what was struck so far."""

    def __init__(self, product: Product, data: Path, seed: int) -> None:
        self.product, self.data, self.seed = product, data, str(seed)
        self.moments = random.Random(f"{seed} strikes")
        self.gate, self.struck = Gate(), Counter[str]()
        self.cut = threading.Thread()
        self.cut.start()
        self.book = Notebook(data / "acknowledged.jsonl")
        self.receiver, self.defects = Receiver(second_host.HERE), list[str]()
        self.key = api_key(data, SCOPES)
        release = int(in_shell(data, mixed.PREPARE).split()[-2])
        threading.Thread(target=self.receiver.serve, daemon=True).start()
        threading.Thread(target=self._drained, daemon=True).start()
        self._begin(release)

    def run(
        self, host: second_host.SecondHost, strikes: int, every: int, stop: threading.Event
    ) -> int:
        """Strike until enough were struck or somebody stops it. Returns how much was off."""
        wrong, began = 0, time.monotonic()
        self.gate.is_open.set()
        while self.struck.total() < strikes and not stop.is_set():
            stop.wait(self.moments.uniform(*GAP_SECONDS))
            self._strike(host)
            if self.struck.total() % every == 0 and self.struck.total() < strikes:
                wrong += self._check()
        wrong += self._check()
        self.gate.over.set()
        for victim, struck in sorted(self.struck.items()):
            _say(f"strikes_{victim}", struck)
        _say("minutes", round((time.monotonic() - began) / 60, 1))
        _say("answers_by_status", dict(sorted(self.book.answers.items())))
        _say("slowest_write_seconds", round(self.book.slowest, 1))
        _say("refusals", self.book.refusals)
        return wrong + _say("senders_broken", self.defects, peer=[])

    def _strike(self, host: second_host.SecondHost) -> None:
        """Draw a victim, wait until it lives, and strike. What was dead already is not counted."""
        victim = self.moments.choice([*VICTIMS, NETWORK])
        if victim == NETWORK:
            self.cut.join()
            seconds = self.moments.uniform(*CUT_SECONDS)
            self.cut = threading.Thread(target=host.cut, args=(seconds,))
            self.cut.start()
        else:
            deadline = time.monotonic() + STUCK_SECONDS
            while not (pids := self.product.pids_of(VICTIMS[victim])):
                if time.monotonic() > deadline:
                    raise SystemExit(f"{victim} was not started again within a minute.")
                time.sleep(0.1)
            try:
                for pid in pids:
                    os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                return  # it had just died by itself
        self.struck[victim] += 1

    def _check(self) -> int:
        """Stop the senders and wait for the work to end; then count. Returns how much was off."""
        self.gate.is_open.clear()
        self.cut.join()
        seconds, left = self._settled()
        _say("at_strikes", self.struck.total(), seconds_until_nothing_waited=seconds)
        wrong = _say("stuck", left, peer={})
        heard = self.data / "heard.json"
        heard.write_text(json.dumps(self.receiver.heard))
        script = f"from benchmarks import chaos_counts; chaos_counts.main({str(self.data)!r})"
        for name, (value, peer) in json.loads(in_shell(self.data, script).splitlines()[-1]).items():
            wrong += _say(name, value) if peer is None else _say(name, value, peer=peer)
        self.gate.is_open.set()
        return wrong

    def _settled(self) -> tuple[float, dict[str, int]]:
        """Seconds until nothing waited or ran, and what is stuck.

        That is what is open after a minute while nothing at all has moved for a while. What only
        takes longer, because much had come together, is waited for.
        """
        began = moved = time.monotonic()
        left, ended = self._open()
        while left:
            time.sleep(1.0)
            now, before = time.monotonic(), (left, ended)
            left, ended = self._open()
            moved = now if (left, ended) != before else moved
            if now > began + STUCK_SECONDS and now > moved + STILL_SECONDS:
                break
        return round(time.monotonic() - began, 1), left

    def _open(self) -> tuple[dict[str, int], int]:
        """What waits or runs, without what is none, and how many units of runs have ended.

        A database that is away is something that waits.
        """
        found, ended = {"requests": self.gate.asking}, 0
        try:
            with psycopg.connect(database_url(self.data), connect_timeout=5) as connection:
                for name, rows in OPEN.items():
                    row = connection.execute(f"SELECT count(*) FROM {rows}").fetchone()
                    found[name] = row[0] if row else 0
                row = connection.execute(ENDED).fetchone()
                ended = row[0] if row else 0
        except psycopg.OperationalError:
            found["database"] = 1
        return {name: count for name, count in found.items() if count}, ended

    def _begin(self, release: int) -> None:
        """Prepare what is written to, then start a thread for each sender."""
        first = self._sender("first")
        for path, body in (
            ("playbooks", {"name": "Chaos", "token_budget": 0}),
            ("telemetry", {"name": "Shop"}),
            ("telemetry", {"name": "Uploads"}),
            (
                "webhooks",
                {"url": self.receiver.url, "kinds": ["release.published", "run.finished"]},
            ),
        ):
            _made(first.write("POST", path, body))
        packed = {"Content_Type": "application/octet-stream"}
        for file in sorted(senders.INCIDENT.rglob("*.csv*")):
            about = f"kind={file.name.split('.')[0]}&name={file.name}"
            about += "&reference=true" * (file.parent.name == "normal")
            path = f"telemetry/shop/files?{about}"
            _made(first.write("POST", path, file.read_bytes(), **packed))
        sets = _made(first.write("POST", "case-sets?name=one", _case_set(), **packed))
        first.until(f"case-sets/{sets['id']}/reading", lambda row: row["status"] == "done")
        for name, (write, mean) in {
            "practice": (senders.practice, 1.0),
            "spans": (senders.spans, 4.0),
            "trajectories": (senders.trajectories, 6.0),
            "feedback_a": (partial(senders.feedback, release=release), 3.0),
            "feedback_b": (partial(senders.feedback, release=release), 3.0),
            "edits_a": (senders.edits, 2.0),
            "edits_b": (senders.edits, 2.0),
            "imports": (senders.imports, 5.0),
            "decisions": (senders.decisions, 2.0),
            "exports": (senders.exports, 20.0),
            "incidents": (senders.incidents, 10.0),
            "causes": (senders.causes, 15.0),
            "alerts": (senders.alerts, 5.0),
            "uploads": (senders.telemetry, 6.0),
            "replays": (partial(senders.replays, case_set=sets["id"]), 120.0),
        }.items():
            sender = self._sender(name)
            threading.Thread(target=self._go_on, args=(sender, write, mean), daemon=True).start()

    def _sender(self, name: str) -> Sender:
        return Sender(self.product.url, self.key, name, self.seed, self.gate, self.book)

    def _go_on(self, sender: Sender, write: Callable[[Sender], None], mean: float) -> None:
        try:
            while not self.gate.over.is_set():
                self.gate.wait()
                write(sender)
                self.gate.over.wait(sender.draw.uniform(0, 2 * mean))
        except Over:
            return
        except Exception:
            self.defects.append(f"{sender.name}: {traceback.format_exc(limit=-3)}")

    def _drained(self) -> None:
        """Read what the supervisor says: a full pipe would hold it up."""
        assert self.product.process.stdout is not None
        with (self.data / "supervisor.log").open("w") as log:
            for line in self.product.process.stdout:
                log.write(line)
                log.flush()


class Receiver:
    """What a webhook's receiver heard: how often each id came."""

    def __init__(self, host: str) -> None:
        self.heard = Counter[str]()
        self.server = socket.create_server((host, 0))
        self.url = f"http://{host}:{self.server.getsockname()[1]}/"

    def serve(self) -> None:
        while True:
            line, _ = self.server.accept()
            with line, line.makefile("rb") as said:
                line.settimeout(10)
                try:
                    headers = http.client.parse_headers(said) if said.readline() else {}
                    said.read(int(headers.get("content-length", 0)))
                    line.sendall(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
                except (OSError, http.client.HTTPException):
                    continue
                self.heard[str(headers.get("webhook-id"))] += 1


def _made(answered: tuple[int, Any]) -> Any:
    status, answer = answered
    if status >= 300:
        raise SystemExit(f"The trial could not be prepared: {status} {answer}")
    return answer


def _case_set() -> bytes:
    """The incident as a labelled set of one case."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for file in senders.INCIDENT.iterdir():
            home = "one/cases/one/" if file.name != "topology.csv" else "one/"
            if file.suffix in {".gz", ".csv", ".json"}:
                archive.write(file, home + file.name)
    return packed.getvalue()


def _say(figure: str, value: Any, **more: Any) -> int:
    """Print one figure. Returns 1 where it is not what its peer says."""
    sys.stdout.write(json.dumps({"figure": f"chaos_mixed_{figure}", "value": value, **more}) + "\n")
    sys.stdout.flush()
    return int("peer" in more and value != more["peer"])


if __name__ == "__main__":
    raise SystemExit(main())
