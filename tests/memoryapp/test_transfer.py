"""A whole workspace leaves and comes back."""

from __future__ import annotations

import errno
import hashlib
import io
import re
import uuid
import zipfile
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.apps import apps
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import OperationalError
from django.utils import timezone

from memoryapp.domain.errors import UnableToRead
from memoryapp.models import Bullet, Event, PullReceipt, Report, Workspace
from memoryapp.queries.transfer import (
    LEFT_OUT,
    WITHHELD,
    path_to_workspace,
    tables,
    workspace_export,
)
from memoryapp.services import transfer_import
from memoryapp.services.bullets import bullet_edit, bullet_retire
from memoryapp.services.candidates import candidate_approve
from memoryapp.services.releases import label_move, release_publish
from memoryapp.services.reports import Said, report_take
from memoryapp.services.tokens import api_key_create
from memoryapp.services.transfer_import import NoRoom, workspace_import
from memoryapp.services.withdrawals import release_withdraw
from practice.models import Attempt, CaseSet, Environment, ObservationMissing, Run, Step
from practice.orchestrator import observations
from tests import factories
from tests.factories import BulletFactory, CandidateFactory, EvidenceFactory, PlaybookFactory
from tests.memoryapp.transfers import changed, contents

pytestmark = pytest.mark.django_db


@pytest.fixture
def full(workspace: Any, ada: Any, rita: Any) -> Workspace:
    """A workspace with something in most of its tables."""
    attempt = factories.AttemptFactory(status="curated", label="success")
    Run.objects.update(status="finished")
    Environment.objects.update(secrets=b"sealed-secret")
    playbook = PlaybookFactory(workspace=workspace, slug="help-desk", name="Hilfe ✓")
    kept = BulletFactory(playbook=playbook, label="strategies-900", content="Zwei\nZeilen.")
    first = release_publish(playbook=playbook, by=ada, label="production")
    bullet_edit(bullet=kept, content="Reworded.", reason="clearer", by=rita, revision=1)
    candidate = CandidateFactory(playbook=playbook)
    EvidenceFactory(candidate=candidate, link=f"/trajectories/{attempt.pk}/#step-1")
    candidate_approve(candidate=candidate, by=rita)
    second = release_publish(playbook=playbook, by=ada)
    label_move(playbook=playbook, name="production", release=second, by=ada)
    release_withdraw(release=first, kind="recalled", reason="old", by=ada, replacement=second)
    bullet_retire(bullet=Bullet.objects.get(pk=kept.pk), reason="wrong", by=rita)
    report_take(
        release=second, votes=[Said("pitfalls-001", "helpful")], outcome="success", task="1"
    )
    source, now = uuid.uuid4(), timezone.now()
    PullReceipt.objects.bulk_create(
        PullReceipt(release=second, form="md", pulled_at=now, source=source, number=number)
        for number in (1, 2)
    )
    api_key_create(workspace=workspace, name="agent", scopes=["read"], by=ada)
    return Workspace.objects.get(pk=workspace.pk)


def exported(workspace: Workspace) -> bytes:
    target = io.BytesIO()
    workspace_export(workspace=workspace, target=target)
    return target.getvalue()


def test_it_comes_back_equal(full: Workspace, ada: Any) -> None:
    first = exported(full)
    copy = workspace_import(source=io.BytesIO(first), by=ada, slug="copy")
    assert contents(exported(copy)) == contents(first)


def test_it_gives_the_same_bytes_for_the_same_rows(full: Workspace) -> None:
    assert exported(full) == exported(full)


def test_it_keeps_what_agents_are_served(full: Workspace, ada: Any) -> None:
    copy = workspace_import(source=io.BytesIO(exported(full)), by=ada, slug="copy")
    mine, theirs = (w.playbooks.get(slug="help-desk") for w in (copy, full))
    one, other = (p.labels.get(name="production").release for p in (mine, theirs))
    assert (one.bodies, one.digests, one.created_at) == (
        other.bodies,
        other.digests,
        other.created_at,
    )
    assert one.wordings != other.wordings
    said, told = (
        sorted(p.bullets.values_list("label", "content", "status", "deployed_helpful"))
        for p in (mine, theirs)
    )
    assert said == told
    assert Report.objects.filter(release=one).count() == 1


