"""Attempts of other people's agents: what their wording, their calls and their sender tell."""

from __future__ import annotations

from typing import Any

import pytest

from practice.agents.rules.lessons import lessons
from practice.agents.rules.validator import RulesValidator
from practice.domain.types import Label, Step, TaskSpec, Trajectory, Verdict
from practice.domain.validation import label
from tests.agents.rules_shop import READ, TOOLS, tool

ORDER = {"order_id": "ORD-2"}
REFUND = {**ORDER, "reason": "Broken."}
NAMED = "customer_not_verified: Call verify_customer with the order first."
CODED = '{"error": {"code": "customer_not_verified"}}'
SHOP = (*TOOLS, tool("list_refunds", "List the refunds.", READ))


def call(number: int, name: str, arguments: dict[str, Any], seen: str = "{}", **more: Any) -> Step:
    return Step(number, name, arguments, seen, **more)


def sent(
    *steps: Step, text: str = "Refund order ORD-2.", outcome: str = ""
) -> tuple[TaskSpec, Trajectory]:
    """A task as it comes in, and the calls made for it."""
    called = tuple(dict.fromkeys(s.tool for s in steps))
    goal = {"sent": True, "outcome": outcome}
    task = TaskSpec(instruction=text, intended_tools=called, goal=goal)
    answer = "I could not." if outcome == "failure" else "It is done."
    return task, Trajectory(steps, answer)


def judge(*steps: Step, **more: Any) -> Verdict:
    task, attempt = sent(*steps, **more)
    return RulesValidator().validate(task, attempt, SHOP)


@pytest.mark.parametrize("error", [NAMED, CODED, "The order is closed.", "Something broke."])
def test_it_does_not_call_a_task_hopeless_because_its_agent_gave_up(error: str) -> None:
    refused = call(1, "create_refund", REFUND, error, is_error=True)
    for outcome in ("failure", ""):
        assert label(judge(refused, outcome=outcome)) is Label.FAILURE


def test_it_learns_from_an_error_that_names_what_comes_first() -> None:
    task, attempt = sent(call(1, "create_refund", REFUND, NAMED, is_error=True))
    (lesson,) = lessons(task, attempt, SHOP)
    assert (lesson["kind"], lesson["needs"], lesson["tools"], lesson["steps"]) == (
        "prerequisite",
        "verify_customer",
        ["create_refund"],
        [1],
    )


def test_it_proves_nothing_by_the_tools_an_agent_happened_to_call() -> None:
    verdict = judge(call(1, "verify_customer", ORDER))
    assert label(verdict) is Label.FAILURE
    assert verdict.completion_reason == "The task asks for create_refund, which was never called."


@pytest.mark.parametrize(
    "text",
    [
        "My refund of order ORD-2 has not come.",
        "Order ORD-2 has not come.",
        "You refunded order ORD-2 twice.",
        "How do I refund order ORD-2?",
        "Do not refund order ORD-2, tell me where it is.",
        "Refund policy for orders such as ORD-2?",
    ],
)
def test_it_takes_nothing_that_is_only_spoken_of_for_a_request(text: str) -> None:
    read = call(1, "get_order", ORDER, '{"order_id": "ORD-2", "status": "shipped"}')
    verdict = judge(read, text=text, outcome="success")
    assert label(verdict) is Label.SUCCESS, verdict.completion_reason


def test_it_never_makes_a_success_of_what_its_sender_calls_a_failure() -> None:
    done = [call(1, "verify_customer", ORDER), call(2, "create_refund", REFUND)]
    agreed = judge(*done, outcome="success")
    assert label(agreed) is Label.SUCCESS
    verdict = judge(*done, outcome="failure")
    assert label(verdict) is Label.FAILURE
    assert verdict.completion_reason == "The sender says that it failed."
    assert verdict.confidence < agreed.confidence


def test_it_is_less_sure_of_a_failure_that_its_sender_calls_a_success() -> None:
    verified = call(1, "verify_customer", ORDER)
    assert label(judge(verified, outcome="success")) is Label.FAILURE
    assert judge(verified, outcome="success").confidence < judge(verified).confidence


@pytest.mark.parametrize(
    "step",
    [
        call(1, "pay_back", ORDER),
        call(1, "get_order", ORDER, "Order ORD-2 not found.", is_error=True),
        call(1, "get_order", ORDER, "You are not logged in.", is_error=True),
        call(1, "create_refund", REFUND, "Refunds are not supported.", is_error=True),
    ],
    ids=["another world's tool", "nothing there", "nowhere to sign in", "not supported"],
)
def test_it_calls_infeasible_what_no_tool_here_could_have_done(step: Step) -> None:
    assert label(judge(step)) is Label.INFEASIBLE


def test_it_holds_a_tool_the_agent_made_up_against_the_agent_alone() -> None:
    made_up = call(1, "refund", ORDER, "Unknown tool: refund", is_error=True)
    assert label(judge(made_up)) is Label.FAILURE
