"""Two runs beside each other."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from practice.domain.plans import Plan
from practice.models import PracticeRecord
from tests.factories import (
    AttemptFactory,
    CandidateFactory,
    EnvironmentFactory,
    RoundFactory,
    RunFactory,
    StepFactory,
    TaskFactory,
)
from tests.practice.pages import queries_of

pytestmark = pytest.mark.django_db

TOOLS = {"get_order": "0", "list_orders": "0"}


def practised(environment: Any, number: int, *labels: str, tool: str = "get_order") -> Any:
    """A run of one round, an attempt with one call per label."""
    run = RunFactory(
        workspace=environment.workspace,
        number=number,
        environment=environment,
        plan=Plan(rounds=number, tasks=3, tools=TOOLS).to_json(),
    )
    round_ = RoundFactory(run=run, number=1, ended_at=timezone.now())
    for label in labels:
        task = TaskFactory(round=round_)
        attempt = AttemptFactory(task=task, label=label, ended_at=timezone.now())
        StepFactory(attempt=attempt, tool=tool, number=1)
        PracticeRecord.objects.create(
            environment=environment, task=task, run=run, category="trivial", calls=[[tool, True]]
        )
    return run


@pytest.fixture
def desk(workspace: Any) -> Any:
    return EnvironmentFactory(workspace=workspace, slug="desk", name="Desk")


def figures(page: Any) -> dict[str, tuple[str, str, str]]:
    lines = page.context["figures"]
    return {line.name: (line.left, line.right, line.change) for line in lines}


def test_it_puts_a_run_beside_the_one_before_it_there(vera_client: Any, desk: Any) -> None:
    older = practised(desk, 3, "success", "failure")
    practised(EnvironmentFactory(workspace=desk.workspace), 4, "failure")
    run = practised(desk, 5, "success", "success", "infeasible", "success", tool="list_orders")
    CandidateFactory(playbook=run.playbook, origin_link=run.get_absolute_url())
    page = vera_client.get("/practice/runs/5/compare/")
    assert (page.context["run"], page.context["other"]) == (run, older)
    found = figures(page)
    assert found["Attempts judged"] == ("4", "2", "+2")
    assert found["Succeeded"] == ("75%", "50%", "+25 points")
    assert found["Candidates proposed"] == ("1", "0", "+1")
    assert page.context["tools"] == [("list_orders", 4, 0), ("get_order", 0, 2)]
    assert "Run 5 beside Run 3" in page.content.decode()


def test_it_says_what_was_asked_otherwise_first(vera_client: Any, desk: Any) -> None:
    practised(desk, 3)
    practised(desk, 5)
    settings = vera_client.get("/practice/runs/5/compare/").context["settings"]
    assert [line.name for line in settings if line.differs] == ["Playbook", "Plan"]
    assert settings[1].left == "5 rounds of 3 tasks"
    assert not settings[2].differs


def test_any_two_may_be_compared(vera_client: Any, desk: Any) -> None:
    for number in (3, 4, 5):
        practised(desk, number, "success")
    page = vera_client.get("/practice/runs/3/compare/?with=5")
    assert page.context["other"].number == 5
    assert '<option value="5" selected>' in page.content.decode()
    assert 'href="/practice/runs/5/compare/?with=3"' in page.content.decode()


@pytest.mark.parametrize("asked", ["3", "99", "x", "99999999999", "%00"])
def test_it_compares_a_run_with_no_other_than_what_there_is(
    vera_client: Any, desk: Any, asked: str
) -> None:
    practised(desk, 3, "success")
    answer = vera_client.get(f"/practice/runs/3/compare/?with={asked}")
    assert answer.status_code == (200 if asked == "%00" else 404)


def test_it_says_that_there_is_no_other(vera_client: Any, desk: Any) -> None:
    practised(desk, 3, "success")
    said = vera_client.get("/practice/runs/3/compare/").content.decode()
    assert "It is the only run" in said
    assert "/practice/runs/3/compare/" in vera_client.get("/practice/runs/3/").content.decode()


def test_it_compares_practice_alone(vera_client: Any, desk: Any) -> None:
    RunFactory(workspace=desk.workspace, environment=desk, number=4, kind="online")
    assert vera_client.get("/practice/runs/4/compare/").status_code == 404


def test_it_hides_other_workspaces(olga_client: Any, desk: Any) -> None:
    practised(desk, 3)
    assert olga_client.get("/practice/runs/3/compare/").status_code == 404


def test_it_takes_as_many_queries_for_more_attempts(vera_client: Any, desk: Any) -> None:
    practised(desk, 3, "success")
    practised(desk, 5, "success")
    before = queries_of(vera_client, "/practice/runs/5/compare/")
    practised(desk, 7, *["success"] * 6)
    practised(desk, 8, *["failure"] * 6)
    assert queries_of(vera_client, "/practice/runs/8/compare/") == before
