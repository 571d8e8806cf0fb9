"""MCP servers as practice environments, usable from plain synchronous code.

A session lives on an event loop in a thread of its own (an anyio blocking portal) for one attempt,
so that a Celery prefork worker needs no loop. Opening is the reset: a fresh process over a fresh
copy of the seed. Whatever goes wrong with the server itself is ``EnvironmentUnavailable``; what
a tool answers, errors included, is an observation.
"""

from __future__ import annotations

import logging
import math
from collections.abc import AsyncIterator, Iterator, Mapping
from concurrent.futures import CancelledError
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from typing import Any

import anyio
import mcp_types as types
from anyio.from_thread import BlockingPortal, start_blocking_portal
from mcp import Client, MCPError
from pydantic import ValidationError

from memoryapp.domain.text import redact
from practice.agents.ports import EnvironmentUnavailable
from practice.clients.mcp_http import http_transport
from practice.clients.mcp_listing import mended
from practice.clients.mcp_reading import (
    Discovery,
    Drift,
    compare,
    observe,
    read_tools,
    refusal,
    swap,
)
from practice.clients.mcp_servers import WORKDIR, HttpServer, Server, StdioServer
from practice.clients.mcp_stdio import Health, stdio_transport
from practice.clients.seeds import Workplace, workplace
from practice.domain.types import Json, Observation, ToolSpec

__all__ = [
    "Discovery",
    "Drift",
    "HttpServer",
    "McpEnvironment",
    "McpSession",
    "Server",
    "StdioServer",
    "discover",
]

logger = logging.getLogger(__name__)

STARTUP_TIMEOUT = 20.0
CALL_TIMEOUT = 30.0
TOOL_PAGES = 100
LAST_WORDS = 500


class McpEnvironment:
    """Somewhere to practise: an MCP server. Implements ``practice.agents.ports.Environment``.

    Args:
        server: how to reach it.
        allowed_tools: the names the operator turned on; ``None`` allows every tool.
        startup_timeout: seconds from starting the process to the first tool list.
        call_timeout: seconds one call may take.
        expected_hashes: ``ToolSpec.schema_hash`` by tool name as the operator knows them, which
            ``McpSession.drift`` compares with; ``None`` compares with the list at opening.
    """

    def __init__(
        self,
        server: Server,
        *,
        allowed_tools: frozenset[str] | None = None,
        startup_timeout: float = STARTUP_TIMEOUT,
        call_timeout: float = CALL_TIMEOUT,
        expected_hashes: Mapping[str, str] | None = None,
    ) -> None:
        self._server = server
        self._allowed = allowed_tools
        self._startup_timeout = startup_timeout
        self._call_timeout = call_timeout
        self._expected = expected_hashes

    @contextmanager
    def open(self) -> Iterator[McpSession]:
        """Start or reach the server, and stop it and delete its files on exit.

        Raises:
            EnvironmentUnavailable: it did not start, cannot be reached or speaks nonsense.
        """
        link = _Link(self._server, self._startup_timeout, self._call_timeout)
        seed = self._server.seed_folder if isinstance(self._server, StdioServer) else None
        with workplace(seed) as place, start_blocking_portal(name="mcp-session") as portal:
            # Entered and left by hand: what the caller raises is none of the connection's business.
            connection = portal.wrap_async_context_manager(link.connected(place))
            connection.__enter__()
            try:
                yield McpSession(link, portal, self._allowed, self._expected)
            finally:
                try:
                    connection.__exit__(None, None, None)
                except Exception:
                    logger.warning("An MCP session did not close cleanly", exc_info=True)


