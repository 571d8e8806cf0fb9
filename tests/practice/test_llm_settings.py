"""The model settings: what reaches the provider, what it costs, what stays secret."""

from __future__ import annotations

import asyncio
import multiprocessing
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest
from pydantic_ai.usage import RequestUsage

from memoryapp.domain.playbook import Playbook
from practice.agents.ports import ProviderRefused, ProviderUnavailable, SolverLimits
from practice.clients.llm import (
    ModelSettings,
    build_engine,
    check_connection,
    role_model,
    tokens_of,
)
from practice.domain.types import Briefing, TaskSpec
from tests.agents.worlds import LIST, Desk
from tests.fakes import Asked, ScriptedOpenAI, call, failing, text, typed

KEY = "my-very-secret-key"
TASKS = typed(
    tasks=[{"instruction": "Which are open?", "kind": "query", "intended_tools": ["list_tickets"]}]
)


def solve(base_url: str, **settings: object) -> int:
    chosen = ModelSettings("openai", "scripted", base_url=base_url, **settings)  # type: ignore[arg-type]
    engine = build_engine(chosen, seed=1)
    trajectory = engine.solver.solve(TaskSpec("List."), Playbook(), Desk(), SolverLimits())
    return len(trajectory.steps)


def two_turns(asked: Asked) -> object:
    return text("Done.") if asked.tool_results else call("list_tickets", {})


def test_it_uses_the_model_and_temperature_of_each_role() -> None:
    with ScriptedOpenAI([TASKS, text("Done.")]) as server:
        settings = ModelSettings(
            "openai",
            "large",
            base_url=server.base_url,
            models={"solver": "small"},
            temperatures={"solver": 0.3},
        )
        engine = build_engine(settings, seed=1)
        proposal = engine.proposer.propose(Briefing(tools=(LIST,)))
        trajectory = engine.solver.solve(TaskSpec("List."), Playbook(), Desk(), SolverLimits())

    sent = [(r.body["model"], r.body["temperature"]) for r in server.requests]
    assert sent == [("large", 1.0), ("small", 0.3)]
    assert (proposal.usage.model, trajectory.usage.model) == ("large", "small")
    assert engine.name == "model: large"


def test_it_prices_with_the_operators_own_prices_first() -> None:
    price = (Decimal("2.50"), Decimal(10))
    settings = ModelSettings("openai", "gpt-4o", api_key=KEY, price=price)

    used = RequestUsage(input_tokens=1_000_000, output_tokens=100_000, cost=Decimal(99))

    assert role_model(settings, "solver", 1).usage([used], requests=1).cost == Decimal("3.50")


def test_it_adds_known_costs_and_admits_an_unknown_one() -> None:
    model = role_model(ModelSettings("openai", "gpt-4o", api_key=KEY), "solver", 1)
    known, unknown = RequestUsage(input_tokens=9, cost=Decimal("0.25")), RequestUsage()

    assert model.usage([known, known], requests=2).cost == Decimal("0.50")
    assert model.usage([known, unknown], requests=2).cost is None


def test_it_shows_the_key_in_no_representation() -> None:
    settings = ModelSettings("openai", "gpt-4o", api_key=KEY)

    for shown in (settings, role_model(settings, "solver", 1), build_engine(settings, 1)):
        assert KEY not in repr(shown)
        assert KEY not in str(shown)


def test_it_sends_the_key_as_a_bearer_token() -> None:
    with ScriptedOpenAI([text("ready")]) as server:
        check_connection(ModelSettings("openai", "m", base_url=server.base_url, api_key=KEY))

    assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"


def test_it_says_who_answered_the_connection_test() -> None:
    with ScriptedOpenAI([text("ready")]) as server:
        said = check_connection(ModelSettings("openai", "tiny", base_url=server.base_url))

    assert said == "tiny answered (100 tokens in, 20 out)."


def test_it_says_why_the_connection_test_failed() -> None:
    with ScriptedOpenAI([failing(401), failing(503)]) as server:
        settings = ModelSettings("openai", "tiny", base_url=server.base_url)
        with pytest.raises(ProviderRefused, match="rejected the API key"):
            check_connection(settings)
        with pytest.raises(ProviderUnavailable, match="HTTP 503"):
            check_connection(settings)


@pytest.mark.parametrize(
    ("chosen", "complaint"),
    [
        (ModelSettings("cohere", "m", api_key=KEY), "openai or anthropic"),  # type: ignore[arg-type]
        (ModelSettings("openai", "", api_key=KEY), "Set LLM_MODEL"),
        (ModelSettings("openai", "m"), "Set LLM_API_KEY"),
        (ModelSettings("openai", "m", base_url="localhost:1234"), "http:// or https://"),
    ],
)
def test_it_refuses_settings_that_cannot_work(chosen: ModelSettings, complaint: str) -> None:
    with pytest.raises(ProviderRefused, match=complaint):
        build_engine(chosen, seed=1)


def test_it_works_in_many_threads_at_once() -> None:
    with ScriptedOpenAI(two_turns) as server, ThreadPoolExecutor(8) as pool:  # type: ignore[arg-type]
        steps = list(pool.map(solve, [server.base_url] * 16))

    assert steps == [1] * 16


def test_it_works_where_an_event_loop_is_running() -> None:
    async def inside(base_url: str) -> int:
        return solve(base_url)

    # In a thread of its own: the browser tests may have a loop running in this one.
    with ScriptedOpenAI(two_turns) as server, ThreadPoolExecutor() as pool:  # type: ignore[arg-type]
        assert pool.submit(asyncio.run, inside(server.base_url)).result() == 1


def test_it_works_in_a_forked_worker_after_its_parent_used_it() -> None:
    with ScriptedOpenAI(two_turns) as server:  # type: ignore[arg-type]
        assert solve(server.base_url) == 1
        results = multiprocessing.get_context("fork").SimpleQueue()
        child = multiprocessing.get_context("fork").Process(
            target=lambda: results.put(solve(server.base_url))
        )
        child.start()
        child.join(20)

        assert child.exitcode == 0
        assert results.get() == 1


def test_it_leaves_no_thread_behind() -> None:
    code = (
        "import threading\n"
        "from tests.practice.test_llm_settings import solve, two_turns\n"
        "from tests.fakes import ScriptedOpenAI\n"
        "with ScriptedOpenAI(two_turns) as server:\n"
        "    before = threading.active_count()\n"
        "    assert solve(server.base_url) == 1\n"
        "    lines = [t for t in threading.enumerate() if 'process_request' not in t.name]\n"
        "    assert len(lines) <= before, lines\n"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)

    assert done.returncode == 0, done.stderr


def test_it_loads_no_model_library_with_the_ports_and_the_rules() -> None:
    code = (
        "import sys, practice.agents, practice.agents.ports, practice.agents.rules\n"
        "heavy = {'pydantic_ai', 'openai', 'anthropic'} & set(sys.modules)\n"
        "sys.exit(f'loaded {heavy}' if heavy else 0)"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)

    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("count", ["Infinity", "NaN", '"many"', "[1]"])
def test_a_count_of_tokens_that_is_no_number_counts_nothing(count: str) -> None:
    usage = f'{{"prompt_tokens": 3, "prompt_tokens_details": {{"cached_tokens": {count}}}}}'
    assert tokens_of(f'{{"usage": {usage}}}'.encode()) is None
