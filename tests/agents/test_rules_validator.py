from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from practice.agents.rules.validator import RulesValidator
from practice.domain.types import Label, Outcome, Step, TaskSpec, ToolSpec, Trajectory, Verdict
from practice.domain.validation import label
from tests.agents.rules_shop import REFUND, TOOLS, solve, task


def judge(given: TaskSpec, trajectory: Trajectory, *rules: dict[str, Any]) -> Verdict:
    return RulesValidator().validate(given, trajectory, TOOLS, rules=rules)


def failed_checks(verdict: Verdict) -> set[str]:
    return {check.name for check in verdict.checks if not check.passed}


def test_it_calls_a_recovered_attempt_a_success() -> None:
    verdict = judge(REFUND, solve(REFUND))
    assert (verdict.feasibility, verdict.completion) == (5, 5)
    assert failed_checks(verdict) == set()


def test_it_calls_a_task_about_something_unknown_infeasible() -> None:
    given = task({"tool": "get_order", "arguments": {"order_id": "ORD-99"}}, text="Show ORD-99.")
    verdict = judge(given, solve(given))
    assert label(verdict) is Label.INFEASIBLE
    assert "ORD-99" in verdict.feasibility_reason


def test_it_calls_a_refused_task_infeasible() -> None:
    given = task(
        {"tool": "set_status", "arguments": {"order_id": "ORD-2", "status": "open"}},
        text="Set ORD-2 to open.",
    )
    assert label(judge(given, solve(given))) is Label.INFEASIBLE


def test_it_accepts_a_refusal_that_the_task_asked_to_hear_about() -> None:
    given = task(
        {"tool": "set_status", "arguments": {"order_id": "ORD-2", "status": "open"}},
        text="Set ORD-2 to open, or tell me why not.",
        report_refusal=True,
    )
    assert label(judge(given, solve(given))) is Label.SUCCESS


def test_it_calls_a_task_on_a_tool_that_is_not_there_infeasible() -> None:
    given = task({"tool": "fly", "arguments": {}})
    assert label(judge(given, solve(given))) is Label.INFEASIBLE


def test_it_fails_an_attempt_that_ran_out_of_steps() -> None:
    step = Step(1, "list_orders", {}, "{}")
    verdict = judge(REFUND, Trajectory((step,), "", Outcome.STEP_LIMIT))
    assert label(verdict) is Label.FAILURE


@pytest.mark.parametrize(
    ("step", "answer", "check"),
    [
        (
            Step(1, "get_order", {"order_id": "ORD-7"}, '{"order_id": "ORD-7"}'),
            "Done",
            "arguments_grounded",
        ),
        (Step(1, "get_order", {"order_id": 7}, "{}"), "Done", "schema_valid"),
        (Step(1, "get_order", {"order_id": "ORD-1"}, "{}"), "It is ORD-4", "answer_grounded"),
        (Step(1, "get_order", {"order_id": "ORD-1"}, "{}"), "Done", "state_changed"),
        (
            Step(1, "get_order", {"order_id": "ORD-1"}, "boom", is_error=True),
            "Done",
            "errors_recovered",
        ),
        (Step(1, "fly", {}, "{}"), "Done", "tools_exist"),
    ],
)
def test_it_names_what_is_wrong_and_where(step: Step, answer: str, check: str) -> None:
    given = task({"tool": "get_order", "arguments": {}}, text="Change ORD-1.")
    verdict = judge(given, Trajectory((step,), answer))
    found = next(c for c in verdict.checks if c.name == check)
    assert not found.passed
    assert label(verdict) is not Label.SUCCESS or check in ("schema_valid", "tools_exist")


def test_it_is_less_sure_of_a_task_without_a_goal() -> None:
    given = TaskSpec("Show me order ORD-3.", "query", ("get_order",))
    assert judge(given, solve(given)).confidence < judge(REFUND, solve(REFUND)).confidence


LOOK = Step(1, "get_order", {"order_id": "ORD-1"}, '{"order_id": "ORD-1", "total": 10}')
OPEN: dict[str, Any] = {"tool": "set_status", "arguments": {"order_id": "ORD-1", "status": "open"}}
REFUND_1: dict[str, Any] = {
    "tool": "create_refund",
    "arguments": {"order_id": "ORD-1", "reason": "Broken"},
}
TEXT = "Show ORD-1, set it to open and refund it because it is Broken."


