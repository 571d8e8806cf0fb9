"""An export survives its worker: it shows signs of life, and is taken over when it shows none."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings as product
from django.db import OperationalError
from django.utils import timezone

from memoryapp.domain.beating import beating
from memoryapp.indexer import exports
from memoryapp.models import ExportPiece, WorkspaceExport
from tests.factories import PlaybookFactory

pytestmark = pytest.mark.django_db
LEASE = timedelta(seconds=product.UNIT_LEASE_SECONDS)


@pytest.fixture
def export(workspace: Any) -> WorkspaceExport:
    PlaybookFactory(workspace=workspace)
    row: WorkspaceExport = WorkspaceExport.objects.create(workspace=workspace)
    return row


def silent_since(export: WorkspaceExport, ago: timedelta) -> None:
    assert export.claim(timezone.now(), LEASE)
    WorkspaceExport.objects.update(heartbeat_at=timezone.now() - ago)


def test_it_is_taken_over_within_two_minutes(export: WorkspaceExport) -> None:
    # Silence counts after the lease, and beat looks after each sweep.
    assert product.UNIT_LEASE_SECONDS + product.SWEEP_SECONDS <= 120
    silent_since(export, LEASE + timedelta(seconds=1))
    assert exports.due() == [export.pk]
    exports.write(export.pk)
    assert not export.end("failed"), "the dead one's claim is gone"
    export.refresh_from_db()
    assert export.has_file


def test_it_is_left_to_a_worker_that_lives(export: WorkspaceExport) -> None:
    silent_since(export, LEASE / 2)
    WorkspaceExport.objects.update(claimed_at=timezone.now() - timedelta(hours=2))
    assert exports.due() == []
    exports.write(export.pk)
    assert not ExportPiece.objects.exists()


def test_one_of_the_release_before_is_taken_over(export: WorkspaceExport) -> None:
    WorkspaceExport.objects.update(status="running", claimed_at=timezone.now())
    assert exports.due() == [export.pk]


def test_who_comes_back_after_it_was_found_silent_keeps_it(export: WorkspaceExport) -> None:
    silent_since(export, LEASE * 2)
    found = WorkspaceExport.objects.get()
    WorkspaceExport.objects.update(heartbeat_at=timezone.now())
    assert not found.claim(timezone.now(), LEASE)


def test_it_is_given_up_when_it_kills_workers(export: WorkspaceExport) -> None:
    for _ in range(3):
        export.refresh_from_db()
        silent_since(export, LEASE * 2)
    exports.write(export.pk)
    export.refresh_from_db()
    assert export.status == "failed"
    assert export.message.startswith("It was started 3 times, and each time its worker died")


def test_it_is_begun_anew_when_the_database_could_not_go_on(
    export: WorkspaceExport, monkeypatch: Any
) -> None:
    def restarted(**_: Any) -> None:
        raise OperationalError("the connection is closed")

    with monkeypatch.context() as away:
        away.setattr(exports, "workspace_export", restarted)
        exports.write(export.pk)
    export.refresh_from_db()
    assert (export.status, export.message) == ("queued", "The database could not go on.")
    assert exports.due() == [export.pk]
    exports.write(export.pk)
    export.refresh_from_db()
    assert (export.status, export.message) == ("done", "")


def test_it_is_no_longer_written_once_it_was_stopped(
    export: WorkspaceExport, monkeypatch: Any
) -> None:
    def long(*, told: Any, **_: Any) -> dict[str, int]:
        told(1_000, 9_000)
        WorkspaceExport.objects.update(status="removed")
        is_held.clear()
        told(2_000, 9_000)
        raise AssertionError("it went on")

    is_held = threading.Event()
    is_held.set()

    class Beating:
        def __enter__(self) -> Any:
            return is_held.is_set

        def __exit__(self, *_: object) -> None:
            return None

    monkeypatch.setattr(exports, "_beating", lambda _: Beating())
    monkeypatch.setattr(exports, "workspace_export", long)
    exports.write(export.pk)
    export.refresh_from_db()
    assert (export.status, export.message) == ("removed", "")


@pytest.mark.django_db(transaction=True)
def test_it_beats_while_it_is_written(
    export: WorkspaceExport, monkeypatch: Any, settings: Any
) -> None:
    settings.UNIT_LEASE_SECONDS = 0.02
    seen: list[Any] = []
    beaten = threading.Event()

    def heard(beat_once: Any, **more: Any) -> Any:
        def once() -> bool:
            held: bool = beat_once()
            beaten.set()
            return held

        return beating(once, **more)

    def slow(**_: Any) -> dict[str, int]:
        seen.append(WorkspaceExport.objects.get().heartbeat_at)
        assert beaten.wait(10)
        seen.append(WorkspaceExport.objects.get().heartbeat_at)
        return {}

    monkeypatch.setattr(exports, "beating", heard)
    monkeypatch.setattr(exports, "workspace_export", slow)
    exports.write(export.pk)
    assert seen[0] < seen[1]


def test_the_work_is_told_when_it_is_lost() -> None:
    ended = threading.Event()
    with beating(lambda: False, every=0.001, at_end=ended.set) as is_ours:
        assert ended.wait(10)
        assert not is_ours()


def test_a_sign_of_life_that_could_not_be_given_is_followed_by_the_next() -> None:
    beats, given = iter([OperationalError("away"), True, False]), []
    ended = threading.Event()

    def beat() -> bool:
        given.append(next(beats))
        if isinstance(given[-1], Exception):
            raise given[-1]
        return bool(given[-1])

    with beating(beat, every=0.001, at_end=lambda: ended.set() if len(given) == 3 else None):
        assert ended.wait(10)
    assert given[1:] == [True, False]
