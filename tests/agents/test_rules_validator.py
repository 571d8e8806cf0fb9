from __future__ import annotations

import pytest

from practice.agents.rules.validator import RulesValidator
from practice.domain.types import Label, Outcome, Step, TaskSpec, Trajectory, Verdict
from practice.domain.validation import label
from tests.agents.rules_shop import TOOLS
from tests.agents.test_rules_solver import REFUND, solve, task


def judge(given: TaskSpec, trajectory: Trajectory) -> Verdict:
    return RulesValidator().validate(given, trajectory, TOOLS)


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
