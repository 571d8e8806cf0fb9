from __future__ import annotations

import pytest

from practice.domain.memory import (
    PairCounts,
    Region,
    choose_facts,
    enough,
    region,
    relevance,
    unpaired,
    wanted,
)
from practice.domain.types import Fact, Steering, ToolCounts, ToolSpec


def tool(name: str, *parameters: str) -> ToolSpec:
    return ToolSpec(name, input_schema={"properties": {p: {"type": "string"} for p in parameters}})


TOOLS = (
    tool("list_orders"),
    tool("refund_order", "order_id"),
    tool("get_weather", "city"),
    tool("drop_table", "table"),
)
COUNTED = {
    "list_orders": ToolCounts("list_orders", 9, 9, 9, 0),
    "refund_order": ToolCounts("refund_order", 2, 1, 0, 1),
    "drop_table": ToolCounts("drop_table", 3, 0, 0, 3),
}
ORDERS = Fact("Order ORD-1 is open.", data={"field": "order_id", "tool": "list_orders"})
WEATHER = Fact("Weather is known for Oslo.", data={"field": "city", "tool": "list_cities"})


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        (ToolCounts("t"), Region.NEVER_USED),
        (ToolCounts("t", 3, 0, 0, 3), Region.INFEASIBLE),
        (ToolCounts("t", 3, 1, 0, 3), Region.UNDER_PRACTISED),
        (ToolCounts("t", 3, 0, 0, 0), Region.UNDER_PRACTISED),
        (ToolCounts("t", 3, 2, 1, 0), Region.UNDER_PRACTISED),
        (ToolCounts("t", 3, 2, 2, 0), Region.PRACTISED),
        (PairCounts("a", "b", 2, 2, 2, 0), Region.PRACTISED),
    ],
)
def test_it_places_a_tool_or_a_pair_in_one_region(
    counts: ToolCounts | PairCounts, expected: Region
) -> None:
    assert region(counts, 2) is expected


def test_it_asks_for_half_of_a_fair_share_and_no_more_than_three() -> None:
    def worked(times: int) -> list[ToolCounts]:
        return [ToolCounts(str(n), times, times, times) for n in range(10)]

    assert [enough(worked(times), 10) for times in (0, 1, 3, 5, 40)] == [1, 1, 2, 3, 3]


def test_it_wants_focus_first_then_the_never_used_and_never_what_is_left_alone() -> None:
    asked = Steering(focus=("list_orders",), avoid=("drop_table",))

    assert list(wanted(TOOLS, COUNTED, asked)) == ["list_orders", "get_weather", "refund_order"]
    assert list(wanted(TOOLS, COUNTED, Steering())) == [
        "get_weather",
        "refund_order",
        "drop_table",
    ]


def test_it_finds_the_fact_that_helps_the_tool_in_focus() -> None:
    orders, weather = relevance((ORDERS, WEATHER), TOOLS, {"refund_order": 4.0})

    assert (orders, weather) == (1.0, 0.0)


def test_it_chooses_facts_by_relevance_and_not_by_age_alone() -> None:
    old = Fact(ORDERS.text, data=ORDERS.data, age=1)

    chosen = choose_facts((WEATHER, old), TOOLS, {"refund_order": 4.0}, limit=1)

    assert chosen == (old,)


def test_it_prefers_fresh_facts_among_equals() -> None:
    facts = [Fact(f"Note {n}", data={"field": str(n)}, age=n) for n in (3, 0, 7)]

    assert [f.age for f in choose_facts(facts, TOOLS, {}, limit=3)] == [0, 3, 7]


def test_it_does_not_spend_all_places_on_one_subject() -> None:
    orders = [Fact(f"Order ORD-{n} is open.", data=ORDERS.data) for n in range(20)]

    chosen = choose_facts((*orders, WEATHER), TOOLS, {"refund_order": 2.0}, limit=5)

    assert WEATHER in chosen


def test_it_never_chooses_the_same_words_twice() -> None:
    assert choose_facts((ORDERS, ORDERS), TOOLS, {}, limit=5) == (ORDERS,)


def test_it_names_pairs_of_working_tools_that_never_ran_together() -> None:
    counted = {name: ToolCounts(name, 1, 1, 1) for name in ("list_orders", "refund_order", "ping")}

    pairs, total = unpaired(counted, [PairCounts("list_orders", "refund_order", 1)], limit=2)

    assert pairs == [("refund_order", "list_orders"), ("list_orders", "ping")]
    assert total == 5
