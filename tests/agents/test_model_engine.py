"""The six roles together, played over real HTTP: what one teaches reaches the next."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from memoryapp.domain.playbook import Playbook, apply
from practice.agents.ports import Engine, SolverLimits
from practice.clients.llm import ModelSettings, build_engine
from practice.domain.types import Briefing, Label, TaskSpec
from practice.domain.validation import label
from tests.agents.worlds import CLOSE, LIST, Desk
from tests.fakes import ScriptedOpenAI
from tests.role_player import RolePlayer

TOOLS = (LIST, CLOSE)


@pytest.fixture
def server() -> Iterator[ScriptedOpenAI]:
    with ScriptedOpenAI(RolePlayer()) as running:
        yield running


@pytest.fixture
def engine(server: ScriptedOpenAI) -> Engine:
    return build_engine(ModelSettings("openai", "player", base_url=server.base_url), seed=1)


def test_it_rehearses_from_tools_to_playbook(engine: Engine) -> None:
    proposal = engine.proposer.propose(Briefing(tools=TOOLS, count=4))
    assert {t.intended_tools for t in proposal.candidates} == {
        ("list_tickets",),
        ("close_ticket",),
    }
    task = next(t for t in proposal.candidates if t.intended_tools == ("close_ticket",))
    assert task.kind == "action"

    desk = Desk()
    trajectory = engine.solver.solve(task, Playbook(), desk, SolverLimits())
    assert desk.calls == [("list_tickets", {}), ("close_ticket", {"ticket_id": "T-1"})]

    verdict = engine.validator.validate(task, trajectory, TOOLS)
    assert label(verdict) is Label.SUCCESS

    summary = engine.summariser.summarise(task, trajectory, TOOLS)
    assert any("T-1" in fact.text for fact in summary.facts)

    playbook = Playbook()
    reflection = engine.reflector.reflect(task, Label.SUCCESS, playbook, trajectory, TOOLS)
    curation = engine.curator.curate(task, playbook, trajectory, reflection)
    for delta in curation.deltas:
        playbook = apply(playbook, delta)
    assert [b.label for b in playbook.live] == ["strategies-001"]

    again = engine.reflector.reflect(task, Label.SUCCESS, playbook, trajectory, TOOLS)
    assert again.tags == {"strategies-001": "neutral"}
    assert engine.curator.curate(task, playbook, trajectory, again).deltas == ()


def test_it_learns_from_a_failed_attempt(engine: Engine) -> None:
    task = TaskSpec("Close ticket.", kind="action", intended_tools=("close_ticket",))
    desk = Desk(specs=(CLOSE,))

    trajectory = engine.solver.solve(task, Playbook(), desk, SolverLimits())
    verdict = engine.validator.validate(task, trajectory, (CLOSE,))
    reflection = engine.reflector.reflect(task, label(verdict), Playbook(), trajectory, (CLOSE,))
    curation = engine.curator.curate(task, Playbook(), trajectory, reflection)

    assert all(step.is_error for step in trajectory.steps)
    assert label(verdict) is Label.FAILURE
    assert [(d.section, d.evidence) for d in curation.deltas] == [("pitfalls", (1,))]


def test_it_shows_each_role_only_what_it_may_see(engine: Engine, server: ScriptedOpenAI) -> None:
    test_it_rehearses_from_tools_to_playbook(engine)

    sent = {asked.role: str(asked.messages) for asked in server.requests}
    assert set(sent) == {
        "proposer",
        "solver",
        "validator",
        "environment summariser",
        "reflector",
        "curator",
    }
    assert "<history>" in sent["proposer"]
    for role in ("solver", "validator", "environment summariser", "reflector", "curator"):
        assert "<history>" not in sent[role], f"{role} must not see proposer memory"
        assert "<facts>" not in sent[role], f"{role} must not see proposer memory"
    for role in ("proposer", "validator", "environment summariser"):
        assert "<playbook>" not in sent[role], f"{role} must not see the playbook"
    assert "`feasibility`" not in sent["proposer"], "the proposer must not see the judge's prompt"
