"""What is handed on of each request: new parts, tokens, cost, errors, nothing secret."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from decimal import Decimal

import pytest

from memoryapp.domain.playbook import Playbook
from practice.agents import recording
from practice.agents.ports import AgentError, Engine, SolverLimits
from practice.agents.recording import bounded
from practice.agents.role_model import RoleModel
from practice.clients.llm import ModelSettings, Wiring, build_engine, role_model
from practice.domain.calls import CallRecord
from practice.domain.prices import Price
from practice.domain.types import Step, TaskSpec, Trajectory
from tests.agents.worlds import LIST, Desk
from tests.fakes import Script, ScriptedOpenAI, call, failing, refusal, text, typed

KEY = "sk-live-4f9a1c77e0b2aa11"
JUDGED = typed(feasibility=5, feasibility_reason="Yes.", completion=3, completion_reason="Half.")
DONE = Trajectory((Step(1, "list_tickets", {}, "T-1"),))


def solve(engine: Engine, said: str = "T-1") -> None:
    engine.solver.solve(TaskSpec("List."), Playbook(), Desk(said=said), SolverLimits())


def judge(engine: Engine) -> None:
    engine.validator.validate(TaskSpec("List."), DONE, (LIST,))


def recorded(script: Script, do: object = solve, **settings: object) -> list[CallRecord]:
    calls: list[CallRecord] = []
    with ScriptedOpenAI(script) as server:
        chosen = ModelSettings("openai", "m", base_url=server.base_url, api_key=KEY, **settings)  # type: ignore[arg-type]
        engine = build_engine(chosen, 1, Wiring(record=calls.append))
        with suppress(AgentError):
            do(engine)  # type: ignore[operator]
    return calls


def test_it_records_each_request_with_what_the_provider_counted() -> None:
    first, last = recorded([call("list_tickets", {"page": 1}, thought="Look."), text("One.")])

    assert (first.role, first.model) == ("solver", "m")
    assert first.prompt.startswith("built-in ")
    assert (first.input_tokens, first.output_tokens, first.cached_tokens) == (100, 20, 40)
    assert first.latency_ms >= 0
    assert [part["role"] for part in first.request] == ["system", "tools", "user"]
    assert [part.get("call", part.get("content")) for part in first.reply] == [
        "Look.",
        "list_tickets",
    ]
    assert last.request[0] == {"role": "earlier", "messages": 2}
    assert [part["role"] for part in last.request[1:]] == ["tool"]


def test_it_records_every_reply_of_a_repair() -> None:
    calls = recorded([text("Half, I guess."), JUDGED], judge)

    assert "The reply holds no JSON object" in calls[0].error
    assert (calls[0].input_tokens, calls[1].error) == (100, "")
    assert calls[0].reply[0]["content"] == "Half, I guess."
    assert "Correct this and reply again." in str(calls[1].request)


def test_it_records_a_request_that_failed_and_costs_nothing() -> None:
    (failed,) = recorded([failing(503)])

    assert "HTTP 503" in failed.error
    assert (failed.reply, failed.input_tokens, failed.cost) == ((), 0, Decimal(0))


def test_it_records_a_refusal_with_its_tokens() -> None:
    (refused,) = recorded([refusal("I will not.")], judge)

    assert "refused" in refused.error
    assert refused.input_tokens == 100


def test_it_prices_each_call_by_the_operators_table() -> None:
    prices = {"m*": Price(Decimal(10), Decimal(100), Decimal(1))}

    (priced,) = recorded([JUDGED], judge, prices=prices)

    # 60 fresh tokens, 40 cached, 20 written.
    assert priced.cost == Decimal("0.00264")


def test_it_admits_that_a_price_is_unknown() -> None:
    (unpriced,) = recorded([JUDGED], judge)

    assert unpriced.cost is None


def test_it_keeps_keys_and_secrets_out_of_the_record() -> None:
    trap = f"Bearer {KEY} and password=hunter2!x and {KEY}"

    calls = recorded(
        [call("list_tickets", {}, thought=f"Use {KEY}."), text(trap)], lambda e: solve(e, trap)
    )

    stored = str([(c.request, c.reply, c.error) for c in calls])
    assert KEY not in stored
    assert "hunter2" not in stored


def test_it_keeps_a_record_within_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording, "TEXT_CAP", 4_000)
    monkeypatch.setattr(recording, "RECORD_CAP", 9_000)
    parts = [{"role": "tool", "content": "z" * 50_000} for _ in range(6)]

    kept = bounded(parts)

    assert sum(len(part["content"]) for part in kept) < 9_000
    assert all("more characters left out" in part["content"] for part in kept)


def test_it_records_nothing_a_database_cannot_hold() -> None:
    (kept,) = bounded([{"role": "user", "content": "a\x00b\ud800", "\x00k": ["\x00"]}])

    assert kept == {"role": "user", "content": "ab?", "k": [""]}

    (odd,) = bounded([{"arguments": {"a": float("nan"), "b": [1e3, float("-inf")]}}])

    assert odd == {"arguments": {"a": "nan", "b": [1e3, "-inf"]}}


def test_it_records_a_conversation_anew_once_its_past_was_shortened() -> None:
    long = Desk(said="x" * 10_000)
    calls: list[CallRecord] = []
    with ScriptedOpenAI([*[call("list_tickets", {})] * 31, text("Ok")]) as server:
        settings = ModelSettings("openai", "m", base_url=server.base_url)
        engine = build_engine(settings, 1, Wiring(record=calls.append))
        engine.solver.solve(TaskSpec("List."), Playbook(), long, SolverLimits())

    anew = [n for n, each in enumerate(calls) if each.request[0]["role"] == "system"]
    assert anew[0] == 0
    assert len(anew) == 2, "it was shortened once, and the whole was recorded once"


def test_it_says_nothing_of_records_in_its_representation() -> None:
    model = role_model(ModelSettings("openai", "m", api_key=KEY), "solver", 1)

    assert isinstance(model, RoleModel)
    assert "record" not in repr(replace(model, name="n"))
