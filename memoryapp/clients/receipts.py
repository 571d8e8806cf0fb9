"""Receipts of pulls on their way from a web process to the database.

A receipt is a list: source, number, release, key, agent, label, form, unchanged, seconds since the
epoch. ``source`` is a thread of a process and ``number`` its own count, so that one flushed twice
is known and one that is missing is seen.
"""

from __future__ import annotations

import json
import threading
import time
import uuid
from typing import Any

from memoryapp.clients import store

BUFFER = f"{store.PREFIX}receipts"
#: what a worker has taken and not stored yet; a killed worker's is taken up by the next one.
TAKEN = f"{store.PREFIX}receipts:taken"
BATCH = 5_000
MOVE = """
local held = redis.call('LRANGE', KEYS[2], 0, ARGV[1])
if #held > 0 then return held end
held = redis.call('LRANGE', KEYS[1], 0, ARGV[1])
if #held > 0 then
  redis.call('RPUSH', KEYS[2], unpack(held))
  redis.call('LTRIM', KEYS[1], #held, -1)
end
return held
"""

_own = threading.local()


def own_source() -> str:
    """This thread's name on its receipts."""
    if not hasattr(_own, "source"):
        _own.source, _own.number = str(uuid.uuid4()), 0
    return str(_own.source)


def next_number() -> int:
    own_source()
    return int(_own.number) + 1


def counted() -> None:
    """The receipt with ``next_number`` is on its way."""
    _own.number += 1


def push(
    *, release: int, key: int | None, agent: str, label: str, form: str, unchanged: bool
) -> list[Any] | None:
    """Buffer a receipt. Returns it where Redis does not take it, for the caller to store."""
    receipt = [own_source(), next_number(), release, key, agent, label, form, unchanged]
    receipt.append(round(time.time(), 3))
    taken = store.softly(lambda r: r.rpush(BUFFER, json.dumps(receipt)))
    counted()
    if taken is None:
        return receipt
    return None


def take() -> list[list[Any]]:
    """Move up to ``BATCH`` receipts aside and return them; ``done`` forgets them.

    The caller sees to it that nobody else flushes at the same time.
    """
    found: Any = store.softly(lambda r: r.eval(MOVE, 2, BUFFER, TAKEN, str(BATCH - 1)))
    return [json.loads(row) for row in found or ()]


def done() -> None:
    store.softly(lambda r: r.delete(TAKEN))


def waiting() -> int:
    """How many receipts are buffered; 0 while Redis does not answer."""
    found = store.softly(lambda r: r.llen(BUFFER) + r.llen(TAKEN))
    return int(found or 0)
