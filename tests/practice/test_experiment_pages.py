"""The pages of experiments."""

from __future__ import annotations

from typing import Any

import pytest

from practice.models import Experiment, Run
from practice.queries.experiments import computed, experiments
from tests.factories import (
    AttemptFactory,
    BulletFactory,
    EnvironmentFactory,
    PlaybookFactory,
    RunFactory,
    ToolFactory,
)
from tests.practice.experiments import experiment
from tests.practice.pages import queries_of

LIST = "/practice/experiments/"
NEW = "/practice/experiments/new/"


@pytest.fixture
def finished(workspace: Any) -> Experiment:
    found = experiment(
        workspace,
        without=["failure"] * 8 + ["success"] * 4,
        with_it=["success"] * 12,
        is_gate=True,
        number=7,
        status="finished",
    )
    found.result = computed(found)
    found.passed = found.result["gate"]["passed"]
    found.save()
    return found


@pytest.fixture
def asked(workspace: Any) -> dict[str, str]:
    ToolFactory(environment=EnvironmentFactory(workspace=workspace, slug="desk"))
    BulletFactory(
        playbook=PlaybookFactory(workspace=workspace, slug="book", name="Help desk"),
        label="strategies-001",
    )
    return {
        "measured": "book:",
        "environment": "desk",
        "engine": "rules",
        "tasks": "5",
        "attempts": "2",
        "mask": "none",
        "bullets": "",
        "seed": "3",
    }


def test_it_says_what_was_found_and_whether_it_passed(vera_client: Any, finished: Any) -> None:
    page = vera_client.get(finished.get_absolute_url()).content.decode()
    assert "With what is approved now 12 of 12 tasks succeed, without it 4;" in page
    assert "<b>Passed.</b> Not worse than no memory" in page
    assert "lies above 20% fewer tasks solved, and above 20% fewer solved without a" in page
    # The bar, and the same in text beside it.
    assert "No memory: 4 of 12 tasks, interval 14% to 61%" in page
    assert "<b>4</b> of 12" in page


def test_it_lists_tasks_that_differ_first(vera_client: Any, finished: Any) -> None:
    tasks = vera_client.get(finished.get_absolute_url()).context["tasks"]
    assert [row["differs"] for row in tasks] == [True] * 8 + [False] * 4


def test_it_shows_what_a_bullet_saves_in_failed_calls(vera_client: Any, workspace: Any) -> None:
    found = experiment(
        workspace,
        without=["success"] * 4,
        with_it=["success"] * 4,
        masked=["pitfalls-001"],
        masked_errors=2,
    )
    answer = vera_client.get(found.get_absolute_url())
    page = answer.content.decode()
    assert "pitfalls-001, solved: 0 points" in page
    assert "pitfalls-001, no failed call: +100 points" in page
    # Task by task too, where every arm solved everything.
    assert '<th scope="col">Without pitfalls-001</th>' in page
    assert "2 failed calls" in page
    assert [row["differs"] for row in answer.context["tasks"]] == [True] * 4


def test_it_shows_few_masked_arms_task_by_task(vera_client: Any, workspace: Any) -> None:
    found = experiment(workspace, masked=[f"pitfalls-{number:03d}" for number in range(1, 6)])
    answer = vera_client.get(found.get_absolute_url())
    assert [arm.name for arm in answer.context["shown_arms"]] == [
        "No memory",
        "What is approved now",
    ]
    assert "5 arms with a bullet left out are not shown" in answer.content.decode()


def test_it_shows_figures_so_far_without_a_verdict(vera_client: Any, workspace: Any) -> None:
    found = experiment(workspace, without=["success", ""], with_it=["success", ""])
    page = vera_client.get(found.get_absolute_url()).content.decode()
    assert "2 of 4 attempts are judged." in page
    assert "<b>1</b> of 1" in page
    assert "tasks succeed" not in page
    assert "hx-trigger" in page


def test_it_answers_a_poll_with_nothing_while_nothing_moved(
    vera_client: Any, workspace: Any
) -> None:
    found = experiment(workspace, without=[""], with_it=[""])
    url = found.get_absolute_url()
    seen = vera_client.get(url).context["seen"]
    same = vera_client.get(f"{url}?seen={seen}", HTTP_HX_REQUEST="true")
    found.run.attempts.update(label="success")
    moved = vera_client.get(f"{url}?seen={seen}", HTTP_HX_REQUEST="true")
    assert (same.status_code, moved.status_code) == (204, 200)
    assert "<html" not in moved.content.decode()


def test_it_says_that_a_cancelled_one_decides_nothing(vera_client: Any, workspace: Any) -> None:
    found = experiment(workspace, without=["success", ""], status="cancelled")
    page = vera_client.get(found.get_absolute_url()).content.decode()
    assert "the figures below are unfinished and decide nothing" in page


def test_it_measures_nothing_where_no_task_is_comparable(vera_client: Any, workspace: Any) -> None:
    found = experiment(workspace, without=["infeasible"], with_it=["infeasible"], status="finished")
    found.result = computed(found)
    found.save()
    page = vera_client.get(found.get_absolute_url()).content.decode()
    assert page.count("no task to compare") == 2
    assert "1.000" not in page
    (row,) = vera_client.get("/practice/experiments/").context["rows"]
    assert row["p"] is None


