"""Keeping a lease alive from a thread of its own while a piece of work is done."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import connections
from django.db.models import QuerySet
from django.utils import timezone


def lease() -> timedelta:
    return timedelta(seconds=settings.UNIT_LEASE_SECONDS)


@contextmanager
def heartbeat(held: Callable[[], QuerySet[Any]]) -> Iterator[None]:
    """Write the row's ``heartbeat_at`` until the block ends or ``held`` finds it no more."""
    done = threading.Event()

    def beat() -> None:
        try:
            while not done.wait(settings.UNIT_LEASE_SECONDS / 4):
                if not held().update(heartbeat_at=timezone.now()):
                    return
        finally:
            connections.close_all()

    thread = threading.Thread(target=beat, name="heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join(timeout=5)
