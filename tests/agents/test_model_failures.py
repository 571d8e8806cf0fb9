"""What the model engine makes of a provider that fails, over real HTTP."""

from __future__ import annotations

import json
import signal
import time
import traceback
from contextlib import suppress
from decimal import Decimal
from types import FrameType

import pytest

from memoryapp.domain.playbook import Playbook
from practice.agents import solver as solver_module
from practice.agents.ports import (
    AgentError,
    Engine,
    MalformedReply,
    ProviderRefused,
    ProviderUnavailable,
    SolverLimits,
)
from practice.clients.llm import ModelSettings, Wiring, build_engine
from practice.domain.calls import CallRecord
from practice.domain.types import Briefing, Step, TaskSpec
from tests.agents.worlds import LIST, Desk
from tests.fakes import (
    Answer,
    ScriptedOpenAI,
    broken_json,
    call,
    cut_off,
    failing,
    filtered,
    hanging,
    refusal,
    text,
    web_page,
)

KEY = "sk-live-4f9a1c77e0b2"


def ask_solver(engine: Engine) -> None:
    engine.solver.solve(TaskSpec("List."), Playbook(), Desk(), SolverLimits())


def ask_proposer(engine: Engine) -> None:
    engine.proposer.propose(Briefing(tools=(LIST,)))


def failure(answer: Answer, ask: object = ask_solver, timeout_s: float = 5) -> AgentError:
    """Return the error a role raises, having sent one request only."""
    with ScriptedOpenAI([answer]) as server:
        settings = ModelSettings(
            "openai", "scripted", base_url=server.base_url, api_key=KEY, timeout_s=timeout_s
        )
        with pytest.raises(AgentError) as caught:
            ask(build_engine(settings, seed=1))  # type: ignore[operator]
        assert len(server.requests) == 1, "the job queue retries, not the client"
    return caught.value


both = pytest.mark.parametrize("ask", [ask_solver, ask_proposer], ids=["solver", "proposer"])


@both
def test_it_passes_on_how_long_a_429_asks_to_wait(ask: object) -> None:
    error = failure(failing(429, retry_after="17"), ask)

    assert isinstance(error, ProviderUnavailable)
    assert error.retry_after == 17


def test_it_retries_a_429_that_names_no_wait() -> None:
    error = failure(failing(429))

    assert isinstance(error, ProviderUnavailable)
    assert error.retry_after is None


@both
@pytest.mark.parametrize("status", [408, 500, 502, 503, 504, 529])
def test_it_calls_a_failing_provider_unavailable(ask: object, status: int) -> None:
    assert isinstance(failure(failing(status), ask), ProviderUnavailable)


def test_it_passes_on_how_long_a_503_asks_to_wait() -> None:
    error = failure(failing(503, retry_after="4"))

    assert isinstance(error, ProviderUnavailable)
    assert error.retry_after == 4


@both
def test_it_calls_a_cut_connection_unavailable(ask: object) -> None:
    error = failure(cut_off(), ask)

    assert isinstance(error, ProviderUnavailable)
    assert "connection" in str(error).lower()


@both
def test_it_calls_a_hanging_provider_unavailable_after_the_timeout(ask: object) -> None:
    began = time.monotonic()

    error = failure(hanging(), ask, timeout_s=0.4)

    assert isinstance(error, ProviderUnavailable)
    assert "in time" in str(error)
    assert time.monotonic() - began < 3


def test_it_calls_a_closed_port_unavailable() -> None:
    with ScriptedOpenAI([]) as server:
        address = server.base_url
    settings = ModelSettings("openai", "scripted", base_url=address, timeout_s=2)

    with pytest.raises(ProviderUnavailable):
        ask_solver(build_engine(settings, seed=1))


@both
@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 422])
def test_it_does_not_retry_a_request_the_provider_rejects(ask: object, status: int) -> None:
    assert isinstance(failure(failing(status), ask), ProviderRefused)


@pytest.mark.parametrize(
    ("answer", "help_"),
    [
        (failing(401, message="Bad key"), "It said: Bad key. Correct LLM_API_KEY and restart."),
        (failing(404, message="No such model."), "Correct LLM_MODEL, LLM_ROLE_MODELS or"),
        (refusal("I will not."), "I will not. If it goes on refusing, give the role another model"),
    ],
)
def test_it_says_what_to_do_about_a_refusal(answer: Answer, help_: str) -> None:
    assert help_ in str(failure(answer, ask_solver))


@both
@pytest.mark.parametrize("answer", [refusal("I will not."), filtered()], ids=["refusal", "filter"])
def test_it_does_not_retry_a_model_that_refuses(ask: object, answer: Answer) -> None:
    error = failure(answer, ask)

    assert isinstance(error, ProviderRefused)
    assert "refused" in str(error)


@both
@pytest.mark.parametrize("answer", [broken_json(), web_page()], ids=["cut JSON", "web page"])
def test_it_calls_what_is_no_model_reply_malformed(ask: object, answer: Answer) -> None:
    error = failure(answer, ask)

    assert isinstance(error, MalformedReply)


