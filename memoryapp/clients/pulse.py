"""A sign of life that beat and a worker leave in Redis together; rows know nothing of either."""

from __future__ import annotations

import time

from memoryapp.clients import store

KEY = "pulse"
KEPT_SECONDS = 24 * 3600


def leave() -> None:
    """Note that beat rang and a worker came."""
    store.keep_text(KEY, repr(time.time()), seconds=KEPT_SECONDS)


def age() -> float | None:
    """Seconds since the last sign of life; ``None`` when there was none for a day."""
    found = store.kept_text(KEY)
    return None if found is None else max(0.0, time.time() - float(found))
