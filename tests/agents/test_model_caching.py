"""Prompts are cached by their first bytes: what stays the same comes first and stays the same."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from memoryapp.domain.playbook import Bullet, Playbook
from practice.agents.ports import Engine, SolverLimits
from practice.clients.llm import ModelSettings, build_engine
from practice.domain.types import Label, Reflection, Step, TaskSpec, Trajectory
from tests.agents.worlds import CLOSE, LIST, Desk
from tests.fakes import Asked, ScriptedOpenAI, call, text, typed

PLAYBOOK = Playbook((Bullet("apis-001", "apis", "Ids look like T-1."),))
FIRST, SECOND = TaskSpec("Close the first ticket.", kind="action"), TaskSpec("List the tickets.")
ONE = Trajectory((Step(1, "list_tickets", {}, "T-1"),), answer="T-1")
OTHER = Trajectory((Step(1, "close_ticket", {"ticket_id": "T-1"}, "closed"),))


def asked(provider: str, script: Any, do: Any) -> Sequence[Asked]:
    with ScriptedOpenAI(script) as server:
        url = server.base_url if provider == "openai" else server.anthropic_url
        model = "m" if provider == "openai" else "claude-sonnet-5"
        settings = ModelSettings(provider, model, base_url=url, api_key="k")  # type: ignore[arg-type]
        do(build_engine(settings, 1))
        return server.requests


def prefix(one: str, other: str) -> int:
    """How many characters two texts share at their beginning."""
    return next(
        (n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b),
        min(len(one), len(other)),
    )


def solve_two(engine: Engine) -> None:
    for task in (FIRST, SECOND):
        engine.solver.solve(task, PLAYBOOK, Desk(), SolverLimits())


def reflect_two(engine: Engine) -> None:
    for task, done in ((FIRST, OTHER), (SECOND, ONE)):
        engine.reflector.reflect(task, Label.SUCCESS, PLAYBOOK, done, (LIST, CLOSE))


def curate_two(engine: Engine) -> None:
    for task, done in ((FIRST, OTHER), (SECOND, ONE)):
        engine.curator.curate(task, PLAYBOOK, done, Reflection("x", key_insight=task.instruction))


def summarise_two(engine: Engine) -> None:
    for task, done in ((FIRST, OTHER), (SECOND, ONE)):
        engine.summariser.summarise(task, done, (LIST, CLOSE))


def validate_two(engine: Engine) -> None:
    for task, done in ((FIRST, OTHER), (SECOND, ONE)):
        engine.validator.validate(task, done, (LIST, CLOSE))


REPLIES: Mapping[str, Any] = {
    "solver": text("Done."),
    "reflector": typed(what_happened="It worked."),
    "curator": typed(changes=[]),
    "environment summariser": typed(facts=["One.", "Two."]),
    "validator": typed(
        feasibility=5, feasibility_reason="Yes.", completion=5, completion_reason="Step 1."
    ),
}


@pytest.mark.parametrize(
    ("do", "shared"),
    [
        (solve_two, "Ids look like T-1."),
        (reflect_two, "Ids look like T-1."),
        (curate_two, "Ids look like T-1."),
        (summarise_two, "close_ticket"),
        (validate_two, ""),
    ],
    ids=["solver", "reflector", "curator", "summariser", "validator"],
)
def test_it_sends_the_same_beginning_for_two_tasks(do: Any, shared: str) -> None:
    one, other = asked("openai", lambda a: REPLIES[a.role], do)

    assert one.instructions == other.instructions
    assert json.dumps(one.body.get("tools")) == json.dumps(other.body.get("tools"))
    same = one.prompt[: prefix(one.prompt, other.prompt)]
    assert shared in same
    assert list(one.body) == list(other.body)


def test_it_offers_tools_in_one_order_however_the_server_lists_them() -> None:
    def solve(engine: Engine) -> None:
        for specs in ((LIST, CLOSE), (CLOSE, LIST)):
            engine.solver.solve(FIRST, PLAYBOOK, Desk(specs=specs), SolverLimits())

    one, other = asked("openai", lambda a: text("Done."), solve)

    assert json.dumps(one.body["tools"]) == json.dumps(other.body["tools"])


def test_it_lets_the_conversation_grow_at_its_end_only() -> None:
    script = [call("list_tickets", {}, thought="Look.")] * 4 + [text("Done.")]

    requests = asked(
        "openai", script, lambda e: e.solver.solve(FIRST, PLAYBOOK, Desk(), SolverLimits())
    )

    assert len(requests) == 5
    for before, after in pairwise(requests):
        sent, grown = ([json.dumps(m) for m in r.messages] for r in (before, after))
        assert grown[: len(sent)] == sent
        assert len(grown) > len(sent)
        assert {k: v for k, v in before.body.items() if k != "messages"} == {
            k: v for k, v in after.body.items() if k != "messages"
        }


def test_it_shortens_a_long_conversation_seldom() -> None:
    script = [call("list_tickets", {})] * 45 + [text("Done.")]
    desk = Desk(said="x" * 10_000)

    requests = asked(
        "openai", script, lambda e: e.solver.solve(FIRST, PLAYBOOK, desk, SolverLimits())
    )

    changed = 0
    for before, after in pairwise(requests):
        sent = [json.dumps(m) for m in before.messages]
        changed += [json.dumps(m) for m in after.messages][: len(sent)] != sent
    assert changed == 1


def marks(request: Asked) -> list[str]:
    """Where a request to Anthropic asks for a cache point."""
    found = []
    if any("cache_control" in tool for tool in request.body.get("tools", [])):
        found.append("tools")
    if any("cache_control" in block for block in request.body["system"]):
        found.append("system")
    for number, message in enumerate(request.messages):
        content = message["content"]
        for place, block in enumerate(content if isinstance(content, list) else []):
            if "cache_control" in block:
                found.append(f"message {number}.{place} of {len(content)}")
    return found


def test_it_marks_tools_instructions_playbook_and_the_last_turn_for_anthropic() -> None:
    script = [call("list_tickets", {}), text("Done.")]

    first, last = asked(
        "anthropic", script, lambda e: e.solver.solve(FIRST, PLAYBOOK, Desk(), SolverLimits())
    )

    assert marks(first) == ["tools", "system", "message 0.0 of 2", "message 0.1 of 2"]
    assert marks(last) == ["tools", "system", "message 0.0 of 2", "message 2.0 of 1"]
    shared, rest = first.messages[0]["content"]
    assert "Ids look like T-1." in shared["text"]
    assert "Close the first ticket." in rest["text"]


def test_it_writes_no_cache_for_a_message_that_is_asked_once() -> None:
    one, other = asked("anthropic", lambda a: REPLIES[a.role], reflect_two)

    assert marks(one) == ["tools", "system", "message 0.0 of 2"]
    assert one.messages[0]["content"][0]["text"] == other.messages[0]["content"][0]["text"]


def test_it_sends_plain_text_to_openai() -> None:
    requests = asked("openai", lambda a: REPLIES[a.role], reflect_two)

    assert all(isinstance(message["content"], str) for message in requests[0].messages)
    assert "cache_control" not in json.dumps(requests[0].body)


def test_it_counts_what_the_provider_read_from_its_cache() -> None:
    with ScriptedOpenAI([text("Done.")]) as server:
        settings = ModelSettings("openai", "m", base_url=server.base_url)
        engine = build_engine(settings, 1)
        done = engine.solver.solve(replace(FIRST), PLAYBOOK, Desk(), SolverLimits())

    assert done.usage.cached_tokens == 40
