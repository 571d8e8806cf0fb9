from __future__ import annotations

import pytest

from memoryapp.domain.playbook import Bullet, Playbook
from practice.agents.ports import EnvironmentUnavailable, SolverLimits
from practice.agents.rules.answers import answer
from practice.agents.rules.solver import RulesSolver
from practice.domain.types import Outcome, Step, TaskSpec, Trajectory
from tests.agents.rules_shop import REFUND, Shop, solve, task


def tools(trajectory: Trajectory) -> list[str]:
    return [step.tool for step in trajectory.steps]


def test_it_does_what_an_error_says_has_to_come_first() -> None:
    assert tools(solve(REFUND)) == ["create_refund", "verify_customer", "create_refund"]


def test_it_prepares_what_the_playbook_says_has_to_come_first() -> None:
    rule = {
        "kind": "prerequisite",
        "key": "k",
        "tools": ["create_refund"],
        "needs": "verify_customer",
        "settings": {},
    }
    book = Playbook((Bullet("strategies-001", "strategies", "Verify first.", rule=rule),))
    given = task(
        {"tool": "get_order", "arguments": {"order_id": "ORD-1"}}, dict(REFUND.goal["calls"][0])
    )
    assert tools(solve(given, book)) == ["get_order", "verify_customer", "create_refund"]


def test_it_takes_an_allowed_value_from_the_error() -> None:
    given = task({"tool": "set_status", "arguments": {"order_id": "ORD-1", "status": "Open"}})
    last = solve(given).steps[-1]
    assert last.arguments["status"] == "open"
    assert not last.is_error


def test_it_follows_pages_until_the_wanted_record_appears() -> None:
    wanted = {"$from": "list_orders", "$field": "order_id", "$where": {"order_id": "ORD-5"}}
    found = solve(task({"tool": "get_order", "arguments": {"order_id": wanted}}))
    assert found.steps[-1].arguments == {"order_id": "ORD-5"}
    assert tools(found).count("list_orders") == 3


def test_it_counts_records_over_all_pages() -> None:
    found = solve(task({"tool": "list_orders", "arguments": {}, "all_pages": True}))
    assert "lists 5 records on 3 pages" in found.answer


def test_it_never_replaces_an_unknown_identifier_by_another_thing() -> None:
    found = solve(task({"tool": "get_order", "arguments": {"order_id": "ORD-99"}}))
    asked = {s.arguments["order_id"] for s in found.steps if s.tool == "get_order"}
    assert asked == {"ORD-99"}


def test_it_reports_each_step_as_it_happens() -> None:
    seen: list[Step] = []
    found = solve(REFUND, limits=SolverLimits(on_step=seen.append))
    assert tuple(seen) == found.steps
    assert [s.number for s in seen] == [1, 2, 3]


def test_it_stops_at_the_step_limit() -> None:
    found = solve(REFUND, limits=SolverLimits(steps=2))
    assert len(found.steps) == 2
    assert found.outcome is Outcome.STEP_LIMIT


def test_it_makes_no_call_once_it_should_stop() -> None:
    assert solve(REFUND, limits=SolverLimits(should_stop=lambda: True)).steps == ()


def test_it_lets_a_dead_server_through_for_the_caller_to_retry() -> None:
    with Shop(down=True).open() as session, pytest.raises(EnvironmentUnavailable):
        RulesSolver(1).solve(REFUND, Playbook(), session, SolverLimits())


def test_it_works_from_prose_where_there_is_no_goal() -> None:
    given = TaskSpec("Show me order ORD-3.", "query", ("get_order",))
    assert solve(given).steps[0].arguments == {"order_id": "ORD-3"}


def test_it_does_the_same_twice_for_one_seed() -> None:
    first, second = solve(REFUND), solve(REFUND)
    assert [s.arguments for s in first.steps] == [s.arguments for s in second.steps]


def test_it_gives_of_its_own_accord_only_values_a_lesson_allows() -> None:
    rule = {
        "kind": "enum",
        "key": "enum:create_refund:reason",
        "tool": "create_refund",
        "parameter": "reason",
        "values": ["damaged", "late"],
    }
    book = Playbook((Bullet("pitfalls-001", "pitfalls", "Set it to one of two.", rule=rule),))
    own = task({"tool": "create_refund", "arguments": {"order_id": "ORD-1"}})
    assert solve(own).steps[0].arguments["reason"] not in rule["values"]
    assert solve(own, book).steps[0].arguments["reason"] in rule["values"]
    # What the task says is tried before it is replaced by something else.
    assert solve(REFUND, book).steps[0].arguments["reason"] == "Broken"


def test_it_answers_with_what_was_asked_for_and_not_what_was_looked_up_on_the_way() -> None:
    given = task({"tool": "get_order", "arguments": {"order_id": "ORD-4"}})
    steps = [
        Step(number, "get_order", {"order_id": order}, f'{{"order_id": "{order}", "total": 7}}')
        for number, order in enumerate(("ORD-4", "ORD-1"), start=1)
    ]
    assert "order ID ORD-4" in answer(given, steps)


def test_it_counts_no_page_without_a_record() -> None:
    given = task({"tool": "list_refunds", "arguments": {}, "all_pages": True})
    empty = '{"refunds": [], "total": 0, "next_cursor": null}'
    steps = [Step(number, "list_refunds", {}, empty) for number in (1, 2)]
    assert answer(given, steps) == "`list_refunds` lists 0 records on 2 pages."


def test_it_counts_things_and_not_what_they_hold() -> None:
    given = task({"tool": "list_beds", "arguments": {}, "all_pages": True})
    pages = (
        '{"beds": [{"ref": "b1", "features": ["monitor", "hoist"]}, {"ref": "b2"}], "total": 3}',
        '{"beds": [{"ref": "b3", "features": ["monitor"]}], "total": 3}',
    )
    steps = [Step(number, "list_beds", {}, page) for number, page in enumerate(pages, start=1)]
    assert answer(given, steps) == "`list_beds` lists 3 records on 2 pages: b1, b2, b3."
