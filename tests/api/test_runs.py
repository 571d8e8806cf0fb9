"""Starting and steering runs over the API."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from practice.models import Environment, Run
from tests.factories import (
    AttemptFactory,
    EnvironmentFactory,
    PlaybookFactory,
    RoundFactory,
    RunFactory,
    StepFactory,
    TaskFactory,
    ToolFactory,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def environment(workspace: Any) -> Environment:
    environment = EnvironmentFactory(workspace=workspace, slug="desk")
    ToolFactory(environment=environment)
    PlaybookFactory(workspace=workspace, slug="desk")
    return environment


def start(client: Any, **more: Any) -> Any:
    body = {"environment": "desk", "playbook": "desk", "engine": "rules"} | more
    return client.post("/api/v1/runs", body, content_type="application/json")


def test_it_counts_no_cancelled_attempt_as_done(environment: Any, with_key: Any) -> None:
    run = RunFactory(workspace=environment.workspace, environment=environment, status="cancelled")
    task = TaskFactory(round=RoundFactory(run=run, number=1))
    AttemptFactory(task=task, run=run, number=1, label="success")
    AttemptFactory(
        task=task, run=run, number=2, label="", status="cancelled", ended_at=timezone.now()
    )

    told = with_key("read").get(f"/api/v1/runs/{run.number}").json()["progress"]

    assert told["done"] == 1


def test_it_refuses_a_field_it_does_not_know(environment: Any, with_key: Any) -> None:
    answer = start(with_key("write"), budjet="1.00", rounds=0)

    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/problem+json"
    said = {each["pointer"]: each["detail"] for each in answer.json()["fields"]}
    assert set(said) == {"#/budjet", "#/rounds"}
    assert "There is no such field. It takes faithful, verify," in said["#/budjet"]
    assert not Run.objects.exists()


def test_it_starts_a_run_with_the_papers_defaults(
    environment: Any, with_key: Any, rung: Any, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        answer = start(with_key("write"))
    assert answer.status_code == 201
    plan = answer.json()["plan"]
    assert (plan["rounds"], plan["tasks"], plan["attempts"]) == (10, 10, 1)
    assert ("drive_run", str(Run.objects.get().pk)) in rung


@pytest.mark.parametrize(
    ("asked", "status", "says"),
    [
        ({"rounds": 0}, 400, "Give 1 or more"),
        ({"engine": "magic"}, 400, "Choose one of: rules, model."),
        ({"environment": "nowhere"}, 404, "no environment 'nowhere' here"),
        ({"snapshot": 7}, 404, "has no snapshot 7. Its snapshots are listed at"),
        ({"engine": "model"}, 409, "No model is configured"),
        ({"budget": "-1"}, 400, "above $0.00"),
    ],
)
def test_it_explains_what_cannot_be_started(
    environment: Any, with_key: Any, asked: Any, status: int, says: str
) -> None:
    answer = start(with_key("write"), **asked)
    assert answer.status_code == status
    assert says in answer.content.decode()
    assert not Run.objects.exists()


def test_it_will_not_practise_with_a_server_that_is_down(environment: Any, with_key: Any) -> None:
    Environment.objects.update(status="unreachable")
    answer = start(with_key("write"))
    assert answer.status_code == 409
    assert "is unreachable" in answer.json()["detail"]


def test_it_pauses_resumes_and_cancels(environment: Any, with_key: Any) -> None:
    client = with_key("write")
    number = start(client).json()["number"]
    said = [
        client.post(f"/api/v1/runs/{number}/{verb}").json()["status"]
        for verb in ("pause", "resume", "cancel")
    ]
    assert said == ["paused", "running", "cancelled"]
    late = client.post(f"/api/v1/runs/{number}/resume")
    assert late.status_code == 409
    assert "is cancelled" in late.json()["detail"]


def test_it_keeps_secrets_of_an_environment_to_itself(environment: Any, with_key: Any) -> None:
    environment.keep_secrets({"TOKEN": "very-secret-value"})
    environment.save()
    answer = with_key("read").get("/api/v1/environments")
    assert answer.json()[0]["secret_names"] == ["TOKEN"]
    assert "very-secret-value" not in answer.content.decode()


def test_it_tells_a_trajectory_by_the_steps_of_the_try_that_counts(
    workspace: Any, with_key: Any
) -> None:
    attempt = AttemptFactory(task__round__run=RunFactory(workspace=workspace), current_try=2)
    StepFactory(attempt=attempt, try_number=1, number=1, tool="lost_with_its_worker")
    StepFactory(attempt=attempt, try_number=2, number=1, tool="get_thing")
    steps = with_key("read").get(f"/api/v1/attempts/{attempt.pk}").json()["steps"]
    assert [step["tool"] for step in steps] == ["get_thing"]


def test_it_filters_attempts_by_run_and_label(workspace: Any, with_key: Any) -> None:
    run = RunFactory(workspace=workspace)
    AttemptFactory(task__round__run=run, label="success")
    AttemptFactory(task__round__run=run, label="failure")
    found = with_key("read").get(f"/api/v1/attempts?run={run.number}&label=failure").json()
    assert [attempt["label"] for attempt in found["results"]] == ["failure"]


def test_it_shows_another_workspace_nothing(environment: Any, olga_client: Any) -> None:
    RunFactory(workspace=environment.workspace, environment=environment)
    assert olga_client.get("/api/v1/runs").json()["results"] == []
    assert olga_client.get("/api/v1/environments").json() == []
    assert olga_client.get("/api/v1/runs/1").status_code == 404


def test_it_lets_a_viewer_start_nothing(environment: Any, vera_client: Any) -> None:
    assert start(vera_client).status_code == 403


@pytest.mark.parametrize(
    "path", ["/attempts?run=abc", "/attempts?label=bogus", "/candidates?status=waiting"]
)
def test_it_says_that_a_filter_can_match_nothing(with_key: Any, path: str) -> None:
    answer = with_key("read").get(f"/api/v1{path}")
    assert answer.status_code == 400
    assert answer.json()["errors"]


def test_it_takes_every_limit_the_form_takes(environment: Any, with_key: Any) -> None:
    answer = start(with_key("write"), step_limit=7, parallel=2, policy="success_only")
    plan = answer.json()["plan"]
    assert (plan["step_limit"], plan["parallel"], plan["policy"]) == (7, 2, "success_only")


def test_it_takes_the_switches_by_the_names_of_the_plan(environment: Any, with_key: Any) -> None:
    (tool,) = environment.tools.values_list("name", flat=True)
    asked = {
        "verify": "lite",
        "consolidate": True,
        "band": [0.3, 0.7],
        "patience": 2,
        "held_out": 3,
        "focus": [tool],
    }
    plan = start(with_key("write"), **asked).json()["plan"]
    assert {name: plan[name] for name in asked} == asked
    assert (plan["votes"], plan["drift_watch"], plan["condense"]) == (1, True, False)


def test_a_faithful_run_has_every_switch_off(environment: Any, with_key: Any) -> None:
    answer = start(with_key("write"), faithful=True, verify="", held_out=0, votes=1).json()
    assert answer["kind"] == "practice"
    assert answer["plan"]["faithful"] is True
    assert (answer["plan"]["verify"], answer["plan"]["held_out"]) == ("", 0)
    assert (answer["plan"]["drift_watch"], answer["plan"]["votes"]) == (False, 1)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("verify", "lite"),
        ("held_out", 5),
        ("votes", 3),
        ("drift_watch", True),
        ("band", [0.3, 0.7]),
    ],
)
def test_a_faithful_run_refuses_what_is_beyond_the_paper(
    environment: Any, with_key: Any, name: str, value: Any
) -> None:
    answer = start(with_key("write"), faithful=True, **{name: value})
    assert answer.status_code == 400
    why = "Faithful to the paper it is off. Leave it out, or turn faithful off."
    assert answer.json()["errors"] == {name: [why]}


@pytest.mark.parametrize(
    ("asked", "status", "says"),
    [
        ({"verify": "hard"}, 400, "Choose one of: lite, strict."),
        ({"band": [0.7, 0.3]}, 400, "the lower one first"),
        ({"band": [0.7]}, 400, "the lower one first"),
        ({"band": [0, 2]}, 400, "Give 1 or less"),
        ({"votes": 3}, 400, "need the model engine"),
        ({"votes": 2}, 400, "Choose one of: 1, 3, 5, 7."),
        ({"condense": True}, 400, "Choose the model engine"),
        ({"patience": 11}, 400, "Give 10 or less"),
        ({"focus": ["burn_it"]}, 409, "may not call burn_it"),
    ],
)
def test_it_explains_which_switch_it_cannot_take(
    environment: Any, with_key: Any, asked: Any, status: int, says: str
) -> None:
    answer = start(with_key("write"), **asked)
    assert answer.status_code == status
    assert says in answer.content.decode()
    assert not Run.objects.exists()


def test_it_tells_what_a_verdict_rests_on(workspace: Any, with_key: Any) -> None:
    votes = [{"feasibility": 5, "completion": 4}]
    attempt = AttemptFactory(
        task__round__run=RunFactory(workspace=workspace), truth=True, votes=votes
    )
    told = with_key("read").get(f"/api/v1/attempts/{attempt.pk}").json()
    assert (told["truth"], told["votes"], told["arm"]) == (True, votes, None)


def test_it_says_what_became_of_each_seed_task(
    environment: Any, workspace: Any, with_key: Any
) -> None:
    seed = {
        "asked": "Refund the oldest order",
        "task": "Refund order ORD-1.",
        "unused": ["oldest"],
        "added": ["amount"],
        "reason": "",
    }
    run = RunFactory(workspace=workspace, environment=environment)
    assert with_key("read").get(f"/api/v1/runs/{run.number}").json()["seed_tasks"] == []
    RoundFactory(run=run, number=3, seeds=[seed])
    shown = with_key("read").get(f"/api/v1/runs/{run.number}").json()
    assert shown["seed_tasks"] == [{"round": 3, **seed}]
