"""The asynchronous half of an MCP session: one connection, its calls and how it fails."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import anyio
import mcp_types as types
from mcp import Client, MCPError
from pydantic import ValidationError

from memoryapp.domain.masking import redact
from practice.agents.ports import EnvironmentUnavailable
from practice.clients.answers import hide, refusal, remarks_on, swap
from practice.clients.discovery import mismatch
from practice.clients.mcp_http import http_transport
from practice.clients.mcp_listing import mended
from practice.clients.mcp_reading import observe, read_tools
from practice.clients.mcp_servers import WORKDIR, HttpServer, Server, StdioServer
from practice.clients.mcp_stdio import Health, stdio_transport
from practice.clients.seeds import Workplace
from practice.domain.types import Json, Observation, ToolSpec

TOOL_PAGES = 100
LAST_WORDS = 500


class Link:
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
        self.remarks: dict[str, None] = {}

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
            seen = observe(result, self._workdir, self._server.secrets)
            self.remarks |= dict.fromkeys(remarks_on(tool, seen))
            return seen
        except TimeoutError as error:
            raise self._hung(f"to {tool}") from error
        except MCPError as error:
            if self._is_ours(error):
                raise self.unavailable(doing, self._reason(error)) from error
            self._note_refusal(error, tool, arguments)
            return refusal(self._hidden(f"MCP error {error.code}: {error.message}"))
        except ValidationError as error:
            raise self.unavailable(doing, "sent a result that is not MCP") from error
        except RuntimeError as error:
            # The SDK found the result at odds with the tool's own output schema, or the tool asked
            # for a person's input again and again: the tool's fault, and the server is well.
            told = self._hidden(f"The answer of {tool} could not be used: {_first_line(error)}")
            self.remarks[redact(f"{told.rstrip('.')}.")] = None
            return refusal(told)

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

    def _note_refusal(self, error: MCPError, tool: str, arguments: Json) -> None:
        """Remember that a server refused arguments its own schema allows."""
        spec = next((one for one in self.tools if one.name == tool), None)
        if spec is None or error.code != types.INVALID_PARAMS:
            return
        if not mismatch(dict(arguments), spec.input_schema):
            self.remarks[
                f"{tool} refused arguments that its own input schema allows, so what its schema "
                "says cannot be relied on."
            ] = None

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
            private_allowed=self._server.private_allowed,
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
                self.tools, problems = read_tools(listed, self._server.secrets)
                self.problems = {**problems, **self._mended}
                return
        self._health.failure = f"lists its tools without end ({TOOL_PAGES} pages and more)"
        raise MCPError(types.INTERNAL_ERROR, self._health.failure)

    def _hidden(self, text: str) -> str:
        """Return ``text`` without the environment's own secrets."""
        hidden: str = hide(text, self._server.secrets)
        return hidden

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
