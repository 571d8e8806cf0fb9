"""Experiments and words on verdicts over the API."""

from __future__ import annotations

from typing import Any

import pytest

from memoryapp.services.evaluations import evaluation_record
from memoryapp.services.releases import release_publish
from practice.models import Experiment, Run
from practice.queries.experiments import computed
from tests.factories import (
    AttemptFactory,
    BulletFactory,
    EnvironmentFactory,
    PlaybookFactory,
    RunFactory,
    ToolFactory,
)
from tests.practice.experiments import experiment

pytestmark = pytest.mark.django_db
URL = "/api/v1/experiments"


@pytest.fixture
def book(workspace: Any) -> Any:
    ToolFactory(environment=EnvironmentFactory(workspace=workspace, slug="desk"))
    book = PlaybookFactory(workspace=workspace, slug="book")
    BulletFactory(playbook=book, label="strategies-001")
    return book


def start(client: Any, **more: Any) -> Any:
    body = {"environment": "desk", "playbook": "book", "engine": "rules"} | more
    return client.post(URL, body, content_type="application/json")


def test_it_starts_an_experiment(book: Any, with_key: Any, ada: Any) -> None:
    release_publish(playbook=book, by=ada)
    answer = start(with_key("write"), release=1, tasks=4, mask="chosen", bullets=["strategies-001"])
    assert answer.status_code == 201
    said = answer.json()
    assert (said["release"], said["tasks"], said["status"]) == (1, 4, "running")
    assert (said["masked"], said["passed"], said["result"]) == (["strategies-001"], None, {})


@pytest.mark.parametrize(
    ("asked", "status", "says"),
    [
        ({"tasks": 0}, 400, "Give 1 or more"),
        ({"mask": "chosen"}, 400, "Name labels where mask is chosen"),
        ({"bullets": ["strategies-001"]}, 400, "and nowhere else"),
        ({"mask": "chosen", "bullets": ["gone-1"]}, 409, "no live bullet has this label"),
        ({"release": 9}, 404, "no release 9 here"),
        ({"playbook": "elsewhere"}, 404, "no playbook 'elsewhere' here"),
    ],
)
def test_it_explains_what_cannot_be_started(
    book: Any, with_key: Any, asked: Any, status: int, says: str
) -> None:
    answer = start(with_key("write"), **asked)
    assert answer.status_code == status
    assert says in answer.content.decode()
    assert not Run.objects.exists()


def test_it_tells_what_was_found(workspace: Any, with_key: Any) -> None:
    found = experiment(workspace, masked=["pitfalls-001"], masked_errors=1)
    Experiment.objects.update(result=computed(found))
    client = with_key("read")
    (listed,) = client.get(URL).json()["results"]
    one = client.get(f"{URL}/{found.run.number}").json()
    assert listed == one
    assert (one["attempts_judged"], one["attempts_total"]) == (6, 6)
    assert one["result"]["arms"][1]["successes"] == 2
    effect = one["result"]["bullets"]["pitfalls-001"]
    assert (effect["effect"], effect["p"]) == (0, 1)
    assert (effect["clean"]["effect"], effect["clean"]["won"], effect["clean"]["p"]) == (1, 2, 0.5)


def test_it_lists_at_a_steady_cost(
    workspace: Any, with_key: Any, django_assert_max_num_queries: Any
) -> None:
    for _ in range(5):
        experiment(workspace)
    client = with_key("read")
    with django_assert_max_num_queries(5):
        assert len(client.get(URL).json()["results"]) == 5
    assert client.get(f"{URL}?status=paused").json()["results"] == []
    assert client.get(f"{URL}?status=bogus").status_code == 400


def test_its_runs_and_attempts_are_no_practice(workspace: Any, with_key: Any) -> None:
    experiment(workspace)
    own = AttemptFactory(task__round__run=RunFactory(workspace=workspace))
    client = with_key("read")
    assert [run["number"] for run in client.get("/api/v1/runs").json()["results"]] == [
        own.run.number
    ]
    practised = client.get("/api/v1/attempts").json()["results"]
    assert [(attempt["id"], attempt["arm"]) for attempt in practised] == [(own.pk, None)]
    trials = client.get("/api/v1/attempts?arm=trials").json()["results"]
    assert {attempt["arm"] for attempt in trials} == {"No memory", "What is approved now"}
    assert len(client.get("/api/v1/attempts?arm=all").json()["results"]) == 5


def test_its_run_tells_how_many_of_its_attempts_are_over(workspace: Any, with_key: Any) -> None:
    run = experiment(workspace).run
    told = with_key("read").get(f"/api/v1/runs/{run.number}").json()["progress"]
    over = run.attempts.exclude(label="").count()
    assert over
    assert told == {"done": over, "total": run.attempts.count()}


def test_it_tells_the_evaluations_of_a_playbook(book: Any, with_key: Any) -> None:
    evaluation_record(
        playbook=book, name="Experiment 1", link="/x/", digest="0" * 64, figures={"tasks": 3}
    )
    (said,) = with_key("read").get("/api/v1/playbooks/book/evaluations").json()["results"]
    assert (said["name"], said["passed"], said["figures"]) == ("Experiment 1", None, {"tasks": 3})


def test_it_overrules_a_verdict_and_takes_it_back(workspace: Any, with_key: Any) -> None:
    attempt = AttemptFactory(task__round__run=RunFactory(workspace=workspace), label="success")
    client, url = with_key("write"), f"/api/v1/attempts/{attempt.pk}/overrule"
    said = client.post(url, {"label": "failure"}, content_type="application/json")
    assert (said.status_code, said.json()["was"], said.json()["by"]) == (201, "success", "ada")
    assert client.delete(url).json()["undone_at"]
    assert client.delete(url).status_code == 409


def test_it_lets_a_viewer_look_and_start_nothing(book: Any, vera_client: Any) -> None:
    attempt = AttemptFactory(task__round__run=RunFactory(workspace=book.workspace), label="success")
    url = f"/api/v1/attempts/{attempt.pk}/overrule"
    assert vera_client.get(URL).status_code == 200
    assert start(vera_client).status_code == 403
    assert vera_client.delete(url).status_code == 403


def test_it_shows_another_workspace_nothing(workspace: Any, olga_client: Any) -> None:
    found = experiment(workspace)
    assert olga_client.get(URL).json()["results"] == []
    assert olga_client.get(f"{URL}/{found.run.number}").status_code == 404
