"""Deleting a workspace: out of reach at once, and then every row of it goes, and no other's."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from memoryapp.domain.errors import UnableToChange
from memoryapp.models import ApiKey, Event, Membership, Workspace
from memoryapp.services.tokens import api_key_create
from practice.models import Analysis, EnvironmentSnapshot, Run, Step
from practice.orchestrator import removal
from practice.orchestrator.worlds import snapshot_folder
from practice.services.removal import workspace_delete
from tests.factories import (
    EnvironmentFactory,
    MembershipFactory,
    UserFactory,
    WorkspaceFactory,
)
from tests.gate.world import build

pytestmark = pytest.mark.django_db

URL = "/settings/workspace/delete/"
#: What is of the installation and of people, and what a sweep of its own takes away.
KEPT = {"memoryapp.embeddingmodel", "memoryapp.receiptsource", "practice.modelsilence"}


@pytest.fixture(autouse=True)
def _own_folder(settings: Any, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path


@pytest.fixture
def elsewhere(ada: Any) -> Workspace:
    """Another workspace that Ada administers."""
    found: Workspace = MembershipFactory(
        user=ada, role="admin", workspace=WorkspaceFactory(name="Other", slug="other")
    ).workspace
    return found


def rows() -> dict[str, int]:
    """How many rows each table of the product has."""
    models = [m for app in ("memoryapp", "practice") for m in apps.get_app_config(app).get_models()]
    return {model._meta.label_lower: model._base_manager.count() for model in models}


def test_every_row_of_it_goes_and_none_of_another(
    workspace: Any, ada: Any, elsewhere: Any, olga: Any
) -> None:
    alone = rows()
    build(workspace, ada)
    full = rows()
    workspace_delete(workspace=workspace, confirmed="main", by=ada)
    while removal.remove():
        pass
    left = rows()
    # Its own row and Ada's membership were there before, too.
    gone = {"memoryapp.workspace": 1, "memoryapp.membership": 1}
    expected = {label: count - gone.get(label, 0) for label, count in alone.items()}
    assert {k: v for k, v in left.items() if k not in KEPT} == {
        k: v for k, v in expected.items() if k not in KEPT
    }
    filled = [label for label, count in full.items() if count > alone[label]]
    assert len(filled) >= 40, "the world it was tried with holds most tables"


def test_another_one_as_full_stays_as_it_is(
    workspace: Any, ada: Any, elsewhere: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    build(elsewhere, ada)
    before = rows()
    MembershipFactory(workspace=workspace, user=UserFactory())
    workspace_delete(workspace=workspace, confirmed="main", by=ada)
    assert removal.remove() is False
    lost = {label: before[label] - count for label, count in rows().items()}
    assert {label for label, count in lost.items() if count > 0} == {
        "memoryapp.workspace",
        "memoryapp.membership",
    }


def test_it_goes_on_where_a_turn_ended(
    workspace: Any, ada: Any, elsewhere: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    build(workspace, ada)
    workspace_delete(workspace=workspace, confirmed="main", by=ada)
    monkeypatch.setattr(removal, "BATCH", 1)
    monkeypatch.setattr(removal, "TURN_SECONDS", -1.0)
    assert removal.remove() is True
    assert Workspace.objects.filter(pk=workspace.pk).exists()
    monkeypatch.setattr(removal, "TURN_SECONDS", 60.0)
    assert removal.remove() is False
    assert not Workspace.objects.filter(pk=workspace.pk).exists()
    assert removal.remove() is False, "nothing is deleted, and nothing is to be done"


def test_what_refers_comes_before_what_it_refers_to() -> None:
    order = [model._meta.label_lower for model, _ in removal._tables()]
    for first, then in (
        ("practice.step", "practice.attempt"),
        ("practice.attempt", "practice.run"),
        ("practice.sentspan", "practice.senttrace"),
        ("memoryapp.releaselabel", "memoryapp.release"),
        ("memoryapp.bullet", "memoryapp.playbook"),
    ):
        assert order.index(first) < order.index(then)


def test_it_is_out_of_reach_at_once(
    workspace: Any, ada: Any, elsewhere: Any, ada_client: Client, rita_client: Client
) -> None:
    _, token = api_key_create(workspace=workspace, name="Agent", scopes=["read"], by=ada)
    agent = Client(headers={"Authorization": f"Bearer {token}"})
    assert agent.get("/api/v1/playbooks").status_code == 200
    assert ada_client.post(URL, {"confirmed": "main"}).status_code == 302
    shown = ada_client.get("/")
    assert shown.context["workspace"] == elsewhere
    assert "Main is deleted" in shown.content.decode()
    assert rita_client.get("/review/").status_code == 403
    assert agent.get("/api/v1/playbooks").status_code == 401
    assert not Membership.objects.filter(workspace=workspace).exists()
    assert ApiKey.objects.get().revoked_at is not None


def test_what_runs_in_it_is_ended(workspace: Any, ada: Any, elsewhere: Any) -> None:
    build(workspace, ada)
    Run.objects.filter(workspace=workspace).update(status="running", ended_at=None)
    Analysis.objects.update(status="running")
    workspace_delete(workspace=workspace, confirmed="main", by=ada)
    assert set(Run.objects.values_list("status", flat=True)) == {"cancelled"}
    assert not Analysis.objects.filter(status="running").exists()


def test_its_slug_is_free_again(workspace: Any, ada: Any, elsewhere: Any) -> None:
    workspace_delete(workspace=workspace, confirmed="main", by=ada)
    assert Workspace.objects.create(name="Main", slug="main").pk != workspace.pk


@pytest.mark.parametrize("written", ["", "Main", "other", "main2"])
def test_another_word_deletes_nothing(
    ada_client: Client, workspace: Any, elsewhere: Any, written: str
) -> None:
    answer = ada_client.post(URL, {"confirmed": written})
    assert answer.status_code in {409, 422}
    workspace.refresh_from_db()
    assert workspace.deleted_at is None
    assert ada_client.get("/").context["workspace"] == workspace


def test_nobody_is_left_without_a_workspace(workspace: Any, ada: Any) -> None:
    with pytest.raises(UnableToChange, match="only workspace you administer"):
        workspace_delete(workspace=workspace, confirmed="main", by=ada)
    workspace.refresh_from_db()
    assert workspace.deleted_at is None


def test_two_deleted_at_once_wait_for_each_other(workspace: Any, ada: Any, elsewhere: Any) -> None:
    """Each would else count on the other, and their admin would be left with none."""
    with CaptureQueriesContext(connection) as ran:
        workspace_delete(workspace=workspace, confirmed="main", by=ada)
    said = [query["sql"] for query in ran if 'FROM "memoryapp_membership"' in query["sql"]]
    assert said[0].endswith("FOR NO KEY UPDATE")
    assert "workspace_id" not in said[0].partition("WHERE")[2]


def test_only_an_admin_may(rita_client: Client, elsewhere: Any, workspace: Any) -> None:
    assert rita_client.post(URL, {"confirmed": "main"}).status_code == 403
    workspace.refresh_from_db()
    assert workspace.deleted_at is None


def test_the_server_s_log_says_who(
    workspace: Any, ada: Any, elsewhere: Any, caplog: pytest.LogCaptureFixture
) -> None:
    workspace_delete(workspace=workspace, confirmed="main", by=ada)
    assert "ada deleted the workspace Main (main)." in caplog.text


def test_files_of_snapshots_go_unless_somebody_else_has_the_same(
    workspace: Any, ada: Any, elsewhere: Any
) -> None:
    build(workspace, ada)
    store = snapshot_folder()
    for digest in ("a" * 64, "b" * 64):
        (store / digest).mkdir(parents=True)
    snapshot = EnvironmentSnapshot.objects.get()
    there = EnvironmentFactory(workspace=elsewhere)
    for number, digest in enumerate(("a" * 64, "b" * 64), start=2):
        EnvironmentSnapshot.objects.create(
            environment=snapshot.environment, number=number, seed_digest=digest
        )
    EnvironmentSnapshot.objects.create(environment=there, number=1, seed_digest="b" * 64)
    workspace_delete(workspace=workspace, confirmed="main", by=ada)
    removal.remove()
    assert {folder.name for folder in store.iterdir()} == {"b" * 64}


def test_a_start_does_not_bring_the_first_one_back(
    workspace: Any, ada: Any, elsewhere: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    workspace_delete(workspace=workspace, confirmed="main", by=ada)
    removal.remove()
    call_command("prepare")
    assert list(Workspace.objects.values_list("slug", flat=True)) == ["other"]
    assert "Password" not in capsys.readouterr().out


def test_many_rows_go_in_batches(
    workspace: Any, ada: Any, elsewhere: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    build(workspace, ada)
    for _ in range(5):
        Event.objects.record(workspace=workspace, actor=ada, kind="x.y", subject=workspace)
    monkeypatch.setattr(removal, "BATCH", 2)
    workspace_delete(workspace=workspace, confirmed="main", by=ada)
    began = time.monotonic()
    while removal.remove():
        assert time.monotonic() < began + 60
    assert not Event.objects.filter(workspace_id=workspace.pk).exists()
    assert not Step.objects.filter(attempt__run__workspace_id=workspace.pk).exists()


def test_what_was_deleted_is_not_passed_again_with_each_batch(
    workspace: Any, ada: Any, elsewhere: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(50):
        Event.objects.record(workspace=workspace, actor=ada, kind="x.y", subject=workspace)
    monkeypatch.setattr(removal, "BATCH", 2)
    workspace_delete(workspace=workspace, confirmed="main", by=ada)
    with CaptureQueriesContext(connection) as asked:
        assert removal.remove() is False
    said = [query["sql"] for query in asked]
    batches = [one for one in said if one.startswith('DELETE FROM "memoryapp_event"')]
    looks = [one for one in said if one.startswith('SELECT "memoryapp_event"."id" AS "pk"')]
    assert len(batches) > 24
    assert len(looks) == 4, "2, 20 and 200 keys, and then none"
