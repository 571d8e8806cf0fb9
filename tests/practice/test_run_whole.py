"""Whole runs over real tool servers, with both engines."""

from __future__ import annotations

import sys
from collections import Counter
from decimal import Decimal
from typing import Any

import pytest

from memoryapp.models import Candidate, Event
from practice.models import Environment, EnvironmentFact, LedgerEntry, PracticeRecord, Run, Unit
from tests.factories import EnvironmentFactory
from tests.fakes import Answer, Asked, ScriptedOpenAI, failing
from tests.practice.runs import connected, driven, started
from tests.practice.servers import HELPDESK, HERE
from tests.role_player import RolePlayer

pytestmark = pytest.mark.django_db
SEED = HELPDESK / "seed"


@pytest.fixture
def desk(workspace: Any) -> Environment:
    return connected(EnvironmentFactory(workspace=workspace))


@pytest.fixture
def broken(workspace: Any, settings: Any) -> Any:
    """An environment over ``raw.py``; give the mode it misbehaves in."""

    def make(mode: str) -> Environment:
        raw = (sys.executable, "-S", str(HERE / "raw.py"))
        settings.MCP_COMMANDS = {"raw": (*raw, "well"), "broken": (*raw, mode)}
        settings.MCP_STARTUP_SECONDS, settings.MCP_CALL_SECONDS = 1.0, 0.5
        environment = connected(
            EnvironmentFactory(workspace=workspace, command="raw", arguments=[], is_sample=False)
        )
        environment.tools.update(is_enabled=True)
        environment.command = "broken"
        environment.save()
        return environment

    return make


def test_it_turns_rehearsal_into_candidates_and_memory(desk: Environment, ada: Any) -> None:
    before = {path.name: path.read_bytes() for path in SEED.iterdir()}
    run = driven(started(desk, ada, rounds=2, tasks=4))
    assert {path.name: path.read_bytes() for path in SEED.iterdir()} == before
    assert (run.status, run.message) == ("finished", "")
    labels = Counter(run.attempts.values_list("label", flat=True))
    assert sum(labels.values()) == 8
    assert labels["success"] >= 4
    assert PracticeRecord.objects.filter(run=run).count() == 8
    assert EnvironmentFact.objects.filter(run=run).exists()
    learned = Candidate.objects.filter(playbook=run.playbook)
    assert learned
    assert all(candidate.evidence.exists() for candidate in learned)
    assert not run.playbook.bullets.exists()
    assert Event.objects.filter(kind="run.finished", subject_id=str(run.pk)).count() == 1


def test_it_teaches_nothing_from_what_was_infeasible(desk: Environment, ada: Any) -> None:
    run = driven(started(desk, ada, rounds=1, tasks=6))
    infeasible = run.attempts.filter(label="infeasible")
    assert set(infeasible.values_list("status", flat=True)) <= {"not_admitted"}
    cited = set(Candidate.objects.values_list("evidence__link", flat=True))
    for attempt in infeasible:
        assert not any(str(link).startswith(attempt.get_absolute_url()) for link in cited)


def test_it_keeps_dropped_candidates_with_their_reason(desk: Environment, ada: Any) -> None:
    run = driven(started(desk, ada, rounds=1, tasks=2))
    dropped = run.rounds.get().tasks.exclude(drop_reason="")
    assert dropped
    assert not dropped.filter(attempts__isnull=False).exists()


def test_it_practises_with_a_model_over_http(desk: Environment, ada: Any, settings: Any) -> None:
    with ScriptedOpenAI(RolePlayer()) as server:
        settings.LLM_PROVIDER, settings.LLM_MODEL = "openai", "scripted"
        settings.LLM_BASE_URL, settings.LLM_API_KEY = server.base_url, "sk-test-not-a-key"
        settings.LLM_PRICE_INPUT = settings.LLM_PRICE_OUTPUT = 1.0
        run = driven(started(desk, ada, engine="model", rounds=2, tasks=1))
    assert (run.status, run.message) == ("finished", "")
    assert run.attempts.exclude(label="").count() == 2
    roles = set(LedgerEntry.objects.filter(run=run).values_list("role", flat=True))
    assert {"proposer", "solver", "validator", "reflector", "curator"} <= roles
    assert run.spent() > 0
    assert Candidate.objects.filter(playbook=run.playbook, scores__engine="model: scripted")


