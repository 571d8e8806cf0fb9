"""Settings, Export: an admin gets the whole workspace as a file, and nobody else does."""

from __future__ import annotations

import hashlib
import io
import zipfile
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from memoryapp import tasks
from memoryapp.clients import export_progress
from memoryapp.indexer import exports
from memoryapp.models import Event, ExportPiece, WorkspaceExport
from practice.models import Environment
from tests.factories import BulletFactory, EnvironmentFactory

pytestmark = pytest.mark.django_db

URL = "/settings/export/"
SECRET = "a-secret-of-the-environment"


@pytest.fixture
def written(ada_client: Any, playbook: Any) -> WorkspaceExport:
    """An export that was asked for on the page and written by the worker."""
    BulletFactory(playbook=playbook, content="Verify before refunds.")
    ada_client.post(URL)
    export = WorkspaceExport.objects.get()
    exports.write(export.pk)
    export.refresh_from_db()
    return export


def fetched(client: Any, export: WorkspaceExport) -> bytes:
    answer = client.get(f"{URL}{export.pk}/file/")
    assert answer.status_code == 200
    data = b"".join(answer.streaming_content)
    assert int(answer["Content-Length"]) == len(data)
    return data


def test_it_gives_the_workspace_as_a_file(ada_client: Any, written: WorkspaceExport) -> None:
    page = ada_client.get(URL).content.decode()
    assert f"{URL}{written.pk}/file/" in page
    assert written.digest in page
    data = fetched(ada_client, written)
    assert hashlib.sha256(data).hexdigest() == written.digest
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert b"Verify before refunds." in archive.read("memoryapp.bullet.jsonl")


def test_a_file_of_many_pieces_comes_whole(
    ada_client: Any, playbook: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr(exports, "PIECE", 1_000)
    ada_client.post(URL)
    export = WorkspaceExport.objects.get()
    exports.write(export.pk)
    export.refresh_from_db()
    assert export.pieces.count() > 2
    assert zipfile.ZipFile(io.BytesIO(fetched(ada_client, export))).testzip() is None


def test_no_secret_is_in_it(ada_client: Any, workspace: Any) -> None:
    desk = EnvironmentFactory(workspace=workspace)
    desk.keep_secrets({"TOKEN": SECRET})
    desk.save()
    ada_client.post(URL)
    export = WorkspaceExport.objects.get()
    exports.write(export.pk)
    export.refresh_from_db()
    sealed = bytes(Environment.objects.get().secrets)
    with zipfile.ZipFile(io.BytesIO(fetched(ada_client, export))) as archive:
        held = b"".join(archive.read(name) for name in archive.namelist())
    assert SECRET.encode() not in held
    assert sealed not in held
    assert b'"secrets"' not in held


def test_who_asked_and_who_fetched_is_in_the_audit_log(
    ada_client: Any, ada: Any, written: WorkspaceExport
) -> None:
    fetched(ada_client, written)
    told = Event.objects.filter(kind__startswith="export.").order_by("pk")
    assert [(event.kind, event.actor) for event in told] == [
        ("export.asked", ada),
        ("export.written", None),
        ("export.fetched", ada),
    ]


def test_a_second_one_waits_for_the_first(ada_client: Any, playbook: Any) -> None:
    ada_client.post(URL)
    answer = ada_client.post(URL)
    assert answer.status_code == 409
    assert "is being written already" in answer.content.decode()
    assert WorkspaceExport.objects.count() == 1


def test_it_says_how_far_it_is(ada_client: Any, playbook: Any) -> None:
    ada_client.post(URL)
    export = WorkspaceExport.objects.get()
    page = ada_client.get(URL, headers={"HX-Request": "true"})
    assert "Waits for a worker" in page.content.decode()
    assert 'hx-trigger="every 2s"' in page.content.decode()
    export_progress.tell(export.pk, 1_200, 3_000)
    assert "1,200 of 3,000 rows written" in ada_client.get(URL).content.decode()


def test_the_page_looks_again_only_while_one_is_written(
    ada_client: Any, written: WorkspaceExport
) -> None:
    assert "every 2s" not in ada_client.get(URL).content.decode()


def test_it_goes_after_a_while(ada_client: Any, written: WorkspaceExport) -> None:
    WorkspaceExport.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    answer = ada_client.get(f"{URL}{written.pk}/file/", follow=True)
    assert "This file no longer exists. Export the workspace again." in answer.content.decode()
    tasks.forget_exports()
    assert not ExportPiece.objects.exists()
    assert "Removed" in ada_client.get(URL).content.decode()


def test_it_can_be_removed_before(ada_client: Any, written: WorkspaceExport) -> None:
    ada_client.post(f"{URL}{written.pk}/remove/")
    assert not ExportPiece.objects.exists()
    assert ada_client.get(f"{URL}{written.pk}/file/").status_code == 302
    assert Event.objects.filter(kind="export.removed").count() == 1
    ada_client.post(f"{URL}{written.pk}/remove/")
    assert Event.objects.filter(kind="export.removed").count() == 1


def test_one_that_was_stopped_is_not_kept(ada_client: Any, playbook: Any) -> None:
    ada_client.post(URL)
    export = WorkspaceExport.objects.get()
    assert export.claim(timezone.now(), timedelta(minutes=1))
    ada_client.post(f"{URL}{export.pk}/remove/")
    assert not export.end("done")
    exports.write(export.pk)
    assert not ExportPiece.objects.exists()


def test_a_full_disk_is_said(ada_client: Any, playbook: Any, monkeypatch: Any) -> None:
    def full(**_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(exports, "workspace_export", full)
    ada_client.post(URL)
    exports.write(WorkspaceExport.objects.get().pk)
    page = ada_client.get(URL).content.decode()
    assert "The file could not be written: No space left on device." in page
    assert ada_client.post(URL).status_code == 302


def test_what_nobody_foresaw_ends_it_too(ada_client: Any, playbook: Any, monkeypatch: Any) -> None:
    def broken(**_: Any) -> None:
        raise ValueError("x")

    monkeypatch.setattr(exports, "workspace_export", broken)
    ada_client.post(URL)
    with pytest.raises(ValueError, match="x"):
        exports.write(WorkspaceExport.objects.get().pk)
    assert WorkspaceExport.objects.get().status == "failed"


def test_it_is_for_admins_of_this_workspace(
    rita_client: Any, vera_client: Any, olga_client: Any, written: WorkspaceExport
) -> None:
    for path in (URL, f"{URL}{written.pk}/file/"):
        assert rita_client.get(path).status_code == 403
        assert vera_client.get(path).status_code == 403
    assert olga_client.get(f"{URL}{written.pk}/file/").status_code in {403, 404}
    assert rita_client.post(URL).status_code == 403
    assert rita_client.post(f"{URL}{written.pk}/remove/").status_code == 403


def test_more_files_ask_no_more_of_the_database(
    ada_client: Any, workspace: Any, django_assert_num_queries: Any
) -> None:
    ended = {"workspace": workspace, "status": "removed"}
    for files in (1, 10):
        WorkspaceExport.objects.bulk_create(WorkspaceExport(**ended) for _ in range(files))
        with django_assert_num_queries(5):
            ada_client.get(URL)
