"""The decisive step tested, and faults injected, over the real help desk sample."""

from __future__ import annotations

import json
from dataclasses import dataclass
from io import StringIO
from typing import Any
from uuid import UUID

import pytest
from django.core.management import CommandError, call_command

from practice.agents.ports import EnvironmentUnavailable
from practice.clients.mcp import McpEnvironment
from practice.domain.types import Observation, ToolSpec
from practice.models import Attempt
from practice.orchestrator import decisive, injection
from tests.factories import (
    AttemptFactory,
    RunFactory,
    StepFactory,
    TaskFactory,
    WorkspaceFactory,
)
from tests.practice.servers import helpdesk

pytestmark = pytest.mark.xdist_group("helpdesk")

RIGHT, WRONG = "TIC-00040", "TIC-99999"
TICKET = {"$from": "search_tickets", "$field": "ticket_id"}
AGENT = {"$from": "list_agents", "$field": "agent_id"}
GOAL = [
    {"tool": "list_agents", "arguments": {}},
    {"tool": "search_tickets", "arguments": {}},
    {"tool": "assign_ticket", "arguments": {"ticket_id": TICKET, "agent_id": AGENT}},
]


@dataclass(frozen=True)
class Recorded:
    """The sample server, its tools, and what it answers: each session costs a process."""

    world: McpEnvironment
    tools: tuple[ToolSpec, ...]
    seen: dict[str, Observation]


@pytest.fixture(scope="module")
def recorded() -> Recorded:
    world = McpEnvironment(helpdesk(), allowed_tools=None)
    with world.open() as session:
        seen = {tool: session.call(tool, {}) for tool in ("list_agents", "search_tickets")}
        for ticket in (WRONG, RIGHT):
            told = {"ticket_id": ticket, "agent_id": "AGT-01"}
            seen[ticket] = session.call("assign_ticket", told)
        return Recorded(world, tuple(session.tools()), seen)


@pytest.fixture
def desk_world(recorded: Recorded, monkeypatch: pytest.MonkeyPatch) -> Recorded:
    for module in (decisive, injection):
        monkeypatch.setattr(module, "world_of", lambda *_: recorded.world)
        monkeypatch.setattr(module, "tools_of", lambda *_: recorded.tools)
    return recorded


@pytest.fixture
def task(workspace: Any) -> Any:
    return TaskFactory(
        round__run__workspace=workspace,
        round__run__environment__workspace=workspace,
        instruction="List the people who work on tickets, search tickets, assign the first.",
        kind="action",
        intended_tools=["list_agents", "search_tickets", "assign_ticket"],
        goal={"calls": GOAL},
    )


def attempt(known: Recorded, task: Any, number: int, *, ticket: str, label: str) -> Attempt:
    """What an agent did, with the answers the server really gave."""
    made: Attempt = AttemptFactory(
        task=task, number=number, label=label, answer=f"{ticket} was assigned to AGT-01."
    )
    calls: list[tuple[str, str, dict[str, Any]]] = [
        ("list_agents", "list_agents", {}),
        ("search_tickets", "search_tickets", {}),
        ("assign_ticket", ticket, {"ticket_id": ticket, "agent_id": "AGT-01"}),
    ]
    for place, (tool, key, arguments) in enumerate(calls, start=1):
        seen = known.seen[key]
        StepFactory(
            attempt=made, number=place, tool=tool, arguments=arguments,
            observation=seen.text, is_error=seen.is_error,
        )  # fmt: skip
    return made


def test_the_step_with_the_wrong_ticket_is_confirmed_by_running_again_from_it(
    desk_world: Recorded, task: Any
) -> None:
    attempt(desk_world, task, 1, ticket=RIGHT, label="success")
    failed = attempt(desk_world, task, 2, ticket=WRONG, label="failure")
    told = decisive.tested(failed, 3)
    assert (told["verdict"], told["corrected"], told["control"]) == (
        "confirmed", "success", "infeasible",
    )  # fmt: skip
    assert (told["was"]["ticket_id"], told["right"]["ticket_id"]) == (WRONG, RIGHT)
    assert decisive.tested(failed, 1)["verdict"] == "untested"


def test_faults_are_injected_and_the_faulty_step_is_looked_for(
    desk_world: Recorded, task: Any
) -> None:
    for number in (1, 2):  # alike, so that the second would say nothing new
        attempt(desk_world, task, number, ticket=RIGHT, label="success")
    out, told = StringIO(), StringIO()
    call_command(
        *("inject_faults", str(task.round.run.number), "--seed=1", "--faults=2"),
        stdout=out,
        stderr=told,
    )
    found = json.loads(out.getvalue())
    assert (found["injected"], found["lost"], len(found["trials"])) == (2, 0, 2)
    assert len(told.getvalue().splitlines()) == 2
    assert found["kept"] == sum(one["label"] != "success" for one in found["trials"]) > 0
    assert found["figures"]["cases"] == found["kept"]


def test_an_environment_that_is_away_is_said_after_a_few_tries(
    task: Any, recorded: Recorded, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Away:
        opened = 0

        def open(self) -> Any:
            self.opened += 1
            raise EnvironmentUnavailable("it did not start in time")

    attempt(recorded, task, 1, ticket=RIGHT, label="success")
    away = Away()
    monkeypatch.setattr(injection, "world_of", lambda *_: away)
    monkeypatch.setattr(injection, "tools_of", lambda *_: ())
    with pytest.raises(CommandError, match="could not be used: it did not start in time"):
        call_command("inject_faults", str(task.round.run.pk), stderr=StringIO())
    assert away.opened == 6


@pytest.mark.django_db
def test_a_run_that_is_not_there_is_said() -> None:
    for name in (str(UUID(int=0)), "4711", "seven"):
        with pytest.raises(CommandError, match=f"There is no run {name}"):
            call_command("inject_faults", name)


@pytest.mark.django_db
def test_a_number_that_several_workspaces_have_needs_one_named() -> None:
    for slug in ("one", "two"):
        RunFactory(workspace=WorkspaceFactory(slug=slug), number=3)
    with pytest.raises(CommandError, match="Several workspaces have a run 3: name one by"):
        call_command("inject_faults", "3")
    with pytest.raises(CommandError, match="There is no run 3"):
        call_command("inject_faults", "3", "--workspace=three")
