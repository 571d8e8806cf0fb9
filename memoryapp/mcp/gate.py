"""Before the MCP server: the address, the host, where a browser came from, and the key."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, MutableMapping
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.http.request import split_domain_port, validate_host

from memoryapp.clients import rates
from memoryapp.mcp.server import AWAY, KEY
from memoryapp.mcp.threads import in_thread
from memoryapp.models import ApiKey
from memoryapp.services.tokens import api_key_recognize

PATH = "/mcp"
TYPE = "urn:greenroom:problem:"
RETRY_SECONDS = b"10"
LOOPBACK = ("localhost", "127.0.0.1", "[::1]")

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]


class Gate:
    """An ASGI application in front of another: it lets through requests with a usable key."""

    def __init__(self, inner: Application) -> None:
        self._inner = inner

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._inner(scope, receive, send)
            return
        path = scope.get("path", "").rstrip("/")
        if path == "/healthz":
            await _answer(send, 200, b"ok\n", b"text/plain")
        elif scope["type"] != "http" or path != PATH:
            await _refuse(send, 404, "not-found", f"MCP is served at {PATH}.")
        elif scope["method"] != "POST":
            # Nothing is ever sent of our own accord: a stream for it would be held open for good.
            said = "MCP is spoken by POST alone here; no stream is opened and no session is kept."
            await _refuse(send, 405, "method-not-allowed", said, (b"allow", b"POST"))
        else:
            await self._checked({**scope, "path": PATH, "raw_path": PATH.encode()}, receive, send)

    async def _checked(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = {
            name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]
        }
        host = split_domain_port(headers.get("host", ""))[0]
        if not host or not validate_host(host, settings.ALLOWED_HOSTS):
            said = "This host name is not served here. An operator adds it to ALLOWED_HOSTS."
            await _refuse(send, 421, "host", said)
            return
        if not _trusted(headers.get("origin", ""), host):
            said = "Pages of another site may not call this. Call it from a program."
            await _refuse(send, 403, "origin", said)
            return
        scheme, _, presented = headers.get("authorization", "").partition(" ")
        key = None
        if scheme.lower() == "bearer":
            try:
                key = await in_thread(api_key_recognize, presented.strip())
            except (OperationalError, InterfaceError):
                await _refuse(send, 503, "unavailable", AWAY, (b"retry-after", RETRY_SECONDS))
                return
        if key is None or not key.created_by.is_active:
            said = (
                "Send an API key: Authorization: Bearer gr_<prefix>_<secret>. It is missing, "
                "unknown, expired or revoked. Make a new one in Settings, API keys."
            )
            await _refuse(
                send, 401, "authentication-failed", said, (b"www-authenticate", b"Bearer")
            )
            return
        rate = await in_thread(rates.take, key.prefix, _limit(key))
        if rate is not None and not rate.allowed:
            said = f"This key may call {rate.limit} times a minute. Wait {rate.retry_seconds} s."
            await _refuse(send, 429, "throttled", said, *_pairs(rate))
            return
        scope[KEY] = key
        await self._inner(scope, receive, send if rate is None else _saying(rate, send))


def _saying(rate: rates.Rate, send: Send) -> Send:
    """Send on, and say with the answer what is left of the allowance."""

    async def sent(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", ()), *_pairs(rate)]}
        await send(message)

    return sent


def _pairs(rate: rates.Rate) -> list[tuple[bytes, bytes]]:
    return [(name.lower().encode(), value.encode()) for name, value in rate.headers().items()]


def _trusted(origin: str, host: str) -> bool:
    """Whether a browser's page may call: ours may, those of others may not, programs send none."""
    if not origin or origin in settings.CSRF_TRUSTED_ORIGINS:
        return True
    try:
        return split_domain_port(urlsplit(origin).netloc)[0] in {host, *LOOPBACK}
    except ValueError:  # no address at all
        return False


def _limit(key: ApiKey) -> int:
    """Requests per minute; 0 is no limit."""
    return settings.API_RATE_LIMIT if key.rate_limit is None else key.rate_limit


async def _refuse(
    send: Send, status: int, kind: str, detail: str, *headers: tuple[bytes, bytes]
) -> None:
    body = {
        "type": TYPE + kind,
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
    }
    await _answer(send, status, json.dumps(body).encode(), b"application/problem+json", *headers)


async def _answer(
    send: Send, status: int, body: bytes, kind: bytes, *headers: tuple[bytes, bytes]
) -> None:
    length = (b"content-length", str(len(body)).encode())
    start = {"type": "http.response.start", "status": status}
    await send({**start, "headers": [(b"content-type", kind), length, *headers]})
    await send({"type": "http.response.body", "body": body})
