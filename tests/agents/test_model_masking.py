"""What reaches a provider and what comes back: secrets masked, and the record is what was sent."""

from __future__ import annotations

import json
from typing import Any

import pytest

from memoryapp.domain.playbook import Bullet, Playbook
from practice.agents.masking import Mask
from practice.agents.ports import Engine, SolverLimits
from practice.clients.llm import ModelSettings, Wiring, build_engine
from practice.domain.calls import CallRecord
from practice.domain.types import (
    Briefing,
    Fact,
    Label,
    Reflection,
    Steering,
    Step,
    TaskSpec,
    Trajectory,
)
from tests.agents.worlds import LIST, Desk
from tests.fakes import Answer, ScriptedOpenAI, call, text, typed

SECRET = "sk-proj-abcdEFGH1234567890zz"
MASKED = "[redacted: api key]"
PLAYBOOK = Playbook(bullets=(Bullet("apis-001", "apis", f"Key is {SECRET}."),))
TASK = TaskSpec(f"List the tickets with {SECRET}.")
DONE = Trajectory((Step(1, "list_tickets", {"q": SECRET}, f"T-1 {SECRET}"),), answer=SECRET)
INSIGHT = Reflection("All of it.", "None.", "As before.", f"Use {SECRET}.", {})
IDEA = {"instruction": f"Use {SECRET}", "kind": "query", "intended_tools": ["list_tickets"]}
TASKS = typed(tasks=[IDEA])
CHANGE = {"op": "ADD", "section": "apis", "content": f"Send {SECRET}.", "reason": SECRET}
ANALYSIS = typed(what_happened=SECRET, key_insight=f"Use {SECRET}.")


def propose(engine: Engine) -> Any:
    asked = Steering(seed_tasks=(f"Begin with {SECRET}",))
    return engine.proposer.propose(
        Briefing(tools=(LIST,), facts=(Fact(f"It is {SECRET}"),), count=1, steering=asked)
    )


def solve(engine: Engine) -> Any:
    return engine.solver.solve(TASK, PLAYBOOK, Desk(said="T-1"), SolverLimits())


def reflect(engine: Engine) -> Any:
    return engine.reflector.reflect(TASK, Label.SUCCESS, PLAYBOOK, DONE, (LIST,))


def curate(engine: Engine) -> Any:
    return engine.curator.curate(TASK, PLAYBOOK, DONE, INSIGHT)


def summarise(engine: Engine) -> Any:
    found = engine.summariser.summarise(TASK, DONE, (LIST,)).facts
    return [fact.text for fact in found]


ROLES: list[tuple[Any, list[Answer]]] = [
    (propose, [TASKS]),
    (solve, [call("list_tickets", {"q": SECRET}, thought=SECRET), text(f"It is {SECRET}")]),
    (reflect, [ANALYSIS]),
    (curate, [typed(changes=[CHANGE])]),
    (summarise, [typed(facts=[f"One {SECRET}", f"Two {SECRET}"])]),
]


def talked(do: Any, script: list[Answer], **wiring: Any) -> tuple[Any, str, list[CallRecord]]:
    """What a role gave back, all that the provider was sent, and the records of it."""
    calls: list[CallRecord] = []
    with ScriptedOpenAI(script) as server:
        settings = ModelSettings("openai", "m", base_url=server.base_url)
        result = do(build_engine(settings, 1, Wiring(record=calls.append, **wiring)))
    return result, json.dumps([asked.body for asked in server.requests]), calls


@pytest.mark.parametrize(("do", "script"), ROLES)
def test_it_sends_no_secret_to_a_provider_and_keeps_none_of_its_reply(
    do: Any, script: list[Answer]
) -> None:
    result, sent, calls = talked(do, script)

    assert SECRET not in sent
    assert MASKED in sent
    assert SECRET not in repr(result)
    assert MASKED in repr(result)
    assert SECRET not in repr(calls)


@pytest.mark.parametrize(("do", "script"), ROLES)
def test_it_records_the_very_texts_that_were_sent(do: Any, script: list[Answer]) -> None:
    _, sent, calls = talked(do, script)

    contents = [part["content"] for each in calls for part in each.request if "content" in part]
    assert contents
    assert all(json.dumps(content)[1:-1] in sent for content in contents)


def test_it_calls_a_tool_with_what_the_model_wrote() -> None:
    desk = Desk(said="T-1")
    with ScriptedOpenAI([call("list_tickets", {"q": SECRET}), text("Done.")]) as server:
        engine = build_engine(ModelSettings("openai", "m", base_url=server.base_url), 1)
        trajectory = engine.solver.solve(TaskSpec("List."), Playbook(), desk, SolverLimits())

    assert desk.calls == [("list_tickets", {"q": SECRET})]
    assert trajectory.steps[0].arguments == {"q": MASKED}


def test_it_leaves_named_values_where_nothing_is_real() -> None:
    task = TaskSpec(f'Sign in with password="tiger-7" and {SECRET}.')

    def sign_in(engine: Engine) -> Any:
        return engine.solver.solve(task, Playbook(), Desk(), SolverLimits())

    _, real, _ = talked(sign_in, [text("Done.")])
    _, made_up, calls = talked(sign_in, [text("Done.")], masks_named=False)

    assert "tiger-7" not in real
    assert "tiger-7" in made_up
    assert SECRET not in made_up
    assert "tiger-7" in repr(calls)


def test_it_masks_the_providers_key_but_not_a_word_that_is_taken_for_one() -> None:
    assert Mask(key="plainwords-5150x").text("say plainwords-5150x") == "say [API key]"
    assert Mask(key="none").text("none of them") == "none of them"
    assert ModelSettings("openai", "m", api_key="k").scrub("asked: sk-1234567890") == (
        "asked: [API key]"
    )


def test_it_reads_a_reply_whose_secret_stands_in_json_text() -> None:
    reply = typed(what_happened='{"password": "hunter2!"}', key_insight="None.")

    result, _, _ = talked(reflect, [reply])

    assert result.what_happened == '{"password": "[redacted: password]"}'
