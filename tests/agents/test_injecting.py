"""Faults injected into what succeeded: each is one step, and only what is rejected is a label."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest

from practice.agents.injecting import trials
from practice.agents.ports import EnvironmentUnavailable
from practice.domain.injection import LEFT_OUT, WRONG_VALUE, faults
from practice.domain.types import Label, Observation, Step, TaskSpec, Trajectory, Verdict

WON = Trajectory(
    steps=(
        Step(1, "get_order", {"id": "ORD-17"}, '{"price": 40}'),
        Step(2, "create_refund", {"order": "ORD-17", "amount": 40}, '{"refunded": 40}'),
    ),
    answer="Order ORD-17 was refunded with 40.",
)
TASK = TaskSpec("Refund order ORD-17 in full.", "action", ("get_order", "create_refund"), (), "")


class Shop:
    """Knows one order of 40 and refuses to refund more."""

    opened = 0

    @contextmanager
    def open(self) -> Iterator[Shop]:
        self.opened += 1
        yield self

    def tools(self) -> tuple[Any, ...]:
        return ()

    def call(self, tool: str, arguments: Mapping[str, Any]) -> Observation:
        if arguments.get("id", arguments.get("order")) != "ORD-17":
            return Observation("NO_SUCH_ORDER", is_error=True)
        if arguments.get("amount", 0) > 40:
            return Observation("AMOUNT_TOO_HIGH", is_error=True)
        return Observation('{"price": 40}')


class Judge:
    """Accepts what ended without an error."""

    def validate(self, task: Any, trajectory: Trajectory, tools: Any, rules: Any = ()) -> Verdict:
        done = not trajectory.steps[-1].is_error
        return Verdict(5, "Every tool exists.", 5 if done else 2, "Seen.")


def test_each_fault_is_one_step_and_is_carried_on_by_those_that_reuse_its_value() -> None:
    found = {fault.what: fault for fault in faults(WON, seed=1)}
    assert set(found) == {
        "get_order: id is ORD-18, not ORD-17",
        "create_refund: order is ORD-18, not ORD-17",
        "create_refund: amount is 401, not 40",
        "get_order was left out",
    }
    carried = found["get_order: id is ORD-18, not ORD-17"]
    assert carried.number == 1
    assert [dict(step.arguments) for step in carried.steps] == [
        {"id": "ORD-18"},
        {"order": "ORD-18", "amount": 40},
    ]
    assert carried.answer == "Order ORD-18 was refunded with 40."
    assert found["get_order was left out"].kind == LEFT_OUT
    assert [step.number for step in found["get_order was left out"].steps] == [1]


def test_the_same_seed_injects_the_same_faults() -> None:
    assert faults(WON, seed=3) == faults(WON, seed=3)


def test_only_what_is_rejected_now_is_kept_and_the_faulty_step_is_looked_for() -> None:
    shop = Shop()
    found = list(trials(TASK, WON, world=shop, validator=Judge(), tools=(), seed=1, limit=9))
    assert shop.opened == len(found) == 4
    kept = {trial.fault.what for trial in found if trial.is_kept}
    assert "get_order was left out" not in kept
    assert len(kept) == 3
    assert all(trial.rank in {1, 2} for trial in found if trial.is_kept)
    assert {trial.fault.kind for trial in found if trial.is_kept} == {WRONG_VALUE}


def test_it_makes_no_more_trials_than_it_may() -> None:
    made = trials(TASK, WON, world=Shop(), validator=Judge(), tools=(), seed=1, limit=2)
    assert len(list(made)) == 2


def test_a_world_that_is_away_once_is_tried_again_and_a_trial_it_misses_costs_no_other() -> None:
    class Busy(Shop):
        """Opens on the second try for the first fault, never for the second."""

        @contextmanager
        def open(self) -> Iterator[Shop]:
            self.opened += 1
            if self.opened in {1, 3, 4}:
                raise EnvironmentUnavailable("it did not start in time")
            yield self

    busy = Busy()
    found = list(trials(TASK, WON, world=busy, validator=Judge(), tools=(), seed=1, limit=3))
    assert [bool(trial.label) for trial in found] == [True, False, True]
    assert (found[1].is_kept, found[1].lost) == (False, "it did not start in time")


@pytest.mark.parametrize("value", [True, None, ["a"], {"a": 1}, "no digit in it"])
def test_values_that_cannot_be_wrong_in_a_plain_way_are_left_alone(value: Any) -> None:
    won = Trajectory(steps=(Step(1, "go", {"x": value}, "ok"),), answer="done")
    assert faults(won, seed=1) == ()


def test_a_label_is_not_kept_when_the_fault_changed_nothing() -> None:
    (only,) = [
        trial
        for trial in trials(TASK, WON, world=Shop(), validator=Judge(), tools=(), seed=1)
        if trial.label is Label.SUCCESS
    ]
    assert not only.is_kept
