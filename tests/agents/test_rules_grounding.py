from __future__ import annotations

import time
from typing import Any

import pytest

from practice.agents.rules.equality import respelled, same
from practice.agents.rules.grounding import STRICT, Shown, invented, ungrounded
from practice.domain.types import Step, TaskSpec, Trajectory
from tests.agents.rules_shop import TOOLS

KNOWN = {tool.name: tool for tool in TOOLS}


@pytest.mark.parametrize(
    ("asked", "passed"),
    [
        (5, 5.0),
        ("20", "20.00"),
        ("5 July 2025", "2025-07-05"),
        ("31/12/2025", "2025-12-31"),
        ("tic-7", "TIC-00007"),
        ("Engine_Start", "engine start"),
        (["b", "a"], ["a", "b"]),
        ("urgent", ["urgent"]),
        ({"priority": 2}, {"priority": 2.0}),
        (True, True),
    ],
)
def test_it_takes_two_spellings_for_one_value(asked: Any, passed: Any) -> None:
    assert same(asked, passed)


@pytest.mark.parametrize(
    ("asked", "passed"),
    [
        (5, 6),
        (1, True),
        ("ORD-1", "ORD-11"),
        ("5 July 2025", "2025-07-06"),
        (["a", "a"], ["a", "b"]),
        ([1, 2], [1]),
        ({"priority": 2}, {"priority": 2, "status": "open"}),
        ("report.txt", "report.doc"),
        ("a", None),
    ],
)
def test_it_takes_two_values_for_two(asked: Any, passed: Any) -> None:
    assert not same(asked, passed)


def test_it_accepts_the_spelling_the_environment_uses() -> None:
    assert respelled("Barcelone", "Barcelona", '{"cities": ["Barcelona"]}')
    assert not respelled("Barcelone", "Barcelona", "nothing was shown")
    assert not respelled("Madrid", "Barcelona", '{"cities": ["Barcelona"]}')


@pytest.mark.parametrize(
    "value",
    ["ORD-1", "ord-1", "2026-11-15", "SFO", "quarterly review", 3, "3", 1200, 12.5, "..", None],
)
def test_it_finds_what_was_shown(value: Any) -> None:
    shown = Shown(
        "Order ORD-1 with three items for 1,200 or 12.50, San Francisco, on the 15 of November "
        "2026: a Quarterly-Review."
    )
    assert shown.has(value)


@pytest.mark.parametrize("value", ["ORD-2", "2026-11-16", "LHR", "yearly review", 4, 120])
def test_it_does_not_find_what_was_not(value: Any) -> None:
    assert not Shown("Order ORD-1, three items, San Francisco, 15 November 2026.").has(value)


def test_it_does_not_let_an_error_vouch_for_the_value_it_repeats() -> None:
    steps = (
        Step(1, "get_order", {"order_id": "ORD-9"}, "There is no order ORD-9.", is_error=True),
        Step(2, "get_order", {"order_id": "ORD-9"}, '{"order_id": "ORD-9"}'),
    )
    found = list(ungrounded(TaskSpec("Show my order."), steps, KNOWN, STRICT))
    assert found == [(2, "order_id")]


def test_it_lets_an_earlier_result_and_the_goal_vouch_for_a_value() -> None:
    steps = (
        Step(1, "list_orders", {}, '{"orders": [{"order_id": "ORD-3"}]}'),
        Step(2, "get_order", {"order_id": "ORD-3"}, "{}"),
        Step(3, "get_order", {"order_id": "ORD-4"}, "{}"),
    )
    goal = {"calls": [{"tool": "get_order", "arguments": {"order_id": "ORD-4"}}]}
    assert list(ungrounded(TaskSpec("Show them.", goal=goal), steps, KNOWN, STRICT)) == []


@pytest.mark.parametrize(
    ("answer", "made_up"),
    [
        ("The order costs 1,250 and the refund 450.", []),
        ("Both come to 1,700 together, 800 apart.", []),
        ("There are 12 of them.", []),
        ("The order costs 990.", ["990"]),
        ("The refund is REF-7.", ["REF-7"]),
    ],
)
def test_it_tells_worked_out_values_of_an_answer_from_invented_ones(
    answer: str, made_up: list[str]
) -> None:
    step = Step(1, "get_order", {"order_id": "ORD-1"}, '{"total": 1250, "refund": 450}')
    assert invented(TaskSpec("What does ORD-1 cost?"), Trajectory((step,), answer)) == made_up


def test_an_answer_of_thousands_of_parts_is_read_at_once() -> None:
    """Each of them began a search to its end: twenty kilobytes took ten seconds."""
    began = time.process_time()
    assert invented(TaskSpec("What does ORD-1 cost?"), Trajectory((), "a-" * 20_000)) == []
    assert time.process_time() - began < 2
