"""What a run says of calls and lessons that came to nothing."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from practice.models import Environment, LedgerEntry, ModelCall, ModelPrice
from tests.factories import EnvironmentFactory
from tests.fakes import Answer, Asked, failing, hanging
from tests.practice.models import served
from tests.practice.runs import connected, driven, started
from tests.role_player import RolePlayer

pytestmark = pytest.mark.django_db


@pytest.fixture
def desk(workspace: Any, settings: Any) -> Environment:
    settings.LLM_TIMEOUT_SECONDS = 0.5
    ModelPrice.objects.create(workspace=workspace, model="script*", input=2, output=4)
    return connected(EnvironmentFactory(workspace=workspace))


def once_hung() -> Any:
    """A provider that hangs when it is first asked to solve."""
    player, asked_before = RolePlayer(), list[bool]()

    def script(asked: Asked) -> Answer:
        if asked.role == "solver" and not asked_before:
            asked_before.append(True)
            return hanging()
        return player(asked)

    return script


def test_what_a_call_without_an_answer_cost_is_unknown(
    desk: Environment, ada: Any, settings: Any
) -> None:
    with served(settings, once_hung()):
        run = driven(started(desk, ada, engine="model", rounds=1, tasks=1))

    silent = ModelCall.objects.filter(run=run, error="scripted did not answer in time.")
    assert set(silent.values_list("cost", flat=True)) == {None}
    unknown = LedgerEntry.objects.filter(run=run, cost=None)
    assert set(unknown.values_list("answered", flat=True)) == {False}


def test_it_does_not_end_a_run_with_a_budget(desk: Environment, ada: Any, settings: Any) -> None:
    with served(settings, once_hung()):
        run = driven(started(desk, ada, engine="model", rounds=1, tasks=1, budget=Decimal(5)))

    assert (run.status, run.message) == ("finished", "")


def test_a_page_in_place_of_an_answer_is_of_unknown_cost_and_ends_no_run_by_its_budget(
    desk: Environment, ada: Any, settings: Any
) -> None:
    with served(settings, lambda asked: Answer(raw=b"<html>Welcome to the hotel</html>")):
        run = driven(started(desk, ada, engine="model", rounds=1, tasks=1, budget=Decimal(5)))

    assert set(ModelCall.objects.filter(run=run).values_list("cost", flat=True)) == {None}
    assert run.status == "failed"
    assert "what came back is not a reply of a model API" in run.message


def test_a_run_says_how_many_attempts_it_could_not_learn_from(
    desk: Environment, ada: Any, settings: Any
) -> None:
    player = RolePlayer()

    def script(asked: Asked) -> Answer:
        return failing(401) if asked.role == "reflector" else player(asked)

    with served(settings, script):
        run = driven(started(desk, ada, engine="model", rounds=1, tasks=2))

    assert run.status == "finished"
    assert run.message.startswith(
        "2 of 2 attempts could not be learned from. The first: The provider rejected the API key"
    )
