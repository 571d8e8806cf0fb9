"""The desk over streamable HTTP, as the SDK serves it."""

from __future__ import annotations

from typing import Any

import mcp_types as types
import uvicorn
from desk.catalogue import TOOLS
from desk.store import Store
from mcp import MCPError
from mcp.server import Server
from server import INSTRUCTIONS, NAME, VERSION, Refused, carry_out


def build(store: Store) -> Server[Any]:
    async def on_list(ctx: Any, params: Any) -> types.ListToolsResult:
        return types.ListToolsResult(
            tools=[types.Tool.model_validate(tool.listed()) for tool in TOOLS]
        )

    async def on_call(ctx: Any, params: types.CallToolRequestParams) -> types.CallToolResult:
        try:
            text, is_error = carry_out(store, params.name, params.arguments or {})
        except Refused as refusal:
            raise MCPError(refusal.code, str(refusal)) from refusal
        return types.CallToolResult(content=[types.TextContent(text=text)], is_error=is_error)

    return Server(
        NAME,
        version=VERSION,
        instructions=INSTRUCTIONS,
        on_list_tools=on_list,
        on_call_tool=on_call,
    )


def serve(store: Store, port: int) -> None:
    uvicorn.run(build(store).streamable_http_app(), port=port, log_level="warning")
