"""What practice saw of each tool, kept as records come and go."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.db.models import Sum

from practice.domain.types import ToolCounts
from practice.models import PracticeRecord, ToolTally
from practice.queries.memory import tool_counts, tool_practice
from tests.factories import EnvironmentFactory, RoundFactory, RunFactory, TaskFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def run(workspace: Any) -> Any:
    return RunFactory(workspace=workspace, environment=EnvironmentFactory(workspace=workspace))


def practised(run: Any, *calls: list[Any], category: str = "trivial", **task: Any) -> Any:
    round_ = run.rounds.first() or RoundFactory(run=run, number=1)
    return PracticeRecord.objects.create(
        environment=run.environment,
        run=run,
        task=TaskFactory(round=round_, **task),
        category=category,
        calls=list(calls),
    )


def test_it_counts_tasks_and_not_calls(run: Any) -> None:
    practised(run, ["get", True], ["get", False], ["put", True])
    practised(run, ["get", False, 2], category="infeasible")
    assert tool_counts(run.environment) == {
        "get": ToolCounts("get", 2, 2, 1, 1),
        "put": ToolCounts("put", 1, 0, 0, 0),
    }
    newest = PracticeRecord.objects.latest("pk").created_at
    seen = tool_practice(run.environment)
    assert (seen["get"].worked_at, seen["put"].worked_at) == (newest, None)


def test_it_follows_records_that_change_or_go(run: Any) -> None:
    record = practised(run, ["get", False])
    record.calls = [["put", False]]
    record.save()
    assert set(tool_counts(run.environment)) == {"put"}
    record.delete()
    assert tool_counts(run.environment) == {}


def test_it_leaves_out_tasks_kept_for_experiments(run: Any) -> None:
    practised(run, ["get", False], is_held_out=True)
    assert tool_counts(run.environment) == {}


def test_folding_changes_no_sum(run: Any) -> None:
    for _ in range(3):
        practised(run, ["get", False])
    before = tool_practice(run.environment)
    with connection.cursor() as cursor:
        cursor.execute("SELECT practice_tool_fold(%s)", [run.environment.pk])
    assert tool_practice(run.environment) == before
    assert ToolTally.objects.count() == 1


def test_it_keeps_environments_apart_and_survives_their_end(run: Any) -> None:
    practised(run, ["get", False])
    other = EnvironmentFactory(workspace=run.workspace)
    assert tool_counts(other) == {}
    environment, pk = run.environment, run.environment.pk
    run.delete()
    environment.delete()
    assert not ToolTally.objects.filter(environment=pk).aggregate(n=Sum("practised"))["n"]
