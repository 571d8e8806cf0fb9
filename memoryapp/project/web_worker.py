"""The web server's worker: gunicorn's threads, none of which waits for the head of a request.

A thread that reads a head waits as long as its sender likes, and gunicorn has no limit for that: a
dozen connections that say nothing, or a letter now and then, would hold all threads. A proxy that
buffers hides it, and not everybody has one. So the loop that accepts connections gathers the heads
too, and a thread gets a request when its head is there. ``bodies`` sees to what follows it.

The loop itself waits for nobody either. After the last answer of a connection gunicorn's waits up
to two seconds for the client to go, and hears nobody else meanwhile.
"""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from enum import Enum
from functools import partial
from selectors import EVENT_READ
from typing import Any

from gunicorn import util
from gunicorn.workers.gthread import ThreadWorker

from memoryapp.domain.problems import CONTENT_TYPE, problem_document
from memoryapp.project.web_balance import MOMENT, PATIENCE, is_fuller, leave, say
from memoryapp.project.web_turns import Turns

END = b"\r\n\r\n"
#: bytes of a head, which proxies bound as well, and how many are read at a time.
HEAD_MOST, PIECE = 64 * 1024, 8 * 1024
#: how the heads begin that stand in no line.
PROBES = (b"GET /healthz HTTP/", b"GET /readyz HTTP/")

#: What kind of problem each answer is that no application gave.
KINDS = {
    403: "not-allowed",
    408: "timeout",
    414: "address-too-long",
    417: "expectation-failed",
    431: "head-too-large",
    500: "error",
    501: "not-supported",
}


