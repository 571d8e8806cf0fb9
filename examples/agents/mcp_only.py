"""An agent that knows nothing of Greenroom but its MCP address: any MCP client can do the same.

``python examples/agents/mcp_only.py PLAYBOOK`` with GREENROOM_MCP and GREENROOM_KEY set.
"""

from __future__ import annotations

import os
import sys
import uuid
from pathlib import Path
from typing import Any

import anyio
import httpx2
from mcp import Client, MCPError
from mcp.client.streamable_http import streamable_http_client

sys.path.append(str(Path(__file__).parent))

from small_desk import Desk

TASK = "Refund order ORD-8."


class Refused(Exception):
    """Greenroom would not do it; ``str`` says what to do."""


async def work(playbook: str, address: str, key: str) -> dict[str, Any]:
    """Search memory, do the task, report how it went, and propose what was new."""
    headers = {"Authorization": f"Bearer {key}"}
    async with (
        httpx2.AsyncClient(headers=headers, timeout=30) as http,
        Client(streamable_http_client(address, http_client=http)) as greenroom,
    ):

        async def call(tool: str, **given: Any) -> dict[str, Any]:
            answer = await greenroom.call_tool(tool, given)
            if answer.is_error:
                raise Refused(getattr(answer.content[0], "text", "The tool failed."))
            said: dict[str, Any] = answer.structured_content
            return said

        try:
            known = await call("search_memory", query=TASK, playbook=playbook)
            held = await call("get_playbook", playbook=playbook)
        except Refused as problem:
            return {"refused": str(problem)}
        desk = Desk()
        lessons = " ".join(bullet["content"] for bullet in known["bullets"])
        if "verify" in lessons.lower():
            desk.verify_customer("bo")
        observation = desk.create_refund("ORD-8")
        outcome = "success" if desk.refunded else "failure"
        report = await call(
            "report_outcome",
            release=held["release"],
            task=f"refund-{uuid.uuid4()}",
            outcome=outcome,
        )
        proposed = await call(
            "propose_lesson",
            playbook=playbook,
            content="Tell the customer the total before you refund an order.",
            task=TASK,
            evidence=observation,
        )
        return {"known": known["count"], "outcome": outcome, "report": report, "proposed": proposed}


def why(address: str, key: str) -> str:
    """What the server says of the key: clients of MCP keep an HTTP error's words to themselves."""
    try:
        answer = httpx2.post(address, headers={"Authorization": f"Bearer {key}"}, json={})
        return str(answer.json().get("detail", f"{address} answered {answer.status_code}."))
    except (httpx2.HTTPError, ValueError, AttributeError):
        return f"{address} is no MCP server of Greenroom. Set GREENROOM_MCP to what it prints."


def main(playbook: str) -> dict[str, Any]:
    address = os.environ.get("GREENROOM_MCP", "http://localhost:8001/mcp")
    key = os.environ.get("GREENROOM_KEY", "")
    said: dict[str, Any] = {}
    try:
        said = anyio.run(work, playbook, address, key)
    except* (httpx2.HTTPError, MCPError):
        said = {"refused": why(address, key)}
    return said


if __name__ == "__main__":
    print(main(*sys.argv[1:2]))  # noqa: T201
