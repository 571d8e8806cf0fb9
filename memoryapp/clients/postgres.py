"""Connections to PostgreSQL that notice when it hangs.

A server that is stopped, or whose disk answers nothing, closes no connection: its kernel goes on
acknowledging what it is sent, so that no keepalive notices, and an answer is waited for without
end. Nobody but us can tell this from a statement that takes long. So whoever waits in silence
knocks with a connection of its own: a server that answers it may take its time, one that answers
nobody is given up. Loads no Django.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import psycopg

Result = TypeVar("Result")

#: seconds of silence after which somebody knocks, and where it hung a moment ago.
QUIET_SECONDS, SUSPICIOUS_SECONDS = 5.0, 1.0
#: seconds between two knocks at most: a long statement of a worker is left alone.
SELDOM_SECONDS = 60.0
#: how long a knock waits, and a new connection where it hung a moment ago. libpq takes no less.
KNOCK_SECONDS = 2
#: how long after a wait in vain the next ones are short.
SUSPECT_FOR_SECONDS = 15.0
#: Where people and agents wait for an answer no statement takes longer; the server ends it itself.
SERVED_SECONDS = 60
#: how much later it is given up here, where the server does not.
GRACE_SECONDS = 5

_is_served = False
_suspected_until = 0.0


class _Own(threading.local):
    """What holds for this thread, for the time of a ``with``."""

    hurry: float | None = None
    is_unhurried = False


_own = _Own()


class NoAnswer(psycopg.OperationalError):
    """The server is silent, and the connection was let go of."""


def serve() -> None:
    """Say that this process answers people and agents: nothing of it waits for very long."""
    global _is_served
    _is_served = True


@contextmanager
def hurried(seconds: float) -> Iterator[None]:
    """Wait no longer than this for any one answer, and ``KNOCK_SECONDS`` for a connection."""
    before, _own.hurry = _own.hurry, seconds
    try:
        yield
    finally:
        _own.hurry = before


@contextmanager
def unhurried() -> Iterator[None]:
    """Give up no statement for its length alone, in a process that serves too."""
    before, _own.is_unhurried = _own.is_unhurried, True
    try:
        yield
    finally:
        _own.is_unhurried = before


def statement_seconds() -> int | None:
    """How long the server may work at one statement of this process."""
    return SERVED_SECONDS if _is_served else None


def connect_seconds(given: int) -> int:
    """How long to wait for a connection, where ``given`` is what the settings say."""
    is_short = _own.hurry is not None or _is_suspected()
    return min(given, KNOCK_SECONDS) if is_short else given


def connect(**address: Any) -> Connection:
    """As ``psycopg.connect``."""
    try:
        made = Connection.connect(**address)
    except psycopg.errors.ConnectionTimeout:
        _suspect()
        raise
    made.address = address
    return made


class Connection(psycopg.Connection[Any]):
    """A connection whose waits end where the server hangs."""

    #: what it was made with, for a knock.
    address: dict[str, Any]
    #: A pooler has one wait for others that are at work, so that its silence says nothing.
    is_pooled = False

    def wait(self, gen: Generator[Any, Any, Result], *args: Any, **kwargs: Any) -> Result:
        try:
            return super().wait(self._watched(gen), *args, **kwargs)
        except NoAnswer:
            # What follows, such as a rollback, would wait as long.
            self.pgconn.finish()
            raise

    def _watched(self, gen: Generator[Any, Any, Result]) -> Generator[Any, Any, Result]:
        """``gen``, which psycopg resumes ten times a second with nothing while all is silent."""
        heard, limit = time.monotonic(), _first_limit()
        ready: Any = None
        try:
            while True:
                ready = yield gen.send(ready)
                if ready:
                    heard, limit = time.monotonic(), _first_limit()
                elif (quiet := time.monotonic() - heard) >= limit:
                    limit = self._more(quiet)
        except StopIteration as end:
            result: Result = end.value
            return result

    def _more(self, quiet: float) -> float:
        """For how long in all to go on after ``quiet`` seconds. Raises ``NoAnswer``."""
        last = _last_limit()
        if quiet >= last:
            raise NoAnswer(f"PostgreSQL has not answered for {quiet:.0f} s.")
        if (_is_served or not self.is_pooled) and not self._answers():
            _suspect()
            raise NoAnswer(
                f"PostgreSQL hangs: it has not answered for {quiet:.0f} s, and a new connection "
                "gets no answer either."
            )
        return min(quiet + min(quiet, SELDOM_SECONDS), last)

    def _answers(self) -> bool:
        """Knock. That it refuses us is an answer too."""
        address = {**self.address, "connect_timeout": KNOCK_SECONDS}
        try:
            with hurried(KNOCK_SECONDS), Connection.connect(**address) as knock:
                knock.execute("SELECT 1")
        except (NoAnswer, psycopg.errors.ConnectionTimeout):
            return False
        except psycopg.OperationalError:
            return True
        return True


def _first_limit() -> float:
    if _own.hurry is not None:
        return _own.hurry
    return SUSPICIOUS_SECONDS if _is_suspected() else QUIET_SECONDS


def _last_limit() -> float:
    if _own.hurry is not None:
        return _own.hurry
    if _is_served and not _own.is_unhurried:
        return SERVED_SECONDS + GRACE_SECONDS
    return float("inf")


def _is_suspected() -> bool:
    return time.monotonic() < _suspected_until


def _suspect() -> None:
    global _suspected_until
    _suspected_until = time.monotonic() + SUSPECT_FOR_SECONDS
