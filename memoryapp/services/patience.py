"""Waiting for a playbook's lock no longer than a request of an agent can afford."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import OperationalError, connection, transaction
from psycopg.errors import LockNotAvailable

from memoryapp.domain.errors import UnableTo

#: a web server has a dozen threads, and MCP eight: an import may change a playbook for longer than
#: it takes so many agents to report.
LOCK_SECONDS = 3


class PlaybookBusy(UnableTo):
    """Somebody changes the playbook for long; the sender tries again later."""

    status = 503
    retry_after = 5


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
        if not isinstance(error.__cause__, LockNotAvailable):
            raise
        raise PlaybookBusy(
            "Somebody is changing this playbook, which takes a while. Nothing was kept of this; "
            "send it again in a moment."
        ) from error
