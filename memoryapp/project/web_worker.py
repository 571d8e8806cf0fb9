"""The web server's worker: gunicorn's threads, none of which waits for the head of a request.

A thread that reads a head waits as long as its sender likes, and gunicorn has no limit for that: a
dozen connections that say nothing, or a letter now and then, would hold all threads. A proxy that
buffers hides it, and not everybody has one. So the loop that accepts connections gathers the heads
too, and a thread gets a request when its head is there. ``bodies`` sees to what follows it.
"""

from __future__ import annotations

import time
from contextlib import suppress
from enum import Enum
from functools import partial
from selectors import EVENT_READ
from typing import Any

from gunicorn import util
from gunicorn.workers.gthread import ThreadWorker

END = b"\r\n\r\n"
#: bytes of a head, which proxies bound as well, and how many are read at a time.
HEAD_MOST, PIECE = 64 * 1024, 8 * 1024


class Head(Enum):
    WAITING, WHOLE, TOO_LONG, GONE = range(4)


class Worker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """``gthread`` but for the heads of requests."""

    #: seconds from the first wait for a head to its end.
    head_seconds = 10.0

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        #: connections whose head is not whole, and when it must be; who is due first comes first.
        self._heads: dict[Any, float] = {}

    def enqueue_req(self, conn: Any) -> None:
        """Take a connection that was accepted, or whose next request begins."""
        if self.cfg.is_ssl or "h2" in self.cfg.http_protocols:
            super().enqueue_req(conn)  # what comes over these is no head yet
            return
        conn.init()
        conn.sock.setblocking(False)
        found = _read(conn)
        if found is Head.WAITING:
            self._heads[conn] = time.monotonic() + self.head_seconds
            self.poller.register(conn.sock, EVENT_READ, partial(self._read_on, conn))
        else:
            self._settle(conn, found)

    def murder_pending(self) -> None:
        """Let go of connections that are late; called about once a second.

        And of those that asked for nothing, once this process is to end: it would wait for them.
        """
        super().murder_pending()
        now = time.monotonic()
        due = [conn for conn, until in self._heads.items() if until <= now]
        if not self.alive:
            due = [conn for conn in self._heads if conn in due or not _has_begun(conn)]
        for conn in due:
            self._leave(conn)
            self._refuse(conn, 408, "Request Timeout", "The head of the request came too slowly.")

    def _read_on(self, conn: Any, _: Any) -> None:
        found = _read(conn)
        if found is not Head.WAITING:
            self._leave(conn)
            self._settle(conn, found)

    def _leave(self, conn: Any) -> None:
        del self._heads[conn]
        self.poller.unregister(conn.sock)

    def _settle(self, conn: Any, found: Head) -> None:
        if found is Head.WHOLE:
            super().enqueue_req(conn)
        elif found is Head.TOO_LONG:
            said = f"The head of a request may have {HEAD_MOST} bytes."
            self._refuse(conn, 431, "Request Header Fields Too Large", said)
        else:
            self._drop(conn)

    def _refuse(self, conn: Any, status: int, reason: str, said: str) -> None:
        """Say why, unless nothing was asked: browsers open connections that they may not need."""
        if _has_begun(conn):
            with suppress(OSError):
                util.write_error(conn.sock, status, reason, said)
        self._drop(conn)

    def _drop(self, conn: Any) -> None:
        self.nr_conns -= 1
        conn.close()


def _has_begun(conn: Any) -> bool:
    """Whether anything is there of a head."""
    head = conn.parser.unreader.take_buffered()
    conn.parser.unreader.unread(head)
    return bool(head)


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
