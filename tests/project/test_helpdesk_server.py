"""The sample world as an agent meets it: over stdio, with texts for answers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from practice.clients.mcp import McpEnvironment, McpSession
from tests.practice.servers import HELPDESK, helpdesk, quick_desk


@pytest.fixture
def session() -> Iterator[McpSession]:
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


def test_it_says_no_with_a_code_and_a_reason(session: McpSession) -> None:
    texts = {
        tool: session.call(tool, arguments).text
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


def test_it_knows_no_other_tools(session: McpSession) -> None:
    seen = session.call("refund_everything", {})
    assert (seen.is_error, seen.text) == (
        True,
        "MCP error -32602: Unknown tool: refund_everything",
    )


def test_it_keeps_parameter_names_equal_to_the_fields_that_fill_them(session: McpSession) -> None:
    seen = [
        session.call("search_customers", {"query": ""}),
        session.call("list_orders", {"customer_id": "CUS-0021"}),
        session.call("get_order", {"order_id": "ORD-2025-00017"}),
        session.call("search_tickets", {}),
        session.call("list_agents", {}),
        session.call("search_articles", {"query": ""}),
        session.call("request_approval", {"order_id": "ORD-2025-00017", "amount": "10.00"}),
    ]
    fields = " ".join(one.text for one in seen)
    ids = {
        name
        for tool in session.tools()
        for name in tool.parameters
        if name.endswith("_id") or name in ("sku", "postcode")
    }
    assert all(f'"{name}":' in fields for name in ids)


def test_it_describes_itself_in_its_readme() -> None:
    readme = (HELPDESK / "README.md").read_text("utf-8")
    with McpEnvironment(helpdesk()).open() as session:
        missing = [tool.name for tool in session.tools() if f"`{tool.name}`" not in readme]
    assert missing == []


def test_the_desk_that_tests_start_for_speed_says_the_same() -> None:
    asked: tuple[tuple[str, dict[str, Any]], ...] = (
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
    said = []
    for server in (helpdesk(), quick_desk()):
        with McpEnvironment(server, allowed_tools=None).open() as session:
            found = session.discovery()
            said.append((found, [session.call(tool, arguments) for tool, arguments in asked]))
    assert said[0] == said[1]
