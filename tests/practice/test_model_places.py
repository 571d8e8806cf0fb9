"""However many units wait for a model, each worker keeps a process for everything else."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from django.utils import timezone

from memoryapp.project.celery import keep_one_process_free_of_models
from practice.clients import model_places
from practice.clients.model_places import Places
from practice.models import Unit
from practice.orchestrator import rounds
from tests.factories import RunFactory


@contextmanager
def process_that_takes(places: Places) -> Iterator[tuple[int, bool]]:
    """A forked process that asks for a place, and keeps it until it is killed."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.write(write, b"0" if places.take() is None else b"1")
        signal.pause()
        os._exit(0)
    try:
        yield pid, os.read(read, 1) == b"1"
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(read)
        os.close(write)


@pytest.fixture
def full(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A worker whose only place is taken by another process."""
    places = Places(2)
    monkeypatch.setattr(model_places, "_places", places)
    with process_that_takes(places) as (_, took):
        assert took
        yield


def test_all_processes_but_one_may_wait_for_a_model() -> None:
    places = Places(3)
    with (
        process_that_takes(places) as (_, first),
        process_that_takes(places) as (_, second),
        process_that_takes(places) as (_, third),
    ):
        assert (first, second, third) == (True, True, False)


def test_a_worker_of_one_process_may_wait_for_a_model() -> None:
    with process_that_takes(Places(1)) as (_, took):
        assert took


def test_a_process_that_is_killed_gives_its_place_back() -> None:
    places = Places(2)
    with process_that_takes(places) as (_, first):
        assert first
    with process_that_takes(places) as (_, second):
        assert second


def test_a_place_is_given_back_when_the_work_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    places = Places(2)
    monkeypatch.setattr(model_places, "_places", places)
    with model_places.place() as may:
        assert may
    with process_that_takes(places) as (_, took):
        assert took


def test_a_worker_shares_out_the_processes_it_was_started_with(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told: list[int] = []
    monkeypatch.setattr(model_places, "share", told.append)
    keep_one_process_free_of_models(sender=SimpleNamespace(concurrency=5))
    assert told == [5]


@pytest.mark.django_db
def test_a_unit_without_a_place_gives_its_bell_back(workspace: Any, full: None) -> None:
    run = RunFactory(workspace=workspace, engine="model")
    unit = Unit.objects.create(run=run, stage="propose", round=1, dispatched_at=timezone.now())

    assert rounds.work(unit.pk) is None
    unit.refresh_from_db()
    assert (unit.status, unit.tries, unit.dispatched_at) == ("waiting", 0, None)


@pytest.mark.django_db
@pytest.mark.parametrize(("engine", "stage"), [("rules", "propose"), ("model", "admit")])
def test_what_asks_no_model_needs_no_place(
    workspace: Any, full: None, monkeypatch: pytest.MonkeyPatch, engine: str, stage: str
) -> None:
    run = RunFactory(workspace=workspace, engine=engine)
    unit = Unit.objects.create(run=run, stage=stage, round=1)
    monkeypatch.setattr(rounds, "_worked", lambda unit_id: run.pk)

    assert rounds.work(unit.pk) == run.pk


@pytest.mark.django_db
def test_a_place_that_is_free_is_offered_to_other_model_runs(workspace: Any) -> None:
    done, other = (RunFactory(workspace=workspace, engine="model") for _ in range(2))
    for run in (done, other, RunFactory(workspace=workspace, engine="rules")):
        Unit.objects.create(run=run, stage="propose", round=1)

    assert rounds.sharing(done.pk) == [other.pk]
