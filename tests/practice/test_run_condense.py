"""Long answers in a run: summed up where the run asks for it, cut as in the paper where not."""

from __future__ import annotations

from typing import Any

import pytest

from memoryapp.domain.playbook import Playbook
from practice.agents.ports import SolverLimits
from practice.clients.mcp import McpEnvironment
from practice.domain.cutting import whole
from practice.domain.types import OBSERVATION_CAP, WHOLE_CAP, TaskSpec
from practice.models import Unit
from practice.orchestrator.engines import engine_of
from tests.factories import RunFactory
from tests.fakes import Answer, Asked, call, text, typed
from tests.practice.models import served
from tests.practice.servers import raw


def test_it_hands_over_the_whole_of_what_it_cut() -> None:
    with McpEnvironment(raw("five_megabytes")).open() as session:
        seen = session.call("work", {})

    assert len(seen.text) <= OBSERVATION_CAP
    assert len(seen.whole) == WHOLE_CAP
    assert seen.whole.startswith(seen.text[:1_000])


def test_it_hands_over_nothing_twice_and_no_secret() -> None:
    assert whole("x" * OBSERVATION_CAP) == ""
    told = whole("x" * 50_000 + " password=hunter2!x " + "y" * 50_000)
    assert "hunter2" not in told
    assert told.endswith("y")


def script(asked: Asked) -> Answer:
    if asked.role == "condenser":
        return typed(summary="Nothing but filler.")
    return text("Done.") if asked.tool_results else call("work", {})


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("plan", "summed_up"),
    [
        ({"condense": True}, True),
        ({"condense": False}, False),
        ({"condense": True, "faithful": True}, False),
    ],
)
def test_it_sums_up_where_the_plan_asks_for_it(
    workspace: Any, settings: Any, plan: dict[str, bool], summed_up: bool
) -> None:
    run = RunFactory(workspace=workspace, engine="model")
    run.plan |= plan
    run.save()
    unit = Unit.objects.create(run=run, stage="propose", round=1)
    with served(settings, script), McpEnvironment(raw("five_megabytes")).open() as session:
        solver = engine_of(unit).solver
        done = solver.solve(TaskSpec("Work."), Playbook(), session, SolverLimits())

    seen = done.steps[0].observation
    assert len(seen) <= OBSERVATION_CAP
    assert ("Nothing but filler." in seen) == summed_up
    assert unit.calls.filter(role="condenser").exists() == summed_up
