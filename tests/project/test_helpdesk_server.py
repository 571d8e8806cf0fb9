"""The sample world as an agent meets it: over stdio, with texts for answers."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from practice.clients.mcp import HttpServer, McpEnvironment, McpSession
from tests.practice.servers import HELPDESK, helpdesk, listening

SERVER = (sys.executable, str(HELPDESK / "server.py"))


@pytest.fixture
def session() -> Iterator[McpSession]:
    """A desk of its own, for a test that changes something there."""
    with McpEnvironment(helpdesk()).open() as opened:
        yield opened


@pytest.fixture(scope="module")
def asked() -> Iterator[McpSession]:
    """A desk for all tests that only ask."""
    with McpEnvironment(helpdesk()).open() as opened:
        yield opened


def told(session: McpSession, tool: str, **arguments: Any) -> Any:
    seen = session.call(tool, arguments)
    assert not seen.is_error, seen.text
    return json.loads(seen.text)


def test_it_pays_a_large_refund_step_by_step(session: McpSession) -> None:
    order = told(session, "get_order", order_id="ORD-2025-00017")
    item = order["items"][0]
    (coming,) = order["returns"]
    told(
        session,
        "verify_customer",
        order_id=order["order_id"],
        postcode=order["shipping"]["postcode"],
    )
    told(session, "receive_return", return_id=coming["return_id"])
    amount = f"{item['unit_price_cents'] / 100:.2f}"
    refund = {"order_id": order["order_id"], "amount": amount}
    assert session.call("issue_refund", refund).text == (
        "approval_required: Above 100.00 an approval_id is needed."
    )
    approval = told(session, "request_approval", **refund)
    paid = told(session, "issue_refund", **refund, approval_id=approval["approval_id"])
    assert paid["amount_cents"] == item["unit_price_cents"]
    found = told(session, "list_refunds", date_from="2025-11-20", date_to="2025-11-20")
    assert [row["refund_id"] for row in found["refunds"]] == [paid["refund_id"]]


def test_it_says_no_with_a_code_and_a_reason(asked: McpSession) -> None:
    texts = {
        tool: asked.call(tool, arguments).text
        for tool, arguments in {
            "get_order": {},
            "get_ticket": {"ticket_id": "TIC-99999"},
            "resolve_ticket": {"ticket_id": "TIC-00017", "resolution": "answered"},
            "list_orders": {"customer_id": "CUS-0003", "status": "sent"},
        }.items()
    }
    assert texts == {
        "get_order": "invalid_arguments: 'order_id' is a required property",
        "get_ticket": "not_found: There is no ticket_id TIC-99999.",
        "resolve_ticket": "ticket_not_assigned: Nobody is assigned to this ticket.",
        "list_orders": "unknown_status: status must be one of: "
        "placed, packed, shipped, delivered, cancelled.",
    }


def test_it_knows_no_other_tools(asked: McpSession) -> None:
    seen = asked.call("refund_everything", {})
    assert (seen.is_error, seen.text) == (
        True,
        "MCP error -32602: Unknown tool: refund_everything",
    )


def test_it_keeps_parameter_names_equal_to_the_fields_that_fill_them(asked: McpSession) -> None:
    seen = [
        asked.call("search_customers", {"query": ""}),
        asked.call("list_orders", {"customer_id": "CUS-0021"}),
        asked.call("get_order", {"order_id": "ORD-2025-00017"}),
        asked.call("search_tickets", {}),
        asked.call("list_agents", {}),
        asked.call("search_articles", {"query": ""}),
        asked.call("request_approval", {"order_id": "ORD-2025-00017", "amount": "10.00"}),
    ]
    fields = " ".join(one.text for one in seen)
    ids = {
        name
        for tool in asked.tools()
        for name in tool.parameters
        if name.endswith("_id") or name in ("sku", "postcode")
    }
    assert all(f'"{name}":' in fields for name in ids)


def test_it_describes_itself_in_its_readme(asked: McpSession) -> None:
    readme = (HELPDESK / "README.md").read_text("utf-8")
    missing = [tool.name for tool in asked.tools() if f"`{tool.name}`" not in readme]
    assert len(asked.tools()) > 20
    assert missing == []


def test_it_says_over_stdio_what_the_sdk_says_over_http(tmp_path: Path) -> None:
    questions: tuple[tuple[str, dict[str, Any]], ...] = (
        ("list_agents", {}),
        ("search_tickets", {"status": "open"}),
        ("get_order", {"order_id": "ORD-2025-00017"}),
        ("get_order", {}),
        ("get_ticket", {"ticket_id": "TIC-99999"}),
        ("assign_ticket", {"ticket_id": "TIC-00040", "agent_id": "AGT-01"}),
        ("get_ticket", {"ticket_id": "TIC-00040"}),
        ("issue_refund", {"order_id": "ORD-2025-00017", "amount": "10"}),
        ("no_such_tool", {}),
    )
    shutil.copytree(HELPDESK / "seed", tmp_path / "data")
    said = []
    with listening(*SERVER, "--data", str(tmp_path / "data"), "--http") as url:
        for server in (helpdesk(), HttpServer(url)):
            with McpEnvironment(server, allowed_tools=None).open() as session:
                found = session.discovery()
                answers = [session.call(tool, arguments) for tool, arguments in questions]
            said.append((found, answers))
    assert said[0] == said[1]


def spoken(*lines: str) -> list[dict[str, Any]]:
    """What the server writes when these lines are all it reads."""
    done = subprocess.run(
        [*SERVER, "--data", str(HELPDESK / "seed")],
        input="\n".join(lines),
        capture_output=True,
        encoding="utf-8",
        timeout=20,
        check=True,
    )
    assert done.stderr == ""
    return [json.loads(line) for line in done.stdout.splitlines()]


def request(method: str, params: Any = None, number: int | str = 1) -> str:
    return json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": params})


@pytest.mark.parametrize(
    ("wanted", "spoken_then"),
    [("2025-03-26", "2025-03-26"), ("2025-11-25", "2025-11-25"), ("1999-01-01", "2025-11-25")],
)
def test_it_speaks_the_revision_it_is_asked_for_or_its_newest(
    wanted: str, spoken_then: str
) -> None:
    (reply,) = spoken(request("initialize", {"protocolVersion": wanted}))
    assert reply["result"]["protocolVersion"] == spoken_then


def test_it_goes_on_after_what_it_cannot_read() -> None:
    said = spoken(
        "no JSON",
        "[]",
        json.dumps({"jsonrpc": "2.0", "method": "notifications/initialized"}),
        request("resources/list", number=2),
        request("tools/call", {"name": 7}, number=3),
        request("tools/call", {"name": "list_agents", "arguments": [1]}, number=4),
        request("tools/call", ["list_agents"], number=5),
        request("ping", number="six"),
    )
    told = [(reply["id"], reply.get("error", {}).get("code")) for reply in said]
    assert told == [
        (None, -32700),
        (None, -32600),
        (2, -32601),
        (3, -32602),
        (4, -32602),
        (5, -32602),
        ("six", None),
    ]
    assert said[-1]["result"] == {}


def test_it_loads_no_library_until_it_has_to_say_what_is_wrong() -> None:
    """Every attempt starts one: what it loads is waited for again and again."""
    loaded = """
import runpy, sys
sys.path.insert(0, sys.argv[1].rpartition("/")[0])
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
print(sorted({"jsonschema", "mcp", "pydantic", "asyncio"} & set(sys.modules)))
"""
    for arguments, expected in (({"query": "refund"}, []), ({"query": 1}, ["jsonschema"])):
        done = subprocess.run(
            [sys.executable, "-c", loaded, SERVER[1], "--data", str(HELPDESK / "seed")],
            input=request("tools/call", {"name": "search_articles", "arguments": arguments}),
            capture_output=True,
            text=True,
            check=True,
        )
        reply, names = done.stdout.splitlines()
        assert json.loads(reply)["result"]["isError"] is bool(expected)
        assert names == str(expected)