def test_it_is_not_a_practice_run(rita_client: Any, finished: Any, workspace: Any) -> None:
    RunFactory(workspace=workspace, number=8)
    runs = rita_client.get("/practice/").context["rows"]
    assert [row.run.number for row in runs] == [8]
    assert rita_client.get("/practice/runs/7/").url == finished.get_absolute_url()
    figures = {f["label"]: f["value"] for f in rita_client.get("/").context["figures"]}
    assert figures["Practice runs"] == "1"


def test_its_attempts_are_no_practice_unless_asked_for(
    vera_client: Any, finished: Any, workspace: Any
) -> None:
    own = AttemptFactory(task__round__run=RunFactory(workspace=workspace, number=8))
    url = "/trajectories/"
    assert [row[0] for row in vera_client.get(url).context["rows"]] == [own]
    trials = vera_client.get(f"{url}?arm=trials")
    assert len(trials.context["rows"]) == 24
    assert "What is approved now" in trials.content.decode()
    assert vera_client.get(f"{url}?arm=all").context["counts"].total == 25
    assert vera_client.get(f"{url}?run=7").context["counts"].total == 24


def test_it_names_the_arm_on_the_page_of_an_attempt(vera_client: Any, finished: Any) -> None:
    attempt = finished.run.attempts.filter(arm__kind="none").first()
    page = vera_client.get(attempt.get_absolute_url()).content.decode()
    assert "A trial under the arm “No memory”." in page
    assert "Experiment 7, No memory" in page


def test_it_lists_experiments_by_playbook_and_status(
    vera_client: Any, finished: Any, workspace: Any
) -> None:
    other = experiment(workspace, status="running")
    everything = vera_client.get(LIST)
    assert len(everything.context["rows"]) == 2
    assert "4 of 12" in everything.content.decode()
    slug = other.run.playbook.slug
    only = vera_client.get(f"{LIST}?playbook={slug}&status=running").context["rows"]
    assert [row["experiment"] for row in only] == [other]
    assert "No experiment matches" in vera_client.get(f"{LIST}?status=paused").content.decode()


def test_it_asks_the_database_as_often_for_more(
    vera_client: Any, finished: Any, workspace: Any
) -> None:
    first = queries_of(vera_client, LIST)
    page = queries_of(vera_client, finished.get_absolute_url())
    for _ in range(10):
        experiment(workspace)
    more = experiment(workspace, without=["success"] * 12, with_it=["failure"] * 12)
    assert queries_of(vera_client, LIST) == first <= 14
    assert queries_of(vera_client, more.get_absolute_url()) <= page + 6 <= 30


def test_its_list_reads_no_text_of_a_release(workspace: Any) -> None:
    sql = str(experiments(workspace).query)
    assert '"number"' in sql
    assert '"document"' not in sql
    assert '"bodies"' not in sql


def test_it_starts_what_was_asked(rita_client: Any, asked: Any) -> None:
    answer = rita_client.post(NEW, asked | {"is_gate": "on"})
    found = Experiment.objects.get()
    assert answer["Location"] == found.get_absolute_url()
    plan = found.run.frozen
    assert (plan.tasks, plan.attempts, found.run.seed, found.is_gate) == (5, 2, 3, True)


def test_it_counts_attempts_while_somebody_chooses(rita_client: Any, asked: Any) -> None:
    part = rita_client.get(NEW, asked | {"mask": "all"}, HTTP_HX_REQUEST="true")
    assert "30 attempts</b>: 3 arms" in part.content.decode()
    assert "40 attempts</b>: 2 arms" in rita_client.get(NEW).content.decode()
    assert "<form" not in part.content.decode()


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"measured": "elsewhere:"}, "Select a valid choice"),
        ({"mask": "chosen"}, "Name the bullets to leave out"),
        ({"mask": "chosen", "bullets": "gone-9"}, "no live bullet has this label"),
        ({"tasks": "0"}, "greater than or equal to 1"),
    ],
)
def test_it_refuses_with_a_reason_and_keeps_what_was_typed(
    rita_client: Any, asked: Any, changed: Any, said: str
) -> None:
    answer = rita_client.post(NEW, asked | changed)
    assert answer.status_code in {409, 422}
    assert said in answer.content.decode()
    assert 'name="attempts" value="2"' in answer.content.decode()
    assert not Run.objects.exists()


def test_it_begins_from_what_the_address_names(rita_client: Any, asked: Any) -> None:
    url = f"{NEW}?playbook=book&bullets=strategies-001&is_gate=on"
    page = rita_client.get(url).content.decode()
    assert '<option value="book:" selected>' in page
    assert 'value="strategies-001"' in page


def test_it_needs_the_right_to_review(vera_client: Any, olga_client: Any, asked: Any) -> None:
    assert vera_client.get(NEW).status_code == 403
    assert vera_client.post(NEW, asked).status_code == 403
    assert olga_client.post(NEW, asked).status_code == 422
    assert not Run.objects.exists()


def test_it_does_not_exist_for_others(olga_client: Any, finished: Any) -> None:
    assert olga_client.get(finished.get_absolute_url()).status_code == 404
    assert olga_client.get(LIST).context["rows"] == []
