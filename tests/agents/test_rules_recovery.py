"""Errors read for what they ask, and requests written as people write them."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from typing import Any

from practice.agents.rules.documents import leaves, owned_records
from practice.agents.rules.errors import Trouble, diagnose
from practice.agents.rules.phrasing import instruction
from practice.agents.rules.recovery import fixes, following, narrowed
from practice.domain.types import ToolSpec
from tests.agents.rules_shop import READ, WRITE, tool

PERIOD = tool(
    "list_sales", "List the sales of a period.", READ, "since", "until", since="From.", until="To."
)
PAY = tool("pay_back", "Pay money back.", WRITE, "order_id", "amount", order_id="X.", amount="Y.")
VERIFY = tool("verify_buyer", "Verify a buyer.", WRITE, "order_id", order_id="The order.")


def fixed(said: str, spec: ToolSpec, arguments: Mapping[str, Any]) -> dict[str, Any]:
    found = diagnose(said, spec, arguments, (PERIOD, PAY, VERIFY))
    return dict(next(fixes(found, spec, arguments)).arguments)


def test_it_writes_every_date_of_a_call_as_the_error_asks() -> None:
    loose = {"since": "1 August 2025", "until": "20 August 2025"}
    assert fixed("bad_date: since must be written YYYY-MM-DD.", PERIOD, loose) == {
        "since": "2025-08-01",
        "until": "2025-08-20",
    }


def test_it_tells_the_start_of_a_period_from_its_end_by_their_values() -> None:
    wide = {"until": "2025-09-20", "since": "2025-08-01"}
    found = diagnose("too_wide: Ask for at most 31 days at once.", PERIOD, wide, (PERIOD,))
    assert found.period == ("since", "until")


def test_it_splits_a_period_that_is_too_long_without_a_gap() -> None:
    wide = {"since": "2025-08-01", "until": "2025-09-20"}
    first = fixed("too_wide: Ask for at most 31 days at once.", PERIOD, wide)
    assert first["until"] == "2025-09-01"
    names = ("since", "until")
    rest = following(first, names, "2025-09-20", 31)
    assert rest == {"since": "2025-09-02", "until": "2025-09-20"}
    assert following(rest, names, "2025-09-20", 31) == {}
    assert narrowed(rest, names, 31) is None


def test_it_writes_an_amount_with_the_decimals_the_error_shows() -> None:
    said = "bad_amount: amount must be a decimal like 49.90, without currency."
    assert fixed(said, PAY, {"order_id": "O-1", "amount": "20"})["amount"] == "20.00"


def test_it_takes_the_most_an_error_names_unless_that_is_nothing() -> None:
    asked = {"order_id": "O-1", "amount": "20.00"}
    assert fixed("amount_too_high: At most 12.50 is open.", PAY, asked)["amount"] == "12.50"
    none = diagnose("amount_too_high: At most 0.00 is open.", PAY, asked, (PAY,))
    assert none.trouble is Trouble.REFUSED


def test_it_finds_the_tool_an_error_speaks_of_in_other_words() -> None:
    said = "buyer_not_verified: Money goes to verified buyers."
    found = diagnose(said, PAY, {"order_id": "O-1"}, (PERIOD, PAY, VERIFY))
    assert (found.trouble, found.tools) == (Trouble.PREREQUISITE, ("verify_buyer",))


def test_it_knows_what_belongs_to_one_record() -> None:
    text = json.dumps({"rows": [{"id": "A-1", "box": {"zip": "X1"}}, {"id": "A-2"}]})
    zip_, other = (
        next(o for o in leaves(text, "list_rows") if o.value == v) for v in ("X1", "A-2")
    )
    assert zip_.under == "box"
    assert not zip_.beside(other.path)
    owned = [owner for own, owner in owned_records(text, "list_rows") if "X1" in own.values()]
    assert [list(o.values()) for o in owned] == [["A-1"]]


def test_it_puts_what_is_meant_into_the_sentence() -> None:
    assign = tool(
        "assign_case", "Assign a case to an agent.", WRITE, case_id="The case.", agent_id="Who."
    )
    call = {"arguments": {"case_id": "C-7", "agent_id": {"$from": "list", "$field": "agent_id"}}}
    text = instruction([(assign, call)], random.Random(1))
    assert text.lower().endswith("assign case c-7 to the first agent you find.")


def test_it_asks_for_a_period_and_an_amount_in_plain_words() -> None:
    dates = {"arguments": {"since": "1 May 2025", "until": "9 May 2025"}}
    assert "from 1 May 2025 to 9 May 2025" in instruction([(PERIOD, dates)], random.Random(1))
    money = {"arguments": {"order_id": "O-1", "amount": "20"}}
    assert "up to 20" in instruction([(PAY, money)], random.Random(1))


def test_it_reads_allowed_values_in_braces() -> None:
    said = "Invalid class. class must be one of {'first', 'economy', 'business'}"
    book = tool("book_seat", "Book a seat.", WRITE, "class", **{"class": "The class."})
    found = diagnose(said, book, {"class": "First"}, (book,))
    assert (found.trouble, found.parameter) == (Trouble.ARGUMENT, "class")
    assert set(found.allowed) == {"first", "economy", "business"}


def test_it_looks_for_what_opens_a_thing_that_is_closed() -> None:
    sell = tool("sell_stock", "Sell a stock.", WRITE, "symbol", symbol="Which.")
    opens = tool("open_market", "Open the market for selling a stock.", WRITE)
    found = diagnose("The market is closed.", sell, {"symbol": "AB"}, (sell, opens))
    assert (found.trouble, found.tools) == (Trouble.PREREQUISITE, ("open_market",))


def test_it_takes_a_single_record_under_a_name_for_many_as_one_of_them() -> None:
    one = json.dumps({"credit_card_list": {"primary": {"number": "41", "balance": 3}}})
    told = {leaf.field: leaf.value for leaf in leaves(one, "get_all_credit_cards")}
    assert told["credit_card_id"] == "primary"
    part = json.dumps({"details": {"address": {"city": "Leeds"}}})
    assert "address" not in [leaf.value for leaf in leaves(part, "get_order")]


def test_it_calls_nothing_that_one_which_was_not_named_before() -> None:
    get = tool("get_book", "Get one book by its id.", READ, "book_id", book_id="The book.")
    where = {"$from": "list", "$field": "book_id", "$where": {"book_title": "Emma"}}
    calls = [(get, {"arguments": {"book_id": where}})] * 2
    said = instruction(calls, random.Random(1))
    first, _, second = said.partition(". ")
    assert first.lower().endswith("get one book by its id, for the book with the title emma")
    assert second.lower().endswith("get one book by its id, for that book.")


def test_it_reads_the_names_of_arguments_as_no_values() -> None:
    search = tool("search", "Search tickets.", READ, status="The status.", page="The page.")
    said = "invalid_arguments: unknown argument state; allowed: status, page"
    assert not diagnose(said, search, {"state": "open"}, (search,)).allowed
    listed = "status must be one of: status, page"
    assert diagnose(listed, search, {"status": "x"}, (search,)).allowed == ("status", "page")
