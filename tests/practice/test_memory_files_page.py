"""The artifact's files on the page of proposer memory, and as commands."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command

from memoryapp.models import Event
from tests.factories import PlaybookFactory
from tests.practice.artifacts import FOLDER, MEMORY, PLAYBOOK, imported
from tests.practice.memories import desk

URL = "/environments/desk/memory/"


@pytest.fixture
def environment(workspace: Any) -> Any:
    return desk(workspace)


@pytest.fixture
def playbook(workspace: Any) -> Any:
    return PlaybookFactory(workspace=workspace, slug="music")


def upload(client: Any, text: str, **more: Any) -> Any:
    file = SimpleUploadedFile("proposer_memory.json", text.encode())
    asked = {"file": "proposer_memory.json", "playbook": "music", "document": file} | more
    return client.post(f"{URL}import/", asked)


def test_it_reads_an_uploaded_file_dry_first(
    rita_client: Any, environment: Any, playbook: Any
) -> None:
    page = upload(rita_client, json.dumps(MEMORY), dry_run="on").content.decode()
    assert "5 added, 0 here already" in page
    assert "nothing was stored" in page

    upload(rita_client, json.dumps(MEMORY))
    assert environment.practice_records.count() == 5
    assert Event.objects.filter(kind="memory.imported", actor__username="rita").count() == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "The file is not JSON"),
        ("[]", "A proposer memory is a JSON object"),
        ("[" * 100_000, "The file is not JSON"),
    ],
)
def test_it_says_what_is_wrong_with_a_file(
    rita_client: Any, environment: Any, playbook: Any, text: str, said: str
) -> None:
    page = upload(rita_client, text)

    assert page.status_code == 409
    assert said in page.content.decode()


def test_it_asks_for_a_file(rita_client: Any, environment: Any, playbook: Any) -> None:
    page = rita_client.post(f"{URL}import/", {"file": "playbook.json", "playbook": "music"})

    assert "Choose a file first" in page.content.decode()


def test_it_downloads_both_files(vera_client: Any, environment: Any, playbook: Any) -> None:
    imported(environment, playbook, MEMORY)
    imported(environment, playbook, PLAYBOOK)

    memory = vera_client.get(f"{URL}files/proposer_memory.json/")
    bullets = vera_client.get(f"{URL}files/playbook.json/?playbook=music")

    assert memory.json() == MEMORY
    assert bullets.json() == PLAYBOOK
    assert bullets["Content-Disposition"] == 'attachment; filename="playbook.json"'
    assert vera_client.get(f"{URL}files/other.json/").status_code == 404


def test_it_imports_for_reviewers_only(vera_client: Any, environment: Any, playbook: Any) -> None:
    assert upload(vera_client, json.dumps(MEMORY)).status_code == 403


def test_it_imports_and_exports_by_command(
    environment: Any, playbook: Any, workspace: Any, tmp_path: Path
) -> None:
    where = {"workspace": workspace.slug, "environment": "desk", "playbook": "music"}
    said = StringIO()
    call_command("import_artifact", str(FOLDER / "playbook.json"), stdout=said, **where)
    call_command("import_artifact", str(FOLDER / "proposer_memory.json"), stdout=said, **where)
    out = tmp_path / "out.json"
    call_command("export_artifact", "proposer_memory.json", output=str(out), **where)

    assert "4 added" in said.getvalue()
    assert json.loads(out.read_text()) == MEMORY
    printed = StringIO()
    call_command("export_artifact", "playbook.json", stdout=printed, **where)
    assert json.loads(printed.getvalue()) == PLAYBOOK


def test_it_tells_a_command_what_is_missing(
    environment: Any, playbook: Any, workspace: Any, tmp_path: Path
) -> None:
    where = {"workspace": workspace.slug, "environment": "desk", "playbook": "nowhere"}
    with pytest.raises(CommandError, match="Nothing was imported"):
        call_command("import_artifact", str(FOLDER / "playbook.json"), **where)
    with pytest.raises(CommandError, match="was not imported"):
        call_command("import_artifact", str(tmp_path / "none.json"), **where)
    with pytest.raises(CommandError, match="needs --environment"):
        call_command("export_artifact", "proposer_memory.json", workspace=workspace.slug)
    with pytest.raises(CommandError, match="There is no playbook 'nowhere' in a workspace"):
        call_command("export_artifact", "playbook.json", **where)
    with pytest.raises(CommandError, match="cannot be written"):
        call_command(
            "export_artifact",
            "playbook.json",
            output=str(tmp_path),
            **where | {"playbook": "music"},
        )
