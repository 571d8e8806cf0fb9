"""A model that does not answer: one unit at a time asks it, and a run stops asking."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from practice.domain.calls import CallRecord
from practice.models import Environment, ModelSilence, Run, Unit
from practice.orchestrator import rounds, silence
from practice.queries import progress
from practice.services.runs import run_pause, run_resume
from tests.factories import EnvironmentFactory, RunFactory
from tests.fakes import Answer, Asked, ScriptedOpenAI, cut_off, hanging
from tests.practice.models import MODEL, served
from tests.practice.runs import connected, driven, started
from tests.role_player import RolePlayer

pytestmark = pytest.mark.django_db


@pytest.fixture
def desk(workspace: Any) -> Environment:
    return connected(EnvironmentFactory(workspace=workspace))


@pytest.fixture
def waiting(workspace: Any, settings: Any) -> list[Unit]:
    """Two units of a run whose model is the one of the settings."""
    settings.LLM_PROVIDER, settings.LLM_MODEL = "openai", MODEL
    run = RunFactory(workspace=workspace, engine="model")
    return [Unit.objects.create(run=run, stage="propose", round=n) for n in (1, 2)]


def silent(role: str, answer: Answer, times: int | None = None) -> Any:
    """A provider that gives ``role`` no answer; for good, or that often."""
    player, left = RolePlayer(), [times]

    def script(asked: Asked) -> Answer:
        if asked.role != role or left[0] == 0:
            return player(asked)
        if left[0] is not None:
            left[0] -= 1
        return answer

    return script


def asked_as(role: str, server: ScriptedOpenAI) -> int:
    return sum(asked.role == role for asked in server.requests)


def unanswered(run: Run | None = None) -> None:
    """Take note of one more call without an answer."""
    call = CallRecord("solver", MODEL, request=(), error="No.", unanswered="timeout")
    silence.heard(call, run)


def over() -> None:
    """Let the pause be over."""
    ModelSilence.objects.update(probe_at=timezone.now())


def test_a_run_costs_a_few_calls_however_many_tasks_it_has(
    desk: Environment, ada: Any, settings: Any
) -> None:
    settings.LLM_TIMEOUT_SECONDS = 0.5
    with served(settings, silent("solver", hanging())) as server:
        run = driven(started(desk, ada, engine="model", rounds=2, tasks=6))

    assert asked_as("solver", server) == 4
    assert run.status == "failed"
    assert run.message == (
        "scripted did not answer 4 times in a row, each for 1 s. Everything judged so far is "
        "kept; start another run when the model answers again."
    )
    assert not run.units.filter(status__in=["waiting", "running"]).exists()


def test_a_run_whose_provider_cannot_be_reached_says_so(
    desk: Environment, ada: Any, settings: Any
) -> None:
    with served(settings, []):
        pass  # from here on nobody listens at this address
    run = driven(started(desk, ada, engine="model", rounds=1, tasks=1))

    assert run.status == "failed"
    assert run.message.startswith(
        "scripted could not be reached 4 times in a row. The connection to scripted failed"
    )


def test_an_answer_ends_the_silence(desk: Environment, ada: Any, settings: Any) -> None:
    with served(settings, silent("solver", cut_off(), times=2)):
        run = driven(started(desk, ada, engine="model", rounds=1, tasks=3))

    assert run.status == "finished"
    assert run.attempts.exclude(label="").count() == 3
    assert not ModelSilence.objects.exists()


def test_one_unit_that_is_never_answered_does_not_end_the_run(
    desk: Environment, ada: Any, settings: Any
) -> None:
    player, first = RolePlayer(), list[str]()

    def script(asked: Asked) -> Answer:
        if asked.role == "solver" and asked.prompt in (first or [asked.prompt]):
            first[:] = [asked.prompt]
            return cut_off()
        return player(asked)

    with served(settings, script):
        run = driven(started(desk, ada, engine="model", rounds=1, tasks=3))

    assert run.status == "finished"
    assert run.attempts.exclude(label="").count() == 2
    failed = run.attempts.get(label="")
    assert failed.message.startswith("The connection to scripted failed")
    assert failed.message.endswith("Tried 4 times.")


def test_nobody_asks_while_the_pause_lasts(waiting: list[Unit]) -> None:
    unanswered()
    one = waiting[0]
    Unit.objects.filter(pk=one.pk).update(dispatched_at=timezone.now())

    assert rounds.work(one.pk) is None
    one.refresh_from_db()
    assert (one.status, one.tries, one.dispatched_at) == ("waiting", 0, None)
    assert rounds.drive(one.run_id) == []


def test_the_pause_grows_with_each_call() -> None:
    pauses = []
    for _ in range(6):
        unanswered()
        row = ModelSilence.objects.get()
        pauses.append(round((row.probe_at - row.last_at).total_seconds()))
    assert pauses == [5, 10, 20, 40, 60, 60]


def test_one_unit_at_a_time_tries_it_again(waiting: list[Unit]) -> None:
    unanswered()
    over()
    one, other = waiting

    with silence.asking(silence.asked_by(one.pk)) as may:
        assert may
        with silence.asking(silence.asked_by(other.pk)) as too:
            assert not too


def test_a_unit_that_never_came_to_asking_leaves_the_try_to_the_next(waiting: list[Unit]) -> None:
    unanswered()
    over()
    for unit in waiting:
        with silence.asking(silence.asked_by(unit.pk)) as may:
            assert may


def test_a_worker_that_died_while_it_tried_is_not_waited_for_long(
    waiting: list[Unit], settings: Any
) -> None:
    unanswered()
    over()
    silence.asking(silence.asked_by(waiting[0].pk)).__enter__()  # and never comes back

    held = ModelSilence.objects.get().probe_at - timezone.now()
    assert held < timedelta(seconds=settings.LLM_TIMEOUT_SECONDS) + silence.TO_BEGIN
    over()
    with silence.asking(silence.asked_by(waiting[1].pk)) as may:
        assert may


def test_calls_that_waited_side_by_side_count_once() -> None:
    for latency_ms in (0, 60_000, 60_000):
        call = CallRecord("solver", MODEL, request=(), unanswered="timeout", latency_ms=latency_ms)
        silence.heard(call)
    assert ModelSilence.objects.get().tries == 1


def test_a_rules_run_goes_on(desk: Environment, ada: Any, settings: Any) -> None:
    settings.LLM_PROVIDER, settings.LLM_MODEL = "openai", MODEL
    for _ in range(9):
        unanswered()
    run = started(desk, ada, rounds=1, tasks=2)
    while rung := rounds.drive(run.pk):
        for unit_id in rung:
            rounds.work(unit_id)

    run.refresh_from_db()
    assert run.status == "finished"


def test_another_model_is_asked_meanwhile(waiting: list[Unit], settings: Any) -> None:
    unanswered()
    settings.LLM_ROLE_MODELS = {"proposer": "another"}

    assert rounds.drive(waiting[0].run_id) == [waiting[1].pk]
    with silence.asking(silence.asked_by(waiting[1].pk)) as may:
        assert may


def test_a_run_that_begins_later_gets_a_try_of_its_own(waiting: list[Unit]) -> None:
    for _ in range(4):
        unanswered(RunFactory(workspace=waiting[0].run.workspace, engine="model"))
    over()
    run = waiting[1].run
    assert rounds.drive(run.pk) == [waiting[1].pk]

    unanswered(run)
    rounds.drive(run.pk)
    run.refresh_from_db()
    assert run.message.startswith("scripted did not answer 5 times in a row")


def test_a_run_that_is_resumed_tries_again(waiting: list[Unit], ada: Any) -> None:
    run = run_pause(run=waiting[0].run, by=ada)
    for _ in range(4):
        unanswered(run)
    over()

    assert rounds.drive(run_resume(run=run, by=ada).pk) == [waiting[1].pk]


def test_the_page_of_a_run_says_when_its_model_is_asked_again(
    waiting: list[Unit], vera_client: Any
) -> None:
    run = waiting[0].run
    assert "in a row" not in vera_client.get(run.get_absolute_url()).content.decode()
    seen = progress.fingerprint(run)
    unanswered(run)
    page = vera_client.get(run.get_absolute_url()).content.decode()
    row = ModelSilence.objects.get()
    assert f"<code>{MODEL}</code> did not answer within 1 s. It is asked again by itself" in page
    assert f"{timezone.localtime(row.probe_at):%H:%M:%S}" in page
    assert progress.fingerprint(run) != seen


def test_the_page_says_nothing_of_a_model_that_is_asked_no_more(
    waiting: list[Unit], vera_client: Any, settings: Any
) -> None:
    unanswered(waiting[0].run)
    settings.LLM_MODEL = "another"
    page = vera_client.get(waiting[0].run.get_absolute_url()).content.decode()
    assert "in a row" not in page
