"""Snapshots: taken, practised in, and kept while a run needs them."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from memoryapp.domain.errors import UnableToConnect, UnableToStart
from practice.models import Environment, EnvironmentSnapshot, Run, Step
from practice.orchestrator import worlds
from practice.services.snapshots import snapshot_delete, snapshot_take
from tests.factories import EnvironmentFactory, PlaybookFactory, RunFactory, ToolFactory
from tests.practice.runs import driven, started
from tests.practice.servers import HERE

pytestmark = pytest.mark.django_db


@pytest.fixture
def store(settings: Any, tmp_path: Path) -> Path:
    settings.DATA_DIR = tmp_path / "data"
    settings.SEED_DIR = tmp_path / "seeds"
    settings.MCP_COMMANDS = {"raw": (sys.executable, "-S", str(HERE / "raw.py"))}
    (tmp_path / "seeds" / "desk" / "deep").mkdir(parents=True)
    write_note(settings, "as it was")
    return tmp_path / "data" / "snapshots"


@pytest.fixture
def environment(workspace: Any, store: Path) -> Environment:
    """A process whose one tool shows the note in its seed folder."""
    made = EnvironmentFactory(
        workspace=workspace,
        slug="desk",
        name="Desk",
        command="raw",
        arguments=["seed_note"],
        seed="desk",
        is_sample=False,
    )
    ToolFactory(environment=made, name="work", input_schema={"type": "object"})
    return made


def write_note(settings: Any, text: str) -> None:
    (Path(settings.SEED_DIR) / "desk" / "note.txt").write_text(text)


def notes_of(run: Run) -> set[str]:
    """What the attempts of a run read."""
    steps = Step.objects.filter(attempt__run=driven(run))
    return set(steps.values_list("observation", flat=True))


def test_it_keeps_the_seed_the_tools_and_the_options(
    environment: Environment, ada: Any, store: Path
) -> None:
    taken = snapshot_take(environment=environment, by=ada, name="Before the move")

    assert (taken.number, str(taken)) == (1, "Before the move")
    assert len(taken.seed_digest) == 64
    assert taken.size_bytes == len("as it was")
    assert list(taken.tools) == ["work"]
    assert [path.name for path in store.iterdir()] == [taken.seed_digest]


def test_it_stores_the_same_content_once(
    environment: Environment, ada: Any, store: Path, settings: Any
) -> None:
    first, second = (snapshot_take(environment=environment, by=ada) for _ in range(2))
    assert first.seed_digest == second.seed_digest
    write_note(settings, "as it is")
    third = snapshot_take(environment=environment, by=ada)
    assert third.seed_digest != first.seed_digest
    assert {path.name for path in store.iterdir()} == {first.seed_digest, third.seed_digest}


def test_it_begins_where_it_was_whatever_the_seed_has_become(
    environment: Environment, ada: Any, settings: Any
) -> None:
    taken = snapshot_take(environment=environment, by=ada)
    write_note(settings, "as it is")

    assert notes_of(started(environment, ada, tasks=1, snapshot=taken)) == {"as it was"}
    with worlds.whole_world(environment).open() as session:
        assert session.call("work", {}).text == "as it is"


def test_it_does_not_begin_from_files_that_were_changed_or_are_gone(
    environment: Environment, ada: Any, store: Path
) -> None:
    taken = snapshot_take(environment=environment, by=ada)
    kept = store / taken.seed_digest
    (kept / "new.txt").write_text("slipped in")
    with pytest.raises(UnableToStart, match="were changed"):
        started(environment, ada, snapshot=taken)
    shutil.rmtree(kept)
    with pytest.raises(UnableToStart, match="are gone"):
        started(environment, ada, snapshot=taken)


def test_it_does_not_begin_from_another_environments_snapshot(
    environment: Environment, workspace: Any, ada: Any
) -> None:
    taken = snapshot_take(environment=environment, by=ada)
    other = EnvironmentFactory(workspace=workspace)
    with pytest.raises(UnableToStart, match="snapshot of another environment"):
        started(other, ada, snapshot=taken)


def test_it_is_kept_while_a_run_needs_it(environment: Environment, ada: Any, store: Path) -> None:
    taken = snapshot_take(environment=environment, by=ada)
    RunFactory(environment=environment, workspace=environment.workspace, snapshot=taken, number=7)
    with pytest.raises(UnableToConnect, match="what run 7 began from"):
        snapshot_delete(snapshot=taken, by=ada)
    assert (store / taken.seed_digest).is_dir()


def test_it_deletes_the_files_with_the_last_snapshot_that_has_them(
    environment: Environment, ada: Any, store: Path, django_capture_on_commit_callbacks: Any
) -> None:
    first, second = (snapshot_take(environment=environment, by=ada) for _ in range(2))
    with django_capture_on_commit_callbacks(execute=True):
        snapshot_delete(snapshot=first, by=ada)
    assert (store / second.seed_digest).is_dir()
    with django_capture_on_commit_callbacks(execute=True):
        snapshot_delete(snapshot=second, by=ada)
    assert list(store.iterdir()) == []


def test_it_refuses_a_seed_that_leads_out_of_itself(
    environment: Environment, ada: Any, settings: Any, store: Path
) -> None:
    (Path(settings.SEED_DIR) / "desk" / "link").symlink_to("/etc/hostname")
    with pytest.raises(UnableToConnect, match="leads out of it"):
        snapshot_take(environment=environment, by=ada)
    assert list(store.iterdir()) == []


def test_it_is_taken_started_from_and_deleted_on_the_page(
    environment: Environment, ada_client: Any, rita_client: Any
) -> None:
    page = ada_client.post("/environments/desk/snapshots/", {"name": "First"}, follow=True)
    taken = EnvironmentSnapshot.objects.get()
    assert "First is kept. Runs can begin from it." in page.content.decode()
    assert taken.seed_digest in page.content.decode()
    assert "Delete First for good?" in page.content.decode()

    PlaybookFactory(workspace=environment.workspace)
    form = rita_client.get(f"/practice/new/?environment=desk&snapshot={taken.pk}").content.decode()
    assert f'<option value="{taken.pk}" selected>Desk: First</option>' in form

    url = f"/environments/desk/snapshots/{taken.number}/delete/"
    assert rita_client.post(url).status_code == 403
    assert "First is deleted." in ada_client.post(url, follow=True).content.decode()
    assert not EnvironmentSnapshot.objects.exists()


def test_it_keeps_a_world_without_files_too(workspace: Any, ada: Any, store: Path) -> None:
    environment = EnvironmentFactory(
        workspace=workspace, transport="pack", is_sample=False, options={"pack": "x", "scenario": 4}
    )
    taken = snapshot_take(environment=environment, by=ada)
    assert (taken.seed_digest, taken.size_bytes) == ("", 0)
    assert taken.options == {"pack": "x", "scenario": 4}
    snapshot_delete(snapshot=taken, by=ada)