class Parrot(RolePlayer):
    """Proposes the tasks of its first proposal again and again."""

    def __init__(self) -> None:
        super().__init__()
        self._first: Answer | None = None

    def _propose(self, asked: Asked) -> Answer:
        self._first = self._first or super()._propose(asked)
        return self._first


def test_it_ends_well_when_a_model_proposes_only_what_was_practised(
    desk: Environment, ada: Any, settings: Any
) -> None:
    with ScriptedOpenAI(Parrot()) as server:
        settings.LLM_PROVIDER, settings.LLM_MODEL = "openai", "scripted"
        settings.LLM_BASE_URL, settings.LLM_API_KEY = server.base_url, "sk-test-not-a-key"
        settings.LLM_PRICE_INPUT = settings.LLM_PRICE_OUTPUT = 1.0
        run = driven(started(desk, ada, engine="model", rounds=9, tasks=1))
    assert run.status == "finished"
    practised = list(run.attempts.values_list("task__instruction", flat=True))
    assert 1 <= len(practised) == len(set(practised)) <= 3
    assert "found no task that was not practised already" in run.message
    assert "Everything learned is kept." in run.message


def test_it_stops_at_the_budget_and_keeps_what_was_judged(
    desk: Environment, ada: Any, settings: Any
) -> None:
    with ScriptedOpenAI(RolePlayer()) as server:
        settings.LLM_PROVIDER, settings.LLM_MODEL = "openai", "scripted"
        settings.LLM_BASE_URL, settings.LLM_API_KEY = server.base_url, "sk-test-not-a-key"
        settings.LLM_PRICE_INPUT = settings.LLM_PRICE_OUTPUT = 1_000.0
        run = driven(started(desk, ada, engine="model", rounds=5, tasks=2, budget=Decimal("0.05")))
    assert run.status == "finished"
    assert "budget of $0.05 is spent" in run.message
    assert not run.units.filter(status=Unit.Status.WAITING).exists()


def test_it_fails_with_the_providers_reason_when_the_key_is_refused(
    desk: Environment, ada: Any, settings: Any
) -> None:
    with ScriptedOpenAI(lambda asked: failing(401, message="bad key")) as server:
        settings.LLM_PROVIDER, settings.LLM_MODEL = "openai", "scripted"
        settings.LLM_BASE_URL, settings.LLM_API_KEY = server.base_url, "sk-test-not-a-key"
        run = driven(started(desk, ada, engine="model"))
    assert run.status == "failed"
    assert "sk-test-not-a-key" not in run.message
    assert run.message


@pytest.mark.parametrize("mode", ["exit", "silent", "die_on_call", "hang_on_call", "garbled_call"])
def test_it_never_calls_a_task_infeasible_because_the_server_failed(
    broken: Any, ada: Any, mode: str
) -> None:
    run = driven(started(broken(mode), ada, tasks=1))
    assert run.status == "failed"
    assert "could be judged" in run.message
    attempts = run.attempts.all()
    assert attempts
    assert {(a.status, a.label) for a in attempts} == {("infrastructure_error", "")}
    assert all(a.message for a in attempts)
    assert not PracticeRecord.objects.filter(run=run).exists()


def test_it_goes_on_with_a_result_of_five_megabytes(broken: Any, ada: Any) -> None:
    run = driven(started(broken("five_megabytes"), ada, tasks=1))
    assert run.status == "finished"
    attempt = run.attempts.get()
    observation = attempt.steps.get(number=1).observation
    assert len(observation) < 11_000


def test_it_stops_a_task_that_never_ends_and_judges_what_it_did(
    desk: Environment, ada: Any, ada_client: Any, settings: Any
) -> None:
    settings.ATTEMPT_SECONDS = 0
    run = driven(started(desk, ada, tasks=1))
    assert run.status == "finished"
    attempt = run.attempts.get()
    assert attempt.outcome == "step_limit"
    assert attempt.label
    assert "may take no longer than ATTEMPT_SECONDS" in attempt.message
    page = ada_client.get(attempt.get_absolute_url()).content.decode()
    assert "The agent was stopped before it was done." in page


def test_it_says_on_the_attempt_that_the_tools_changed(broken: Any, ada: Any) -> None:
    environment = broken("well")
    run = started(environment, ada, tasks=1)
    plan = run.plan
    plan["tools"] = dict.fromkeys(plan["tools"], "another hash")
    Run.objects.filter(pk=run.pk).update(plan=plan)
    driven(run)
    assert (
        "not what they were when the run began. Tools changed: work." in run.attempts.get().message
    )
