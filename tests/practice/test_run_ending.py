"""A run that ends in the middle leaves nothing that seems to go on, and loses no lesson."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from practice.models import Environment, LedgerEntry, Lesson, Run, Unit
from practice.orchestrator import rounds
from practice.services.runs import run_cancel
from practice.services.switches import Switches
from tests.practice.runs import MAX_PASSES, driven, started
from tests.practice.shops import open_shop

pytestmark = pytest.mark.django_db


@pytest.fixture
def shop(workspace: Any, monkeypatch: pytest.MonkeyPatch) -> Environment:
    return open_shop(workspace, monkeypatch)


def in_trials(shop: Environment, by: Any) -> Run:
    """A run in the middle of a lesson's trials: one of its trials was solved and is unjudged."""
    run = started(shop, by, rounds=2, tasks=4, switches=Switches(verify="strict"))
    for _ in range(MAX_PASSES):
        for unit_id in rounds.drive(run.pk):
            rounds.work(unit_id)
            trials = run.attempts.filter(arm__lesson__status=Lesson.Status.TESTING)
            if trials.filter(status="finished", label="").exists():
                return run
    raise AssertionError("no lesson was ever under test")


def assert_nothing_goes_on(run: Run) -> None:
    assert not run.units.filter(status__in=[Unit.Status.WAITING, Unit.Status.RUNNING]).exists()
    assert not run.attempts.filter(ended_at=None).exists()
    assert set(run.attempts.filter(label="").values_list("status", flat=True)) <= {"cancelled"}
    assert not run.lessons.filter(status=Lesson.Status.TESTING).exists()


def test_a_cancelled_run_puts_its_unfinished_lessons_up_for_review(
    shop: Environment, ada: Any
) -> None:
    run = in_trials(shop, ada)
    open_ = list(run.lessons.filter(status=Lesson.Status.TESTING))
    run_cancel(run=run, by=ada)
    assert_nothing_goes_on(run)
    for lesson in open_:
        lesson.refresh_from_db()
        if lesson.status == Lesson.Status.UNTESTED:
            assert lesson.candidate is not None
            assert "the run ended before the others" in lesson.message
    assert any(lesson.status == Lesson.Status.UNTESTED for lesson in open_)


def test_a_run_out_of_money_ends_all_that_waits(shop: Environment, ada: Any) -> None:
    run = in_trials(shop, ada)
    Run.objects.filter(pk=run.pk).update(budget=Decimal(1))
    LedgerEntry.objects.filter(run=run).update(cost=Decimal(1))
    run = driven(run)
    assert (run.status, "is spent" in run.message) == ("finished", True)
    assert_nothing_goes_on(run)


def test_what_a_worker_brings_after_the_end_is_wound_up_too(
    shop: Environment, ada: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = in_trials(shop, ada)
    Run.objects.filter(pk=run.pk).update(budget=Decimal(1))
    LedgerEntry.objects.filter(run=run).update(cost=Decimal(1))
    held = run.units.filter(status=Unit.Status.WAITING).earliest("pk")
    Unit.objects.filter(pk=held.pk).update(status=Unit.Status.RUNNING)
    assert rounds.drive(run.pk) == []
    run.refresh_from_db()
    assert run.status == "finished"
    assert run.units.filter(status=Unit.Status.RUNNING).exists()
    Unit.objects.filter(pk=held.pk).update(status=Unit.Status.DONE)
    rounds.drive(run.pk)
    assert_nothing_goes_on(run)
