"""Keeping a lease alive while a piece of work is done, and telling how far it is."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import OperationalError, connections
from django.db.models import QuerySet
from django.utils import timezone

from memoryapp.domain.beating import beating

#: How often a piece of work writes down how far it is.
TELL_SECONDS = 0.5


class Stopped(Exception):
    """The work was cancelled, or another worker took it over."""


class DatabaseAway(Exception):
    """Its disk is full, or it is restarted: nothing the work did is to blame."""

    def __init__(self, error: OperationalError) -> None:
        first = (str(error).strip().splitlines() or ["no message"])[0]
        super().__init__(f"The database could not go on: {first}.")


def lease() -> timedelta:
    return timedelta(seconds=settings.UNIT_LEASE_SECONDS)


def heartbeat(held: Callable[[], QuerySet[Any]]) -> AbstractContextManager[Callable[[], bool]]:
    """Write the row's ``heartbeat_at`` until the block ends or ``held`` finds it no more."""
    return beating(
        lambda: bool(held().update(heartbeat_at=timezone.now())),
        every=settings.UNIT_LEASE_SECONDS / 4,
        at_end=connections.close_all,
    )


def telling(
    held: Callable[[], QuerySet[Any]], clock: Callable[[], float] = time.monotonic
) -> Callable[..., None]:
    """What to call with the share that is done, and more columns: now and then it writes them down.

    It raises ``Stopped`` once ``held`` finds the row no more.
    """
    last = clock()

    def told(share: float, **columns: Any) -> None:
        nonlocal last
        if clock() - last < TELL_SECONDS:
            return
        last = clock()
        if not held().update(percent=min(99, int(100 * share)), **columns):
            raise Stopped

    return told
