"""Pausing, resuming and cancelling a run."""

from __future__ import annotations

from typing import Any

import pytest

from tests.factories import AttemptFactory, RoundFactory, RunFactory, TaskFactory


@pytest.mark.parametrize(
    ("before", "action", "after"),
    [
        ("running", "pause", "paused"),
        ("paused", "resume", "running"),
        ("running", "cancel", "cancelled"),
        ("paused", "cancel", "cancelled"),
    ],
)
def test_it_moves_the_run_and_says_so(
    rita_client: Any, workspace: Any, before: str, action: str, after: str
) -> None:
    run = RunFactory(workspace=workspace, number=5, status=before)

    page = rita_client.post(f"/practice/runs/5/{action}/", follow=True).content.decode()

    run.refresh_from_db()
    assert run.status == after
    assert "Run 5 " in page


@pytest.mark.parametrize("action", ["pause", "resume", "cancel"])
def test_it_says_why_a_finished_run_stays_as_it_is(
    rita_client: Any, workspace: Any, action: str
) -> None:
    run = RunFactory(workspace=workspace, number=5, status="finished")

    page = rita_client.post(f"/practice/runs/5/{action}/", follow=True).content.decode()

    run.refresh_from_db()
    assert run.status == "finished"
    assert "Run 5 is finished, so it cannot become" in page


def test_it_says_that_a_run_is_paused_already(rita_client: Any, workspace: Any) -> None:
    RunFactory(workspace=workspace, number=5, status="paused")

    page = rita_client.post("/practice/runs/5/pause/", follow=True).content.decode()

    assert "Run 5 is paused already; nothing was changed." in page


@pytest.mark.parametrize("action", ["pause", "resume", "cancel"])
def test_it_is_for_reviewers_of_the_workspace_and_posts_only(
    rita_client: Any, vera_client: Any, olga_client: Any, workspace: Any, action: str
) -> None:
    RunFactory(workspace=workspace, number=5)
    url = f"/practice/runs/5/{action}/"

    assert vera_client.post(url).status_code == 403
    assert olga_client.post(url).status_code == 404
    assert rita_client.get(url).status_code == 405


def test_it_calls_nothing_running_while_the_run_is_paused(vera_client: Any, workspace: Any) -> None:
    run = RunFactory(workspace=workspace, number=5, status="paused")
    task = TaskFactory(round=RoundFactory(run=run, number=1))
    AttemptFactory(task=task, run=run, label="", status="finished")

    page = vera_client.get("/practice/runs/5/").content.decode()

    assert "1 begun and not judged" in page
    assert "1 running" not in page
