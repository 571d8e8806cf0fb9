"""An hour at saturation: memory stays, nothing answers 5xx, and what waits is worked off.

The product runs as ``make up`` starts it. The clients of ``benchmarks.mixed`` send everything that
agents and people ask, as fast as it is answered, while practice runs follow one another. Every ten
seconds the memory of each part is read (proportional set size: shared pages count once). A part's
growth compares the largest of the last fifth with the largest of the second sixth, when it is warm.
The largest of every tenth is printed beside it: whether growth ends shows there. Then the clients
stop, and the queue has to drain, as far as ``/metrics`` counts it: trajectories that were sent and
that no run has taken yet are not in it. PostgreSQL and Redis are reported and not judged: theirs is
what they were given to cache.

    python -m benchmarks.soak [--minutes 60] [--clients 16]
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import re
import shutil
import sys
import tempfile
import threading
import time
import urllib.request
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks import mixed
from benchmarks.product_api import api_key, call, in_shell, start_run
from tests.product import Product, start_product, stop_product

EVERY_SECONDS = 10
GROWTH = 0.05
DRAIN_SECONDS = 600
#: what a part's command line says; the first that fits names the process and all below it.
PARTS = {
    "web": "gunicorn",
    "worker": r"celery\b.*\bworker",
    "beat": r"celery\b.*\bbeat",
    "mcp": "uvicorn|memoryapp.mcp",
    "redis": "redis",
    "postgres": "postgres",
}
JUDGED = ("web", "worker", "beat", "mcp")
#: lines of ``/metrics`` that are of work which waits or is under way.
WAITING = re.compile(
    r'^greenroom_(?:queue_messages|analyses_open|replays_open|(?:units|runs)\{status="(?:waiting|running)"\})'
    r"\s+([\d.]+)",
    re.MULTILINE,
)


def main() -> int:
    """Print the figures. Returns 1 when memory grew, an answer was 5xx, or something waits."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--clients", type=int, default=16)
    asked = parser.parse_args()
    data = Path(tempfile.mkdtemp(prefix="gr-soak-"))
    data.chmod(0o755)  # root's database user must be able to walk into it
    product = start_product(data)
    try:
        memory, kinds, dropped, runs = _soak(product, data, asked)
        drained = _drained(product)
    finally:
        stop_product(product)
        shutil.rmtree(data, ignore_errors=True)
    failed = mixed.report(kinds, dropped, asked)
    grown = [_growth(part, memory[part]) > GROWTH for part in PARTS]
    _say("soak_practice_runs_ended", runs)
    _say("soak_seconds_until_nothing_waited", drained, at_most=DRAIN_SECONDS)
    return int(bool(failed) or any(grown[: len(JUDGED)]) or drained is None)


def _soak(
    product: Product, data: Path, asked: argparse.Namespace
) -> tuple[dict[str, list[float]], dict[str, mixed.Seen], int, int]:
    """Load the product for the time asked. Returns memory in MB by part, answers, runs ended."""
    release, key = in_shell(data, mixed.PREPARE).split()[-2:]
    answers: Any = multiprocessing.Queue()
    load = multiprocessing.Process(
        target=mixed.load_clients, args=(product.url, key, int(release), asked, answers)
    )
    load.start()
    over, ended = threading.Event(), [0]
    practice = threading.Thread(target=_practise, args=(product, api_key(data), over, ended))
    practice.start()
    memory: dict[str, list[float]] = defaultdict(list)
    until = time.monotonic() + asked.minutes * 60
    while time.monotonic() < until:
        for part, size in _memory(product).items():
            memory[part].append(size)
        time.sleep(EVERY_SECONDS)
    kinds, dropped = answers.get()
    load.join()
    over.set()
    practice.join()
    return memory, kinds, dropped, ended[0]


def _practise(product: Product, key: str, over: threading.Event, ended: list[int]) -> None:
    seed = 0
    while not over.is_set():
        seed += 1
        number = start_run(product, key, rounds=2, tasks=4, seed=seed)
        while call(product, key, f"/api/v1/runs/{number}")["status"] == "running":
            time.sleep(1)
        ended[0] += 1


def _drained(product: Product) -> float | None:
    """Seconds until nothing waited any more; ``None`` where something still did at the end."""
    begun = time.monotonic()
    while time.monotonic() < begun + DRAIN_SECONDS:
        with urllib.request.urlopen(f"{product.url}/metrics", timeout=60) as answer:
            said = answer.read().decode()
        if not sum(float(count) for count in WAITING.findall(said)):
            return round(time.monotonic() - begun, 1)
        time.sleep(2)
    return None


def _memory(product: Product) -> dict[str, float]:
    """Proportional set size of each part in MB, its children included."""
    sizes: dict[str, float] = defaultdict(float)
    for child in _children(product.process.pid):
        command = _command(child)
        part = next((name for name, said in PARTS.items() if re.search(said, command)), "")
        if part:
            sizes[part] += sum(_proportional(pid) for pid in (child, *_below(child)))
    return sizes


def _below(pid: int) -> Iterator[int]:
    for child in _children(pid):
        yield child
        yield from _below(child)


def _children(pid: int) -> list[int]:
    try:
        tasks = Path(f"/proc/{pid}/task").iterdir()
        return [int(child) for task in tasks for child in (task / "children").read_text().split()]
    except OSError:
        return []


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""


def _proportional(pid: int) -> float:
    try:
        found = re.search(r"^Pss:\s+(\d+)", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.M)
    except OSError:
        return 0.0
    return int(found[1]) / 1024 if found else 0.0


def _growth(part: str, sizes: list[float]) -> float:
    """Print what a part's memory was when warm and at the end; return the share it grew by."""
    if len(sizes) < len(PARTS):
        return 0.0
    sixth, fifth = len(sizes) // 6, max(len(sizes) // 5, 1)
    warm, last = max(sizes[sixth : 2 * sixth]), max(sizes[-fifth:])
    grown = last / warm - 1
    judged = {"at_most": GROWTH} if part in JUDGED else {}
    _say(
        f"soak_memory_growth_of_{part}",
        round(grown, 3),
        warm=round(warm),
        end=round(last),
        tenths=[round(max(tenth)) for tenth in _tenths(sizes)],
        **judged,
    )
    return grown


def _tenths(sizes: list[float]) -> Iterator[list[float]]:
    step = max(len(sizes) // 10, 1)
    return (sizes[begin : begin + step] for begin in range(0, step * 10, step) if sizes[begin:])


def _say(figure: str, value: float | None, **more: Any) -> None:
    sys.stdout.write(json.dumps({"figure": figure, "value": value, **more}) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    raise SystemExit(main())