def test_it_leads_links_and_history_to_the_new_rows(full: Workspace, ada: Any) -> None:
    copy = workspace_import(source=io.BytesIO(exported(full)), by=ada, slug="copy")
    attempt = Attempt.objects.get(run__workspace=copy)
    evidence = copy.playbooks.get(slug="help-desk").candidates.get().evidence.get()
    assert evidence.link == f"/trajectories/{attempt.pk}/#step-1"
    event = Event.objects.get(workspace=copy, kind="release.recalled")
    assert event.subject_id == str(copy.playbooks.get(slug="help-desk").releases.get(number=1).pk)


def test_it_holds_no_secret(full: Workspace, ada: Any) -> None:
    with zipfile.ZipFile(io.BytesIO(exported(full))) as archive:
        whole = b"".join(archive.read(name) for name in archive.namelist())
    assert b"sealed-secret" not in whole
    assert b"c2VhbGVkLXNlY3JldA" not in whole
    assert b"secret_hash" not in whole
    copy = workspace_import(source=io.BytesIO(exported(full)), by=ada, slug="copy")
    assert copy.environments.get().secrets in (None, b"")
    assert not copy.api_keys.exists()


def test_it_decides_on_every_table_and_every_secret() -> None:
    """A new table must lead to a workspace or be left out; a new secret must be withheld."""
    for label in tables():
        assert path_to_workspace(label)
        for field in apps.get_model(label)._meta.concrete_fields:
            if re.search(r"secret(s|_hash)?$|password|token$|private_key", field.name):
                assert (label, field.name) in WITHHELD, (label, field.name)
    for label in LEFT_OUT:
        assert apps.get_model(label)


def test_it_belongs_to_who_imports_it_where_people_are_unknown(full: Workspace, ada: Any) -> None:
    data = exported(full)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name, text in parts.items():
            archive.writestr(name, text.replace(b'"rita"', b'"nobody-here"'))
    copy = workspace_import(source=target, by=ada, slug="copy")
    assert not Event.objects.filter(workspace=copy, actor__username="rita").exists()
    assert copy.memberships.get().user == ada


