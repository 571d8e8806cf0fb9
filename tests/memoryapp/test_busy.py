"""What somebody wants to change is held by another for long: they are told, and lose nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import OperationalError, connection, transaction
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from memoryapp.models import Bullet, Candidate, Playbook
from memoryapp.project.requests import NoLongWait
from memoryapp.services import patience
from memoryapp.services.patience import waited_for_lock
from tests.factories import BulletFactory, CandidateFactory, PlaybookFactory

pytestmark = pytest.mark.django_db(transaction=True)

WORDS = "My own <b>words</b>, half an hour of them."


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "REQUEST_SECONDS", 0.2)


@pytest.fixture
def playbook(workspace: Any) -> Playbook:
    made: Playbook = PlaybookFactory(workspace=workspace, slug="help-desk")
    return made


@pytest.fixture
def bullet(playbook: Playbook) -> Bullet:
    made: Bullet = BulletFactory(playbook=playbook)
    return made


@contextmanager
def held(row: Any) -> Iterator[None]:
    """Somebody else's transaction has the lock of a row."""
    other = connection.copy()
    try:
        other.set_autocommit(False)
        with other.cursor() as cursor:
            table = row._meta.db_table
            cursor.execute(f"SELECT 1 FROM {table} WHERE id = %s FOR NO KEY UPDATE", [row.pk])
            yield
    finally:
        other.close()


def edit(bullet: Bullet) -> str:
    return reverse("bullet-edit", args=[bullet.playbook.slug, bullet.label])


def sent(bullet: Bullet, **more: str) -> dict[str, str]:
    return {"content": WORDS, "reason": "", "revision": str(bullet.revision_count), **more}


def test_the_page_keeps_what_was_typed_and_sends_it_again(rita_client: Any, bullet: Bullet) -> None:
    with held(bullet.playbook):
        answer = rita_client.post(edit(bullet), sent(bullet))
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    said = answer.content.decode()
    assert "Please wait a moment" in said
    assert "My own &lt;b&gt;words" in said
    assert f'action="{edit(bullet)}"' in said
    bullet.refresh_from_db()
    assert bullet.content != WORDS
    kept = dict(answer.context["typed"] + answer.context["others"])
    assert kept == sent(bullet)
    assert rita_client.post(edit(bullet), kept).status_code == 302
    bullet.refresh_from_db()
    assert bullet.content == WORDS


def test_htmx_is_told_and_the_page_stays_as_it_is(rita_client: Any, bullet: Bullet) -> None:
    with held(bullet.playbook):
        answer = rita_client.post(edit(bullet), sent(bullet), headers={"HX-Request": "true"})
    assert (answer.status_code, answer.headers["Content-Type"]) == (503, "text/plain")
    assert "Send it again" in answer.content.decode()


@pytest.mark.parametrize("key", ["", "once"])
def test_a_caller_of_the_api_is_told_and_does_it_later(
    rita_client: Any, playbook: Playbook, key: str
) -> None:
    candidate = CandidateFactory(playbook=playbook)
    url = f"/api/v1/candidates/{candidate.pk}/approve"
    headers = {"Idempotency-Key": key} if key else {}
    with held(playbook):
        answer = rita_client.post(url, {}, "application/json", headers=headers)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert answer.json()["type"] == "urn:greenroom:problem:busy"
    candidate.refresh_from_db()
    assert candidate.status == Candidate.Status.PENDING
    again = rita_client.post(url, {}, "application/json", headers=headers)
    assert (again.status_code, again.headers.get("Idempotency-Replayed")) == (200, None)


def test_a_secret_is_not_shown_again(rita_client: Any, bullet: Bullet) -> None:
    with held(bullet.playbook):
        answer = rita_client.post(edit(bullet), sent(bullet, credential_secret="s3cr3t"))
    said = answer.content.decode()
    assert "s3cr3t" not in said
    assert "My own &lt;b&gt;words" in said
    assert "Send it again</button>" not in said


def test_a_write_of_one_row_does_not_wait_either(playbook: Playbook) -> None:
    def renamed(_: HttpRequest) -> HttpResponse:
        return HttpResponse(str(Playbook.objects.filter(pk=playbook.pk).update(name="Other")))

    with held(playbook), pytest.raises(OperationalError) as refused:
        NoLongWait(renamed)(HttpRequest())
    assert waited_for_lock(refused.value)
    NoLongWait(renamed)(HttpRequest())
    playbook.refresh_from_db()
    assert playbook.name == "Other"


def test_a_transaction_of_a_request_may_still_choose_its_isolation(playbook: Playbook) -> None:
    """An export reads the workspace as it stood at one moment."""

    def exported(_: HttpRequest) -> HttpResponse:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            cursor.execute("SHOW transaction_isolation")
            isolation = cursor.fetchone()
            cursor.execute("SHOW lock_timeout")
            return HttpResponse(f"{isolation[0]}, {cursor.fetchone()[0]}")

    answer: Any = NoLongWait(exported)(HttpRequest())
    assert answer.content == b"repeatable read, 200ms"


def test_the_limit_is_nobody_elses(rita_client: Any, bullet: Bullet) -> None:
    """Behind a pooler the next transaction of the connection may be a worker's."""
    assert rita_client.post(edit(bullet), sent(bullet)).status_code == 302
    with connection.cursor() as cursor:
        cursor.execute("SHOW lock_timeout")
        assert cursor.fetchone() == ("0",)


def test_what_else_the_database_refuses_is_no_lock() -> None:
    assert not waited_for_lock(OperationalError("gone"))
    assert not waited_for_lock(None)
