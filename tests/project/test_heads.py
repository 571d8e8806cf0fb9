"""Heads of requests over a real socket: whole ones are answered, slow ones hold nobody up."""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from http import HTTPStatus
from typing import Any

import pytest

from memoryapp.project import serving
from memoryapp.project.web_worker import HEAD_MOST, PIECE, Worker
from tests.product import ROOT, free_port

THREADS = 2


class Quick(Worker):
    """So that nobody waits for ten seconds."""

    head_seconds, rest_seconds = 1.5, 0.5


def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    """Say what was asked for and how long its body was. Some take their time."""
    if environ["PATH_INFO"] == "/long":
        time.sleep(3)
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    said = f"{environ['PATH_INFO']} {len(body)}".encode()
    start_response("200 OK", [("Content-Length", str(len(said)))])
    return [said]


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    port = free_port()
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "gunicorn", f"{__name__}:application"),
            *("--bind", f"127.0.0.1:{port}", "--worker-class", f"{__name__}.Quick"),
            *("--threads", str(THREADS), "--no-control-socket", "--log-level", "critical"),
        ],
        cwd=ROOT,
        env=dict(os.environ),
    )
    deadline = time.monotonic() + 60
    while True:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            break
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    yield port
    process.terminate()
    process.wait(20)


@pytest.fixture
def connect(port: int) -> Iterator[Any]:
    with ExitStack() as stack:

        def connect(sent: bytes = b"") -> socket.socket:
            one = stack.enter_context(socket.create_connection(("127.0.0.1", port), 30))
            one.sendall(sent)
            return one

        yield connect


def answer(caller: socket.socket) -> tuple[int, bytes]:
    found = http.client.HTTPResponse(caller)
    found.begin()
    return found.status, found.read()


ASKED = b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n"


def test_heads_that_do_not_come_hold_no_thread(connect: Any) -> None:
    for sent in (b"", b"GET / HT", ASKED[:-2]):
        for _ in range(THREADS + 1):
            connect(sent)
    assert answer(connect(ASKED)) == (200, b"/a 0")


def test_a_probe_is_answered_while_all_threads_wait(connect: Any) -> None:
    held = [connect(ASKED.replace(b"/a", b"/long")) for _ in range(THREADS)]
    time.sleep(0.5)
    began = time.monotonic()
    assert answer(connect(ASKED.replace(b"/a", b"/healthz"))) == (200, b"/healthz 0")
    assert time.monotonic() - began < 2
    assert [answer(one)[0] for one in held] == [200] * THREADS


def test_a_letter_now_and_then_gets_nobody_more_time(connect: Any) -> None:
    slow = connect(b"GET / HTTP/1.1\r\nX-Slow: ")
    slow.settimeout(0.1)
    came = b""
    for _ in range(100):
        with suppress(TimeoutError):
            came = slow.recv(1000)
            break
        slow.sendall(b"x")
    assert came.startswith(b"HTTP/1.1 408 Request Timeout\r\nConnection: close")


def test_who_says_nothing_is_let_go_without_a_word(connect: Any) -> None:
    assert connect().recv(1) == b""


@pytest.mark.parametrize("times", [1, 30])
def test_who_sends_a_head_without_an_end_reads_why_it_is_refused(connect: Any, times: int) -> None:
    caller = connect(b"GET / HTTP/1.1\r\nX-Long: " + b"x" * HEAD_MOST * times)
    assert answer(caller)[0] == 431


@pytest.mark.parametrize(
    ("sent", "status", "kind", "said"),
    [
        (b"GET /" + b"a" * 5_000 + b" HTTP/1.1\r\n\r\n", 414, "address-too-long", "too large"),
        (b"GET / HTTP/1.1\r\nX-A: " + b"a" * 70_000, 431, "head-too-large", "65536 bytes"),
        (b"GET / HTTP/1.1\r\nX-A: " + b"a" * 9_000 + b"\r\n\r\n", 431, "head-too-large", "limit"),
        (b"GET / HTTP/1.1\r\nX-A: a\x01b\r\n\r\n", 400, "invalid", "X-A"),
        (b"POST / HTTP/1.1\r\nContent-Length: -5\r\n\r\n", 400, "invalid", "CONTENT-LENGTH"),
        (b"POST / HTTP/1.1\r\nExpect: x\r\n\r\n", 417, "expectation-failed", "expectation"),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: x\r\n\r\n", 501, "not-supported", "x"),
        (b"GET /\r\n\r\n", 400, "invalid", "GET /"),
    ],
)
def test_what_is_no_request_is_refused_as_a_problem(
    connect: Any, sent: bytes, status: int, kind: str, said: str
) -> None:
    found = http.client.HTTPResponse(connect(sent))
    found.begin()
    told = json.loads(found.read())
    assert found.getheader("Content-Type") == "application/problem+json"
    assert (found.status, told["status"]) == (status, status)
    assert told["type"] == f"urn:greenroom:problem:{kind}"
    assert said in told["detail"]
    assert told["title"] == found.reason == HTTPStatus(status).phrase


def test_who_stays_after_its_last_answer_holds_nobody_up(connect: Any) -> None:
    begun = time.monotonic()
    for _ in range(5):
        caller = connect(b"GET /a HTTP/1.0\r\n\r\n")
        assert answer(caller) == (200, b"/a 0")
        assert caller.recv(1) == b""
    # gunicorn's own waits two seconds for each, one after the other.
    assert time.monotonic() - begun < 5


def test_who_stays_after_its_last_answer_is_let_go(connect: Any) -> None:
    caller = connect(b"GET /a HTTP/1.0\r\n\r\n")
    with suppress(ConnectionError):
        for _ in range(100):
            caller.sendall(b"x")
            time.sleep(0.1)
        pytest.fail("it is still heard")


def test_a_connection_takes_one_request_after_another(connect: Any) -> None:
    posted = b"POST /b HTTP/1.1\r\nHost: x\r\nContent-Length: 20000\r\n\r\n" + b"y" * 20_000
    caller = connect()
    for piece in (ASKED[:9], ASKED[9:], posted[:30], posted[30:70], posted[70:]):
        caller.sendall(piece)
        if piece in {ASKED[9:], posted[70:]}:
            assert answer(caller)[0] == 200
        else:
            time.sleep(0.05)
    caller.sendall(ASKED + posted + ASKED[:20])
    said = b""
    while not said.endswith(b"/b 20000"):
        said += caller.recv(PIECE)
    assert said.count(b"200 OK") == 2
    caller.sendall(ASKED[20:])
    assert answer(caller) == (200, b"/a 0")


def test_who_goes_away_leaves_nothing_behind(connect: Any) -> None:
    for sent in (b"", b"GET / HT", ASKED):
        connect(sent).close()
    assert answer(connect(ASKED)) == (200, b"/a 0")


def test_the_product_is_served_by_it() -> None:
    assert serving.worker_class == f"{Worker.__module__}.{Worker.__name__}"
