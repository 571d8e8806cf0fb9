"""Calling a webhook: one POST to a checked address, no redirects, little of the answer read."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

import anyio
import httpx2

from memoryapp.clients.addresses import Forbidden, Pinned
from memoryapp.domain.addresses import Private, address_problem

SECONDS = 10.0
#: the share of them for one address: a host whose first address is dead may have another.
CONNECT_SHARE = 0.3
READ = 2_000
SETTING = "WEBHOOK_PRIVATE_ADDRESSES"


@dataclass(frozen=True, slots=True)
class Told:
    """What came back. ``status`` is ``None`` where nothing did; ``message`` says why."""

    status: int | None
    message: str
    duration_ms: int
    retry_after: int | None = None

    @property
    def is_heard(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


def tell(url: str, body: bytes, headers: Mapping[str, str], *, private_allowed: Private) -> Told:
    """POST ``body`` to ``url``. Never raises for what the other side or the network does."""
    started = time.monotonic()
    problem = address_problem(url, private_allowed=private_allowed, setting=SETTING)
    if problem:
        return Told(None, problem, 0)

    async def post() -> tuple[int, str, str | None]:
        transport = Pinned(private_allowed=private_allowed, setting=SETTING)
        # Bounded as a whole below: the library's own limit of five seconds would come first.
        limits = httpx2.Timeout(None, connect=SECONDS * CONNECT_SHARE)
        async with (
            httpx2.AsyncClient(
                transport=transport, follow_redirects=False, timeout=limits
            ) as client,
            client.stream("POST", url, content=body, headers=dict(headers)) as answer,
        ):
            said = b""
            async for piece in answer.aiter_raw(READ):
                said += piece
                if len(said) >= READ:
                    break
            text = said[:READ].decode("utf-8", "replace")
            return answer.status_code, text, answer.headers.get("retry-after")

    async def timed() -> tuple[int, str, str | None]:
        with anyio.fail_after(SECONDS):
            return await post()

    try:
        status, text, again = anyio.run(timed)
    except Forbidden as error:
        return Told(None, str(error), _ms(started))
    except TimeoutError:
        return Told(None, f"No answer within {SECONDS:.0f} seconds.", _ms(started))
    except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
        return Told(None, f"It cannot be reached: {error}"[:300], _ms(started))
    wait = int(again) if again and again.isascii() and again.isdigit() and len(again) < 9 else None
    return Told(status, text, _ms(started), wait)


def _ms(started: float) -> int:
    return int((time.monotonic() - started) * 1000)
