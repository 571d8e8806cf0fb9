"""Before the MCP server: the address, the host, where a browser came from, and the key."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.http.request import split_domain_port, validate_host

from memoryapp.clients import rates
from memoryapp.domain.delivery import agent_problem
from memoryapp.domain.problems import AWAY, CONTENT_TYPE, HOST, problem_document
from memoryapp.mcp import bodies
from memoryapp.mcp.bodies import Message, Receive, Scope
from memoryapp.mcp.server import CALLER
from memoryapp.mcp.threads import in_thread
from memoryapp.mcp.tools import Caller
from memoryapp.mcp.wording import Send, in_our_words
from memoryapp.services.tokens import api_key_recognize

PATH = "/mcp"
AGENT_HEADER = "x-agent-id"
RETRY_SECONDS = b"10"
CLOSE = (b"connection", b"close")
LOOPBACK = ("localhost", "127.0.0.1", "[::1]")

Application = Callable[[Scope, Receive, Send], Awaitable[None]]


class Refused(Exception):
    """A request that goes no further, and what to answer it."""

    def __init__(self, status: int, kind: str, detail: str, *headers: tuple[bytes, bytes]) -> None:
        super().__init__(detail)
        self.status = status
        self.kind = kind
        self.detail = detail
        self.headers = headers


class Gate:
    """An ASGI application in front of another: it lets through requests with a usable key."""

    def __init__(self, inner: Application) -> None:
        self._inner = inner
        self._long = bodies.Long()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._inner(scope, receive, send)
            return
        path = scope.get("path", "").rstrip("/")
        if path == "/healthz":
            await _answer(send, 200, b"ok\n", b"text/plain")
            return
        with self._long.one() as hold:
            await self._admit(scope, bodies.Coming(receive), send, path, hold)

    async def _admit(
        self, scope: Scope, coming: bodies.Coming, send: Send, path: str, hold: Callable[[], None]
    ) -> None:
        try:
            if scope["type"] != "http" or path != PATH:
                raise Refused(404, "not-found", f"MCP is served at {PATH}.")
            if scope["method"] != "POST":
                # Nothing is ever sent of our own accord: a stream would be held open for good.
                said = "MCP is served by POST only; there are no streams and no sessions."
                raise Refused(405, "method-not-allowed", said, (b"allow", b"POST"))
            caller, rate = await _admitted(scope)
            send = send if rate is None else _saying(rate, send)
            body = await _body(scope, coming, hold)
        except Refused as refused:
            is_all = await bodies.drain(scope, coming)
            await _refuse(send, refused, *(() if is_all else (CLOSE,)))
        except bodies.Gone:
            return
        else:
            inside = {**scope, "path": PATH, "raw_path": PATH.encode(), CALLER: caller}
            await self._inner(inside, bodies.again(body, coming), in_our_words(send))


async def _admitted(scope: Scope) -> tuple[Caller, rates.Rate | None]:
    """Who calls, and what is left of the allowance where there is a limit.

    Raises:
        Refused: the host, the page it came from, the key or the agent's name cannot be used.
    """
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    host = split_domain_port(headers.get("host", ""))[0]
    if not host or not validate_host(host, settings.ALLOWED_HOSTS):
        raise Refused(421, "host", HOST)
    if not _trusted(headers.get("origin", ""), host):
        said = "Web pages of other sites may not call this. Call it from a program."
        raise Refused(403, "origin", said)
    scheme, _, presented = headers.get("authorization", "").partition(" ")
    key = None
    if scheme.lower() == "bearer":
        try:
            key = await in_thread(api_key_recognize, presented.strip())
        except (OperationalError, InterfaceError) as error:
            retry = (b"retry-after", RETRY_SECONDS)
            raise Refused(503, "unavailable", AWAY, retry) from error
    if key is None or not key.created_by.is_active:
        said = (
            "Send an API key: Authorization: Bearer gr_<prefix>_<secret>. It is missing, "
            "unknown, expired or revoked. Make a new one in Settings, API keys."
        )
        raise Refused(401, "authentication-failed", said, (b"www-authenticate", b"Bearer"))
    rate = await in_thread(rates.take, key.prefix, key.requests_a_minute)
    if rate is not None and not rate.allowed:
        said = f"This key may call {rate.limit} times a minute. Wait {rate.retry_seconds} s."
        raise Refused(429, "throttled", said, *_pairs(rate))
    agent = headers.get(AGENT_HEADER, "").strip()
    if problem := agent_problem(agent):
        raise Refused(400, "invalid", f"X-Agent-Id: {problem}")
    return Caller(key, agent), rate


async def _body(scope: Scope, coming: bodies.Coming, hold: Callable[[], None]) -> bytes:
    """The whole body.

    Raises:
        Refused: it is too long or too slow, or too many long ones are held.
        Gone: the client went away.
    """
    try:
        body = await bodies.whole(scope, coming, hold)
    except TimeoutError as error:
        said = (
            f"The request took longer than {bodies.WHOLE_SECONDS:.0f} s to arrive. Nothing was "
            "saved."
        )
        raise Refused(408, "timeout", said) from error
    except bodies.Full as error:
        said = "Too many large requests at once. Nothing was saved; send it again in a moment."
        raise Refused(503, "unavailable", said, (b"retry-after", RETRY_SECONDS)) from error
    if body is None:
        said = f"A request may have at most {bodies.MOST} bytes. Nothing was saved."
        raise Refused(413, "too-large", said)
    return body


def _saying(rate: rates.Rate, send: Send) -> Send:
    """Send on, and say with the answer what is left of the allowance."""

    async def sent(message: Message) -> None:
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


async def _refuse(send: Send, refused: Refused, *headers: tuple[bytes, bytes]) -> None:
    said = json.dumps(problem_document(refused.status, refused.kind, refused.detail)).encode()
    kind = CONTENT_TYPE.encode()
    await _answer(send, refused.status, said, kind, *refused.headers, *headers)


async def _answer(
    send: Send, status: int, body: bytes, kind: bytes, *headers: tuple[bytes, bytes]
) -> None:
    length = (b"content-length", str(len(body)).encode())
    start = {"type": "http.response.start", "status": status}
    await send({**start, "headers": [(b"content-type", kind), length, *headers]})
    await send({"type": "http.response.body", "body": body})
