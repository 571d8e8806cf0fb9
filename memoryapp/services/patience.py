"""Waiting for a lock no longer than whoever asks can afford."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

from django.db import OperationalError, connection, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg.errors import LockNotAvailable, QueryCanceled
from psycopg.pq import TransactionStatus

from memoryapp.clients import postgres
from memoryapp.domain.errors import UnableTo

#: a web server has a dozen threads, and MCP eight: an import may change a playbook for longer than
#: it takes so many agents to report.
LOCK_SECONDS = 3
#: for all else that is asked of the web server. People are fewer, and send again by hand.
REQUEST_SECONDS = 5
#: after how long what was locked is worth another try.
RETRY_SECONDS = 5
Piece = TypeVar("Piece")
_WRITES = ("INSERT", "UPDATE", "DELETE")


class PlaybookBusy(UnableTo):
    """Somebody changes the playbook for long; the sender tries again later."""

    status = 503
    retry_after = RETRY_SECONDS


@contextmanager
def no_long_wait() -> Iterator[None]:
    """A transaction that waits for no lock longer than ``LOCK_SECONDS``.

    Raises:
        PlaybookBusy: it would have had to; nothing of it is kept.
    """
    try:
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SELECT set_config('lock_timeout', %s, true)", [f"{LOCK_SECONDS}s"])
            yield
    except OperationalError as error:
        if not waited_for_lock(error):
            raise
        raise PlaybookBusy(
            "Somebody is changing this playbook, which is taking a while. Nothing was saved; send "
            "it again in a moment."
        ) from error


@contextmanager
def unhurried() -> Iterator[None]:
    """A transaction whose statements take what they need, though somebody waits for the answer."""
    with postgres.unhurried(), transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL statement_timeout = 0")
        yield


def at_leisure(pieces: Iterable[Piece]) -> Iterator[Piece]:
    """The same pieces, for an answer that is streamed and may be as long as it likes.

    Read in one transaction: without one the server makes all rows before it hands on the first.
    """
    with unhurried():
        yield from pieces


def took_too_long(error: BaseException | None) -> bool:
    """Whether the server ended a statement because somebody waited for it for too long."""
    return isinstance(error, OperationalError) and isinstance(error.__cause__, QueryCanceled)


def waited_for_lock(error: BaseException | None) -> bool:
    """Whether a statement was given up because somebody else held a lock for too long."""
    return isinstance(error, OperationalError) and isinstance(error.__cause__, LockNotAvailable)


def patiently(
    execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: Mapping[str, Any]
) -> Any:
    """Django's ``execute_wrapper`` under which nothing waits longer than ``REQUEST_SECONDS``.

    The limit is the transaction's and is set as it begins: behind a pooler what is set for longer
    is the next one's, a worker's perhaps, and what a savepoint sets ends with it. A write without
    a transaction gets one. Reads outside of transactions wait for nobody's rows.

    Raises:
        OperationalError: of which ``waited_for_lock`` is true.
    """
    used: BaseDatabaseWrapper = context["connection"]
    if not used.in_atomic_block and isinstance(sql, str) and sql.startswith(_WRITES):
        with transaction.atomic(using=used.alias):
            return patiently(execute, sql, params, many, context)
    if used.in_atomic_block:
        # Not through Django's cursor, which would come here again.
        server: Any = used.connection
        if server.info.transaction_status == TransactionStatus.IDLE:
            with used.wrap_database_errors:
                # No query: a transaction that begins with one can no longer choose its isolation.
                server.execute(f"SET LOCAL lock_timeout = '{REQUEST_SECONDS}s'")
    return execute(sql, params, many, context)
