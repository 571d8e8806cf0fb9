"""Answers to pulls, kept in Redis for a moment, so that a polling agent costs one round trip.

An entry holds what was found for one exact request of one key: which release, its ETag and headers.
It is good while the *generation* stands, a counter that every change to keys, members, releases and
labels raises, and for ``SECONDS`` at most. In its last second one caller is sent to find the answer
anew while the others are still given the kept one, or all of them would look for it at once. The
body is not in it: bodies are looked up by their digest, so a wrong one cannot be served.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from memoryapp.clients import rates, receipts, store

SECONDS = 10
#: seconds before its end in which an entry is found anew by one caller.
EARLY = 1
GENERATION = f"{store.PREFIX}generation"

#: KEYS: generation, entry, receipts, whether somebody looks anew. ARGV: now, the tags held, source,
#: number, agent.
#: One script, so that a polling agent costs one round trip: is the entry good, may the caller ask,
#: does it hold the content; and the receipt is buffered.
LOOK = """
local entry = redis.call('HMGET', KEYS[2], 'generation', 'until', 'limit', 'caller', 'etag',
                         'release', 'key', 'label', 'form', 'headers')
if not entry[1] or entry[1] ~= (redis.call('GET', KEYS[1]) or '0') then return false end
local left = tonumber(entry[2]) - tonumber(ARGV[1])
if left <= 0 then return false end
if left < SOON and redis.call('SET', KEYS[4], '', 'NX', 'EX', SOON) then return false end
local rate = {}
if tonumber(entry[3]) > 0 then
  local function take(KEYS, ARGV)
    TAKE_ONE
  end
  rate = take({entry[4]}, {entry[3]})
  if rate[1] == 0 then return {2, rate, entry[3], '', ''} end
end
local held = ARGV[2] == '*' or (ARGV[2] ~= '' and string.find(ARGV[2], entry[5], 1, true) ~= nil)
redis.call('RPUSH', KEYS[3], cjson.encode({ARGV[3], tonumber(ARGV[4]), tonumber(entry[6]),
  tonumber(entry[7]) or cjson.null, ARGV[5], entry[8], entry[9], held, tonumber(ARGV[1])}))
return {held and 1 or 0, rate, entry[3], entry[5], entry[10]}
""".replace("TAKE_ONE", rates.TAKE).replace("SOON", str(EARLY))


@dataclass(frozen=True, slots=True)
class Found:
    """A kept answer. ``etag`` is quoted; ``rate`` is ``None`` for callers without a limit."""

    etag: str
    is_held: bool
    is_refused: bool
    rate: rates.Rate | None
    headers: Mapping[str, str]


def generation() -> str | None:
    """The generation now; ``None`` while Redis does not answer, and nothing may be kept then."""
    answered: Any = store.softly(lambda r: (r.get(GENERATION) or b"0",))
    return answered[0].decode() if answered else None


def forget() -> None:
    """Make every kept answer void. To be called after the change is committed."""
    store.softly(lambda r: r.incr(GENERATION))


def keep(
    request: str,
    *,
    generation: str,
    until: float,
    caller: str,
    limit: int,
    etag: str,
    release: int,
    key: int | None,
    label: str,
    form: str,
    headers: Mapping[str, str],
) -> None:
    """Keep an answer. ``generation`` was read before anything that the answer rests on."""
    name = f"{store.PREFIX}pull:{request}"
    fields: dict[str, str | int | float] = {
        "generation": generation,
        "until": min(until, time.time() + SECONDS),
        "limit": limit,
        "caller": rates.rate_key(caller),
        "etag": etag,
        "release": release,
        "key": "" if key is None else key,
        "label": label,
        "form": form,
        "headers": json.dumps(headers),
    }

    def kept(redis: Any) -> Any:
        pipe = redis.pipeline(transaction=False)
        pipe.hset(name, mapping=fields)
        pipe.expire(name, SECONDS)
        return pipe.execute()

    store.softly(kept)


def look(request: str, *, held: Sequence[str], agent: str) -> Found | None:
    """The kept answer to a request, counted and with its receipt on the way; ``None``: ask on."""
    arguments: list[str | int] = [
        f"{time.time():.3f}",
        "*" if "*" in held else ",".join(held),
        receipts.own_source(),
        receipts.next_number(),
        agent,
    ]
    name = f"{store.PREFIX}pull:{request}"
    keys = [GENERATION, name, receipts.BUFFER, f"{name}:anew"]
    answer: Any = store.softly(lambda r: r.register_script(LOOK)(keys=keys, args=arguments))
    if not answer:
        return None
    state, rate, limit, etag, headers = answer
    if state != 2:
        receipts.counted()
    return Found(
        etag=etag.decode(),
        is_held=state == 1,
        is_refused=state == 2,
        rate=rates.rate_of(int(limit), rate) if rate else None,
        headers=json.loads(headers) if headers else {},
    )
