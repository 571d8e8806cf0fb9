"""How many sessions of one environment are open at once, over all runs."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from practice.models import Environment, Run, Unit
from practice.orchestrator import rounds, stages
from practice.orchestrator.results import Result
from practice.services.environments import environment_resize
from practice.services.runs import run_pause
from practice.tasks import run_unit, sweep_runs
from tests.factories import (
    AttemptFactory,
    EnvironmentFactory,
    RunFactory,
    TaskFactory,
    WorkspaceFactory,
)

LEASE = timedelta(seconds=60)


def desk(slots: int) -> Environment:
    return EnvironmentFactory(slots=slots)


def solving(environment: Environment, attempts: int = 2) -> list[Unit]:
    """A run whose attempts all wait to be solved."""
    run = RunFactory(environment=environment, workspace=environment.workspace)
    task = TaskFactory(round__run=run, round__number=1)
    return [
        Unit.objects.create(
            run=run,
            stage="solve",
            round=1,
            target=AttemptFactory(task=task, number=number, status="queued").pk,
        )
        for number in range(1, attempts + 1)
    ]


def claim(unit: Unit) -> Unit | None:
    return Unit.objects.claim(unit.pk, now=timezone.now(), lease=LEASE)


def done(monkeypatch: pytest.MonkeyPatch) -> list[Unit]:
    """Let every stage end at once; returns what was performed."""
    performed: list[Unit] = []

    def perform(unit: Unit) -> Result:
        performed.append(unit)
        return Result(lambda: None, [])

    monkeypatch.setattr(stages, "perform", perform)
    return performed


@pytest.mark.django_db
def test_it_keeps_a_unit_waiting_while_another_run_has_the_slot() -> None:
    environment = desk(slots=1)
    (first, _), (other, _) = solving(environment), solving(environment)
    assert claim(first) is not None

    assert claim(other) is None

    other.refresh_from_db()
    assert (other.status, other.tries, other.dispatched_at) == ("waiting", 0, None)


@pytest.mark.django_db
def test_it_gives_slots_to_solving_only() -> None:
    environment = desk(slots=1)
    first, _ = solving(environment)
    assert claim(first) is not None
    judging = Unit.objects.create(run=first.run, stage="validate", round=1, target=1)
    assert claim(judging) is not None


@pytest.mark.django_db
def test_it_counts_the_attempts_of_a_paused_run_and_not_those_of_a_dead_worker(ada: Any) -> None:
    environment = desk(slots=1)
    (first, _), (other, _) = solving(environment), solving(environment)
    assert claim(first) is not None
    run_pause(run=first.run, by=ada)
    assert claim(other) is None

    Unit.objects.filter(pk=first.pk).update(heartbeat_at=timezone.now() - LEASE * 2)

    assert claim(other) is not None


@pytest.mark.django_db
def test_it_does_not_mix_up_environments() -> None:
    (first, _), (other, _) = solving(desk(slots=1)), solving(desk(slots=1))
    assert claim(first) is not None
    assert claim(other) is not None


@pytest.mark.django_db
def test_it_rings_for_the_other_run_when_a_slot_is_free(
    monkeypatch: pytest.MonkeyPatch, rung: list[Any]
) -> None:
    environment = desk(slots=1)
    (first, _), (other, last) = solving(environment), solving(environment)
    held = claim(first)
    assert held is not None
    assert rounds.drive(other.run_id) == [other.pk, last.pk]
    run_unit(other.pk)
    assert rung == []
    performed = done(monkeypatch)
    Unit.objects.filter(pk=first.pk).update(status="waiting", claim=None)

    run_unit(first.pk)

    assert [unit.pk for unit in performed] == [first.pk]
    assert ("run_unit", other.pk) in rung


@pytest.mark.django_db
def test_it_finds_a_forgotten_unit_with_the_sweep(rung: list[Any]) -> None:
    environment = desk(slots=1)
    (first, _), (other, _) = solving(environment), solving(environment)
    assert claim(first) is not None
    Unit.objects.filter(pk=other.pk).update(dispatched_at=timezone.now())
    run_unit(other.pk)

    sweep_runs()

    assert ("run_unit", other.pk) in rung


@pytest.mark.django_db(transaction=True)
def test_it_never_lets_two_runs_have_more_sessions_than_slots() -> None:
    environment = EnvironmentFactory(slots=3, workspace=WorkspaceFactory(slug="slots"))
    units = [*solving(environment, 6), *solving(environment, 6)]

    def race(unit: Unit) -> bool:
        try:
            return claim(unit) is not None
        finally:
            connection.close()

    with ThreadPoolExecutor(max_workers=12) as threads:
        won = list(threads.map(race, units))

    assert sum(won) == 3
    assert Unit.objects.filter(status=Unit.Status.RUNNING).count() == 3
    assert {run.status for run in Run.objects.all()} == {"running"}


@pytest.mark.django_db
def test_it_is_changed_on_the_page(ada_client: Any, rita_client: Any, workspace: Any) -> None:
    environment = EnvironmentFactory(workspace=workspace, slug="desk")
    seen = ada_client.get("/environments/desk/").context["slots_form"]["seen"].value()

    asked = {"slots": "9", "seen": seen}
    page = ada_client.post("/environments/desk/slots/", asked, follow=True)

    environment.refresh_from_db()
    assert environment.slots == 9
    assert "9 sessions, over all runs" in page.content.decode()
    assert rita_client.post("/environments/desk/slots/", {"slots": "2"}).status_code == 403


@pytest.mark.django_db
@pytest.mark.parametrize("asked", ["0", "65", "-1", "many", "", "9" * 30])
def test_it_refuses_a_number_nobody_can_mean(ada_client: Any, workspace: Any, asked: str) -> None:
    EnvironmentFactory(workspace=workspace, slug="desk")

    page = ada_client.post("/environments/desk/slots/", {"slots": asked}, follow=True)

    assert "Give a number from 1 to 64." in page.content.decode()
    assert Environment.objects.get().slots == 4


@pytest.mark.django_db
def test_it_is_not_changed_over_what_another_has_just_set(
    ada_client: Any, edda: Any, workspace: Any
) -> None:
    environment = EnvironmentFactory(workspace=workspace, slug="desk")
    seen = ada_client.get("/environments/desk/").context["slots_form"]["seen"].value()
    environment_resize(environment=environment, slots=1, by=edda)
    asked = {"slots": "9", "seen": seen}

    answer = ada_client.post("/environments/desk/slots/", asked)

    assert answer.status_code == 409
    assert Environment.objects.get().slots == 1
    said = answer.content.decode()
    assert "Sessions at once: this was changed" in said
    assert [event.actor for event in answer.context["meanwhile"].events] == [edda]
    assert 'value="9" required' in said
    asked["seen"] = answer.context["slots_form"]["seen"].value()
    assert ada_client.post("/environments/desk/slots/", asked).status_code == 302
    assert Environment.objects.get().slots == 9
