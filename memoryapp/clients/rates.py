"""How many requests a caller may make, counted in Redis for all processes together.

The generic cell rate algorithm: a caller may make ``limit`` requests at once and ``limit`` a
minute in the long run, with no window whose border could be straddled.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from memoryapp.clients import store

WINDOW_SECONDS = 60

#: KEYS[1]: the caller; ARGV[1]: limit per minute. Returns allowed, left, ms until one more, ms
#: until all are back. ``TIME`` is Redis's own clock: web processes need not agree on theirs.
TAKE = """
local limit = tonumber(ARGV[1])
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local each, window = 60000 / limit, 60000
local due = math.max(tonumber(redis.call('GET', KEYS[1]) or 0), now)
local allowed = 0
if due + each - now <= window then
  due = due + each
  allowed = 1
  redis.call('SET', KEYS[1], string.format('%.3f', due), 'PX', math.ceil(due - now) + 1)
end
local left = math.floor((window - (due - now)) / each + 0.000001)
local again = 0
if allowed == 0 then again = math.ceil(due + each - now - window) end
return {allowed, left, again, math.ceil(due - now)}
"""


@dataclass(frozen=True, slots=True)
class Rate:
    """What a request took of a caller's allowance. Seconds are rounded up."""

    limit: int
    allowed: bool
    left: int
    retry_seconds: int
    reset_seconds: int

    def headers(self) -> dict[str, str]:
        """``RateLimit`` and ``RateLimit-Policy`` (draft-ietf-httpapi-ratelimit-headers-10), and the
        three headers of its earlier drafts, which more clients read.
        """
        named = {
            "RateLimit-Policy": f'"key";q={self.limit};w={WINDOW_SECONDS}',
            "RateLimit": f'"key";r={self.left};t={self.reset_seconds}',
            "RateLimit-Limit": str(self.limit),
            "RateLimit-Remaining": str(self.left),
            "RateLimit-Reset": str(self.reset_seconds),
        }
        if not self.allowed:
            named["Retry-After"] = str(self.retry_seconds)
        return named


def rate_of(limit: int, answer: Any) -> Rate:
    """Read what ``TAKE`` returned."""
    allowed, left, again, reset = (int(value) for value in answer)
    return Rate(
        limit=limit,
        allowed=bool(allowed),
        left=max(0, left),
        retry_seconds=max(1, math.ceil(again / 1000)),
        reset_seconds=math.ceil(reset / 1000),
    )


def rate_key(caller: str) -> str:
    return f"{store.PREFIX}rate:{caller}"


def take(caller: str, limit: int) -> Rate | None:
    """Count one request. ``None`` where there is no limit, or nobody to count it."""
    if limit <= 0:
        return None
    answer = store.softly(lambda r: r.eval(TAKE, 1, rate_key(caller), str(limit)))
    return rate_of(limit, answer) if answer is not None else None