def write_problem(sock: socket.socket, status: int, said: str) -> None:
    """Refuse a malformed request as the API does: nobody can tell whether it was meant for it."""
    kind = KINDS.get(status, "invalid")
    told = problem_document(status, kind, said or "Something went wrong here.")
    body = json.dumps(told).encode()
    head = (
        f"HTTP/1.1 {status} {told['title']}\r\nConnection: close\r\n"
        f"Content-Type: {CONTENT_TYPE}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    util.write_nonblock(sock, head.encode("latin-1") + body)


def write_error(sock: socket.socket, status: int, reason: str, said: str) -> None:
    """What gunicorn calls. Its ``reason`` is Bad Request for 501 and others too."""
    write_problem(sock, status, said)


# gunicorn answers in HTML, and asks nobody how.
util.write_error = write_error


class Head(Enum):
    WAITING, WHOLE, TOO_LONG, GONE = range(4)


class Worker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """``gthread`` but for how requests begin and connections end."""

    #: seconds from the first wait for a head to its end, and from a last answer to the close.
    head_seconds, rest_seconds = 10.0, 2.0

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        #: connections whose head is not whole, and when it must be.
        self._heads: dict[Any, float] = {}
        #: connections that were told that nothing follows, and when they are closed.
        self._ends: dict[Any, float] = {}
        #: until when connections are left to other processes.
        self._holds_back = 0.0

    def accept(self, listener: Any) -> None:
        """Take a connection, unless a process with fewer takes it within a moment."""
        late = time.monotonic() - self._holds_back
        if not 0 <= late <= PATIENCE and is_fuller(self.age, self.nr_conns):
            self._holds_back = time.monotonic() + MOMENT
            self.set_accept_enabled(False)
            return
        self._holds_back = 0.0
        super().accept(listener)
        say(self.age, self.nr_conns)

    def set_accept_enabled(self, enabled: bool) -> None:
        if not enabled or time.monotonic() >= self._holds_back:
            super().set_accept_enabled(enabled)

    def get_thread_pool(self) -> Turns:
        return Turns(self.cfg.threads)

    def wait_for_and_dispatch_events(self, timeout: float) -> None:
        left = self._holds_back - time.monotonic()
        waits = [timeout, self.tpool.held_up() or timeout, left if left > 0 else timeout]
        super().wait_for_and_dispatch_events(min(waits))
        self.tpool.let_on()

    def enqueue_req(self, conn: Any) -> None:
        """Take a connection that was accepted, or whose next request begins."""
        if self.cfg.is_ssl or "h2" in self.cfg.http_protocols:
            super().enqueue_req(conn)  # what comes over these is no head yet
            return
        conn.init()
        conn.sock.setblocking(False)
        found = _read(conn)
        if found is Head.WAITING:
            self._wait(self._heads, conn, self.head_seconds, self._read_on)
        else:
            self._settle(conn, found)

    def finish_request(self, conn: Any, fs: Any) -> None:
        """Go on with a connection whose request was answered, or end it."""
        if not fs.cancelled() and (fs.exception() or fs.result()):
            super().finish_request(conn, fs)
        else:
            self._end(conn)

    def murder_pending(self) -> None:
        """Let go of connections that are late; called after every turn of the loop."""
        super().murder_pending()
        if self.alive:
            say(self.age, self.nr_conns)
        for conn in _due(self._heads):
            self._leave(self._heads, conn)
            self._refuse(conn, 408, "The headers of the request arrived too slowly.")
        for conn in _due(self._ends):
            self._leave(self._ends, conn)
            self._drop(conn)

    def _cap_keepalive(self, deadline: float) -> None:
        """Called when this process is to end, which idle connections would hold up.

        They are not closed at once: a request over one just accepted may be on its way.
        """
        super()._cap_keepalive(deadline)
        leave(self.age)
        for conn, until in self._heads.items():
            if not _has_begun(conn):
                self._heads[conn] = min(until, deadline)

    def _wait(
        self, waits: dict[Any, float], conn: Any, seconds: float, then: Callable[[Any, Any], None]
    ) -> None:
        waits[conn] = time.monotonic() + seconds
        self.poller.register(conn.sock, EVENT_READ, partial(then, conn))

    def _leave(self, waits: dict[Any, float], conn: Any) -> None:
        del waits[conn]
        self.poller.unregister(conn.sock)

    def _read_on(self, conn: Any, _: Any) -> None:
        found = _read(conn)
        if found is not Head.WAITING:
            self._leave(self._heads, conn)
            self._settle(conn, found)

    def _settle(self, conn: Any, found: Head) -> None:
        if found is Head.WHOLE and (probe := _probe(conn)):
            future = self.tpool.submit_aside(probe, self.handle, conn)
            future.add_done_callback(
                lambda done: self.method_queue.defer(self.finish_request, conn, done)
            )
        elif found is Head.WHOLE:
            super().enqueue_req(conn)
        elif found is Head.TOO_LONG:
            said = f"The headers of a request may have at most {HEAD_MOST} bytes."
            self._refuse(conn, 431, said)
        else:
            self._drop(conn)

    def _refuse(self, conn: Any, status: int, said: str) -> None:
        """Say why, unless nothing was asked: browsers open connections that they may not need."""
        if not _has_begun(conn):
            self._drop(conn)
            return
        with suppress(OSError):
            write_problem(conn.sock, status, said)
        self._end(conn)

    def _end(self, conn: Any) -> None:
        """Say that nothing follows, and close once the client has gone or its time is up.

        Closing a connection with something unread resets it, and its last answer is lost.
        """
        try:
            conn.sock.shutdown(socket.SHUT_WR)
        except OSError:
            self._drop(conn)
            return
        conn.sock.setblocking(False)
        self._wait(self._ends, conn, self.rest_seconds, self._read_out)

    def _read_out(self, conn: Any, _: Any) -> None:
        try:
            is_there = bool(conn.sock.recv(PIECE))
        except BlockingIOError:
            is_there = True
        except OSError:
            is_there = False
        if not is_there:
            self._leave(self._ends, conn)
            self._drop(conn)

    def _drop(self, conn: Any) -> None:
        self.nr_conns -= 1
        conn.close()


def _due(waits: dict[Any, float]) -> list[Any]:
    now = time.monotonic()
    return [conn for conn, until in waits.items() if until <= now]


def _has_begun(conn: Any) -> bool:
    """Whether anything is there of a head."""
    return bool(_seen(conn))


def _probe(conn: Any) -> bytes | None:
    """What of ``PROBES`` is asked: whether this process is alive, or can work."""
    head = _seen(conn)
    return next((probe for probe in PROBES if head.startswith(probe)), None)


def _seen(conn: Any) -> bytes:
    """What is there of a head, and stays there."""
    head: bytes = conn.parser.unreader.take_buffered()
    conn.parser.unreader.unread(head)
    return head


def _read(conn: Any) -> Head:
    """Read what is there of a head; the parser finds it where it looks first."""
    unreader = conn.parser.unreader
    head = unreader.take_buffered()
    try:
        while END not in head and len(head) <= HEAD_MOST:
            piece = conn.sock.recv(PIECE)
            if not piece:
                return Head.GONE
            head += piece
    except BlockingIOError:
        return Head.WAITING
    except OSError:
        return Head.GONE
    finally:
        unreader.unread(head)
    return Head.WHOLE if END in head else Head.TOO_LONG
