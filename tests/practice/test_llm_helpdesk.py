"""The model engine in the sample world: a real MCP server and a real HTTP model endpoint."""

from __future__ import annotations

from memoryapp.domain.playbook import Playbook
from practice.agents.ports import SolverLimits
from practice.clients.llm import ModelSettings, build_engine
from practice.clients.mcp import McpEnvironment
from practice.domain.types import Briefing, Effect, Label, Outcome, TaskSpec
from practice.domain.validation import label
from tests.fakes import ScriptedOpenAI, call, text
from tests.practice.servers import helpdesk
from tests.role_player import RolePlayer


def test_it_rehearses_in_the_sample_world() -> None:
    environment = McpEnvironment(helpdesk())
    tools = tuple(t for t in McpEnvironment(helpdesk()).discover().tools if t.effect is Effect.READ)
    labels = []
    with ScriptedOpenAI(RolePlayer()) as server:
        engine = build_engine(ModelSettings("openai", "player", base_url=server.base_url), seed=1)
        proposal = engine.proposer.propose(Briefing(tools=tools, count=2))
        for task in proposal.candidates:
            with environment.open() as session:
                trajectory = engine.solver.solve(task, Playbook(), session, SolverLimits(steps=6))
            assert trajectory.steps
            assert trajectory.outcome is Outcome.FINISHED
            labels.append(label(engine.validator.validate(task, trajectory, tools)))

    assert len(labels) == 2
    assert Label.SUCCESS in labels


def test_it_learns_an_argument_format_from_the_worlds_own_error() -> None:
    script = [
        call("get_order", {"order_id": "17"}, thought="The number alone may do."),
        call("get_order", {"order_id": "ORD-2025-00091"}, thought="It wants the long form."),
        text("The order is placed."),
    ]
    with (
        ScriptedOpenAI(script) as server,
        McpEnvironment(helpdesk()).open() as session,
    ):
        engine = build_engine(ModelSettings("openai", "m", base_url=server.base_url), seed=1)
        task = TaskSpec("What is the state of order 91?")
        trajectory = engine.solver.solve(task, Playbook(), session, SolverLimits())

    wrong, right = trajectory.steps
    assert wrong.is_error
    assert "ORD-2025-00017" in wrong.observation
    assert not right.is_error