class McpSession:
    """One live session. Implements ``practice.agents.ports.EnvironmentSession``."""

    def __init__(
        self,
        link: _Link,
        portal: BlockingPortal,
        allowed: frozenset[str] | None,
        expected: Mapping[str, str] | None,
    ) -> None:
        self._link = link
        self._portal = portal
        self._allowed = allowed
        at_opening = {tool.name: tool.schema_hash for tool in link.tools}
        self._expected = at_opening if expected is None else expected

    def tools(self) -> tuple[ToolSpec, ...]:
        """The allowed and usable tools, freshly listed.

        Raises:
            EnvironmentUnavailable: the server failed.
        """
        self._relist()
        return tuple(
            tool
            for tool in self._link.tools
            if tool.name not in self._link.problems and self._allows(tool.name)
        )

    def call(self, tool: str, arguments: Json) -> Observation:
        """Call a tool; what it answers is redacted and cut to the observation cap.

        The folder of the attempt reads ``{workdir}`` in answers and may be written so in arguments.

        Raises:
            EnvironmentUnavailable: the server hung, died or spoke nonsense.
        """
        if not self._allows(tool):
            return refusal(f"{tool} is not allowed by the operator.")
        if tool in self._link.problems:
            return refusal(f"{tool} cannot be used. {self._link.problems[tool]}")
        try:
            return self._portal.call(self._link.call, tool, arguments)
        except CancelledError as error:
            raise self._link.unavailable(f"while running {tool}") from error

    def drift(self) -> Drift:
        """List the tools anew and say how they differ from the expected ones; falsy if they do not.

        A tool that was neither expected nor allowed does not count: the session cannot use it.

        Raises:
            EnvironmentUnavailable: the server failed.
        """
        self._relist()
        return compare(
            self._expected,
            (
                tool
                for tool in self._link.tools
                if tool.name in self._expected or self._allows(tool.name)
            ),
        )

    def discovery(self) -> Discovery:
        """What the server said of itself when the session was opened or last listed."""
        link = self._link
        return Discovery(link.server_name, link.server_version, link.tools, dict(link.problems))

    def _relist(self) -> None:
        try:
            self._portal.call(self._link.relist)
        except CancelledError as error:
            raise self._link.unavailable("while listing its tools") from error

    def _allows(self, tool: str) -> bool:
        return self._allowed is None or tool in self._allowed


def discover(
    server: Server,
    *,
    startup_timeout: float = STARTUP_TIMEOUT,
    call_timeout: float = CALL_TIMEOUT,
) -> Discovery:
    """Ask a server for its name and tools, and close it again.

    Raises:
        EnvironmentUnavailable: it did not start, cannot be reached or speaks nonsense.
    """
    environment = McpEnvironment(server, startup_timeout=startup_timeout, call_timeout=call_timeout)
    with environment.open() as session:
        return session.discovery()


