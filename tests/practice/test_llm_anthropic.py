"""The model engine on Anthropic's messages API, over real HTTP."""

from __future__ import annotations

import pytest

from memoryapp.domain.playbook import Playbook
from practice.agents.ports import AgentError, ProviderRefused, ProviderUnavailable, SolverLimits
from practice.clients.llm import ModelSettings, build_engine, check_connection
from practice.domain.types import Briefing, Step, TaskSpec, Trajectory
from tests.agents.worlds import LIST, Desk
from tests.fakes import Answer, Script, ScriptedOpenAI, call, cut_off, failing, hanging, text, typed

KEY = "my-very-secret-key"


def served(server: ScriptedOpenAI, timeout_s: float = 5) -> ModelSettings:
    return ModelSettings(
        "anthropic",
        "claude-sonnet-5",
        base_url=server.anthropic_url,
        api_key=KEY,
        timeout_s=timeout_s,
    )


def solved(script: Script) -> tuple[Trajectory, ScriptedOpenAI]:
    with ScriptedOpenAI(script) as server:
        solver = build_engine(served(server), seed=1).solver
        return solver.solve(TaskSpec("List."), Playbook(), Desk(), SolverLimits()), server


def test_it_solves_with_tool_calls() -> None:
    desk_call = call("list_tickets", {"page": 1}, thought="I look first.")

    trajectory, server = solved([desk_call, text("One is open.")])

    (step,) = trajectory.steps
    assert (step.tool, dict(step.arguments), step.thought) == (
        "list_tickets",
        {"page": 1},
        "I look first.",
    )
    assert trajectory.answer == "One is open."
    assert (trajectory.usage.input_tokens, trajectory.usage.cached_tokens) == (200, 80)
    assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"
    assert server.requests[0].role == "solver"


def test_it_answers_wrong_arguments_inside_the_loop() -> None:
    trajectory, _ = solved([call("close_ticket", {"id": 1}), text("I gave up.")])

    assert trajectory.steps[0].is_error
    assert "required property" in trajectory.steps[0].observation


def test_it_reads_typed_replies() -> None:
    task = {"instruction": "Which are open?", "kind": "query", "intended_tools": ["list_tickets"]}
    with ScriptedOpenAI([text("Let me think."), typed(tasks=[task])]) as server:
        proposer = build_engine(served(server), seed=1).proposer
        proposal = proposer.propose(Briefing(tools=(LIST,)))

    assert [t.intended_tools for t in proposal.candidates] == [("list_tickets",)]
    assert proposal.usage.requests == 2


def test_it_judges_and_counts() -> None:
    judged = typed(
        feasibility=5, feasibility_reason="Yes.", completion=3, completion_reason="Half."
    )
    done = Trajectory((Step(1, "list_tickets", {}, "T-1"),))
    with ScriptedOpenAI([judged]) as server:
        validator = build_engine(served(server), seed=1).validator
        verdict = validator.validate(TaskSpec("List."), done, (LIST,))

    assert verdict.completion == 3
    assert verdict.usage.input_tokens == 100


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (failing(429, retry_after="9"), ProviderUnavailable),
        (failing(529), ProviderUnavailable),
        (cut_off(), ProviderUnavailable),
        (hanging(), ProviderUnavailable),
        (failing(401, message=f"bad {KEY}"), ProviderRefused),
        (failing(404), ProviderRefused),
        (Answer(content="No.", finish_reason="refusal"), ProviderRefused),
    ],
    ids=["429", "529", "cut", "hang", "401", "404", "refusal"],
)
def test_it_names_failures_alike(answer: Answer, kind: type[AgentError]) -> None:
    with ScriptedOpenAI([answer]) as server, pytest.raises(kind) as caught:
        check_connection(served(server, timeout_s=0.5))

    assert KEY not in str(caught.value)
    assert len(server.requests) == 1
    if answer.status == 429:
        assert isinstance(caught.value, ProviderUnavailable)
        assert caught.value.retry_after == 9
