"""MCP servers as practice environments, usable from plain synchronous code.

A session lives on an event loop in a thread of its own (an anyio blocking portal) for one attempt,
so that a Celery prefork worker needs no loop. Opening is the reset: a fresh process over a fresh
copy of the seed. Whatever goes wrong with the server itself is ``EnvironmentUnavailable``; what
a tool answers, errors included, is an observation.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from concurrent.futures import CancelledError
from contextlib import contextmanager
from typing import TYPE_CHECKING

from anyio.from_thread import BlockingPortal, start_blocking_portal

from practice.clients.answers import refusal
from practice.clients.discovery import Discovery, Drift, compare
from practice.clients.mcp_servers import HttpServer, Server, StdioServer
from practice.clients.seeds import workplace
from practice.domain.types import Json, Observation, ToolSpec

if TYPE_CHECKING:
    from practice.clients.mcp_link import Link

__all__ = [
    "Discovery",
    "Drift",
    "HttpServer",
    "McpEnvironment",
    "McpSession",
    "Server",
    "StdioServer",
]

logger = logging.getLogger(__name__)

STARTUP_TIMEOUT = 20.0
CALL_TIMEOUT = 30.0


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

    def discover(self) -> Discovery:
        """Ask the server for its name and tools, and close it again.

        Raises:
            EnvironmentUnavailable: it did not start, cannot be reached or speaks nonsense.
        """
        with self.open() as session:
            return session.discovery()

    @contextmanager
    def open(self) -> Iterator[McpSession]:
        """Start or reach the server, and stop it and delete its files on exit.

        Raises:
            EnvironmentUnavailable: it did not start, cannot be reached or speaks nonsense.
        """
        # The SDK takes a second to load, and most processes never open a session.
        from practice.clients.mcp_link import Link  # noqa: PLC0415

        link = Link(self._server, self._startup_timeout, self._call_timeout)
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
        link: Link,
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

    def remarks(self) -> tuple[str, ...]:
        """Where the server did not keep its own word during the session, each once."""
        return tuple(self._link.remarks)

    def _relist(self) -> None:
        try:
            self._portal.call(self._link.relist)
        except CancelledError as error:
            raise self._link.unavailable("while listing its tools") from error

    def _allows(self, tool: str) -> bool:
        return self._allowed is None or tool in self._allowed