@both
@pytest.mark.parametrize("said", [{"choices": "none"}, {"choices": []}, {"usage": {"x": 1}}, []])
def test_it_says_in_plain_words_that_an_answer_is_no_model_reply(ask: object, said: object) -> None:
    error = failure(Answer(raw=json.dumps(said).encode()), ask)

    assert isinstance(error, MalformedReply)
    assert "what came back is not a reply of a model API" in str(error)
    assert "validation error" not in str(error)
    assert "Error" not in str(error)


def test_it_calls_a_redirect_a_failure_and_sends_the_key_nowhere_else() -> None:
    with ScriptedOpenAI([text("stolen")]) as other:
        away = Answer(status=307, headers={"Location": f"{other.base_url}/chat/completions"})
        error = failure(Answer(status=307, headers=away.headers, raw=b"{}"))

    assert isinstance(error, AgentError)
    assert other.requests == []


@both
def test_it_keeps_the_api_key_out_of_errors(ask: object) -> None:
    error = failure(failing(401, message=f"Incorrect API key provided: {KEY}"), ask)

    shown = "".join(traceback.format_exception(error))
    assert "Incorrect API key provided: [API key]" in shown
    assert KEY not in shown


def test_it_has_reported_the_steps_before_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(solver_module, "PAUSES", ())
    steps: list[Step] = []
    with ScriptedOpenAI([call("list_tickets", {}), failing(503)]) as server:
        settings = ModelSettings("openai", "scripted", base_url=server.base_url)
        solver = build_engine(settings, seed=1).solver
        with pytest.raises(ProviderUnavailable):
            solver.solve(TaskSpec("List."), Playbook(), Desk(), SolverLimits(on_step=steps.append))

    assert [step.number for step in steps] == [1]


def test_it_lets_a_workers_time_limit_interrupt_a_hanging_request() -> None:
    def limit(number: int, frame: FrameType | None) -> None:
        raise InterruptedError("soft time limit")

    before = signal.signal(signal.SIGALRM, limit)
    began = time.monotonic()
    try:
        with ScriptedOpenAI([hanging()]) as server:
            settings = ModelSettings("openai", "m", base_url=server.base_url, timeout_s=60)
            signal.setitimer(signal.ITIMER_REAL, 0.5)
            with pytest.raises(InterruptedError, match="soft time limit"):
                ask_solver(build_engine(settings, seed=1))
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)

    assert time.monotonic() - began < 5


def recorded(*bodies: bytes | Answer, ask: object = ask_proposer) -> list[CallRecord]:
    """What is kept of the calls of a role whose provider answers so, at a dollar per 1,000."""
    calls: list[CallRecord] = []
    answers = [b if isinstance(b, Answer) else Answer(raw=b) for b in bodies]
    with ScriptedOpenAI(answers) as server:
        settings = ModelSettings(
            "openai",
            "scripted",
            base_url=server.base_url,
            api_key=KEY,
            price=(Decimal(1000), Decimal(1000)),
        )
        engine = build_engine(settings, 1, Wiring(record=calls.append))
        with suppress(AgentError):
            ask(engine)  # type: ignore[operator]
    return calls


def body(**changes: object) -> bytes:
    message = {"role": "assistant", "content": "{}"}
    choices = [{"index": 0, "message": message, "finish_reason": "stop"}]
    whole = {"id": "x", "object": "chat.completion", "created": 1, "model": "m", "choices": choices}
    return json.dumps(whole | changes).encode()


def test_a_reply_that_reports_no_tokens_has_no_known_cost() -> None:
    assert {call.cost for call in recorded(*[body()] * 3)} == {None}


def test_a_reply_that_cannot_be_read_keeps_the_tokens_it_reports() -> None:
    usage = {"prompt_tokens": 900, "completion_tokens": 100, "total_tokens": 1000}
    (call,) = recorded(body(choices=[], usage=usage))
    assert (call.input_tokens, call.output_tokens, call.cost) == (900, 100, Decimal(1))
    assert call.error


def test_an_answer_that_is_no_reply_has_no_known_cost() -> None:
    (call,) = recorded(b"<html>Welcome to the hotel</html>")
    assert (call.reply, call.input_tokens, call.cost) == ((), 0, None)


def test_absurd_figures_of_a_provider_fit_the_ledger() -> None:
    usage = {"prompt_tokens": 10**12, "completion_tokens": 1, "total_tokens": 10**12 + 1}
    call = recorded(body(usage=usage))[0]
    assert (call.input_tokens, call.cost) == (2**31 - 1, Decimal("999999.999999"))


def test_a_call_of_a_tool_that_is_not_there_is_no_reply() -> None:
    calls = recorded(*[call("no_such_tool", {"a": 1})] * 3)
    assert len(calls) == 3
    assert "no tool no_such_tool here" in str(calls[1].request)
