"""The whole of an answer that is an object: on its page, over the API, and when it is gone."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import storages

from practice.models import Step
from practice.orchestrator import observations
from practice.queries.tuning import tuning_lines
from tests.factories import AttemptFactory, RunFactory, StepFactory
from tests.practice.pages import queries_of

pytestmark = pytest.mark.django_db
LONG = "An order. " * 1_000
LOST = "The text of this step is missing from the object store."


@pytest.fixture(autouse=True)
def folder(settings: Any, tmp_path: Path) -> Path:
    settings.OBSERVATION_OBJECT_KB = 4
    settings.STORAGES["observations"]["OPTIONS"]["location"] = str(tmp_path)
    settings.STORAGES = {**settings.STORAGES}
    return tmp_path


@pytest.fixture
def attempt(workspace: Any) -> Any:
    run = RunFactory(workspace=workspace)
    return AttemptFactory(
        run=run,
        task__round__run=run,
        current_try=1,
        label="success",
        answer="Done.",
        status="curated",
    )


def step_of(attempt: Any, number: int = 1, text: str = LONG, whole: str = "") -> Step:
    kept = observations.keep(attempt.run.workspace_id, text, whole)
    step: Step = StepFactory(
        attempt=attempt,
        number=number,
        observation=kept.observation,
        text=kept.text,
        is_head=kept.is_head,
    )
    return step


def address(step: Step) -> str:
    return f"/trajectories/{step.attempt_id}/steps/{step.pk}/"


def lose(step: Step) -> None:
    assert step.text is not None
    storages["observations"].delete(step.text.name)


def test_the_trajectory_shows_the_beginning_and_where_the_rest_is(
    vera_client: Any, attempt: Any
) -> None:
    step = step_of(attempt)
    page = vera_client.get(attempt.get_absolute_url()).content.decode()
    assert address(step) in page
    assert "Read the whole answer, 9.8" in page
    assert len(page) < len(vera_client.get(address(step)).content)


def test_it_shows_all_of_it_on_a_page_of_its_own(vera_client: Any, attempt: Any) -> None:
    assert LONG.strip() in vera_client.get(address(step_of(attempt))).content.decode()
    partly = step_of(attempt, 2, "What the agent read.", f"All of it: {LONG}")
    assert f"All of it: {LONG}".strip() in vera_client.get(address(partly)).content.decode()


def test_it_lays_out_json(vera_client: Any, attempt: Any) -> None:
    rows = json.dumps([{"order": number} for number in range(900)])
    page = vera_client.get(address(step_of(attempt, text=rows))).content.decode()
    assert "  {\n    &quot;order&quot;: 899\n  }\n]" in page


def test_it_shows_a_step_that_is_only_a_row_too(vera_client: Any, attempt: Any) -> None:
    page = vera_client.get(address(StepFactory(attempt=attempt, number=3, observation="Little.")))
    assert "Little." in page.content.decode()


def test_it_says_that_a_text_is_lost_and_shows_what_is_left(vera_client: Any, attempt: Any) -> None:
    step = step_of(attempt)
    lose(step)
    answer = vera_client.get(address(step))
    assert answer.status_code == 200
    assert LOST in answer.content.decode()
    assert step.observation.strip() in answer.content.decode()


def test_where_the_store_is_away_readers_do_not_learn_where_it_is(
    vera_client: Any,
    attempt: Any,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    step = step_of(attempt)

    def away(*_: Any) -> None:
        raise OSError("Could not connect to http://minio.internal:9000")

    monkeypatch.setattr("memoryapp.clients.object_stores.Folder.open", away)
    page = vera_client.get(address(step))
    told = vera_client.get(f"/api/v1/attempts/{attempt.pk}/steps/1/text")
    assert (page.status_code, told.status_code) == (200, 503)
    for answer in (page, told):
        assert "The object store does not answer. Try again" in answer.content.decode()
        assert "minio.internal" not in answer.content.decode()
    assert step.observation.strip() in page.content.decode()
    assert "minio.internal" in caplog.text


def test_a_stranger_finds_nothing(olga_client: Any, attempt: Any) -> None:
    assert olga_client.get(address(step_of(attempt))).status_code == 404


def test_a_step_of_another_attempt_is_not_found_there(vera_client: Any, attempt: Any) -> None:
    step = step_of(attempt)
    other = AttemptFactory(run=attempt.run, task=attempt.task, number=2)
    assert vera_client.get(f"/trajectories/{other.pk}/steps/{step.pk}/").status_code == 404


def test_the_page_of_a_trajectory_asks_the_store_for_nothing(
    vera_client: Any, attempt: Any, folder: Path
) -> None:
    for number in range(1, 6):
        step_of(attempt, number)
    few = queries_of(vera_client, attempt.get_absolute_url())
    for number in range(6, 16):
        lose(step_of(attempt, number, f"{LONG}{number}"))
    assert queries_of(vera_client, attempt.get_absolute_url()) == few
    assert LOST not in vera_client.get(attempt.get_absolute_url()).content.decode()


def test_two_attempts_are_compared_without_the_store(vera_client: Any, attempt: Any) -> None:
    other = AttemptFactory(run=attempt.run, task=attempt.task, number=2, current_try=1)
    lose(step_of(attempt))
    lose(step_of(other, text=f"{LONG}otherwise"))
    page = vera_client.get(f"/trajectories/{attempt.pk}/compare/{other.pk}/").content.decode()
    assert "Other answer" in page


def test_the_api_says_what_is_not_in_the_row_and_gives_it(vera_client: Any, attempt: Any) -> None:
    step_of(attempt)
    (told,) = vera_client.get(f"/api/v1/attempts/{attempt.pk}").json()["steps"]
    assert (told["is_head"], told["text_bytes"]) == (True, len(LONG))
    found = vera_client.get(f"/api/v1/attempts/{attempt.pk}/steps/1/text").json()
    digest = hashlib.sha256(LONG.encode()).hexdigest()
    assert found == {"number": 1, "text": LONG, "bytes": len(LONG), "sha256": digest}


def test_the_api_says_that_a_text_is_lost(vera_client: Any, attempt: Any) -> None:
    lose(step_of(attempt))
    answer = vera_client.get(f"/api/v1/attempts/{attempt.pk}/steps/1/text")
    assert (answer.status_code, answer.json()["detail"]) == (404, LOST)


def test_the_api_asks_to_come_again_where_the_store_is_away(
    vera_client: Any, attempt: Any, folder: Path
) -> None:
    step = step_of(attempt)
    assert step.text is not None
    (folder / step.text.name).unlink()
    (folder / step.text.name).mkdir()
    answer = vera_client.get(f"/api/v1/attempts/{attempt.pk}/steps/1/text")
    assert (answer.status_code, answer["Retry-After"]) == (503, "30")


def test_an_export_holds_all_of_it_and_leaves_out_what_is_lost(
    workspace: Any, attempt: Any
) -> None:
    step = step_of(attempt)
    (line,) = tuning_lines(workspace, "sft")
    assert LONG.strip() in line
    lose(step)
    assert list(tuning_lines(workspace, "sft")) == []
