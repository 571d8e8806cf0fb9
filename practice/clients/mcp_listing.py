"""Tool lists with a tool in them that the SDK would refuse together with all the others.

MCP wants every input schema to be an object schema. A server that gets one wrong would be lost as
a whole; here that tool's schema is replaced by an empty one on its way in and its problem kept, so
that the operator can use the rest.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Any, Self

from mcp.client import Transport
from mcp.shared.message import SessionMessage
from mcp_types import JSONRPCResponse

NOT_AN_OBJECT = "Its input schema does not describe an object."


@asynccontextmanager
async def mended(transport: Transport, problems: dict[str, str]) -> AsyncIterator[tuple[Any, Any]]:
    """Wrap a transport; ``problems`` gains the names of tools whose schema was replaced."""
    async with transport as (read, write):
        yield MendedReads(read, problems), write


class MendedReads:
    """The SDK's read stream, with tool lists mended as they pass."""

    def __init__(self, inner: Any, problems: dict[str, str]) -> None:
        self._inner = inner
        self._problems = problems

    @property
    def last_context(self) -> Any:
        """What the SDK reads next to a message, where a transport has it."""
        return getattr(self._inner, "last_context", None)

    async def receive(self) -> SessionMessage | Exception:
        return self._mend(await self._inner.receive())

    async def aclose(self) -> None:
        await self._inner.aclose()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> SessionMessage | Exception:
        return self._mend(await self._inner.__anext__())

    async def __aenter__(self) -> Self:
        await self._inner.__aenter__()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> bool | None:
        left: bool | None = await self._inner.__aexit__(exc_type, exc_val, exc_tb)
        return left

    def _mend(self, item: SessionMessage | Exception) -> SessionMessage | Exception:
        if isinstance(item, SessionMessage) and isinstance(item.message, JSONRPCResponse):
            tools = item.message.result.get("tools")
            for tool in tools if isinstance(tools, list) else ():
                self._mend_tool(tool)
        return item

    def _mend_tool(self, tool: Any) -> None:
        if not isinstance(tool, dict) or not isinstance(tool.get("name"), str):
            return
        schema = tool.get("inputSchema")
        if not isinstance(schema, dict) or schema.get("type") != "object":
            tool["inputSchema"] = {"type": "object"}
            self._problems[tool["name"]] = NOT_AN_OBJECT
