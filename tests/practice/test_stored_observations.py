"""Observations too large for their rows: written before the row, read at one place, swept after."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction
from django.utils import timezone
from moto.server import ThreadedMotoServer

from practice.domain.reading import characters_cut
from practice.domain.types import WHOLE_CAP
from practice.domain.types import Step as Value
from practice.models import (
    ObservationMissing,
    ObservationUnreadable,
    Step,
    StoredText,
)
from practice.orchestrator import observations
from practice.orchestrator.rehearsal import _store_step
from tests.factories import (
    AttemptFactory,
    EnvironmentFactory,
    PlaybookFactory,
    RunFactory,
    StepFactory,
    WorkspaceFactory,
)
from tests.practice.runs import connected, driven, started
from tests.practice.servers import HERE

pytestmark = pytest.mark.django_db
LONG = "An order. " * 1_000
BUCKET = "greenroom"


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    started = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    started.start()
    host, port = started.get_host_and_port()
    yield f"http://{host}:{port}"
    started.stop()


def in_folder(tmp_path: Path) -> dict[str, Any]:
    options = {"location": str(tmp_path / "observations")}
    return {"BACKEND": "memoryapp.clients.object_stores.Folder", "OPTIONS": options}


def in_bucket(endpoint: str) -> dict[str, Any]:
    keys = {"access_key": "somebody", "secret_key": "only-for-tests"}
    options = {"bucket_name": BUCKET, "endpoint_url": endpoint, "region_name": "us-east-1", **keys}
    return {"BACKEND": "memoryapp.clients.bucket.Bucket", "OPTIONS": options}


@pytest.fixture(params=["folder", "bucket"])
def store(request: Any, settings: Any, tmp_path: Path) -> Any:
    """The store as each of the two, which differ in nothing that a test here can see."""
    settings.OBSERVATION_OBJECT_KB = 4
    entry = in_folder(tmp_path)
    if request.param == "bucket":
        entry = in_bucket(request.getfixturevalue("server"))
        keys = {"aws_access_key_id": "somebody", "aws_secret_access_key": "only-for-tests"}
        options = {"endpoint_url": entry["OPTIONS"]["endpoint_url"], "region_name": "us-east-1"}
        boto3.client("s3", **options, **keys).create_bucket(Bucket=BUCKET)
    settings.STORAGES = {**settings.STORAGES, "observations": entry}
    return storages["observations"]


@pytest.fixture
def folder(settings: Any, tmp_path: Path) -> Path:
    settings.OBSERVATION_OBJECT_KB = 4
    settings.STORAGES = {**settings.STORAGES, "observations": in_folder(tmp_path)}
    return tmp_path / "observations"


def stored(observation: str, whole: str = "", **columns: Any) -> Step:
    """The row of a step that somebody practised."""
    attempt = columns.pop("attempt", None) or AttemptFactory(current_try=1)
    value = Value(number=columns.pop("number", 1), tool="t", arguments={}, observation=observation)
    value = Value(**{name: getattr(value, name) for name in value.__slots__} | {"whole": whole})
    _store_step(attempt.run.environment, attempt, 1, value)
    step: Step = Step.objects.select_related("text").latest("pk")
    return step


def attempt_elsewhere() -> Any:
    there = WorkspaceFactory()
    run = RunFactory(
        workspace=there,
        environment=EnvironmentFactory(workspace=there),
        playbook=PlaybookFactory(workspace=there),
    )
    return AttemptFactory(run=run, task__round__run=run)


def a_day_later() -> None:
    StoredText.objects.update(used_at=timezone.now() - timedelta(days=1, minutes=1))


def test_a_large_observation_is_an_object_and_the_row_its_beginning(store: Any) -> None:
    step = stored(LONG)
    assert step.text is not None
    assert step.observation == LONG[: observations.HEAD_CHARS]
    assert (step.text.size, step.text.digest) == (
        len(LONG),
        hashlib.sha256(LONG.encode()).hexdigest(),
    )
    assert step.read() == step.as_value().observation == LONG
    shown = step.as_value(whole=False).observation
    assert (
        shown
        == f"{step.observation}\n[the beginning of 10,000 bytes, SHA-256 {step.text.digest[:12]}]"
    )


def test_the_whole_of_an_answer_is_kept_that_the_agent_read_in_part(store: Any) -> None:
    step = stored("An order. [9,990 characters were cut]", LONG)
    assert step.text is not None
    assert step.text.read() == LONG
    assert step.as_value().observation == "An order. [9,990 characters were cut]"


@pytest.mark.parametrize(("limit", "text"), [(4, "x" * 4_096), (0, LONG)])
def test_what_is_not_above_the_limit_stays_a_row(
    folder: Path, settings: Any, limit: int, text: str
) -> None:
    settings.OBSERVATION_OBJECT_KB = limit
    step = stored(text)
    assert (step.observation, step.text) == (text, None)
    assert not folder.exists()


def test_the_same_text_is_one_object_in_a_workspace_and_another_in_the_next(store: Any) -> None:
    step = stored(LONG)
    again = stored(LONG, attempt=step.attempt, number=2)
    theirs = stored(LONG, attempt=attempt_elsewhere())
    assert step.text == again.text != theirs.text
    assert theirs.text is not None
    assert theirs.text.name.split("/")[0] == str(theirs.attempt.run.workspace_id)


def test_the_database_refuses_a_step_with_another_workspaces_text(store: Any) -> None:
    step = stored(LONG)
    other = StepFactory(attempt=attempt_elsewhere())
    with pytest.raises(IntegrityError, match="would join two workspaces"), transaction.atomic():
        Step.objects.filter(pk=other.pk).update(text=step.text)


def test_a_lost_object_is_said_and_one_that_was_changed_too(store: Any) -> None:
    step = stored(LONG)
    assert step.text is not None
    store.save(step.text.name, ContentFile(b"Something else."))
    with pytest.raises(ObservationMissing, match="is not what was written"):
        step.read()
    store.delete(step.text.name)
    with pytest.raises(ObservationMissing, match="is missing from the object store"):
        step.read()


def test_a_store_that_does_not_answer_is_no_lost_object(settings: Any, store: Any) -> None:
    step = stored(LONG)
    settings.STORAGES = {**settings.STORAGES, "observations": in_bucket("http://127.0.0.1:9")}
    with pytest.raises(ObservationUnreadable, match="does not answer") as found:
        step.read()
    assert not isinstance(found.value, ObservationMissing)
    assert "only-for-tests" not in str(found.value)


def test_where_the_store_cannot_be_written_the_row_keeps_what_the_agent_read(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder.write_text("a file where the folder should be")
    step = stored(LONG, LONG * 2)
    assert (step.observation, step.text, step.is_head) == (LONG, None, False)
    assert "stays in its row" in caplog.text


def test_an_endpoint_that_the_library_refuses_costs_no_attempt(settings: Any) -> None:
    settings.OBSERVATION_OBJECT_KB = 4
    refused = in_bucket("http://minio_1:9000")
    settings.STORAGES = {**settings.STORAGES, "observations": refused}
    assert stored(LONG).observation == LONG


def test_a_half_written_object_is_never_seen(folder: Path, monkeypatch: Any) -> None:
    def full(fd: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("memoryapp.clients.object_stores.os.fsync", full)
    step = stored(LONG)
    assert step.observation == LONG
    assert [path for path in folder.rglob("*") if path.is_file()] == []


def test_a_crash_before_the_row_leaves_an_object_that_the_sweep_removes(store: Any) -> None:
    kept = observations.keep(RunFactory().workspace_id, LONG)
    assert kept.text is not None
    observations.sweep()
    assert store.exists(kept.text.name)
    a_day_later()
    assert observations.sweep() is False
    assert not store.exists(kept.text.name)
    assert not StoredText.objects.exists()


def test_a_text_that_is_used_again_is_not_swept(store: Any) -> None:
    step = stored(LONG)
    a_day_later()
    observations.sweep()
    assert step.read() == LONG
    step.delete()
    again = stored(LONG)
    observations.sweep()
    assert again.read() == LONG


def test_objects_go_after_the_steps_of_a_run_or_a_workspace(store: Any) -> None:
    step = stored(LONG)
    assert step.text is not None
    name = step.text.name
    step.attempt.delete()
    a_day_later()
    observations.sweep()
    assert not store.exists(name)


def test_it_stops_after_a_batch_and_says_that_there_is_more(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(observations, "BATCH", 2)
    workspace = RunFactory().workspace_id
    for number in range(3):
        observations.keep(workspace, f"{LONG}{number}")
    a_day_later()
    assert [observations.sweep(), observations.sweep()] == [True, False]
    assert not StoredText.objects.exists()


def test_a_sweep_goes_on_later_where_the_store_is_away(store: Any, settings: Any) -> None:
    observations.keep(RunFactory().workspace_id, LONG)
    a_day_later()
    settings.STORAGES = {**settings.STORAGES, "observations": in_bucket("http://127.0.0.1:9")}
    assert observations.sweep() is False
    assert StoredText.objects.count() == 1


def test_the_command_moves_what_is_stored_already_out_and_in_again(
    store: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    large, small = StepFactory(observation=LONG), StepFactory(observation="Little.")
    call_command("move_observations", "out")
    assert "1 observation was moved into the object store." in capsys.readouterr().out
    large.refresh_from_db()
    small.refresh_from_db()
    assert (large.is_head, small.text) == (True, None)
    assert large.read() == LONG
    call_command("move_observations", "out")
    assert capsys.readouterr().out.startswith("0 observations were moved")
    partly = stored("Part.", LONG)
    call_command("move_observations", "in")
    assert "1 answer that an agent read in part stays there." in capsys.readouterr().out
    large.refresh_from_db()
    assert (large.observation, large.text, large.is_head) == (LONG, None, False)
    assert partly.text is not None
    assert partly.text.read() == LONG


def test_the_command_stops_where_an_object_is_missing_and_loses_no_row(store: Any) -> None:
    step = stored(LONG)
    assert step.text is not None
    store.delete(step.text.name)
    with pytest.raises(CommandError, match=f"Step {step.pk}: .* is missing"):
        call_command("move_observations", "in")
    step.refresh_from_db()
    assert step.is_head


def test_the_command_moves_nothing_out_where_that_is_switched_off(settings: Any) -> None:
    settings.OBSERVATION_OBJECT_KB = 0
    with pytest.raises(CommandError, match="OBSERVATION_OBJECT_KB is 0"):
        call_command("move_observations", "out")


def test_a_run_keeps_all_of_what_its_agent_read_a_part_of(
    settings: Any, workspace: Any, ada: Any, folder: Path
) -> None:
    """From the server's answer, over the rules' agent, to the object and the page's row."""
    settings.MCP_COMMANDS = {"raw": (sys.executable, "-S", str(HERE / "raw.py"))}
    desk = connected(
        EnvironmentFactory(
            workspace=workspace, command="raw", arguments=["five_megabytes"], is_sample=False
        )
    )
    desk.tools.update(is_enabled=True)
    driven(started(desk, ada, tasks=1))
    step = Step.objects.select_related("text").filter(text__isnull=False).first()
    assert step is not None
    assert step.text is not None
    assert (len(step.text.read()), step.is_head) == (WHOLE_CAP, False)
    assert characters_cut(step.observation) > WHOLE_CAP
    assert step.read() == step.observation
