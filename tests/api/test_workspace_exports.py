"""An export of a workspace is asked for, followed, fetched and stopped over the API."""

from __future__ import annotations

import hashlib
import io
import zipfile
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from memoryapp.clients import export_progress
from memoryapp.indexer import exports
from memoryapp.models import Event, ExportPiece, WorkspaceExport
from tests.factories import BulletFactory, PlaybookFactory, WorkspaceFactory

pytestmark = pytest.mark.django_db
URL = "/api/v1/workspace/exports"


@pytest.fixture
def admin(with_key: Any, workspace: Any) -> Client:
    BulletFactory(playbook=PlaybookFactory(workspace=workspace), content="Verify first.")
    client: Client = with_key("admin")
    return client


def started(client: Client) -> dict[str, Any]:
    answer = client.post(URL)
    assert answer.status_code == 202, answer.content
    row: dict[str, Any] = answer.json()
    return row


def test_it_is_started_followed_and_fetched(admin: Client, ada: Any) -> None:
    row = started(admin)
    assert (row["status"], row["file"], row["asked_by"]) == ("queued", None, "ada")
    one = f"{URL}/{row['id']}"
    export_progress.tell(row["id"], 1_000, 3_000)
    assert admin.get(one).json()["progress"] == {"done": 1_000, "total": 3_000}
    assert admin.get(f"{one}/file").status_code == 409

    exports.write(row["id"])
    done = admin.get(one).json()
    assert (done["status"], done["file"]) == ("done", f"{one}/file")
    answer: Any = admin.get(done["file"])
    data = b"".join(answer.streaming_content)
    assert answer["Content-Type"] == "application/zip"
    assert len(data) == done["size"] == int(answer["Content-Length"])
    assert hashlib.sha256(data).hexdigest() == done["sha256"]
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert b"Verify first." in archive.read("memoryapp.bullet.jsonl")
    assert Event.objects.filter(kind="export.fetched", actor=ada).count() == 1


def test_it_names_the_one_that_is_being_written(admin: Client) -> None:
    first = started(admin)
    answer = admin.post(URL)
    assert answer.status_code == 409
    assert answer.json()["type"] == "urn:greenroom:problem:unable-to-start"
    assert answer.json()["export"] == first["id"]


def test_it_starts_one_however_often_it_is_asked_with_one_key(admin: Client) -> None:
    asked = [admin.post(URL, headers={"Idempotency-Key": "once"}) for _ in range(2)]
    assert [answer.status_code for answer in asked] == [202, 202]
    assert asked[0].json() == asked[1].json()
    assert WorkspaceExport.objects.count() == 1


def test_it_is_stopped_and_another_may_begin(admin: Client) -> None:
    row = started(admin)
    for _ in range(2):
        assert admin.delete(f"{URL}/{row['id']}").status_code == 204
    assert admin.get(f"{URL}/{row['id']}").json()["status"] == "removed"
    assert admin.get(f"{URL}/{row['id']}/file").status_code == 410
    exports.write(row["id"])
    assert not ExportPiece.objects.exists()
    assert started(admin)["id"] != row["id"]


def test_it_says_that_a_file_has_gone(admin: Client) -> None:
    row = started(admin)
    exports.write(row["id"])
    WorkspaceExport.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert admin.get(f"{URL}/{row['id']}").json()["file"] is None
    answer = admin.get(f"{URL}/{row['id']}/file")
    assert answer.status_code == 410
    assert "Export the workspace again" in answer.json()["detail"]


def test_it_lists_them_in_pages(
    admin: Client, workspace: Any, django_assert_num_queries: Any
) -> None:
    rows = [WorkspaceExport(workspace=workspace, status="removed") for _ in range(3)]
    WorkspaceExport.objects.bulk_create(rows)
    page = admin.get(URL, {"page_size": 2}).json()
    assert len(page["results"]) == 2
    assert len(admin.get(page["next"]).json()["results"]) == 1
    for _ in range(2):
        with django_assert_num_queries(3):
            admin.get(URL)
        WorkspaceExport.objects.bulk_create(
            WorkspaceExport(workspace=workspace, status="removed") for _ in range(10)
        )


def test_it_is_for_admins_of_this_workspace(admin: Client, with_key: Any, vera_client: Any) -> None:
    row = started(admin)
    theirs = WorkspaceExport.objects.create(
        workspace=WorkspaceFactory(slug="elsewhere"), status="done"
    )
    for client in (with_key("read", "write"), vera_client):
        assert client.get(URL).status_code == 403
        assert client.post(URL).status_code == 403
        assert client.get(f"{URL}/{row['id']}/file").status_code == 403
        assert client.delete(f"{URL}/{row['id']}").status_code == 403
    assert admin.get(f"{URL}/{theirs.pk}").status_code == 404
    assert admin.get(f"{URL}/{theirs.pk}/file").status_code == 404
    assert admin.delete(f"{URL}/{theirs.pk}").status_code == 404
    assert Client().get(URL).status_code == 401