def test_it_refuses_what_it_cannot_read_whole(full: Workspace, ada: Any) -> None:
    data = exported(full)
    for source, says in (
        (io.BytesIO(b"not a zip"), "not an export of a workspace"),
        (io.BytesIO(data[: len(data) // 2]), "not an export of a workspace"),
        (changed(data, version=9), "version 9"),
        (changed(data, rows={"practice.future": 3}), "practice.future"),
        (changed(data, rows={"memoryapp.bullet": 999}), "damaged"),
        (io.BytesIO(data), "already"),
    ):
        slug = "" if says == "already" else "copy"
        with pytest.raises(UnableToRead, match=says):
            workspace_import(source=source, by=ada, slug=slug)
    assert Workspace.objects.filter(slug="copy").count() == 0


def test_a_number_that_no_column_holds_is_a_damaged_file(full: Workspace, ada: Any) -> None:
    """JSON knows no infinity; Python reads one all the same."""
    source, target = zipfile.ZipFile(io.BytesIO(exported(full))), io.BytesIO()
    with source, zipfile.ZipFile(target, "w") as out:
        for name in source.namelist():
            text = source.read(name)
            if name == "memoryapp.bullet.jsonl":
                text = re.sub(rb"\"revision_count\":\d+", b'"revision_count":Infinity', text)
                assert b"Infinity" in text
            out.writestr(name, text)
    with pytest.raises(UnableToRead, match=r"damaged .OverflowError"):
        workspace_import(source=target, by=ada, slug="copy")


def test_a_full_disk_is_no_word_against_the_file(
    full: Workspace, ada: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = io.BytesIO(exported(full))

    def refuse(self: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(transfer_import._Import, "store_objects", refuse)
    with pytest.raises(NoRoom, match=r"No space left on device\. Nothing was"):
        workspace_import(source=written, by=ada, slug="copy")


@pytest.mark.parametrize(("state", "is_the_files"), [("53100", False), ("54000", True)])
def test_nor_is_a_database_that_is_full(
    full: Workspace, ada: Any, monkeypatch: pytest.MonkeyPatch, state: str, is_the_files: bool
) -> None:
    """A row that no index takes is the file's doing all the same."""
    written, cause = io.BytesIO(exported(full)), psycopg.errors.lookup(state)("said")

    def refuse(self: Any) -> None:
        raise OperationalError("said") from cause

    monkeypatch.setattr(transfer_import._Import, "run", refuse)
    with pytest.raises(UnableToRead if is_the_files else OperationalError):
        workspace_import(source=written, by=ada, slug="copy")


@pytest.mark.parametrize("name", ["playbook", "releaselabel"])
def test_a_name_that_no_address_can_hold_is_a_damaged_file(
    full: Workspace, ada: Any, name: str
) -> None:
    """Its pages could not be drawn, and it stands in them as it is."""
    table, known = f"memoryapp.{name}.jsonl", {"playbook": "help-desk"}.get(name, "production")
    source, out = zipfile.ZipFile(io.BytesIO(exported(full))), io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for each in source.namelist():
            text = source.read(each).decode()
            if each == table:
                assert f'"{known}"' in text
                text = text.replace(f'"{known}"', '"a/<b>"')
            archive.writestr(each, text)
    with pytest.raises(UnableToRead, match="damaged"):
        workspace_import(source=io.BytesIO(out.getvalue()), by=ada, slug="copy")


def test_it_works_from_the_command_line(full: Workspace, ada: Any, tmp_path: Any) -> None:
    path = tmp_path / "main.zip"
    call_command("export_workspace", "main", "--output", str(path), stdout=io.StringIO())
    call_command(
        "import_workspace", str(path), "--admin", "ada", "--slug", "copy", stdout=io.StringIO()
    )
    assert Workspace.objects.filter(slug="copy").exists()
    with pytest.raises(CommandError, match="already"):
        call_command("import_workspace", str(path), "--admin", "ada")
    with pytest.raises(CommandError, match="no workspace 'nope'"):
        call_command("export_workspace", "nope", "--output", str(path))


LONG = "An order. " * 1_000


@pytest.fixture
def stored(settings: Any, tmp_path: Path, full: Workspace) -> Step:
    """A step of the workspace whose observation is an object."""
    settings.OBSERVATION_OBJECT_KB = 4
    entry = {**settings.STORAGES["observations"], "OPTIONS": {"location": str(tmp_path)}}
    settings.STORAGES = {**settings.STORAGES, "observations": entry}
    kept = observations.keep(full.pk, LONG)
    step: Step = factories.StepFactory(
        attempt=Attempt.objects.get(), observation=kept.observation, text=kept.text, is_head=True
    )
    return step


def test_texts_that_are_objects_come_along(stored: Step, full: Workspace, ada: Any) -> None:
    first = exported(full)
    copy = workspace_import(source=io.BytesIO(first), by=ada, slug="copy")
    step = Step.objects.get(attempt__run__workspace=copy)
    assert (step.is_head, step.read()) == (True, LONG)
    assert step.text is not None
    assert (step.text.workspace, step.text.digest) == (copy, stored.text and stored.text.digest)
    assert contents(exported(copy)) == contents(first)


def test_a_text_that_is_lost_stays_lost_and_nothing_else(
    stored: Step, full: Workspace, ada: Any, tmp_path: Path
) -> None:
    assert stored.text is not None
    (tmp_path / stored.text.name).unlink()
    copy = workspace_import(source=io.BytesIO(exported(full)), by=ada, slug="copy")
    step = Step.objects.get(attempt__run__workspace=copy)
    assert step.observation == stored.observation
    with pytest.raises(ObservationMissing):
        step.read()


@pytest.mark.parametrize("digest", ["../../elsewhere", "0" * 64])
def test_a_text_under_another_digest_is_refused(
    stored: Step, full: Workspace, ada: Any, tmp_path: Path, digest: str
) -> None:
    assert stored.text is not None
    before = exported(full)
    source, target = zipfile.ZipFile(io.BytesIO(before)), io.BytesIO()
    with zipfile.ZipFile(target, "w") as changed_:
        for name in source.namelist():
            said = source.read(name).replace(stored.text.digest.encode(), digest.encode())
            changed_.writestr(name, said)
    with pytest.raises(UnableToRead):
        workspace_import(source=io.BytesIO(target.getvalue()), by=ada, slug="copy")
    assert len([path for path in tmp_path.rglob("*") if path.is_file()]) == 1


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("environmentsnapshot", "../../precious"),
        ("environmentsnapshot", "/srv/precious"),
        ("caseset", "../../precious"),
        ("caseset", "0f" * 32),
    ],
)
def test_what_names_a_folder_is_the_digest_of_what_lies_in_it(
    full: Workspace, ada: Any, table: str, said: str
) -> None:
    """A path would have files of the machine deleted or written over."""
    archive = b"packed"
    digest = hashlib.sha256(archive).hexdigest()
    environment = Environment.objects.get()
    environment.snapshots.create(number=1, seed_digest=digest)
    CaseSet.objects.create(
        workspace=full, name="Outages", digest=digest, archive=archive, size=6, status="done"
    )
    made = workspace_import(source=io.BytesIO(exported(full)), by=ada, slug="whole")
    assert made.case_sets.get().digest == digest
    source, target = zipfile.ZipFile(io.BytesIO(exported(full))), io.BytesIO()
    with source, zipfile.ZipFile(target, "w") as out:
        for name in source.namelist():
            text = source.read(name)
            if name == f"practice.{table}.jsonl":
                assert digest.encode() in text
                text = text.replace(digest.encode(), said.encode())
            out.writestr(name, text)
    with pytest.raises(UnableToRead, match="damaged"):
        workspace_import(source=target, by=ada, slug="copy")


@pytest.mark.parametrize("said", ["javascript:alert(1)", "//evil.example/", "/\\\\evil.example/"])
def test_links_lead_to_pages_of_ours(full: Workspace, ada: Any, said: str) -> None:
    source, target = zipfile.ZipFile(io.BytesIO(exported(full))), io.BytesIO()
    with source, zipfile.ZipFile(target, "w") as out:
        for name in source.namelist():
            text = source.read(name).decode()
            if name == "memoryapp.evidence.jsonl":
                assert '"link":"/trajectories/' in text
                text = text.replace('"link":"/trajectories/', f'"link":"{said}')
            out.writestr(name, text)
    with pytest.raises(UnableToRead, match="damaged"):
        workspace_import(source=target, by=ada, slug="copy")


def test_a_state_that_is_none_is_refused_by_its_name(full: Workspace, ada: Any) -> None:
    """Pages and jobs ask for each state there is, and would show such a row nowhere or break."""
    source, target = zipfile.ZipFile(io.BytesIO(exported(full))), io.BytesIO()
    with source, zipfile.ZipFile(target, "w") as out:
        for name in source.namelist():
            text = source.read(name)
            if name == "memoryapp.bullet.jsonl":
                assert b'"status":"approved"' in text
                text = text.replace(b'"status":"approved"', b'"status":"blessed"')
            out.writestr(name, text)
    with pytest.raises(UnableToRead, match=r"bullet has a status .* 'blessed'"):
        workspace_import(source=target, by=ada, slug="copy")
    assert not Workspace.objects.filter(slug="copy").exists()
