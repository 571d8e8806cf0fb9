"""Facts of an environment: seen again, excluded, restored."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from memoryapp.models import Event
from practice.domain.types import Fact, Step, Trajectory
from practice.models import EnvironmentFact
from practice.orchestrator.facts import remember
from practice.queries.memory import facts_in_use
from tests.factories import TaskFactory
from tests.practice.memories import desk, fact, run_in

TRAJECTORY = Trajectory(
    (Step(1, "get_order", {}, "no", is_error=True), Step(2, "list_orders", {}, "[]"))
)


@pytest.fixture
def run(workspace: Any) -> Any:
    return run_in(desk(workspace))


def test_it_counts_a_fact_that_is_seen_again(run: Any) -> None:
    known = fact(run, "Ten orders.", is_excluded=True)
    EnvironmentFact.objects.update(last_seen_at=timezone.now() - timedelta(days=3))

    remember(
        run, known.task, TRAJECTORY, [Fact("Ten orders."), Fact("Two desks."), Fact("Two desks.")]
    )

    known.refresh_from_db()
    assert (known.seen_count, known.is_excluded) == (2, True)
    assert timezone.now() - known.last_seen_at < timedelta(minutes=1)
    assert run.environment.facts.count() == 2


def test_it_notes_the_tools_that_showed_a_fact(run: Any) -> None:
    task = TaskFactory(round=run.rounds.create(number=1))
    found = [Fact("Named.", data={"tool": "get_order"}), Fact("Told.", tools=("a",)), Fact("Seen.")]

    remember(run, task, TRAJECTORY, found)

    tools = {row.text: row.tools for row in run.environment.facts.all()}
    assert tools == {"Named.": ["get_order"], "Told.": ["a"], "Seen.": ["list_orders"]}


def test_it_excludes_and_restores_a_fact_and_writes_it_down(rita_client: Any, run: Any) -> None:
    row = fact(run, "Ten orders.")
    url = f"/environments/desk/memory/facts/{row.pk}/"

    rita_client.post(url, {"excluded": "on"})
    assert list(facts_in_use(run.environment)) == []
    rita_client.post(url)

    assert list(facts_in_use(run.environment)) == [row]
    kinds = Event.objects.filter(subject_type="environmentfact").values_list("kind", flat=True)
    assert sorted(kinds) == ["fact.excluded", "fact.restored"]


def test_it_is_closed_to_viewers_and_outsiders(
    vera_client: Any, olga_client: Any, run: Any
) -> None:
    row = fact(run, "Ten orders.")
    url = f"/environments/desk/memory/facts/{row.pk}/"

    assert vera_client.post(url, {"excluded": "on"}).status_code == 403
    assert olga_client.post(url, {"excluded": "on"}).status_code == 404
