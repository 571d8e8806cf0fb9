"""Streamable HTTP to an MCP server, with bounded answers and failures kept for the operator."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import httpx2
from mcp.client.streamable_http import streamable_http_client

from memoryapp.clients.addresses import Forbidden, Pinned
from memoryapp.domain.addresses import Private, address_problem
from practice.agents.ports import EnvironmentUnavailable
from practice.clients.mcp_stdio import MESSAGE_CAP, Health

_REFUSING = frozenset({401, 403, 404, 408, 429})
CONNECT_SECONDS = 10.0


class TooLong(httpx2.RemoteProtocolError):
    """The server sent more than one message may hold."""


@asynccontextmanager
async def http_transport(
    url: str,
    *,
    headers: Mapping[str, str],
    read_timeout: float,
    health: Health,
    private_allowed: Private,
) -> AsyncIterator[Any]:
    """Speak streamable HTTP with ``url``. ``health.failure`` says what the last request met.

    Proxy settings and ``.netrc`` of the machine are not used, and only redirects within the
    server's own origin are followed (by the SDK).

    Raises:
        EnvironmentUnavailable: ``url`` is not an http or https address, or one that no environment
            may have.
    """
    if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
        raise EnvironmentUnavailable(
            f"{url[:200]!r} is not an http or https address. Correct the environment's address."
        )
    problem = address_problem(url, private_allowed=private_allowed)
    if problem:
        raise EnvironmentUnavailable(problem)
    async with (
        httpx2.AsyncClient(
            transport=Watched(health, Pinned(private_allowed=private_allowed)),
            headers={**headers, "Accept-Encoding": "identity"},
            timeout=httpx2.Timeout(CONNECT_SECONDS, read=read_timeout),
            trust_env=False,
        ) as client,
        streamable_http_client(url, http_client=client, max_sse_event_size=MESSAGE_CAP) as streams,
    ):
        yield streams


class Watched(httpx2.AsyncBaseTransport):
    """Notes failing answers in ``health`` and cuts bodies at the message cap.

    Event streams live long and are capped per event, by the SDK.
    """

    def __init__(self, health: Health, inner: Pinned) -> None:
        self._health = health
        self._inner = inner

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        try:
            response = await self._inner.handle_async_request(request)
        except httpx2.TransportError as error:
            if request.method == "POST":
                self._health.failure = _unreachable(error)
            raise
        if request.method == "POST":
            self._note(response)
        if not isinstance(response.stream, httpx2.AsyncByteStream):
            raise TypeError("an asynchronous transport answered with a synchronous body")
        if not response.headers.get("content-type", "").startswith("text/event-stream"):
            response.stream = _Capped(response.stream, self._health)
        return response

    async def aclose(self) -> None:
        await self._inner.aclose()

    def _note(self, response: httpx2.Response) -> None:
        """A JSON-RPC error may come with a 4xx; these statuses speak for the server instead."""
        status = response.status_code
        is_json = response.headers.get("content-type", "").startswith("application/json")
        kind = response.headers.get("content-type", "").partition(";")[0]
        if status in _REFUSING or status >= 500 or (status >= 400 and not is_json):
            self._health.failure = f"answered HTTP {status}"
        elif status == 200 and kind not in ("application/json", "text/event-stream"):
            self._health.failure = f"answered with {kind or 'no content type'} instead of JSON"
        elif response.headers.get("content-encoding", "identity") != "identity":
            # Compressed, a few bytes could stand for any amount of memory.
            self._health.failure = "sent a compressed answer although it was asked not to"
            raise TooLong(self._health.failure)
        else:
            self._health.failure = ""


class _Capped(httpx2.AsyncByteStream):
    def __init__(self, inner: httpx2.AsyncByteStream, health: Health) -> None:
        self._inner = inner
        self._health = health

    async def __aiter__(self) -> AsyncIterator[bytes]:
        seen = 0
        async for chunk in self._inner:
            seen += len(chunk)
            if seen > MESSAGE_CAP:
                self._health.failure = f"sent an answer of more than {MESSAGE_CAP // 2**20} MB"
                raise TooLong(self._health.failure)
            yield chunk

    async def aclose(self) -> None:
        await self._inner.aclose()


def _unreachable(error: httpx2.TransportError) -> str:
    if isinstance(error, Forbidden):
        return f"was not called ({error})"
    if isinstance(error, httpx2.ConnectTimeout):
        return f"did not accept a connection within {CONNECT_SECONDS:g} seconds"
    if isinstance(error, httpx2.ConnectError):
        return "could not be reached (the connection was refused or the name is unknown)"
    if isinstance(error, httpx2.TimeoutException):
        return "stopped answering"
    return "broke off the connection"
