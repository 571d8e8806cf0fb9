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
    """A desk of its own, for a test that changes something there."""
    with McpEnvironment(helpdesk()).open() as opened:
        yield opened


@pytest.fixture(scope="module")
def asked() -> Iterator[McpSession]:
    """A desk for all tests that only ask: each start of the server loads its SDK for a second."""
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


def test_the_desk_that_tests_start_for_speed_says_the_same() -> None:
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
    said = []
    for server in (helpdesk(), quick_desk()):
        with McpEnvironment(server, allowed_tools=None).open() as session:
            found = session.discovery()
            said.append((found, [session.call(tool, arguments) for tool, arguments in questions]))
    assert said[0] == said[1]
