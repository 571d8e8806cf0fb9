"""Two tools that say they do the same: one stands in where the other fails, and only there."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import Any

from memoryapp.domain.playbook import Playbook
from practice.agents.ports import SolverLimits
from practice.agents.rules.bullets import content
from practice.agents.rules.lessons import lessons
from practice.agents.rules.proposer import RulesProposer
from practice.agents.rules.solver import RulesSolver
from practice.agents.rules.twins import twins
from practice.agents.rules.validator import RulesValidator
from practice.domain.types import (
    Briefing,
    Json,
    Label,
    Observation,
    Step,
    TaskSpec,
    ToolSpec,
    Trajectory,
)
from practice.domain.validation import label
from tests.agents.rules_shop import READ, WRITE, tool

NORTH = tool("get_weather_north", "Get the weather of a town.", READ, "town", town="The town.")
SOUTH = tool("get_weather_south", "Get the weather of a town.", READ, "town", town="The town.")
ALERTS = tool("get_alerts", "Get the alerts of a town.", READ, "town", town="The town.")
TOOLS = (NORTH, SOUTH, ALERTS)
ASKED = TaskSpec(
    "Get the weather of Leeds.",
    "query",
    ("get_weather_north",),
    goal={"calls": [{"tool": "get_weather_north", "arguments": {"town": "Leeds"}}]},
)


@dataclass
class Weather:
    """A session in which the tools named in ``down`` answer with an error."""

    down: tuple[str, ...] = ("get_weather_north",)
    specs: tuple[ToolSpec, ...] = TOOLS
    made: list[str] = field(default_factory=list)

    def tools(self) -> tuple[ToolSpec, ...]:
        return self.specs

    def call(self, tool: str, arguments: Json) -> Observation:
        self.made.append(tool)
        if tool in self.down:
            return Observation(json.dumps({"error": "503 upstream"}), is_error=True)
        told: dict[str, Any] = {"town": arguments["town"], "degrees": 12}
        return Observation(json.dumps(told))


def solve(session: Weather) -> Trajectory:
    return RulesSolver(1).solve(ASKED, Playbook(), session, SolverLimits())


def judge(trajectory: Trajectory) -> Label:
    return label(RulesValidator().validate(ASKED, trajectory, TOOLS))


def test_it_knows_twins_by_their_words_parameters_and_effect() -> None:
    assert twins(NORTH, TOOLS) == [SOUTH]
    assert twins(ALERTS, TOOLS) == []
    assert twins(replace(NORTH, annotations=WRITE), TOOLS) == []
    assert twins(replace(NORTH, input_schema={"type": "object"}), TOOLS) == []


def test_it_asks_the_twin_when_the_tool_it_was_to_use_fails() -> None:
    assert [s.tool for s in solve(Weather()).steps] == ["get_weather_north", "get_weather_south"]


def test_it_leaves_the_twin_alone_as_long_as_the_tool_works() -> None:
    session = Weather(down=())
    solve(session)
    assert session.made == ["get_weather_north"]


def test_it_ends_when_every_twin_fails() -> None:
    session = Weather(down=("get_weather_north", "get_weather_south"))
    assert judge(solve(session)) is Label.INFEASIBLE
    assert session.made == ["get_weather_north", "get_weather_south"]


def test_it_takes_what_a_twin_did_for_what_was_asked() -> None:
    assert judge(solve(Weather())) is Label.SUCCESS


def test_it_does_not_take_a_twin_that_was_called_without_need_or_for_another_town() -> None:
    good = Step(2, "get_weather_south", {"town": "Leeds"}, '{"town": "Leeds", "degrees": 12}')
    unneeded = Trajectory((replace(good, number=1),), "12 degrees.")
    assert judge(unneeded) is not Label.SUCCESS
    failed = Step(1, "get_weather_north", {"town": "Leeds"}, "503 upstream", is_error=True)
    elsewhere = replace(good, arguments={"town": "York"})
    assert judge(Trajectory((failed, elsewhere), "12 degrees.")) is not Label.SUCCESS


def test_it_learns_which_tool_to_call_instead() -> None:
    found = {lesson["kind"]: lesson for lesson in lessons(ASKED, solve(Weather()), TOOLS)}
    assert content(found["instead"]) == (
        'When `get_weather_north` answers "503 upstream", call `get_weather_south` instead: it '
        "does the same."
    )
    assert found["instead"]["steps"] == [1, 2]


def test_it_puts_no_two_twins_into_one_task() -> None:
    same = [replace(t, input_schema={"type": "object", "properties": {}}) for t in (NORTH, SOUTH)]
    for seed in range(20):
        briefing = Briefing(tools=(*same, ALERTS), count=12, seed=seed)
        for task in RulesProposer(seed).propose(briefing).candidates:
            assert {"get_weather_north", "get_weather_south"} - set(task.intended_tools)
