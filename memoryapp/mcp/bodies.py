"""Bodies of requests over MCP: taken whole up to a bound, and heard to the end when refused.

Most clients look for the answer only once all is sent, and a connection that is closed before
breaks under them: they would never read why.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from contextlib import contextmanager, suppress
from typing import Any

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]

#: bytes of a request. The SDK takes no more either, and says so to a connection it has closed.
MOST = 4 * 2**20
#: how long a body may take to come, as one in chunks over REST.
WHOLE_SECONDS = 60.0
#: requests beyond ``SHORT`` bytes that are held at once: what is read of one takes many times its
#: length, until it is answered.
LONG_AT_ONCE, SHORT = 8, 64 * 2**10
#: how long a refused client is listened to, and how much of it is thrown away.
REST_SECONDS, REST_MOST = 10.0, 512 * 2**20


class Coming:
    """What a client sends, and whether that was all: no more is to be waited for then."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self.is_all = False

    async def __call__(self) -> Message:
        message = await self._receive()
        self.is_all = not message.get("more_body", False)
        return message


class Gone(Exception):
    """The client went away before it had sent all: nobody is there to be answered."""


class Full(Exception):
    """Too many long requests are held already."""


class Long:
    """The long requests that are held."""

    def __init__(self) -> None:
        self._held = 0

    @contextmanager
    def one(self) -> Iterator[Callable[[], None]]:
        """What holds a request until the block ends, once it is called.

        Raises:
            Full: when called.
        """
        is_held = False

        def hold() -> None:
            nonlocal is_held
            if is_held:
                return
            if self._held >= LONG_AT_ONCE:
                raise Full
            self._held, is_held = self._held + 1, True

        try:
            yield hold
        finally:
            self._held -= is_held


async def whole(scope: Scope, coming: Coming, hold: Callable[[], None]) -> bytes | None:
    """The body of a request; ``None`` as soon as it is known to be longer than ``MOST``.

    ``hold`` is called once it is known to be longer than ``SHORT``.

    Raises:
        Gone: the client did not send all of it.
        TimeoutError: nor in ``WHOLE_SECONDS``.
    """
    length = _header(scope, b"content-length")
    if length.isdigit() and int(length) > MOST:
        return None
    body = bytearray()
    async with asyncio.timeout(WHOLE_SECONDS):
        while not coming.is_all:
            message = await coming()
            if message["type"] != "http.request":
                raise Gone
            body += message.get("body", b"")
            if len(body) > MOST:
                return None
            if len(body) > SHORT:
                hold()
    return bytes(body)


async def drain(scope: Scope, coming: Coming) -> bool:
    """Throw away what a refused client still sends; one that asked first is not told to send.

    Returns whether that was all: the connection cannot be used again otherwise.
    """
    if _header(scope, b"expect").lower() == b"100-continue":
        return False
    left = REST_MOST
    with suppress(TimeoutError):
        async with asyncio.timeout(REST_SECONDS):
            while not coming.is_all and left > 0:
                left -= len((await coming()).get("body", b""))
    return coming.is_all


def again(body: bytes, receive: Receive) -> Receive:
    """``receive`` for whoever is to read a body that was read before."""
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def received() -> Message:
        return waiting.pop() if waiting else await receive()

    return received


def _header(scope: Scope, name: bytes) -> bytes:
    return next((bytes(value) for key, value in scope["headers"] if key == name), b"")
