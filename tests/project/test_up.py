"""The supervisor behind ``make up``."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from memoryapp.project.embedded import socket_folder
from tests.product import Product, start_product, stop_product

PATIENCE_SECONDS = 30
pytestmark = pytest.mark.begun_first


@pytest.fixture(scope="module")
def data() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="gr-up-"))
    # Root's database user must be able to walk into it.
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def start() -> Iterator[Callable[[Path], Product]]:
    """Start a product that is ended with the test, however that ends."""
    begun: list[Product] = []

    def begin(data: Path) -> Product:
        begun.append(start_product(data))
        return begun[-1]

    yield begin
    for product in begun:
        if product.process.poll() is None:
            stop_product(product)


def is_ready(product: Product) -> bool:
    with suppress(OSError), urllib.request.urlopen(product.url + "/readyz", timeout=3) as answer:
        return bool(answer.status == 200)
    return False


def processes_over(data: Path) -> list[str]:
    found = subprocess.run(["pgrep", "-af", str(data)], capture_output=True, text=True, check=False)
    return [line for line in found.stdout.splitlines() if "pgrep" not in line]


def eventually(condition: Callable[[], object]) -> bool:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.2)
    return False


def test_it_starts_survives_and_stops(data: Path, start: Callable[[Path], Product]) -> None:
    """One story, because a start costs seconds: start, kill parts, kill all, start again, stop."""
    first = start(data)
    assert len(first.password) >= 12
    assert eventually(lambda: is_ready(first))

    for part in ("bin/postgres", "redis-server", "celery.* worker", "gunicorn"):
        for pid in first.pids_of(part):
            os.kill(pid, signal.SIGKILL)
    time.sleep(1)
    assert eventually(lambda: is_ready(first))
    assert eventually(lambda: first.pids_of("celery.* worker"))

    first.process.kill()
    assert eventually(lambda: not processes_over(data)), "something outlived the supervisor"

    second = start(data)
    assert second.password == "", "the first operator was made twice"
    assert eventually(lambda: is_ready(second))
    stop_product(second)
    assert second.process.returncode == 0
    assert processes_over(data) == []
    assert not socket_folder(data).exists()
