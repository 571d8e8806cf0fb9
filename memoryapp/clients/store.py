"""Redis as a quick memory beside the rows: caches, counters and a buffer. Never the truth.

Everything here may be lost and everything here fails soft: a caller gets ``None`` and goes on with
the database. One connection pool per process, made at first use so that a fork shares none.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from typing import Any, TypeVar

import redis
from django.conf import settings

from memoryapp.clients import redis_servers

logger = logging.getLogger(__name__)
Result = TypeVar("Result")

PREFIX = "greenroom:"
PATIENCE_SECONDS = 0.5
#: after a failure Redis is left alone this long, so that a dead one slows nothing down.
REST_SECONDS = 1.0

_clients: dict[int, redis.Redis] = {}
_rests_until = 0.0


def client() -> redis.Redis:
    """The client of this process."""
    process = os.getpid()
    found = _clients.get(process)
    if found is None:
        found = redis_servers.client(settings.REDIS_URL, patience=PATIENCE_SECONDS)
        _clients.clear()
        _clients[process] = found
    return found


def softly(ask: Callable[[redis.Redis], Result]) -> Result | None:
    """Return what Redis answers, or ``None`` while it does not."""
    global _rests_until
    if time.monotonic() < _rests_until:
        return None
    try:
        return ask(client())
    except redis.RedisError as error:
        _rests_until = time.monotonic() + REST_SECONDS
        logger.warning("Redis does not answer; going on without it. %s", error)
        return None


def kept_text(key: str) -> str | None:
    """A text kept under ``key``, if it is still there."""
    found: Any = softly(lambda r: r.get(PREFIX + key))
    return found.decode() if found is not None else None


def keep_text(key: str, text: str, *, seconds: int) -> None:
    softly(lambda r: r.set(PREFIX + key, text, ex=seconds))


def forget_text(key: str) -> None:
    softly(lambda r: r.delete(PREFIX + key))
