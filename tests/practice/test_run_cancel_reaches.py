"""A run that ends while its model is being asked: the wait ends too, and nothing is judged."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from typing import Any

import pytest

from practice.agents import calling
from practice.models import Environment, ModelCall, ModelSilence, Unit
from practice.orchestrator import calls, engines, rounds
from practice.services.runs import run_cancel, run_pause
from tests.factories import EnvironmentFactory
from tests.fakes import Answer, Asked, hanging
from tests.practice.models import MODEL, served
from tests.practice.runs import connected, driven, started
from tests.role_player import RolePlayer

pytestmark = pytest.mark.django_db


@pytest.fixture
def desk(workspace: Any, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Environment:
    settings.LLM_PROVIDER, settings.LLM_MODEL = "openai", MODEL
    monkeypatch.setattr(calling, "LOOK_SECONDS", 0.05)
    return connected(EnvironmentFactory(workspace=workspace))


class Hung:
    """A provider that never answers one role. ``hangs`` is set once it was asked to."""

    def __init__(self, role: str) -> None:
        self._role, self._player, self.hangs = role, RolePlayer(), threading.Event()

    def __call__(self, asked: Asked) -> Answer:
        if asked.role != self._role:
            return self._player(asked)
        self.hangs.set()
        return hanging()


def once_it_hangs(
    provider: Hung, monkeypatch: pytest.MonkeyPatch, happens: Callable[[], object]
) -> list[bool]:
    """Let something happen when it is first looked whether the hanging call is waited for."""
    looked: list[bool] = []
    wanting = calls.wanting

    def watched(unit: Unit) -> Callable[[], bool]:
        wanted = wanting(unit)

        def look() -> bool:
            if not provider.hangs.is_set():
                return wanted()
            if not looked:
                happens()
            looked.append(wanted())
            return looked[-1]

        return look

    monkeypatch.setattr(engines, "wanting", watched)
    return looked


def test_cancelling_a_run_ends_the_wait_for_its_model(
    desk: Environment, ada: Any, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider = Hung("solver")
    run = started(desk, ada, engine="model", rounds=1, tasks=2)
    looked = once_it_hangs(provider, monkeypatch, lambda: run_cancel(run=run, by=ada))
    with served(settings, provider):
        driven(run)

    assert looked == [False]
    assert run.status == "cancelled"
    assert set(run.units.values_list("status", flat=True)) == {"done", "cancelled"}
    assert set(run.attempts.values_list("status", flat=True)) == {"cancelled"}
    call = ModelCall.objects.get(run=run, role="solver")
    assert call.error == "The run ended while the model was being asked."


def test_a_wait_that_was_ended_tells_nothing_of_the_model(
    desk: Environment, ada: Any, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider = Hung("proposer")
    run = started(desk, ada, engine="model", rounds=1, tasks=1)
    once_it_hangs(provider, monkeypatch, lambda: run_cancel(run=run, by=ada))
    with served(settings, provider):
        driven(run)

    assert not ModelSilence.objects.exists()


def test_a_worker_that_lost_its_claim_waits_no_longer(
    desk: Environment, ada: Any, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider = Hung("proposer")
    run = started(desk, ada, engine="model", rounds=1, tasks=1)
    taken = {"claim": uuid.uuid4()}
    looked = once_it_hangs(provider, monkeypatch, lambda: run.units.update(**taken))
    with served(settings, provider):
        rounds.drive(run.pk)
        rounds.work(run.units.get().pk)

    assert looked == [False]
    unit = run.units.get()
    assert (unit.status, unit.claim) == ("running", taken["claim"])


def test_pausing_a_run_lets_the_model_finish(
    desk: Environment, ada: Any, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.LLM_TIMEOUT_SECONDS = 0.3
    provider = Hung("proposer")
    run = started(desk, ada, engine="model", rounds=1, tasks=1)
    looked = once_it_hangs(provider, monkeypatch, lambda: run_pause(run=run, by=ada))
    with served(settings, provider):
        rounds.drive(run.pk)
        rounds.work(run.units.get().pk)

    assert all(looked)
    assert run.units.get().message.startswith("scripted did not answer in time.")
