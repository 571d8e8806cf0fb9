"""Bodies over a real socket: refused ones, and those that come in chunks."""

from __future__ import annotations

import http.client
import io
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from typing import Any

import pytest

from memoryapp.project import bodies, serving, wsgi
from memoryapp.project.bodies import Bodies
from tests.product import ROOT, free_port

MEGABYTE = 2**20
MOST = 2 * MEGABYTE
#: more than the buffers of two sockets hold.
MUCH = 50 * MEGABYTE


def _refusing(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    """Refuse ``/refuse`` unread, answer ``/much``, and say of any other body how long it was."""
    if environ["PATH_INFO"] == "/much":
        if environ["QUERY_STRING"] == "narrow":
            # A slow reader still reads what waits for it here, long after it was let go.
            environ["gunicorn.socket"].setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 64 * 1024)
        start_response("200 OK", [("Content-Length", str(MUCH))])
        return [b"x" * MUCH]
    if environ["PATH_INFO"] == "/refuse":
        start_response("413 Content Too Large", [("Content-Length", "8")])
        return [b"too much"]
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    said = str(len(body)).encode()
    start_response("200 OK", [("Content-Length", str(len(said)))])
    return [said]


application = Bodies(_refusing, most=MOST)
#: Seconds of silence in the server that the tests start, so that nobody waits for thirty.
SILENT = "GREENROOM_TEST_SILENT"
THREADS = 2
if SILENT in os.environ:
    bodies.SILENT_SECONDS = bodies.UNREAD_SECONDS = float(os.environ[SILENT])
    bodies.ANSWER_SECONDS, bodies.SLOWEST = 2.0, MEGABYTE
    bodies.REST_SECONDS = 5.0


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """Where gunicorn serves ``application`` as it serves the product."""
    port = free_port()
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "gunicorn", f"{__name__}:application"),
            *("--bind", f"127.0.0.1:{port}", "--worker-class", serving.worker_class),
            *("--threads", str(THREADS)),
            *("--no-control-socket", "--log-level", "critical"),
        ],
        cwd=ROOT,
        env={**os.environ, SILENT: "1.5"},
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
def caller(port: int) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", port), 60) as one:
        yield one


def answer(caller: socket.socket) -> tuple[int, bytes]:
    found = http.client.HTTPResponse(caller)
    found.begin()
    return found.status, found.read()


def head(path: str, *more: str) -> bytes:
    return "\r\n".join([f"POST {path} HTTP/1.1", "Host: x", *more, "", ""]).encode()


@pytest.mark.parametrize("connection", ["keep-alive", "close"])
def test_who_sends_all_of_it_before_reading_can_read_why_it_was_refused(
    caller: socket.socket, connection: str
) -> None:
    size = 100 * MEGABYTE
    caller.sendall(head("/refuse", f"Content-Length: {size}", f"Connection: {connection}"))
    for _ in range(size // MEGABYTE):
        caller.sendall(b"x" * MEGABYTE)
    assert answer(caller) == (413, b"too much")


def test_who_reads_at_once_is_answered_before_the_body_was_sent(caller: socket.socket) -> None:
    caller.sendall(head("/refuse", f"Content-Length: {100 * MEGABYTE}"))
    assert answer(caller) == (413, b"too much")


def test_a_connection_serves_on_after_a_refusal(caller: socket.socket) -> None:
    for _ in range(2):
        caller.sendall(head("/refuse", f"Content-Length: {MEGABYTE}") + b"x" * MEGABYTE)
        assert answer(caller) == (413, b"too much")


def in_chunks(*pieces: bytes) -> bytes:
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces)


@pytest.mark.parametrize("sizes", [[], [3], [3, MEGABYTE, 5]])
def test_a_body_in_chunks_is_read_whole(caller: socket.socket, sizes: list[int]) -> None:
    caller.sendall(head("/count", "Transfer-Encoding: chunked"))
    caller.sendall(in_chunks(*(b"x" * size for size in sizes)) + b"0\r\n\r\n")
    assert answer(caller) == (200, str(sum(sizes)).encode())


