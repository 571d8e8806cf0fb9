"""What MCP servers answer, as the solver reads it."""

from __future__ import annotations

import asyncio
import json

import mcp_types as types
import pytest
from mcp.server import MCPServer

from practice.agents.rules.documents import records
from practice.clients.mcp_reading import observe


def answer(*texts: str, structured: object = None) -> types.CallToolResult:
    blocks: list[types.ContentBlock] = [types.TextContent(type="text", text=t) for t in texts]
    return types.CallToolResult.model_validate(
        {"content": blocks, "structuredContent": structured} if structured else {"content": blocks}
    )


@pytest.mark.parametrize("count", [1, 2, 3])
def test_it_reads_a_list_that_a_server_sends_one_item_a_block(count: int) -> None:
    """FastMCP answers ``list[...]`` so: put one below the other its items are no JSON."""
    beds = [{"bed_id": f"B-{n}", "ward": "north"} for n in range(count)]
    server = MCPServer("wards")

    @server.tool()
    def list_beds() -> list[dict[str, str]]:
        """List beds."""
        return beds

    result = asyncio.run(server.call_tool("list_beds", {}))
    assert isinstance(result, types.CallToolResult)
    assert len(result.content) == count
    seen = observe(result)
    assert json.loads(seen.text) == beds
    assert [r["bed_id"] for r in records(seen.text, "list_beds")] == [b["bed_id"] for b in beds]


@pytest.mark.parametrize(
    ("result", "text"),
    [
        (answer("bug", "docs", structured={"result": ["bug", "docs"]}), '["bug", "docs"]'),
        (answer('{"id": 1}', '{"id": 2}'), '[{"id": 1}, {"id": 2}]'),
        (answer("Found two:", '{"id": 2}'), 'Found two:\n{"id": 2}'),
        (answer("one line", structured={"result": "one line"}), "one line"),
        (answer('{"id": 1}', structured={"id": 1}), '{"id": 1}'),
    ],
    ids=["texts", "without structure", "prose first", "one text", "one object"],
)
def test_it_joins_blocks_to_a_list_only_where_they_are_one(
    result: types.CallToolResult, text: str
) -> None:
    assert observe(result).text == text


def test_it_masks_secrets_inside_a_list_of_blocks() -> None:
    secret = "hunter2-hunter2"
    result = answer(f'{{"key": "{secret}"}}', '{"key": "b"}')
    assert secret not in observe(result, secrets={"TOKEN": secret}).text
