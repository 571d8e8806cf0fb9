"""A dry run of a prompt: one role, one stored attempt, nothing kept as memory."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from memoryapp.models import Candidate
from practice.agents.prompting import built_in_text
from practice.models import (
    Attempt,
    Environment,
    EnvironmentFact,
    LedgerEntry,
    ModelCall,
    PracticeRecord,
    PromptTrial,
)
from practice.orchestrator import prompt_trials
from practice.services.prompts import ROLES
from tests.factories import (
    AttemptFactory,
    BulletFactory,
    EnvironmentFactory,
    RoundFactory,
    RunFactory,
    StepFactory,
    TaskFactory,
    ToolFactory,
)
from tests.fakes import text, typed
from tests.practice.models import served
from tests.practice.runs import connected
from tests.role_player import RolePlayer

pytestmark = pytest.mark.django_db
#: roles with a test of their own below.
ELSEWHERE = {"condenser", "solver", "consolidator"}


@pytest.fixture
def attempt(workspace: Any) -> Attempt:
    """One attempt that was judged and learned from."""
    environment = EnvironmentFactory(workspace=workspace, slug="desk")
    ToolFactory(environment=environment, name="get_thing")
    run = RunFactory(workspace=workspace, environment=environment)
    row: Attempt = AttemptFactory(
        task=TaskFactory(round=RoundFactory(run=run)),
        outcome="finished",
        label="success",
        answer="The thing is 7.",
        reflection={"what_happened": "It looked.", "key_insight": "Ids are numbers.", "tags": {}},
    )
    StepFactory(attempt=row)
    return row


def trial_of(attempt: Attempt, role: str, extra: str = "Mark.") -> PromptTrial:
    title = built_in_text(role).partition("\n")[0]
    return PromptTrial.objects.create(
        environment=attempt.run.environment,
        role=role,
        text=built_in_text(role).replace(title, f"{title}\n\n{extra}"),
        attempt=attempt,
    )


def memory() -> list[int]:
    kept = (Candidate, EnvironmentFact, PracticeRecord, LedgerEntry, Attempt)
    return [model.objects.count() for model in kept]


@pytest.mark.parametrize("role", [role for role in ROLES if role not in ELSEWHERE])
def test_it_asks_each_role_with_the_edited_text_and_keeps_no_memory(
    attempt: Attempt, settings: Any, role: str
) -> None:
    before = memory()
    trial = trial_of(attempt, role)
    with served(settings, RolePlayer()) as server:
        prompt_trials.perform(trial.pk)

    trial.refresh_from_db()
    assert (trial.status, trial.message) == ("done", "")
    assert trial.result
    assert all("Mark." in asked.instructions for asked in server.requests)
    assert memory() == before
    calls = ModelCall.objects.filter(trial=trial)
    assert calls.count() == len(server.requests) > 0
    assert {call.prompt for call in calls} == {"dry run"}


def test_it_solves_the_task_anew_in_a_fresh_session(
    attempt: Attempt, workspace: Any, settings: Any
) -> None:
    desk = connected(EnvironmentFactory(workspace=workspace, slug="live"))
    attempt.run.environment = desk
    attempt.run.plan["tools"] = {tool.name: tool.schema_hash for tool in desk.tools.usable()}
    attempt.run.save()
    before, trial = memory(), trial_of(attempt, "solver")
    with served(settings, RolePlayer()) as server:
        prompt_trials.perform(trial.pk)

    trial.refresh_from_db()
    assert (trial.status, trial.message) == ("done", "")
    assert trial.result["steps"]
    assert "Mark." in server.requests[0].instructions
    assert memory() == before


def test_it_condenses_the_longest_observation(attempt: Attempt, settings: Any) -> None:
    trial = trial_of(attempt, "condenser")
    with served(settings, [typed(summary="Some orders are open.")]):
        prompt_trials.perform(trial.pk)

    trial.refresh_from_db()
    assert trial.result["summary"] == "Some orders are open."


def test_it_consolidates_the_playbook_of_the_attempts_run(attempt: Attempt, settings: Any) -> None:
    for _ in range(2):
        BulletFactory(playbook=attempt.run.playbook, status="approved")
    before, trial = memory(), trial_of(attempt, "consolidator")
    with served(settings, [typed(changes=[])]) as server:
        prompt_trials.perform(trial.pk)

    trial.refresh_from_db()
    assert (trial.status, trial.message) == ("done", "")
    assert "Mark." in server.requests[0].instructions
    assert memory() == before


def test_it_runs_once_however_often_it_is_rung_for(attempt: Attempt, settings: Any) -> None:
    trial = trial_of(attempt, "validator")
    with served(settings, RolePlayer()) as server:
        prompt_trials.perform(trial.pk)
        prompt_trials.perform(trial.pk)

    assert len(server.requests) == 1


def test_it_says_why_it_failed_and_keeps_what_was_spent(attempt: Attempt, settings: Any) -> None:
    trial = trial_of(attempt, "validator")
    with served(settings, lambda asked: text("No idea.")):
        prompt_trials.perform(trial.pk)

    trial.refresh_from_db()
    assert trial.status == "failed"
    assert "form that can be read" in trial.message
    assert ModelCall.objects.filter(trial=trial).count() == 3


def test_it_gives_up_on_a_trial_whose_worker_is_gone(workspace: Any) -> None:
    environment = EnvironmentFactory(workspace=workspace)
    waiting, running = (
        PromptTrial.objects.create(environment=environment, role="validator", text="x")
        for _ in range(2)
    )
    PromptTrial.objects.filter(pk=running.pk).update(
        status="running", created_at=timezone.now() - timedelta(hours=2)
    )

    assert prompt_trials.sweep() == [waiting.pk]
    running.refresh_from_db()
    assert running.status == "failed"
    assert "try again" in running.message


def test_a_trial_that_waited_long_is_given_its_time(workspace: Any) -> None:
    environment = EnvironmentFactory(workspace=workspace)
    trial = PromptTrial.objects.create(environment=environment, role="validator", text="x")
    PromptTrial.objects.update(created_at=timezone.now() - timedelta(hours=2))
    prompt_trials.perform(trial.pk)
    trial.refresh_from_db()
    assert trial.started_at is not None
    PromptTrial.objects.update(status="running", ended_at=None)

    assert prompt_trials.sweep() == []
    trial.refresh_from_db()
    assert trial.status == "running"


def asked(client: Any, attempt: Attempt, role: str = "validator", **change: str) -> Any:
    body = {"text": built_in_text(role), "do": "try", "attempt": str(attempt.pk)} | change
    return client.post(f"/environments/desk/prompts/{role}/save/", body)


@pytest.fixture
def judged(workspace: Any) -> Attempt:
    run = RunFactory(
        workspace=workspace, environment=EnvironmentFactory(workspace=workspace, slug="desk")
    )
    row: Attempt = AttemptFactory(
        task=TaskFactory(round=RoundFactory(run=run)),
        outcome="finished",
        label="success",
        feasibility=5,
        feasibility_reason="All exists.",
        completion=4,
        completion_reason="Step 2 did it.",
    )
    return row


def test_it_is_started_from_the_edit_page_and_rings_for_a_worker(
    rita_client: Any, judged: Attempt, settings: Any, rung: Any, on_commit: Any
) -> None:
    settings.LLM_PROVIDER, settings.LLM_MODEL = "openai", "m"

    answer = asked(rita_client, judged)

    trial = PromptTrial.objects.get()
    assert answer["Location"] == f"/environments/desk/prompts/trials/{trial.pk}/"
    page = rita_client.get(answer["Location"]).content.decode()
    assert "A worker is asking the model" in page
    assert "Step 2 did it." in page, "what is stored stands beside it"


@pytest.mark.parametrize(
    ("role", "complaint"),
    [("curator", "there is no analysis to curate"), ("summariser", "called no tool")],
)
def test_it_says_that_an_attempt_has_nothing_for_a_role(
    rita_client: Any, judged: Attempt, settings: Any, role: str, complaint: str
) -> None:
    settings.LLM_PROVIDER, settings.LLM_MODEL = "openai", "m"

    assert complaint in asked(rita_client, judged, role).content.decode()
    assert not PromptTrial.objects.exists()


def test_it_needs_a_model_a_reviewer_and_an_attempt_of_this_environment(
    rita_client: Any, vera_client: Any, judged: Attempt, settings: Any
) -> None:
    assert "No model is configured" in asked(rita_client, judged).content.decode()
    assert asked(vera_client, judged).status_code == 403
    settings.LLM_PROVIDER, settings.LLM_MODEL = "openai", "m"
    elsewhere = AttemptFactory(outcome="finished")
    assert asked(rita_client, elsewhere).status_code == 422
    assert not PromptTrial.objects.exists()


def test_it_shows_both_sides_and_the_cost(
    vera_client: Any, olga_client: Any, judged: Attempt
) -> None:
    trial = PromptTrial.objects.create(
        environment=Environment.objects.get(slug="desk"),
        role="validator",
        text="x",
        attempt=judged,
        status="done",
        result={
            "feasibility": 2,
            "feasibility_reason": "No such tool.",
            "completion": 1,
            "completion_reason": "Nothing was done.",
        },
    )
    ModelCall.objects.create(
        workspace=judged.run.workspace, trial=trial, role="validator", model="m", cost="0.25"
    )

    page = vera_client.get(trial.get_absolute_url()).content.decode()

    for said in ("No such tool.", "All exists.", "$0.25", "Nothing here is kept as memory."):
        assert said in page
    assert olga_client.get(trial.get_absolute_url()).status_code == 404
