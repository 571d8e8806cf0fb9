"""A sent file is read by a worker: once, whoever dies, and never after it was cancelled."""

from __future__ import annotations

import gzip
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError
from django.utils import timezone

from memoryapp.domain.errors import UnableToRead
from practice.clients import telemetry_records
from practice.models import Analysis, TelemetryFile, TelemetrySource
from practice.orchestrator import readings, rootcause
from practice.services.incidents import incident_create
from practice.services.telemetry import (
    file_cancel,
    file_delete,
    file_read_again,
    file_send,
    mapping_save,
    source_create,
)
from tests.practice.outages import alert, logs_csv, metrics_csv, read_in


@pytest.fixture
def source(workspace: Any) -> TelemetrySource:
    return source_create(workspace=workspace, name="Shop", by=None)


def sent(source: TelemetrySource, data: bytes = b"", kind: str = "metrics") -> TelemetryFile:
    data = data or metrics_csv()
    return file_send(source=source, kind=kind, name=f"{kind}.csv", data=data, by=None)


def test_one_worker_at_a_time_reads_it(source: TelemetrySource) -> None:
    row = sent(source)
    TelemetryFile.objects.claim(row.pk, now=timezone.now(), lease=timedelta(minutes=1))
    assert read_in(row).status == "running"
    assert row.content == b""


def test_what_a_dead_worker_held_is_read_by_the_next(source: TelemetrySource) -> None:
    row = sent(source)
    assert readings.due() == []  # a worker was rung for just now
    long_ago = timezone.now() - timedelta(hours=1)
    TelemetryFile.objects.update(status="running", heartbeat_at=long_ago, dispatched_at=long_ago)
    assert readings.due() == [row.pk]
    assert readings.due() == []
    assert (read_in(row).status, row.rows, row.percent) == ("done", 150, 100)


def test_it_is_read_again_when_the_database_could_not_go_on(
    source: TelemetrySource, monkeypatch: pytest.MonkeyPatch
) -> None:
    def restarted(*_: Any, **__: Any) -> None:
        raise OperationalError("the connection is closed")

    row = sent(source)
    with monkeypatch.context() as away:
        away.setattr(readings, "read", restarted)
        assert read_in(row).status == "waiting"
    assert readings.due() == [row.pk]
    assert (read_in(row).status, row.message) == ("done", "")


def test_it_gives_up_on_what_kills_its_workers(source: TelemetrySource) -> None:
    row = sent(source)
    TelemetryFile.objects.update(tries=3)
    assert read_in(row).status == "failed"
    assert "Split it by time" in row.message


def test_a_late_twin_cannot_overwrite(
    source: TelemetrySource, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = readings._read

    def slow(row: TelemetryFile) -> Any:
        found = read(row)
        later = timezone.now() + timedelta(hours=1)
        TelemetryFile.objects.claim(row.pk, now=later, lease=timedelta(minutes=1))
        return found

    monkeypatch.setattr(readings, "_read", slow)
    row = read_in(sent(source))
    assert (row.status, row.tries, row.content) == ("running", 2, b"")


def test_a_reading_tells_how_far_it_is_and_ends_when_it_is_cancelled(
    source: TelemetrySource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("practice.orchestrator.leases.TELL_SECONDS", 0)
    monkeypatch.setattr("practice.clients.telemetry_files._TOLD_EVERY", 50)
    row = sent(source)
    seen: list[tuple[int, int]] = []
    held = TelemetryFile.objects.held

    def looking(piece: Any) -> Any:
        now = TelemetryFile.objects.get(pk=row.pk)
        seen.append((now.rows, now.percent))
        if now.rows == 100:
            file_cancel(row=now, by=None)
        return held(piece)

    monkeypatch.setattr(type(TelemetryFile.objects), "held", lambda _, piece: looking(piece))
    assert read_in(row).status == "cancelled"
    assert [rows for rows, _ in seen] == [0, 50, 100]
    assert (row.content, row.message) == (b"", "Cancelled.")


def test_what_is_wrong_further_down_is_said_on_the_row(source: TelemetrySource) -> None:
    row = read_in(sent(source, b'[{"ts": 1, "metric": "m", "value": 1}, {"ts":', "metrics"))
    assert row.status == "failed"
    assert "is not JSON" in row.message


def test_it_is_read_again_once_its_columns_are_named(source: TelemetrySource) -> None:
    row = sent(source, b"ts,metric,value,app\n1795000000,cpu,1,web\n")
    file_cancel(row=row, by=None)
    mapping_save(source=source, kind="metrics", mapping={"service": "app"}, by=None)
    file_read_again(row=row, by=None)
    assert (read_in(row).status, row.services) == ("done", ["web"])


def test_the_same_bytes_sent_after_a_failure_are_read_again(source: TelemetrySource) -> None:
    row = sent(source)
    file_cancel(row=row, by=None)
    assert sent(source).pk == row.pk
    assert read_in(row).status == "done"
    assert sent(source).status == "done"


def test_a_bomb_is_refused_at_once(
    source: TelemetrySource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(telemetry_records, "UNPACKED_CAP", 1 << 10)
    with pytest.raises(UnableToRead, match=r"split it by time. Nothing was stored"):
        sent(source, gzip.compress(metrics_csv()))
    assert not TelemetryFile.objects.exists()


def test_an_analysis_waits_for_the_files_sent_before_it(source: TelemetrySource) -> None:
    files = [sent(source), sent(source, logs_csv(), "logs")]
    incident = incident_create(workspace=source.workspace, alert=alert(), source=source, by=None)
    later = sent(source, metrics_csv("shop"))
    row = incident.analyses.get()
    rootcause.work(row.pk)
    row.refresh_from_db()
    assert (row.status, row.tries) == ("waiting", 0)
    assert row.progress["stage"] == "First 2 files of telemetry must be read"
    assert readings.work(files[0].pk) == [row.pk]
    assert readings.work(files[1].pk) == [row.pk]
    assert readings.work(later.pk) == []
    rootcause.work(row.pk)
    row.refresh_from_db()
    assert row.status == Analysis.Status.DONE


@pytest.mark.parametrize("ends", [file_cancel, file_delete])
def test_an_analysis_goes_on_without_a_file_that_nobody_will_read(
    source: TelemetrySource, ends: Any, monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: Any,
) -> None:  # fmt: skip
    row = sent(source)
    incident = incident_create(workspace=source.workspace, alert=alert(), source=source, by=None)
    rung: list[int] = []
    monkeypatch.setattr("practice.tasks.analyse_incident.delay", rung.append)
    with django_capture_on_commit_callbacks(execute=True):
        ends(row=row, by=None)
    assert rung == [incident.analyses.get().pk]


def test_an_analysis_says_which_file_could_not_be_read(source: TelemetrySource) -> None:
    read_in(sent(source))
    read_in(sent(source, b'[{"ts_us": 1, "service": "a", "message": "m"}, {"ts', "logs"))
    incident = incident_create(workspace=source.workspace, alert=alert(), source=source, by=None)
    row = incident.analyses.get()
    rootcause.work(row.pk)
    row.refresh_from_db()
    (said,) = [note for note in row.panels["notes"] if "is not JSON" in note]
    lost = source.files.get(status="failed")
    assert said.startswith(f"{lost.name} was left out. ")