class _Link:
    """The asynchronous half of a session: runs in the portal's thread only."""

    def __init__(self, server: Server, startup_timeout: float, call_timeout: float) -> None:
        self._server = server
        self._startup_timeout = startup_timeout
        self._call_timeout = call_timeout
        self._health = Health()
        self._client: Client | None = None
        self._over = ""
        self._workdir = ""
        self._mended: dict[str, str] = {}
        self.server_name = ""
        self.server_version = ""
        self.tools: tuple[ToolSpec, ...] = ()
        self.problems: dict[str, str] = {}

    @asynccontextmanager
    async def connected(self, place: Workplace) -> AsyncIterator[None]:
        """Hold the connection open. The start-up limit is lifted once the tools are listed."""
        if isinstance(self._server, StdioServer):
            self._workdir = str(place.work)
        limit = anyio.CancelScope(deadline=anyio.current_time() + self._startup_timeout)
        ready = False
        try:
            with limit:
                transport = mended(self._transport(place), self._mended)
                async with Client(transport, cache=None) as client:
                    self._client = client
                    info = client.server_info
                    self.server_name = info.name if info else ""
                    self.server_version = info.version if info else ""
                    await self._list()
                    limit.deadline = math.inf
                    ready = True
                    yield
        except Exception as error:
            if ready:
                raise
            raise self._startup_failure(error) from error
        if not ready:
            raise self.unavailable(
                f"within {self._startup_timeout:g} seconds of starting", "did not answer"
            )

    async def call(self, tool: str, arguments: Json) -> Observation:
        doing = f"while running {tool}"
        client = self._ready(doing)
        try:
            with anyio.fail_after(self._call_timeout):
                result = await client.call_tool(tool, self._filled(arguments))
            return observe(result, self._workdir, self._server.secrets)
        except TimeoutError as error:
            raise self._hung(f"to {tool}") from error
        except MCPError as error:
            if self._is_ours(error):
                raise self.unavailable(doing, self._reason(error)) from error
            return refusal(self._hidden(f"MCP error {error.code}: {error.message}"))
        except ValidationError as error:
            raise self.unavailable(doing, "sent a result that is not MCP") from error
        except RuntimeError as error:
            # The SDK found the result at odds with the tool's own output schema, or the tool asked
            # for a person's input again and again: the tool's fault, and the server is well.
            return refusal(
                self._hidden(f"The answer of {tool} could not be used: {_first_line(error)}")
            )

    async def relist(self) -> None:
        doing = "while listing its tools"
        self._ready(doing)
        try:
            with anyio.fail_after(self._call_timeout):
                await self._list()
        except TimeoutError as error:
            raise self._hung("to a request for its tools") from error
        except (MCPError, ValidationError) as error:
            raise self.unavailable(doing, self._reason(error)) from error

    def unavailable(self, doing: str, what: str = "") -> EnvironmentUnavailable:
        """Say what happened and what to do; later calls of the session repeat it."""
        health = self._health
        happened = health.failure or what
        if not happened:
            code = health.exit_code
            happened = "closed the connection" if code is None else f"stopped (exit code {code})"
        if isinstance(self._server, StdioServer):
            advice = "Run the command by hand to see why, or correct the environment."
        else:
            advice = "Check the address, its headers and that the server is running."
        self._over = (
            f"The tool server {self._server.label} {happened} {doing}.{self._words()} "
            f"Nothing was judged. {advice}"
        )
        return EnvironmentUnavailable(self._over)

    def _filled(self, arguments: Json) -> dict[str, Any]:
        """Put this attempt's folder where the arguments say ``{workdir}``."""
        if not self._workdir:
            return dict(arguments)
        return {name: swap(value, WORKDIR, self._workdir) for name, value in arguments.items()}

    def _transport(self, place: Workplace) -> AbstractAsyncContextManager[Any]:
        if isinstance(self._server, StdioServer):
            return stdio_transport(
                self._server.argv(place),
                env=self._server.environment(place),
                cwd=place.work,
                health=self._health,
            )
        return http_transport(
            self._server.url,
            headers=self._server.headers,
            read_timeout=max(self._startup_timeout, self._call_timeout),
            health=self._health,
        )

    async def _list(self) -> None:
        assert self._client is not None
        listed: list[types.Tool] = []
        self._mended.clear()
        cursor: str | None = None
        for _ in range(TOOL_PAGES):
            page = await self._client.list_tools(cursor=cursor)
            listed += page.tools
            cursor = page.next_cursor
            if cursor is None:
                self.tools, problems = read_tools(listed)
                self.problems = {**problems, **self._mended}
                return
        self._health.failure = f"lists its tools without end ({TOOL_PAGES} pages and more)"
        raise MCPError(types.INTERNAL_ERROR, self._health.failure)

    def _hidden(self, text: str) -> str:
        """Return ``text`` without the environment's own secrets."""
        for name, value in self._server.secrets.items():
            text = text.replace(value, f"[redacted: {name}]")
        return text

    def _ready(self, doing: str) -> Client:
        if self._over:
            raise EnvironmentUnavailable(self._over)
        if self._client is None:
            raise self.unavailable(doing)
        if isinstance(self._server, HttpServer):
            self._health.failure = ""  # of an earlier request
        return self._client

    def _is_ours(self, error: MCPError) -> bool:
        """Whether an error was made by the connection and not by the tool."""
        closed = error.code == types.CONNECTION_CLOSED and error.message == "Connection closed"
        return closed or error.code == types.PARSE_ERROR or bool(self._health.failure)

    def _hung(self, to_what: str) -> EnvironmentUnavailable:
        return self.unavailable(
            f"{to_what} within {self._call_timeout:g} seconds", "did not answer"
        )

    def _startup_failure(self, error: Exception) -> EnvironmentUnavailable:
        cause = _leaf(error)
        label = self._server.label
        match cause:
            case EnvironmentUnavailable():
                return cause
            case FileNotFoundError() if isinstance(self._server, StdioServer):
                return EnvironmentUnavailable(
                    f"The tool server could not be started: there is no {self._server.command[0]}. "
                    "Install it, or correct the command in the operator's settings."
                )
            case OSError() | ValueError() if not isinstance(cause, ValidationError):
                return EnvironmentUnavailable(
                    f"The tool server {label} could not be started: "
                    f"{getattr(cause, 'strerror', None) or cause}. Correct the environment."
                )
        return self.unavailable("while starting", self._reason(cause))

    def _reason(self, error: BaseException) -> str:
        match error:
            case ValidationError():
                first = error.errors(include_url=False, include_input=False)[0]
                where = ".".join(str(part) for part in first["loc"])
                return f"sent a result that is not MCP ({where}: {first['msg']})"
            case MCPError(code=types.PARSE_ERROR):
                return "sent a message that is not valid JSON-RPC"
            case MCPError() if not self._is_ours(error):
                return f"answered with an error ({redact(self._hidden(error.message))[:200]})"
            case MCPError():
                return ""
        return f"failed ({type(error).__name__})"

    def _words(self) -> str:
        said = self._hidden(self._health.last_words() or self._health.stray)
        words = redact(said)[-LAST_WORDS:].strip()
        return f" Its last words: {words}" + ("" if words.endswith(".") else ".") if words else ""


def _leaf(error: BaseException) -> BaseException:
    """The first plain exception inside nested exception groups."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0][:300]
