"""The rules of the sample world: what has to come before what, and how it says no."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.practice.servers import HELPDESK

sys.path.insert(0, str(HELPDESK))

from desk.catalogue import TOOLS, call
from desk.store import DeskError, Store

Ask = Callable[..., dict[str, Any]]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    shutil.copytree(HELPDESK / "seed", tmp_path / "data")
    return Store(tmp_path / "data")


@pytest.fixture
def ask(store: Store) -> Ask:
    """Call a tool and return its answer."""
    return lambda tool, **arguments: call(store, tool, arguments)


@pytest.fixture
def refused(store: Store) -> Callable[..., str]:
    """Call a tool that must refuse, and return its error code."""

    def _refused(tool: str, **arguments: Any) -> str:
        with pytest.raises(DeskError) as caught:
            call(store, tool, arguments)
        assert str(caught.value) == f"{caught.value.code}: {caught.value.message}"
        return caught.value.code

    return _refused


Refused = Callable[..., str]


def test_it_offers_24_tools_that_say_what_they_do_to_the_world() -> None:
    hints = {tool.name: tool.hints for tool in TOOLS}
    assert len(hints) == len(TOOLS) == 24
    assert all(one["openWorldHint"] is False for one in hints.values())
    assert [name for name, one in hints.items() if one.get("destructiveHint")] == [
        "cancel_order",
        "delete_customer_data",
    ]


def test_it_changes_no_file_when_a_tool_claims_to_read(store: Store, ask: Ask) -> None:
    arguments = {
        "search_customers": {"query": ""},
        "get_customer": {"customer_id": "CUS-0003"},
        "list_orders": {"customer_id": "CUS-0003"},
        "get_order": {"order_id": "ORD-2025-00017"},
        "check_stock": {"sku": "LMP-210"},
        "list_refunds": {"date_from": "2025-11-01", "date_to": "2025-11-20"},
        "search_tickets": {},
        "get_ticket": {"ticket_id": "TIC-00015"},
        "list_agents": {},
        "search_articles": {"query": "refund"},
        "get_article": {"article_id": "ART-01"},
    }
    before = {path.name: path.read_bytes() for path in store.folder.iterdir()}
    for tool in TOOLS:
        if tool.hints["readOnlyHint"]:
            assert ask(tool.name, **arguments[tool.name])
    assert {path.name: path.read_bytes() for path in store.folder.iterdir()} == before


def test_it_names_every_missing_or_unknown_argument(refused: Refused) -> None:
    assert refused("get_order") == "invalid_arguments"
    assert refused("get_order", order_id=17) == "invalid_arguments"
    assert refused("get_order", order_id="ORD-2025-00017", extra=1) == "invalid_arguments"


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("get_customer", {"customer_id": "42"}),
        ("get_order", {"order_id": "ORD-17"}),
        ("get_ticket", {"ticket_id": "31"}),
        ("get_article", {"article_id": "refunds"}),
        ("check_stock", {"sku": "lamp"}),
        ("receive_return", {"return_id": "4"}),
        ("assign_ticket", {"ticket_id": "TIC-00015", "agent_id": "Priya"}),
    ],
)
def test_it_tells_a_wrong_id_from_an_unknown_one(
    refused: Refused, tool: str, arguments: dict[str, Any]
) -> None:
    assert refused(tool, **arguments) == "invalid_format"


def test_it_does_not_find_what_is_not_there(refused: Refused) -> None:
    assert refused("get_customer", customer_id="CUS-9999") == "not_found"
    assert refused("get_order", order_id="ORD-2025-99999") == "not_found"


def test_it_gives_five_results_a_page_and_a_cursor_to_the_next(ask: Ask, refused: Refused) -> None:
    seen: list[str] = []
    cursor: str | None = None
    while True:
        more = {} if cursor is None else {"cursor": cursor}
        answer = ask("search_tickets", **more)
        assert len(answer["tickets"]) <= 5
        seen += [ticket["ticket_id"] for ticket in answer["tickets"]]
        cursor = answer["next_cursor"]
        if cursor is None:
            break
    assert len(seen) == len(set(seen)) == answer["total"] == 31
    assert refused("search_tickets", cursor="2") == "invalid_cursor"


def test_it_searches_with_every_filter_given(ask: Ask) -> None:
    answer = ask("search_tickets", query="LAMP", customer_id="CUS-0021", status="open")
    assert [row["ticket_id"] for row in answer["tickets"]] == ["TIC-00024"]
    assert set(answer["tickets"][0]) == {"ticket_id", "customer_id", "subject", "status"}


def test_it_tells_the_allowed_values_of_a_choice(store: Store) -> None:
    with pytest.raises(DeskError, match="must be one of: billing, delivery, returns, technical"):
        call(store, "set_ticket_category", {"ticket_id": "TIC-00017", "category": "rugs"})


@pytest.mark.parametrize(
    ("first", "last", "code"),
    [
        ("1.11.2025", "2025-11-20", "invalid_date"),
        ("2025-11-31", "2025-12-01", "invalid_date"),
        ("2025-11-20", "2025-11-01", "invalid_range"),
        ("2025-01-01", "2025-11-20", "range_too_wide"),
    ],
)
def test_it_wants_days_of_one_form_and_a_short_period(
    refused: Refused, first: str, last: str, code: str
) -> None:
    assert refused("list_refunds", date_from=first, date_to=last) == code


def test_it_lists_the_refunds_of_a_period(ask: Ask) -> None:
    answer = ask("list_refunds", date_from="2025-11-03", date_to="2025-11-06")
    assert [row["refund_id"] for row in answer["refunds"]] == ["REF-0002", "REF-0003"]


def test_it_refunds_only_verified_customers_and_received_returns(
    ask: Ask, refused: Refused
) -> None:
    refund = {"order_id": "ORD-2025-00066", "amount": "24.50"}
    assert refused("issue_refund", **refund) == "customer_not_verified"
    assert refused("verify_customer", order_id="ORD-2025-00066", postcode="X") == (
        "verification_failed"
    )
    verified = ask("verify_customer", order_id="ORD-2025-00066", postcode="l1 8jq")
    assert verified["customer_id"] == "CUS-0053"
    assert refused("issue_refund", **refund) == "return_not_received"
    started = ask(
        "start_return", order_id="ORD-2025-00066", sku="LMP-240", quantity=1, reason="damaged"
    )
    assert refused("issue_refund", **refund) == "return_not_received"
    assert ask("receive_return", return_id=started["return_id"])["status"] == "received"
    assert refused("issue_refund", **{**refund, "amount": "24.51"}) == "amount_too_high"
    assert ask("issue_refund", **refund)["amount_cents"] == 2450
    assert refused("issue_refund", **refund) == "amount_too_high"
    order = ask("get_order", order_id="ORD-2025-00066")
    assert order["refunded_cents"] == 2450
    assert [row["status"] for row in order["returns"]] == ["received"]


def test_it_wants_an_approval_above_100(ask: Ask, refused: Refused) -> None:
    order = {"order_id": "ORD-2025-00017"}
    ask("verify_customer", **order, postcode="N1 9AG")
    ask("receive_return", return_id="RET-0005")
    assert refused("issue_refund", **order, amount="129.00") == "approval_required"
    assert refused("request_approval", **order, amount="999.00") == "amount_too_high"
    low = ask("request_approval", **order, amount="110.00")["approval_id"]
    assert refused("issue_refund", **order, amount="129.00", approval_id=low) == "approval_too_low"
    other = ask("request_approval", order_id="ORD-2025-00040", amount="129.00")["approval_id"]
    wrong = {"amount": "129.00", "approval_id": other}
    assert refused("issue_refund", **order, **wrong) == "approval_not_valid"
    right = ask("request_approval", **order, amount="129.00")["approval_id"]
    assert ask("issue_refund", **order, amount="129.00", approval_id=right)["amount_cents"] == 12900


def test_it_refunds_up_to_100_without_approval(ask: Ask) -> None:
    ask("verify_customer", order_id="ORD-2025-00062", postcode="N1 9AG")
    item = {"order_id": "ORD-2025-00062", "sku": "TBL-301", "quantity": 1, "reason": "damaged"}
    ask("receive_return", return_id=ask("start_return", **item)["return_id"])
    assert ask("issue_refund", order_id="ORD-2025-00062", amount="99.00")["refund_id"]


@pytest.mark.parametrize("amount", ["129", "129.0", "$129.00", "0.00", "12900.5", "-1.00"])
def test_it_wants_money_as_a_decimal_with_two_places(refused: Refused, amount: str) -> None:
    assert refused("request_approval", order_id="ORD-2025-00017", amount=amount) == (
        "invalid_amount"
    )


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"order_id": "ORD-2025-00073", "sku": "CHR-105"}, "order_not_delivered"),
        ({"order_id": "ORD-2025-00004", "sku": "TBL-330"}, "return_window_closed"),
        ({"sku": "RUG-501"}, "not_in_order"),
        ({"quantity": 3}, "invalid_quantity"),
        ({"quantity": 0}, "invalid_quantity"),
        ({"reason": "ugly"}, "unknown_reason"),
    ],
)
def test_it_takes_back_only_what_it_should(
    refused: Refused, change: dict[str, Any], code: str
) -> None:
    fine = {"order_id": "ORD-2025-00066", "sku": "LMP-240", "quantity": 2, "reason": "late"}
    assert refused("start_return", **{**fine, **change}) == code


def test_it_receives_a_return_once_and_puts_it_back_on_the_shelf(
    ask: Ask, refused: Refused
) -> None:
    before = ask("check_stock", sku="RUG-501")["available"]
    ask("receive_return", return_id="RET-0004")
    assert ask("check_stock", sku="RUG-501")["available"] == before + 1
    assert refused("receive_return", return_id="RET-0004") == "already_received"


def test_it_resolves_only_assigned_tickets(ask: Ask, refused: Refused) -> None:
    ticket = {"ticket_id": "TIC-00017"}
    assert refused("resolve_ticket", **ticket, resolution="answered") == "ticket_not_assigned"
    assert refused("assign_ticket", **ticket, agent_id="AGT-02") == "agent_off_shift"
    assert ask("assign_ticket", **ticket, agent_id="AGT-04")["status"] == "assigned"
    assert refused("resolve_ticket", **ticket, resolution="done") == "unknown_resolution"
    assert ask("resolve_ticket", **ticket, resolution="answered")["status"] == "resolved"
    assert refused("assign_ticket", **ticket, agent_id="AGT-04") == "ticket_resolved"


def test_it_escalates_only_categorized_tickets(ask: Ask, refused: Refused) -> None:
    ticket = {"ticket_id": "TIC-00019"}
    assert refused("escalate_ticket", **ticket, reason="Needs a decision") == "category_missing"
    ask("set_ticket_category", **ticket, category="returns")
    assert ask("escalate_ticket", **ticket, reason="Needs a decision")["status"] == "escalated"
    assert refused("escalate_ticket", **ticket, reason="Again") == "already_escalated"
    notes = ask("get_ticket", **ticket)["notes"]
    assert notes[-1] == {"on": "2025-11-20", "text": "Escalated: Needs a decision"}


def test_it_shows_a_new_ticket_and_its_notes(ask: Ask, refused: Refused) -> None:
    made = ask("create_ticket", customer_id="CUS-0003", subject="Lamp hums", body="It hums.")
    assert made["ticket_id"] == "TIC-00041"
    assert ask("add_ticket_note", ticket_id="TIC-00041", text="Asked for a video.")["notes"] == 1
    assert ask("get_ticket", ticket_id="TIC-00041")["priority"] == "normal"
    assert ask("get_customer", customer_id="CUS-0003")["open_tickets"] == 2
    wrong = {"customer_id": "CUS-0003", "subject": "x", "body": "y", "priority": "asap"}
    assert refused("create_ticket", **wrong) == "unknown_priority"


def test_it_cancels_an_order_until_it_is_shipped(ask: Ask, refused: Refused) -> None:
    before = ask("check_stock", sku="CHR-105")["available"]
    assert ask("cancel_order", order_id="ORD-2025-00091")["status"] == "cancelled"
    assert ask("check_stock", sku="CHR-105")["available"] == before + 2
    assert refused("cancel_order", order_id="ORD-2025-00073") == "order_not_cancellable"
    assert refused("cancel_order", order_id="ORD-2025-00091") == "order_not_cancellable"


def test_it_erases_a_customer_last_of_all(ask: Ask, refused: Refused) -> None:
    erase = {"customer_id": "CUS-0026", "confirm": "CUS-0026"}
    assert refused("delete_customer_data", **{**erase, "confirm": "yes"}) == "confirmation_mismatch"
    assert refused("delete_customer_data", **erase) == "customer_not_verified"
    ask("verify_customer", order_id="ORD-2025-00045", postcode="M4 6JG")
    assert refused("delete_customer_data", **erase) == "open_tickets"
    for ticket_id in ("TIC-00019", "TIC-00031"):
        ask("assign_ticket", ticket_id=ticket_id, agent_id="AGT-01")
        ask("resolve_ticket", ticket_id=ticket_id, resolution="no_action")
    assert ask("delete_customer_data", **erase)["tickets_deleted"] == 2
    assert refused("get_customer", customer_id="CUS-0026") == "not_found"
    assert ask("get_order", order_id="ORD-2025-00045")["shipping"]["postcode"] == ""


def test_it_remembers_changes_in_its_folder(store: Store, ask: Ask) -> None:
    ask("verify_customer", order_id="ORD-2025-00066", postcode="L1 8JQ")
    ask("set_ticket_category", ticket_id="TIC-00017", category="returns")
    again = Store(store.folder)
    assert call(again, "get_customer", {"customer_id": "CUS-0053"})["verified"] is True
    assert call(again, "get_ticket", {"ticket_id": "TIC-00017"})["category"] == "returns"
    assert not list(store.folder.glob("*.tmp"))


def test_it_starts_from_records_that_fit_together(store: Store) -> None:
    keys = {"customers": "customer_id", "orders": "order_id", "agents": "agent_id", "stock": "sku"}
    known = {table: {row[key] for row in store.rows(table)} for table, key in keys.items()}
    for order in store.rows("orders"):
        assert order["customer_id"] in known["customers"]
        assert {item["sku"] for item in order["items"]} <= known["stock"]
        total = sum(item["quantity"] * item["unit_price_cents"] for item in order["items"])
        assert order["total_cents"] == total
        assert (order["delivered_on"] is not None) == (order["status"] == "delivered")
    for ticket in store.rows("tickets"):
        assert ticket["customer_id"] in known["customers"]
        assert ticket["order_id"] in known["orders"] | {None}
        assert ticket["agent_id"] in known["agents"] | {None}
        assert (ticket["status"] == "resolved") == (ticket["resolution"] is not None)
    for row in (*store.rows("returns"), *store.rows("refunds")):
        assert row["order_id"] in known["orders"]


def test_it_can_write_every_answer_as_json(ask: Ask) -> None:
    assert json.loads(json.dumps(ask("list_agents", team="frontline")))["total"] == 3
