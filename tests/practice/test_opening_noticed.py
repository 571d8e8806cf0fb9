"""What an attempt reads before it changes anything shows whether attempts begin alike."""

from __future__ import annotations

from typing import Any

import pytest

from practice.domain.types import Step, Trajectory
from practice.orchestrator.resets import noticed
from tests.factories import (
    AttemptFactory,
    EnvironmentFactory,
    RoundFactory,
    RunFactory,
    StepFactory,
    TaskFactory,
    ToolFactory,
)

pytestmark = pytest.mark.django_db
Calls = tuple[tuple[str, str], ...]
HELD = (("get_order", "3 parcels"), ("get_stock", "5 left"))


@pytest.fixture
def run(workspace: Any) -> Any:
    environment = EnvironmentFactory(workspace=workspace, transport="stdio")
    for name in ("get_order", "get_stock"):
        ToolFactory(environment=environment, name=name)
    ToolFactory(environment=environment, name="take_one", annotations={"readOnlyHint": False})
    return RunFactory(workspace=workspace, environment=environment)


def seen(run: Any, calls: Calls) -> dict[str, Any] | None:
    """What is noticed of an attempt that made these calls and got these answers; it is kept."""
    attempt = AttemptFactory(task=TaskFactory(round=RoundFactory(run=run)))
    steps = tuple(
        Step(number=n, tool=tool, arguments={}, observation=said)
        for n, (tool, said) in enumerate(calls, start=1)
    )
    found = noticed(run, attempt, Trajectory(steps, ""))
    for step in steps:
        StepFactory(
            attempt=attempt,
            number=step.number,
            tool=step.tool,
            arguments={},
            observation=step.observation,
        )
    return found


def test_it_compares_every_look_before_the_first_change(run: Any) -> None:
    assert seen(run, HELD) is None
    assert seen(run, HELD[::-1]) is None
    found = seen(run, (("get_order", "3 parcels"), ("get_stock", "4 left")))
    assert found is not None
    assert (found["tool"], found["first"], found["second"]) == ("get_stock", "5 left", "4 left")


def test_what_an_attempt_changed_itself_says_nothing(run: Any) -> None:
    assert seen(run, HELD) is None
    assert seen(run, (("take_one", "ok"), ("get_stock", "4 left"))) is None
    assert seen(run, (("get_stock", "5 left"),)) is None


def test_it_asks_the_database_as_often_for_a_longer_run(
    run: Any, django_assert_max_num_queries: Any
) -> None:
    for _ in range(4):
        seen(run, HELD)
    attempt = AttemptFactory(task=TaskFactory(round=RoundFactory(run=run)))
    steps = (Step(number=1, tool="get_order", arguments={}, observation="3 parcels"),)
    with django_assert_max_num_queries(2):
        assert noticed(run, attempt, Trajectory(steps, "")) is None