def calls(*made: tuple[str, dict[str, Any]]) -> Trajectory:
    """Working calls, one after another, that return their own arguments."""
    steps = tuple(
        Step(n, tool, arguments, json.dumps(arguments))
        for n, (tool, arguments) in enumerate(made, start=1)
    )
    return Trajectory(steps, "Done.")


def made(call: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    return call["tool"], call["arguments"]


def test_it_takes_a_goal_call_with_another_value_for_another_call() -> None:
    wrong = {**OPEN["arguments"], "status": "packed"}
    verdict = judge(task(OPEN, text=TEXT), calls(("set_status", wrong)))
    assert label(verdict) is Label.FAILURE
    assert "status of set_status (step 1)" in verdict.completion_reason


@pytest.mark.parametrize("written", ["ord-1", "ORD 1", "ORD-1 "])
def test_it_takes_the_same_value_in_another_spelling(written: str) -> None:
    given = task({"tool": "get_order", "arguments": {"order_id": written}}, text=f"Show {written}.")
    verdict = judge(replace(given, kind="query"), Trajectory((LOOK,), "It costs 10."))
    assert label(verdict) is Label.SUCCESS


def test_it_counts_a_call_that_was_asked_for_twice_twice() -> None:
    given = task(OPEN, OPEN, text=TEXT)
    assert label(judge(given, calls(made(OPEN)))) is Label.FAILURE
    assert label(judge(given, calls(made(OPEN), made(OPEN)))) is Label.SUCCESS


def test_it_wants_changes_in_the_order_of_the_goal() -> None:
    given = task(OPEN, REFUND_1, text=TEXT)
    assert label(judge(given, calls(made(OPEN), made(REFUND_1)))) is Label.SUCCESS
    verdict = judge(given, calls(made(REFUND_1), made(OPEN)))
    assert failed_checks(verdict) == {"order_kept"}
    assert label(verdict) is Label.FAILURE


def test_it_lets_look_ups_come_in_any_order() -> None:
    one: dict[str, Any] = {"tool": "get_order", "arguments": {"order_id": "ORD-1"}}
    two: dict[str, Any] = {"tool": "get_order", "arguments": {"order_id": "ORD-2"}}
    given = replace(task(one, two, text="Show ORD-1 and ORD-2."), kind="query")
    assert label(judge(given, calls(made(two), made(one)))) is Label.SUCCESS


def test_it_fails_a_change_that_nobody_asked_for() -> None:
    stray = ("set_status", {"order_id": "ORD-1", "status": "open"})
    verdict = judge(task(REFUND_1, text=TEXT), calls(made(REFUND_1), stray))
    assert failed_checks(verdict) == {"nothing_unasked"}
    assert label(verdict) is Label.FAILURE


CLOSE = ToolSpec("close_drawer", "Close the till drawer.", {"type": "object", "properties": {}}, {})
ASKS_FOR_IT = {"kind": "prerequisite", "needs": "close_drawer", "tools": ["create_refund"]}


@pytest.mark.parametrize("given", [task(REFUND_1, text=TEXT), TaskSpec("Refund ORD-1: Broken.")])
def test_it_counts_what_the_memory_asks_for_as_asked(given: TaskSpec) -> None:
    prepared = calls(("close_drawer", {}), made(REFUND_1))
    told = RulesValidator().validate(given, prepared, (*TOOLS, CLOSE), (ASKS_FOR_IT,))
    untold = RulesValidator().validate(given, prepared, (*TOOLS, CLOSE))
    assert "nothing_unasked" in failed_checks(untold)
    assert "nothing_unasked" not in failed_checks(told)
    assert label(told) is Label.SUCCESS


def test_it_asks_the_memory_only_for_what_follows() -> None:
    late = calls(made(REFUND_1), ("close_drawer", {}))
    told = RulesValidator().validate(
        task(REFUND_1, text=TEXT), late, (*TOOLS, CLOSE), (ASKS_FOR_IT,)
    )
    assert "nothing_unasked" in failed_checks(told)


def test_it_accepts_a_preparation_that_an_error_asked_for() -> None:
    verdict = judge(REFUND, solve(REFUND))
    assert not {"nothing_unasked", "preparation_explained"} & failed_checks(verdict)


def test_it_accepts_a_preparation_for_the_same_thing_and_says_so() -> None:
    first = ("verify_customer", {"order_id": "ORD-1"})
    verdict = judge(task(REFUND_1, text=TEXT), calls(first, made(REFUND_1)))
    assert failed_checks(verdict) == {"preparation_explained"}
    assert verdict.completion == 4
    assert verdict.confidence < 1
    other = ("verify_customer", {"order_id": "ORD-2"})
    assert label(judge(task(REFUND_1, text=TEXT), calls(other, made(REFUND_1)))) is Label.FAILURE


def test_it_accepts_what_the_environment_takes_where_it_refused_what_was_asked() -> None:
    loose = {**OPEN, "arguments": {"order_id": "ORD-1", "status": "reopened"}}
    given = task(loose, text="Set ORD-1 to reopened.")
    refused = Step(
        1,
        "set_status",
        loose["arguments"],
        "BAD_STATUS: status must be one of: open, packed, shipped.",
        is_error=True,
    )
    taken = Step(2, "set_status", OPEN["arguments"], "{}")
    verdict = judge(given, Trajectory((refused, taken), "Done."))
    assert failed_checks(verdict) == {"values_kept"}
    assert (label(verdict), verdict.completion) == (Label.SUCCESS, 4)
    at_once = Trajectory((replace(taken, number=1),), "Done.")
    assert label(judge(given, at_once)) is Label.FAILURE
    # A lesson learned from that error is worth as much as the error.
    values = ["open", "packed", "shipped"]
    rule = {"kind": "enum", "tool": "set_status", "parameter": "status", "values": values}
    verdict = judge(given, at_once, rule)
    assert failed_checks(verdict) == {"values_kept"}
    assert label(verdict) is Label.SUCCESS
    another = replace(taken, number=1, arguments={"order_id": "ORD-1", "status": "shipped"})
    assert label(judge(given, Trajectory((another,), "Done."), rule)) is Label.FAILURE


def test_it_accepts_what_prepares_a_preparation() -> None:
    tools = (
        *TOOLS,
        ToolSpec("open_case", "Open a case for an order."),
        ToolSpec("approve_case", "Approve a case of an order."),
    )
    steps = (
        Step(1, "create_refund", REFUND_1["arguments"], "Use approve_case first.", is_error=True),
        Step(2, "open_case", {}, '{"case_id": "CAS-77"}'),
        Step(3, "approve_case", {"case_id": "CAS-77"}, '{"approved": true}'),
        Step(4, "create_refund", REFUND_1["arguments"], "{}"),
    )
    given = task(REFUND_1, text=TEXT)
    verdict = RulesValidator().validate(given, Trajectory(steps, "Done."), tools)
    assert failed_checks(verdict) == set()


def test_it_follows_a_reference_to_the_record_it_describes() -> None:
    wanted = {"$from": "list_orders", "$field": "order_id", "$where": {"status": "packed"}}
    given = task({"tool": "get_order", "arguments": {"order_id": wanted}}, text="Show the packed.")
    rows = json.dumps(
        {
            "orders": [
                {"order_id": "ORD-1", "status": "packed"},
                {"order_id": "ORD-2", "status": "x"},
            ]
        }
    )
    for order, expected in (("ORD-1", Label.SUCCESS), ("ORD-2", Label.FAILURE)):
        steps = (Step(1, "list_orders", {}, rows), Step(2, "get_order", {"order_id": order}, "{}"))
        assert label(judge(replace(given, kind="query"), Trajectory(steps, "Done."))) is expected


def test_it_fails_a_listing_whose_pages_were_left_unread() -> None:
    given = task({"tool": "list_orders", "arguments": {}, "all_pages": True}, text="List all.")
    step = Step(1, "list_orders", {}, '{"orders": [{"order_id": "ORD-1"}], "next_cursor": "2"}')
    verdict = judge(replace(given, kind="query"), Trajectory((step,), "One order."))
    assert failed_checks(verdict) == {"pages_followed"}


def test_it_does_not_take_a_change_that_returns_nothing_for_an_empty_look_up() -> None:
    note = ToolSpec(
        "echo",
        "Write text to a file or display it.",
        {"type": "object", "properties": {"file": {"type": "string"}, "text": {"type": "string"}}},
    )
    call: dict[str, Any] = {"tool": "echo", "arguments": {"file": "a.txt", "text": "hello"}}
    given = task(call, text='Write "hello" into a.txt.')
    trajectory = Trajectory((Step(1, "echo", call["arguments"], "null"),), "Done.")
    assert label(RulesValidator().validate(given, trajectory, (note,))) is Label.SUCCESS


LINES = TaskSpec("Get order ORD-1.\nVerify the customer of order ORD-1.\nRefund order ORD-2.")
VERIFY: tuple[str, dict[str, Any]] = ("verify_customer", {"order_id": "ORD-1"})


def test_it_admits_a_text_whose_requests_are_all_taken_up() -> None:
    verdict = judge(
        LINES,
        calls(
            made({"tool": "get_order", "arguments": {"order_id": "ORD-1"}}),
            VERIFY,
            ("create_refund", {"order_id": "ORD-2", "reason": "refund"}),
        ),
    )
    assert failed_checks(verdict) == set()
    assert (label(verdict), verdict.confidence) == (Label.SUCCESS, 0.5)


def test_it_sees_that_calls_end_before_the_last_request() -> None:
    verdict = judge(
        LINES, calls(made({"tool": "get_order", "arguments": {"order_id": "ORD-1"}}), VERIFY)
    )
    assert {"ended_at_the_end", "values_used"} <= failed_checks(verdict)
    assert label(verdict) is Label.FAILURE


def test_it_sees_a_request_that_was_passed_over() -> None:
    refund = ("create_refund", {"order_id": "ORD-2", "reason": "refund"})
    verdict = judge(
        LINES, calls(made({"tool": "get_order", "arguments": {"order_id": "ORD-1"}}), refund)
    )
    assert "requests_covered" in failed_checks(verdict)
    assert "Verify the customer" in next(
        c.detail for c in verdict.checks if c.name == "requests_covered"
    )


def test_it_names_calls_that_go_round_in_circles() -> None:
    verdict = judge(LINES, calls(*[VERIFY] * 3))
    loops = next(c for c in verdict.checks if c.name == "no_loops")
    assert (loops.passed, loops.steps) == (False, (1, 2, 3))


def test_it_judges_the_same_attempt_the_same_way_every_time() -> None:
    given = task(OPEN, REFUND_1, text=TEXT)
    attempt = calls(made(REFUND_1), made(OPEN))
    assert judge(given, attempt) == judge(given, attempt)


def test_an_identifier_in_a_listing_alone_is_not_acted_on() -> None:
    everything = Step(1, "list_orders", {}, json.dumps([{"order_id": f"ORD-{n}"} for n in (1, 3)]))
    wrong = Step(2, "get_order", {"order_id": "ORD-1"}, '{"order_id": "ORD-1", "total": 10}')
    right = replace(wrong, arguments={"order_id": "ORD-3"}, observation='{"total": 30}')
    given = TaskSpec("Show me order ORD-3.", kind="query")
    taken = {
        step.arguments["order_id"]: judge(given, Trajectory((everything, step), "Done."))
        for step in (wrong, right)
    }
    assert "values_used" in failed_checks(taken["ORD-1"])
    assert "values_used" not in failed_checks(taken["ORD-3"])


def test_it_lets_an_answer_count_what_there_is_to_count() -> None:
    rows = [{"order_id": f"ORD-{n}", "total": 7, "note": "n"} for n in range(100)]
    listed = Step(1, "list_orders", {}, json.dumps(rows))
    given = TaskSpec("List all orders.", kind="query")
    told = judge(given, Trajectory((listed,), "There are 294 more values."))
    assert "answer_grounded" not in failed_checks(told)
    made_up = judge(given, Trajectory((listed,), "There are 99999 more values."))
    assert "answer_grounded" in failed_checks(made_up)
