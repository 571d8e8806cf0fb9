"""Which step of a failed trajectory decided the failure."""

from __future__ import annotations

import time

from practice.domain.decisive import as_analysis, put_first
from practice.domain.rootcause.trajectories import (
    _CODE,
    Action,
    actions_of,
    analyse_trajectory,
)
from practice.domain.rootcause.types import Alert, Verdict
from practice.domain.types import Step, Trajectory

BRIEF = "Count the paid orders of customer Meyer in the attached sheet and report the number."


def test_the_first_action_that_the_claim_descends_from_decides() -> None:
    found = analyse_trajectory(
        [
            Action(0, "manager", BRIEF),
            Action(1, "coder", "```python\nrows = load('orders.xlsx'); print(len(rows))\n``` " * 2),
            Action(2, "terminal", "exitcode: 0 (execution succeeded) Code output: 4711 rows",
                   observation=True),
            Action(3, "writer", "The sheet holds 4711 rows, so Meyer paid 4711 orders in all."),
        ],
        task=BRIEF,
    )  # fmt: skip
    assert (found.causes[0].index, found.causes[0].actor) == (1, "coder")
    assert found.visits[0].node == "step:3"
    assert found.visits[0].verdict is Verdict.INHERITED
    assert (2, 3) in found.flow


def test_that_a_step_acts_is_no_fault_of_it() -> None:
    steps = (
        Step(1, "find_customer", {"name": "Meyer"}, '{"id": "c-118", "orders": ["o-204"]}'),
        Step(2, "get_order", {"order": "o-777"}, '{"id": "o-777", "total": "31.50 euros"}'),
        Step(3, "cancel_order", {"order": "o-777", "amount": "31.50"}, '{"status": "cancelled"}'),
    )
    answer = "The order o-777 of Meyer over 31.50 euros is cancelled, as you have asked me to do."
    trajectory = Trajectory(steps=steps, answer=answer)
    found = analyse_trajectory(actions_of(trajectory), task="Cancel the last order of Meyer.")
    said = {visit.node: visit.verdict for visit in found.visits}
    assert (said["step:2"], said["step:3"]) == (Verdict.OWN, Verdict.INHERITED)
    assert said.get("step:1") in {None, Verdict.NORMAL, Verdict.OWN}
    own = {node for node, verdict in said.items() if verdict is Verdict.OWN}
    assert own <= {"step:2", f"step:{found.causes[0].index}"}


def test_a_value_from_nowhere_is_a_fault_of_its_own() -> None:
    trajectory = Trajectory(
        steps=(
            Step(1, "find_customer", {"name": "Meyer"}, '{"id": "c-118"}'),
            Step(2, "cancel_order", {"order": "o-999"}, '{"status": "cancelled"}'),
        ),
        answer="I cancelled the order o-999 of the customer Meyer as you asked me to do.",
    )
    found = analyse_trajectory(actions_of(trajectory), task="Cancel the last order of Meyer.")
    strengths = {cause.index: cause.strength for cause in found.causes}
    assert strengths[2] > strengths[1]
    assert any("o-999" in one.statement for one in found.evidence)


def test_a_number_is_the_same_however_it_is_written() -> None:
    steps = tuple(
        Step(n, "refund", {"order": "o-1", "amount": amount}, "too high", is_error=True)
        for n, amount in enumerate(("120.00", "453.50"), start=1)
    )
    trajectory = Trajectory(steps=steps, answer="The refund of order o-1 was not possible.")
    found = analyse_trajectory(actions_of(trajectory), task="Refund up to 120 for order o-1.")
    said = {cause.index: cause.statement for cause in found.causes}
    assert "nothing before it says" not in said[1]
    assert "nothing before it says: “453.50”" in said[2]


def test_a_number_that_ends_the_task_is_known() -> None:
    step = Step(
        1, "refund", {"order": "o-1", "amount": "120.00"}, "too high", thought="9 days left"
    )
    found = analyse_trajectory(
        actions_of(Trajectory(steps=(step,), answer="")), task="Refund o-1, at most 120"
    )
    assert "nothing before it says" not in found.causes[0].statement


def test_code_begins_at_a_line_of_its_own_and_not_at_the_blank_ones_before_it() -> None:
    """From each of many blank lines, all that follow would be searched."""
    found = _CODE.search("Look:\n\n \n  import csv")
    assert found is not None
    assert found.group() == "  import "


def test_a_long_trajectory_is_judged_in_little_time() -> None:
    steps = tuple(
        Step(n, "look", {"page": f"p-{n}"}, f"page {n} of the book leads to p-{n + 1} " * 9)
        for n in range(1_500)
    )
    began = time.process_time()
    found = analyse_trajectory(actions_of(Trajectory(steps=steps, answer="I read the book.")))
    assert time.process_time() - began < 15  # it was minutes when each step read all before it
    assert len(found.causes) == 1_501


def test_the_step_that_leads_is_given_the_greatest_chance() -> None:
    steps = (
        Step(1, "find", {"name": "Meyer"}, "no such name", is_error=True),
        Step(2, "refund", {"order": "o-999", "amount": "7"}, "not yours", is_error=True),
    )
    actions = actions_of(Trajectory(steps=steps, answer="I could not refund the order o-999."))
    found = as_analysis(
        analyse_trajectory(actions, task="Refund it."), actions, Alert(alert_id="a", at=0.0)
    )
    chances = [cause.score for cause in found.causes]
    assert chances == sorted(chances, reverse=True)
    assert len(set(chances)) > 1
    last = found.causes[-1]
    assert put_first(found, last.node).causes[0].score == chances[0]


def test_a_tool_that_admitted_attempts_never_use_counts_against_a_step() -> None:
    actions = [
        Action(1, "search", "orders of Meyer", output="o-1", calls=True),
        Action(2, "delete_all", "confirm", output="done", calls=True),
    ]
    found = analyse_trajectory(actions, usual=[["search", "cancel"], ["search"]])
    strengths = {cause.index: cause.strength for cause in found.causes}
    assert strengths[2] > strengths[1]


def test_a_call_made_again_that_brings_nothing_new_counts_against_its_step() -> None:
    steps = (
        Step(1, "list", {"page": 1, "of": "orders"}, "o-1, o-2"),
        Step(2, "list", {"of": "orders", "page": 1}, "o-1, o-2"),
        Step(3, "status", {"order": "o-1"}, "packed"),
        Step(4, "status", {"order": "o-1"}, "sent"),
        Step(5, "close", {"order": "o-1"}, ""),
        Step(6, "close", {"order": "o-1"}, ""),
    )
    found = analyse_trajectory(actions_of(Trajectory(steps=steps, answer="Done.")))
    said = {cause.index: cause.statement for cause in found.causes}
    assert [n for n, text in said.items() if "makes an earlier call again" in text] == [2]


def test_no_steps_have_no_cause() -> None:
    assert analyse_trajectory([]).causes == ()
