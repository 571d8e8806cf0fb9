"""Conversations per role, replayed: what is sent, what comes back, what is made of it.

Each file of ``conversations/`` holds what a role is given, the provider's turns as they go over the
wire (chat completions, written by hand after real ones), and what must come out. ``sent`` and
``absent`` are pieces of the request each turn answers.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from memoryapp.domain.playbook import Bullet, Delta, Op, Playbook
from practice.agents import ports
from practice.agents.ports import Engine, SolverLimits
from practice.clients.llm import ModelSettings, Wiring, build_engine, condenser
from practice.domain.calls import CallRecord
from practice.domain.types import (
    Briefing,
    Json,
    Label,
    Observation,
    Reflection,
    Step,
    TaskSpec,
    ToolSpec,
    Trajectory,
    Usage,
)
from tests.fakes import Answer, ScriptedOpenAI

FOLDER = Path(__file__).parent / "conversations"
NAMES = sorted(path.stem for path in FOLDER.glob("*.json"))


class Given:
    """What a conversation's role is given, as values."""

    def __init__(self, stored: Mapping[str, Any]) -> None:
        self.stored = stored
        self.tools = tuple(ToolSpec(**tool) for tool in stored["tools"])
        self.task = TaskSpec(**stored.get("task", {"instruction": ""}))
        self.playbook = Playbook(tuple(Bullet(**b) for b in stored.get("playbook", ())))
        self.steps = tuple(Step(**step) for step in stored.get("steps", ()))
        self.done = Trajectory(self.steps, answer=stored.get("answer", ""))


class Replay:
    """An environment that answers as it did when the steps were taken."""

    def __init__(self, given: Given) -> None:
        self._given, self._turn = given, 0

    def tools(self) -> tuple[ToolSpec, ...]:
        return self._given.tools

    def call(self, tool: str, arguments: Json) -> Observation:
        step = self._given.steps[self._turn]
        self._turn += 1
        assert (tool, arguments) == (step.tool, step.arguments)
        return Observation(step.observation, is_error=step.is_error)


Made = tuple[dict[str, Any], Usage | None]


def propose(engine: Engine, given: Given) -> Made:
    made = engine.proposer.propose(Briefing(tools=given.tools, count=2))
    return {
        "instructions": [task.instruction for task in made.candidates],
        "intended_tools": [list(task.intended_tools) for task in made.candidates],
    }, made.usage


def solve(engine: Engine, given: Given) -> Made:
    made = engine.solver.solve(given.task, given.playbook, Replay(given), SolverLimits())
    return {
        "steps": [[step.tool, dict(step.arguments), step.is_error] for step in made.steps],
        "answer": made.answer,
        "outcome": made.outcome.value,
        "tokens": [[step.input_tokens, step.output_tokens] for step in made.steps],
    }, made.usage


def validate(engine: Engine, given: Given) -> Made:
    made = engine.validator.validate(given.task, given.done, given.tools)
    return {
        "feasibility": made.feasibility,
        "completion": made.completion,
        "completion_reason": made.completion_reason,
    }, made.usage


def reflect(engine: Engine, given: Given) -> Made:
    label = Label(given.stored["label"])
    made = engine.reflector.reflect(given.task, label, given.playbook, given.done, given.tools)
    return {
        "key_insight": made.key_insight,
        "root_cause": made.root_cause,
        "tags": dict(made.tags),
    }, made.usage


def curate(engine: Engine, given: Given) -> Made:
    found = Reflection(**given.stored["reflection"])
    made = engine.curator.curate(given.task, given.playbook, given.done, found)
    return {"deltas": [said(delta) for delta in made.deltas]}, made.usage


def consolidate(engine: Engine, given: Given) -> Made:
    learned = [
        Delta(Op(op), section, content, tuple(targets))
        for op, section, content, targets in given.stored["learned"]
    ]
    made = engine.consolidator.consolidate(given.playbook, learned)
    return {"deltas": [said(delta) for delta in made.deltas]}, made.usage


def said(delta: Delta) -> list[Any]:
    return [delta.op.value, delta.section, delta.content, [*delta.targets], [*delta.evidence]]


def summarise(engine: Engine, given: Given) -> Made:
    made = engine.summariser.summarise(given.task, given.done, given.tools)
    return {"facts": [fact.text for fact in made.facts]}, made.usage


ROLES: Mapping[str, Callable[[Engine, Given], Made]] = {
    "proposer": propose,
    "solver": solve,
    "validator": validate,
    "reflector": reflect,
    "curator": curate,
    "consolidator": consolidate,
    "summariser": summarise,
}


def held(talk: Mapping[str, Any], server: ScriptedOpenAI, kept: list[CallRecord]) -> Made:
    settings = ModelSettings("openai", "gpt-5-mini", base_url=server.base_url, timeout_s=5)
    given, wiring = Given(talk["given"]), Wiring(record=kept.append)
    if talk["role"] == "condenser":
        loans = range(1_900, 1_900 + given.stored["observation"]["loans"])
        rows = [{"id": f"L-{n}", "title": f"Book {n}", "state": "out"} for n in loans]
        said = condenser(settings, 1, wiring).summary(given.task, "search_loans", json.dumps(rows))
        return {"summary": said}, None
    return ROLES[talk["role"]](build_engine(settings, 1, wiring), given)


@pytest.mark.parametrize("name", NAMES)
def test_it_holds_the_recorded_conversation(name: str) -> None:
    talk = json.loads((FOLDER / f"{name}.json").read_text())
    turns: list[Any] = talk["turns"]
    kept: list[CallRecord] = []
    answers = [Answer(raw=json.dumps(turn["response"]).encode()) for turn in turns]

    with ScriptedOpenAI(answers) as server:
        if "error" in talk:
            with pytest.raises(getattr(ports, talk["error"]), match=talk["message"]):
                held(talk, server, kept)
        else:
            made, usage = held(talk, server, kept)
            assert made == talk["result"]
            for figure, wanted in talk.get("usage", {}).items():
                assert getattr(usage, figure) == wanted, figure

    assert len(server.requests) == len(turns) == len(kept)
    for asked, turn, call in zip(server.requests, turns, kept, strict=True):
        # As text, so that a piece may come from a message, a tool result or a tool's schema.
        sent = json.dumps(asked.body, ensure_ascii=False)
        assert [piece for piece in turn["sent"] if piece not in sent] == []
        assert [piece for piece in turn["absent"] if piece in sent] == []
        assert call.input_tokens == turn["response"]["usage"]["prompt_tokens"]
    assert [bool(call.error) for call in kept][-1] == ("error" in talk)


def test_it_has_a_conversation_for_every_role_a_repair_and_a_refusal() -> None:
    talks = [json.loads((FOLDER / f"{name}.json").read_text()) for name in NAMES]

    assert {talk["role"] for talk in talks} == {*ROLES, "condenser"}
    assert any(len(talk["turns"]) > 1 and talk["role"] != "solver" for talk in talks)
    assert any(talk.get("error") == "ProviderRefused" for talk in talks)
