"""Connections opened at once are shared out among the processes that serve."""

from __future__ import annotations

import http.client
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest

from memoryapp.project import web_balance
from memoryapp.project.web_balance import is_fuller, leave, say
from tests.product import ROOT, free_port

CONNECTIONS = 16


def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    said = str(os.getpid()).encode()
    start_response("200 OK", [("Content-Length", str(len(said)))])
    return [said]


@pytest.fixture(autouse=True)
def board() -> Iterator[None]:
    yield
    for place in (1, 2, 3):
        leave(place)


def test_a_process_is_fuller_than_one_that_holds_fewer() -> None:
    say(1, 4)
    say(2, 3)
    assert is_fuller(1, 4)
    assert not is_fuller(1, 3)
    assert not is_fuller(2, 3)


def test_a_process_alone_is_never_fuller() -> None:
    say(1, 900)
    assert not is_fuller(1, 900)


def test_a_process_that_ends_counts_no_more() -> None:
    say(2, 0)
    leave(2)
    assert not is_fuller(1, 5)


def test_a_process_that_is_silent_counts_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    say(2, 0)
    assert is_fuller(1, 5)
    monkeypatch.setattr(web_balance, "FRESH", 0.0)
    assert not is_fuller(1, 5)


@pytest.fixture
def port() -> Iterator[int]:
    port = free_port()
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "gunicorn", "--config", "python:memoryapp.project.serving"),
            *("--bind", f"127.0.0.1:{port}", "--workers", "2", "--log-level", "critical"),
            f"{__name__}:application",
        ],
        cwd=ROOT,
    )
    deadline = time.monotonic() + 60
    seen: set[bytes] = set()
    while len(seen) < 2:
        assert process.poll() is None
        assert time.monotonic() < deadline
        with suppress(OSError):
            seen |= set(_asked(port, 8))
    yield port
    process.terminate()
    process.wait(20)


def test_connections_opened_at_once_are_shared_out(port: int) -> None:
    for _ in range(10):
        held = Counter(_asked(port, CONNECTIONS))
        assert sum(held.values()) == CONNECTIONS
        # One that a busy machine wakes late may get fewer, not next to nothing.
        assert max(held.values()) <= CONNECTIONS * 3 // 4


def _asked(port: int, connections: int) -> list[bytes]:
    """Which process answers over each of so many connections that are open at the same time."""
    opened = [http.client.HTTPConnection("127.0.0.1", port, timeout=30) for _ in range(connections)]
    for one in opened:
        one.connect()
    said = []
    for one in opened:
        one.request("GET", "/")
        said.append(one.getresponse().read())
    for one in opened:
        one.close()
    return said
