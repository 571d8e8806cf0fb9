"""What a check stores, and that none is left waiting for ever."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import transaction
from django.utils import timezone

from practice.agents.ports import EnvironmentUnavailable
from practice.clients.mcp import Discovery
from practice.domain.types import ToolSpec
from practice.models import Environment
from practice.orchestrator import environment_checks
from practice.services.environments import environment_check
from practice.tasks import sweep_runs
from tests.factories import EnvironmentFactory

pytestmark = pytest.mark.django_db


def found(*names: str) -> Discovery:
    return Discovery("desk", "1", tuple(ToolSpec(name) for name in names), {})


def test_it_leaves_out_a_tool_whose_name_cannot_be_stored_and_says_so(workspace: Any) -> None:
    environment = EnvironmentFactory(workspace=workspace)
    environment_checks.store_discovery(environment, found("short", "x" * 201))
    environment.refresh_from_db()
    assert list(environment.tools.values_list("name", flat=True)) == ["short"]
    assert environment.message == "1 of its tools were left out: their names are longer than 200."


def test_it_tells_of_a_defect_instead_of_checking_for_ever(
    workspace: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*args: Any, **kwargs: Any) -> None:
        raise ValueError("odd")

    monkeypatch.setattr(environment_checks, "store_discovery", broken)
    environment = EnvironmentFactory(workspace=workspace, status="checking")
    environment_checks.check(environment.pk)
    environment.refresh_from_db()
    assert (environment.status, "odd" in environment.message) == ("unreachable", True)


def test_a_sweep_rings_once_for_what_a_lost_message_left_waiting(
    workspace: Any, rung: list[Any]
) -> None:
    environment = EnvironmentFactory(workspace=workspace, status="checking")
    sweep_runs()
    assert rung == []  # its own bell may still be heard
    Environment.objects.update(created_at=timezone.now() - 2 * environment_checks.UNHEARD)
    sweep_runs()
    sweep_runs()
    assert rung == [("check_environment", environment.pk)]
    Environment.objects.update(check_asked_at=timezone.now() - 2 * environment_checks.UNHEARD)
    sweep_runs()
    assert len(rung) == 2


def test_it_was_checked_when_the_check_ended_and_not_when_it_was_asked_for(
    workspace: Any, edda: Any, rung: list[Any]
) -> None:
    checked = timezone.now() - timedelta(days=2)
    environment = EnvironmentFactory(workspace=workspace, transport="pack", checked_at=checked)
    # Two days old, so that the drift watch has it looked at; then a person asks too.
    sweep_runs()
    sweep_runs()
    assert rung == [("check_environment", environment.pk)]
    environment_check(environment=environment, by=edda)
    sweep_runs()
    assert len(rung) == 1  # its own bell may still be heard
    environment.refresh_from_db()
    assert environment.checked_at == checked
    environment_checks.check(environment.pk)
    environment.refresh_from_db()
    assert (environment.status == "checking", environment.checked_at > checked) == (False, True)


def test_a_sweep_waits_for_no_server(
    workspace: Any, rung: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    monkeypatch.setattr(environment_checks, "check", asked.append)
    EnvironmentFactory(workspace=workspace, status="checking")
    Environment.objects.update(created_at=timezone.now() - 2 * environment_checks.UNHEARD)
    sweep_runs()
    assert asked == []


def failing(environment: Environment, monkeypatch: pytest.MonkeyPatch) -> None:
    """Check it while its server does not answer."""
    with monkeypatch.context() as away:
        away.setattr(environment_checks, "world_anew", out_of_reach)
        environment_checks.check(environment.pk)


def out_of_reach(*args: Any) -> Any:
    raise EnvironmentUnavailable("Its server did not answer within 20 s.")


def test_a_sweep_asks_again_for_what_could_not_be_reached_ever_less_often(
    workspace: Any, rung: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = EnvironmentFactory(workspace=workspace, transport="pack", status="checking")
    asked = timezone.now()
    for minutes in (1, 2, 5, 15, 60, 60):
        failing(environment, monkeypatch)
        rung.clear()
        for waited, times in ((minutes - 0.5, 0), (minutes + 0.5, 1)):
            with time_machine.travel(asked + timedelta(minutes=waited), tick=False):
                sweep_runs()
            assert len(rung) == times, (minutes, waited)
        asked += timedelta(minutes=minutes + 0.5)


def test_what_is_reached_again_starts_with_the_shortest_wait(
    workspace: Any, edda: Any, rung: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = EnvironmentFactory(workspace=workspace, status="checking")
    failing(environment, monkeypatch)
    failing(environment, monkeypatch)
    environment.refresh_from_db()
    assert environment.failed_checks == 2
    environment_checks.store_discovery(environment, found("look"))
    environment.refresh_from_db()
    assert (environment.status, environment.failed_checks) == ("connected", 0)


def test_a_sweep_leaves_alone_what_is_deleted_with_its_workspace(workspace: Any) -> None:
    for status in ("checking", "unreachable"):
        environment = EnvironmentFactory(workspace=workspace, status=status)
    later = timezone.now() + 2 * environment_checks.UNHEARD
    with transaction.atomic():
        assert environment.pk in environment_checks.to_check(later)
        transaction.set_rollback(True)
    workspace.deleted_at = timezone.now()
    workspace.save()
    assert environment_checks.to_check(later) == []
