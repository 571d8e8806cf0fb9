"""Processes that serve are replaced now and then: whoever calls meanwhile is answered."""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from gunicorn.config import KNOWN_SETTINGS

from memoryapp.project import serving
from memoryapp.project.web_worker import Worker
from tests.product import free_port

ROOT = Path(__file__).resolve().parents[2]
EACH, CALLERS, REQUESTS = 50, 4, 150


class Patient(Worker):
    """Waits longer for heads than it is given to end."""

    head_seconds = 60.0


def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    said = str(os.getpid()).encode()
    start_response("200 OK", [("Content-Length", str(len(said)))])
    return [said]


@contextmanager
def _serving() -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """A server that replaces its processes often: its port, and its parent process."""
    port = free_port()
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "gunicorn", "--config", "python:memoryapp.project.serving"),
            *("--bind", f"127.0.0.1:{port}", "--log-level", "critical"),
            *("--max-requests", str(EACH), "--max-requests-jitter", "0"),
            *("--worker-class", f"{__name__}.{Patient.__name__}", "--graceful-timeout", "30"),
            f"{__name__}:application",
        ],
        cwd=ROOT,
    )
    deadline = time.monotonic() + 60
    while True:
        with suppress(OSError):
            _ask(http.client.HTTPConnection("127.0.0.1", port, timeout=5))
            break
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    yield port, process
    process.terminate()
    process.wait(20)


def test_who_asks_for_nothing_holds_up_no_end() -> None:
    """Browsers open connections ahead, and one process after the other is replaced."""
    with _serving() as (port, process), socket.create_connection(("127.0.0.1", port)):
        time.sleep(0.5)  # until the loop has taken it
        begun = time.monotonic()
        process.terminate()
        process.wait(60)
        waited = time.monotonic() - begun
    assert waited < 20


def test_a_request_over_a_connection_of_before_the_end_is_answered() -> None:
    """A client that has just connected has sent nothing yet, and asks once."""
    with _serving() as (port, process):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        connection.connect()
        time.sleep(0.5)
        process.terminate()
        time.sleep(1.3)  # a turn of the loop takes a second where nothing happens
        assert _ask(connection)


def test_a_connection_that_was_idle_for_a_while_is_answered_on() -> None:
    """Load balancers keep theirs for a minute, and cannot tell that one is just being closed."""
    with _serving() as (port, _):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        first = _ask(connection)
        time.sleep(4)
        assert _ask(connection) == first
    assert serving.keepalive > 60


def _ask(connection: http.client.HTTPConnection) -> int:
    connection.request("GET", "/")
    answer = connection.getresponse()
    assert answer.status == 200
    return int(answer.read())


def _call(port: int) -> list[int]:
    """The processes that answered one caller, over a connection kept open while it may be."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    return [_ask(connection) for _ in range(REQUESTS)]


def test_every_call_is_answered_while_processes_are_replaced() -> None:
    with _serving() as (port, _), ThreadPoolExecutor(CALLERS) as callers:
        answered = [pid for pids in callers.map(_call, [port] * CALLERS) for pid in pids]
    assert len(answered) == CALLERS * REQUESTS
    assert len(set(answered)) > 4


def test_the_settings_are_names_that_gunicorn_knows() -> None:
    ours = {name for name in vars(serving) if not name.startswith("__")}
    assert ours <= {setting.name for setting in KNOWN_SETTINGS}
