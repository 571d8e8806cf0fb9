"""Who may work on a unit, and whose result counts."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError
from django.utils import timezone

from practice.agents.ports import EnvironmentUnavailable, ProviderRefused, ProviderUnavailable
from practice.domain.rounds import MAX_TRIES
from practice.domain.types import Usage
from practice.models import Attempt, LedgerEntry, Run, Unit
from practice.orchestrator import rounds, stages
from practice.orchestrator.results import Result
from practice.services.runs import run_cancel, run_pause, run_resume
from tests.factories import AttemptFactory

pytestmark = pytest.mark.django_db
LEASE = timedelta(seconds=60)


@pytest.fixture
def attempt(workspace: Any) -> Attempt:
    return AttemptFactory(status="queued")


@pytest.fixture
def unit(attempt: Attempt) -> Unit:
    return Unit.objects.create(run=attempt.run, stage="solve", round=1, target=attempt.pk)


def claim(unit: Unit, after: timedelta = timedelta()) -> Unit | None:
    return Unit.objects.claim(unit.pk, now=timezone.now() + after, lease=LEASE)


def perform_with(monkeypatch: pytest.MonkeyPatch, outcome: Any) -> list[Unit]:
    """Let the stage return or raise ``outcome``; returns what was performed."""
    performed: list[Unit] = []

    def perform(unit: Unit) -> Any:
        performed.append(unit)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome(unit) if callable(outcome) else outcome

    monkeypatch.setattr(stages, "perform", perform)
    return performed


def test_it_is_given_to_one_worker_only(unit: Unit) -> None:
    assert claim(unit) is not None
    assert claim(unit) is None


def test_a_clock_that_is_set_back_gives_it_to_nobody_else(unit: Unit) -> None:
    assert claim(unit) is not None
    assert claim(unit, after=-timedelta(days=1)) is None
    assert claim(unit, after=LEASE + timedelta(seconds=1)) is not None


def test_it_is_given_away_when_its_worker_fell_silent(unit: Unit) -> None:
    first = claim(unit)
    assert first is not None
    second = claim(unit, after=LEASE + timedelta(seconds=1))
    assert second is not None
    assert second.claim != first.claim
    assert second.tries == 2


def test_it_is_not_given_out_while_the_run_is_paused(unit: Unit, ada: Any) -> None:
    run_pause(run=unit.run, by=ada)
    assert claim(unit) is None
    run_resume(run=unit.run, by=ada)
    assert claim(unit) is not None


def test_it_is_rung_for_at_once_after_a_pause(unit: Unit, ada: Any) -> None:
    Unit.objects.filter(pk=unit.pk).update(dispatched_at=timezone.now())
    run_resume(run=run_pause(run=unit.run, by=ada), by=ada)
    assert rounds.drive(unit.run_id) == [unit.pk]


def test_it_drops_the_result_of_a_late_twin(
    unit: Unit, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    stored: list[str] = []

    def overtaken(held: Unit) -> Result:
        assert claim(held, after=LEASE * 2) is not None
        return Result(lambda: stored.append("late"), [Usage("solver")])

    perform_with(monkeypatch, overtaken)
    rounds.work(unit.pk)
    assert stored == []
    assert not LedgerEntry.objects.exists()
    assert "result is dropped" in caplog.text


def test_it_stores_a_result_and_its_cost_with_the_end_of_the_unit(
    unit: Unit, monkeypatch: pytest.MonkeyPatch
) -> None:
    perform_with(monkeypatch, Result(lambda: None, [Usage("solver", input_tokens=5)]))
    assert rounds.work(unit.pk) == unit.run_id
    unit.refresh_from_db()
    assert unit.status == "done"
    assert LedgerEntry.objects.get().input_tokens == 5


def test_it_stores_nothing_when_saving_fails_halfway(
    unit: Unit, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> None:
        Attempt.objects.filter(pk=unit.target).update(answer="half")
        raise ValueError("a defect")

    perform_with(monkeypatch, Result(broken))
    rounds.work(unit.pk)
    unit.refresh_from_db()
    assert (unit.status, Attempt.objects.get().answer) == ("failed", "")
    assert "a defect" in unit.message


@pytest.mark.parametrize("error", [ProviderUnavailable("429"), EnvironmentUnavailable("down")])
def test_it_tries_again_later_when_the_outside_failed(
    unit: Unit, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    perform_with(monkeypatch, error)
    rounds.work(unit.pk)
    unit.refresh_from_db()
    assert unit.status == "waiting"
    assert unit.not_before is not None
    assert unit.not_before > timezone.now()
    assert "tried again" in Attempt.objects.get().message


def test_it_honors_the_wait_the_provider_asked_for(
    unit: Unit, monkeypatch: pytest.MonkeyPatch
) -> None:
    perform_with(monkeypatch, ProviderUnavailable("429", retry_after=90))
    rounds.work(unit.pk)
    unit.refresh_from_db()
    assert unit.not_before is not None
    assert unit.not_before > timezone.now() + timedelta(seconds=85)


def test_it_says_when_it_asks_again_where_the_provider_asked_for_more(
    unit: Unit, monkeypatch: pytest.MonkeyPatch
) -> None:
    perform_with(monkeypatch, ProviderUnavailable("429", retry_after=3_600))
    rounds.work(unit.pk)
    unit.refresh_from_db()
    assert unit.message == "429 It is tried again 600 s later."
    assert unit.not_before is not None
    assert unit.not_before < timezone.now() + timedelta(seconds=601)


def test_it_gives_up_as_an_infrastructure_error_and_never_as_infeasible(
    unit: Unit, monkeypatch: pytest.MonkeyPatch
) -> None:
    perform_with(monkeypatch, EnvironmentUnavailable("The server did not start."))
    for _ in range(MAX_TRIES):
        Unit.objects.filter(pk=unit.pk).update(not_before=None)
        rounds.work(unit.pk)
    unit.refresh_from_db()
    attempt = Attempt.objects.get()
    assert (unit.status, unit.tries) == ("failed", MAX_TRIES)
    assert (attempt.status, attempt.label) == ("infrastructure_error", "")
    assert "The server did not start. Tried 4 times." in attempt.message


def test_it_does_not_try_again_what_was_refused(
    unit: Unit, monkeypatch: pytest.MonkeyPatch
) -> None:
    performed = perform_with(monkeypatch, ProviderRefused("The key is not accepted."))
    rounds.work(unit.pk)
    rounds.work(unit.pk)
    unit.refresh_from_db()
    assert len(performed) == 1
    assert (unit.status, unit.message) == ("failed", "The key is not accepted.")


@pytest.mark.parametrize("stage", ["propose", "solve", "validate", "learn"])
def test_it_says_what_an_error_quotes_that_no_database_holds(
    unit: Unit, monkeypatch: pytest.MonkeyPatch, stage: str
) -> None:
    Unit.objects.filter(pk=unit.pk).update(stage=stage)
    for error, status in ((ProviderUnavailable, "waiting"), (ProviderRefused, "failed")):
        perform_with(monkeypatch, error("It answered: \x00\ud83d."))
        Unit.objects.filter(pk=unit.pk).update(not_before=None)
        assert rounds.work(unit.pk) == unit.run_id
        unit.refresh_from_db()
        assert unit.status == status
        assert unit.message.startswith("It answered: \ufffd\ufffd.")


def test_it_ends_a_unit_that_kills_every_worker(unit: Unit) -> None:
    Unit.objects.filter(pk=unit.pk).update(tries=MAX_TRIES)
    rounds.work(unit.pk)
    unit.refresh_from_db()
    assert unit.status == "failed"
    assert "worker died each time" in unit.message


def test_it_tells_the_operator_of_a_defect_without_losing_the_run(
    unit: Unit, monkeypatch: pytest.MonkeyPatch
) -> None:
    perform_with(monkeypatch, KeyError("oops"))
    assert rounds.work(unit.pk) == unit.run_id
    unit.refresh_from_db()
    assert unit.status == "failed"
    assert "KeyError" in unit.message


def test_cancelling_keeps_what_a_worker_finishes_too_late_out(
    unit: Unit, monkeypatch: pytest.MonkeyPatch, ada: Any
) -> None:
    stored: list[str] = []

    def cancelled(held: Unit) -> Result:
        run_cancel(run=Run.objects.get(pk=held.run_id), by=ada)
        return Result(lambda: stored.append("late"))

    perform_with(monkeypatch, cancelled)
    rounds.work(unit.pk)
    assert stored == []
    assert Attempt.objects.get().status == "cancelled"
    assert Run.objects.get().ended_at is not None


FULL = OperationalError("could not extend file: No space left on device\nHINT:  Check free space.")
SAID = "The database could not go on: could not extend file: No space left on device."


def raising() -> None:
    raise FULL


@pytest.mark.parametrize("outcome", [FULL, Result(raising)])
def test_it_is_done_again_when_the_database_could_not_go_on(
    unit: Unit, monkeypatch: pytest.MonkeyPatch, outcome: Any
) -> None:
    perform_with(monkeypatch, outcome)
    rounds.work(unit.pk)
    unit.refresh_from_db()
    assert (unit.status, unit.message) == ("waiting", SAID)
    Unit.objects.filter(pk=unit.pk).update(tries=MAX_TRIES - 1, not_before=None)
    rounds.work(unit.pk)
    unit.refresh_from_db()
    assert (unit.status, unit.message) == ("failed", f"{SAID} Tried {MAX_TRIES} times.")