@pytest.mark.parametrize(
    ("sent", "status"),
    [(in_chunks(*[b"x" * MEGABYTE] * 20) + b"0\r\n\r\n", 413), (b"3\r\nabcdef\r\n", 400)],
    ids=["too many", "no chunks"],
)
def test_a_body_in_chunks_that_cannot_be_taken_is_refused(
    caller: socket.socket, sent: bytes, status: int
) -> None:
    caller.sendall(head("/count", "Transfer-Encoding: chunked") + sent)
    found, said = answer(caller)
    problem = json.loads(said)
    assert (found, problem["status"]) == (status, status)
    assert problem["type"].startswith("urn:greenroom:problem:")
    assert "Nothing was saved." in problem["detail"]


def asking_for_much(port: int, how: str = "") -> socket.socket:
    """A connection of little room whose answer has begun."""
    one = socket.socket()
    one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024)
    one.settimeout(60)
    one.connect(("127.0.0.1", port))
    one.sendall(f"GET /much?{how} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    assert one.recv(12) == b"HTTP/1.1 200"
    return one


def rest_of(caller: socket.socket) -> int:
    """Read to the end; how many bytes came."""
    count = 0
    with suppress(ConnectionResetError):
        while piece := caller.recv(MEGABYTE):
            count += len(piece)
    return count


def test_who_does_not_read_an_answer_gives_its_thread_back(port: int) -> None:
    with ExitStack() as stack:
        silent = [stack.enter_context(asking_for_much(port)) for _ in range(THREADS)]
        with socket.create_connection(("127.0.0.1", port), 20) as caller:
            caller.sendall(head("/count"))
            assert answer(caller) == (200, b"0")
        # The other may just be in time.
        assert any(rest_of(one) < MUCH for one in silent)


def test_who_reads_an_answer_very_slowly_does_so_too(port: int) -> None:
    with asking_for_much(port, "narrow") as caller:
        began = time.monotonic()
        with suppress(ConnectionResetError):
            while caller.recv(32 * 1024) and time.monotonic() - began < 60:
                time.sleep(0.25)
        assert time.monotonic() - began < 60


def test_who_pauses_for_a_moment_reads_all_of_it(port: int) -> None:
    with asking_for_much(port) as caller:
        time.sleep(0.7)
        found = 12
        while found < MUCH:
            piece = caller.recv(MEGABYTE)
            assert piece
            found += len(piece)


def test_the_product_is_served_through_it() -> None:
    assert isinstance(wsgi.application, bodies.Bodies)


def test_who_falls_silent_in_the_middle_of_a_body_is_let_go() -> None:
    class Wire:
        waits: list[float | None] = []

        def settimeout(self, seconds: float | None) -> None:
            self.waits.append(seconds)

    wire, seen = Wire(), []

    def look(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        seen.append([*wire.waits])
        start_response("200 OK", [])
        seen.append([*wire.waits])
        return [b""]

    sent = {"wsgi.input": io.BytesIO(b"abc"), "gunicorn.socket": wire}
    Bodies(look, most=MOST)({**sent, "CONTENT_LENGTH": "3"}, lambda *_: None)
    # While it reads, and then for whoever reads the answer.
    assert seen == [[bodies.SILENT_SECONDS], [bodies.SILENT_SECONDS, bodies.UNREAD_SECONDS]]


def test_as_many_silent_senders_as_there_are_threads_keep_nobody_from_an_answer(port: int) -> None:
    with ExitStack() as silent:
        for _ in range(THREADS):
            one = silent.enter_context(socket.create_connection(("127.0.0.1", port), 60))
            one.sendall(head("/", "Content-Length: 10") + b"abc")
        with socket.create_connection(("127.0.0.1", port), 60) as other:
            other.sendall(head("/", "Content-Length: 3") + b"abc")
            assert answer(other) == (200, b"3")
