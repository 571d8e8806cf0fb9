"""One process at a time, by a lock of the database that also holds behind a connection pooler."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import DEFAULT_DB_ALIAS, connections


@contextmanager
def alone(number: int) -> Iterator[bool]:
    """Whether nobody else is within ``alone(number)``; until the block ends nobody else gets in.

    The lock belongs to a transaction of a connection of its own, so that the work may commit as
    often as it likes: a pooler such as pgbouncer hands a session's connection on after each commit,
    and a lock of the session with it.
    """
    own = connections.create_connection(DEFAULT_DB_ALIAS)
    try:
        own.set_autocommit(False)
        with own.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [number])
            (is_alone,) = cursor.fetchone()
        yield bool(is_alone)
    finally:
        own.close()
