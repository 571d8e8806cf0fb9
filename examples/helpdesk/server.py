"""A small support desk as an MCP server.

Over stdio:            python server.py --data FOLDER
Over streamable HTTP:  python server.py --data FOLDER --http 8765

FOLDER is a copy of ``seed/`` and is changed by the tools; see README.md.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import anyio
import mcp_types as types
from desk.catalogue import BY_NAME, TOOLS, call
from desk.store import DeskError, Store
from mcp import MCPError, stdio_server
from mcp.server import Server

INSTRUCTIONS = "The support desk of a shop for lamps and furniture."


def tool_list() -> list[types.Tool]:
    return [
        types.Tool(
            name=tool.name,
            description=tool.description,
            input_schema=dict(tool.schema),
            annotations=types.ToolAnnotations.model_validate(tool.hints),
        )
        for tool in TOOLS
    ]


def answer(store: Store, name: str, arguments: dict[str, Any]) -> types.CallToolResult:
    """Run one tool; what the desk refuses is a tool error the caller can read."""
    if name not in BY_NAME:
        raise MCPError(types.INVALID_PARAMS, f"Unknown tool: {name}")
    try:
        text = json.dumps(call(store, name, arguments), ensure_ascii=False)
    except DeskError as refusal:
        return _result(str(refusal), is_error=True)
    return _result(text)


def build(store: Store) -> Server[Any]:
    async def on_list(ctx: Any, params: Any) -> types.ListToolsResult:
        return types.ListToolsResult(tools=tool_list())

    async def on_call(ctx: Any, params: types.CallToolRequestParams) -> types.CallToolResult:
        return answer(store, params.name, params.arguments or {})

    return Server(
        "helpdesk",
        version="1.0.0",
        instructions=INSTRUCTIONS,
        on_list_tools=on_list,
        on_call_tool=on_call,
    )


async def serve_stdio(server: Server[Any]) -> None:
    async with stdio_server() as (read_stream, write_stream):
        await server.run(read_stream, write_stream, server.create_initialization_options())


def main() -> None:
    parser = argparse.ArgumentParser(description="A small support desk as an MCP server.")
    parser.add_argument("--data", type=Path, required=True, help="folder with the desk's tables")
    parser.add_argument("--http", type=int, metavar="PORT", help="serve HTTP on loopback instead")
    options = parser.parse_args()
    server = build(Store(options.data))
    if options.http is None:
        anyio.run(serve_stdio, server)
    else:
        # A tenth of a second that a server over stdio, started for every attempt, need not take.
        import uvicorn  # noqa: PLC0415

        uvicorn.run(server.streamable_http_app(), port=options.http, log_level="warning")


def _result(text: str, *, is_error: bool = False) -> types.CallToolResult:
    return types.CallToolResult(content=[types.TextContent(text=text)], is_error=is_error)


if __name__ == "__main__":
    main()
