"""A request with an Idempotency-Key is done once."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from memoryapp.access import SESSION_KEY
from memoryapp.indexer.receipts import forget_answers
from memoryapp.models import ApiKey, IdempotentRequest, Playbook, Report, WorkspaceExport
from memoryapp.services.releases import release_publish
from memoryapp.services.reports import report_take
from memoryapp.services.tokens import api_key_create, api_key_rotate
from tests.factories import BulletFactory, MembershipFactory, PlaybookFactory

pytestmark = pytest.mark.django_db
URL = "/api/v1/feedback"


@pytest.fixture
def playbook(workspace: Any, ada: Any) -> Playbook:
    playbook = PlaybookFactory(workspace=workspace, slug="help-desk")
    BulletFactory(playbook=playbook)
    release_publish(playbook=playbook, by=ada, label="production")
    return playbook


def report(client: Any, playbook: Playbook, key: str = "k-1", **more: Any) -> Any:
    body = {"release": playbook.releases.get().pk, "outcome": "success", **more}
    headers = {"Idempotency-Key": key}
    return client.post(URL, body, content_type="application/json", headers=headers)


def test_it_gives_a_repeat_the_first_answer(playbook: Any, with_key: Any) -> None:
    client = with_key("feedback:write")
    first, again = report(client, playbook), report(client, playbook)
    assert (first.status_code, first.content) == (again.status_code, again.content)
    assert again["Idempotency-Replayed"] == "true"
    assert "Idempotency-Replayed" not in first
    assert Report.objects.get().task == "k-1"


def test_it_refuses_the_key_of_another_request(playbook: Any, with_key: Any) -> None:
    client = with_key("feedback:write")
    report(client, playbook)
    answer = report(client, playbook, outcome="failure")
    assert answer.status_code == 422
    assert answer.json()["type"].endswith("idempotency-key-reused")


def test_it_keeps_callers_apart(playbook: Any, with_key: Any) -> None:
    report(with_key("feedback:write"), playbook)
    other = report(with_key("feedback:write"), playbook, task="other")
    assert "Idempotency-Replayed" not in other


def test_it_asks_to_wait_while_the_first_is_worked_on(playbook: Any, with_key: Any) -> None:
    client = with_key("feedback:write")
    report(client, playbook)
    IdempotentRequest.objects.update(status=None, body=None)
    answer = report(client, playbook)
    assert (answer.status_code, answer["Retry-After"]) == (409, "2")


def test_it_takes_over_from_a_first_that_died(playbook: Any, with_key: Any) -> None:
    client = with_key("feedback:write")
    report(client, playbook)
    long_ago = timezone.now() - timedelta(minutes=6)
    IdempotentRequest.objects.update(status=None, body=None, created_at=long_ago)
    assert report(client, playbook).status_code == 200


@pytest.mark.parametrize(("scopes", "status"), [(["read"], 403), (["feedback:write"], 200)])
def test_it_keeps_no_refusal_of_the_caller(
    playbook: Any, with_key: Any, scopes: list[str], status: int
) -> None:
    assert report(with_key(*scopes), playbook).status_code == status
    assert IdempotentRequest.objects.count() == (status == 200)


def test_it_keeps_nothing_when_the_server_fails(
    playbook: Any, with_key: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(**_: Any) -> None:
        raise RuntimeError("a defect")

    monkeypatch.setattr("memoryapp.api.feedback.report_take", fail)
    client = with_key("feedback:write")
    client.raise_request_exception = False
    assert report(client, playbook).status_code == 500
    assert not IdempotentRequest.objects.exists()


def test_it_never_stores_a_new_key(with_key: Any, workspace: Any) -> None:
    client = with_key("admin")
    body = {"name": "agent", "scopes": ["playbooks:pull"]}
    headers = {"Idempotency-Key": "make"}

    def make() -> Any:
        return client.post("/api/v1/keys", body, content_type="application/json", headers=headers)

    secret = make().json()["key"]
    again = make()
    assert (again.status_code, secret in again.content.decode()) == (409, False)
    assert IdempotentRequest.objects.get().body is None
    assert ApiKey.objects.filter(name="agent").count() == 1


def test_it_never_stores_the_secret_of_a_webhook(with_key: Any, workspace: Any) -> None:
    client, headers = with_key("admin"), {"Idempotency-Key": "make"}
    body = {"url": "https://hooks.example.com/x", "kinds": ["run.finished"]}
    path = "/api/v1/webhooks"
    made = client.post(path, body, content_type="application/json", headers=headers)
    rotated = client.post(
        f"{path}/{made.json()['id']}/rotate", headers={"Idempotency-Key": "rotate"}
    )
    assert [one["Cache-Control"] for one in (made, rotated)] == ["no-store", "no-store"]
    assert not IdempotentRequest.objects.exclude(body=None).exists()
    again = client.post(path, body, content_type="application/json", headers=headers)
    assert again.json()["type"].endswith("answer-not-kept")
    assert workspace.webhooks.count() == 1


@pytest.mark.parametrize("key", ["", "x" * 256, "ü"])
def test_it_refuses_what_is_no_key(playbook: Any, with_key: Any, key: str) -> None:
    assert report(with_key("feedback:write"), playbook, key).status_code == 400
    assert not Report.objects.exists()


def test_it_refuses_a_body_it_would_have_to_hold(playbook: Any, with_key: Any) -> None:
    answer = report(with_key("feedback:write"), playbook, task="x" * 11_000_000)
    assert answer.status_code == 413
    assert answer["Content-Type"] == "application/problem+json"


def test_it_forgets_after_a_day(playbook: Any, with_key: Any) -> None:
    report(with_key("feedback:write"), playbook)
    assert forget_answers() == 0
    IdempotentRequest.objects.update(created_at=timezone.now() - timedelta(days=1, seconds=1))
    assert forget_answers() == 1


def test_it_answers_no_repeat_of_a_key_that_was_revoked(playbook: Any, with_key: Any) -> None:
    client = with_key("feedback:write")
    assert report(client, playbook).status_code == 200
    ApiKey.objects.update(revoked_at=timezone.now())
    answer = report(client, playbook)
    assert answer.status_code == 401
    assert "Idempotency-Replayed" not in answer


def test_a_stranger_holds_no_key(playbook: Any, with_key: Any, client: Any) -> None:
    for headers in ({}, {"Authorization": "Bearer gr_aaaaaaaa_guessed"}):
        answer = client.post(
            URL, {}, content_type="application/json", headers={"Idempotency-Key": "k-1", **headers}
        )
        assert answer.status_code == 401
    assert not IdempotentRequest.objects.exists()
    assert report(with_key("feedback:write"), playbook).status_code == 200


def test_it_asks_nobody_to_wait_for_a_stranger(playbook: Any, client: Any) -> None:
    """Who is nobody has no first request that others could be waiting for."""
    IdempotentRequest.objects.create(caller="0" * 64, key="k-1", asked="0" * 64)
    answer = client.post(
        URL, {}, content_type="application/json", headers={"Idempotency-Key": "k-1"}
    )
    assert answer.status_code == 401


def test_a_repeat_with_the_secret_after_a_rotation_is_the_same_caller(
    playbook: Any, workspace: Any, ada: Any, client: Any
) -> None:
    row, old = api_key_create(workspace=workspace, name="desk", scopes=["feedback:write"], by=ada)
    _, new = api_key_rotate(key=row, by=ada)
    answers = []
    for secret in (old, new):
        client.defaults["HTTP_AUTHORIZATION"] = f"Bearer {secret}"
        answers.append(report(client, playbook))
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[1]["Idempotency-Replayed"] == "true"


def test_it_keeps_the_workspaces_of_one_person_apart(
    ada_client: Any, ada: Any, workspace: Any
) -> None:
    other = MembershipFactory(user=ada, role="admin", workspace__slug="other").workspace
    headers = {"Idempotency-Key": "one"}
    for slug, status in ((workspace.slug, 202), (other.slug, 202)):
        session = ada_client.session
        session[SESSION_KEY] = slug
        session.save()
        assert ada_client.post("/api/v1/workspace/exports", headers=headers).status_code == status
    assert {row.workspace for row in WorkspaceExport.objects.all()} == {workspace, other}


def test_a_repeat_counts_towards_the_limit(playbook: Any, workspace: Any, ada: Any) -> None:
    _, key = api_key_create(
        workspace=workspace, name="desk", scopes=["feedback:write"], by=ada, rate_limit=2
    )
    client = Client(headers={"Authorization": f"Bearer {key}"})
    said = [report(client, playbook).status_code for _ in range(3)]
    assert said == [200, 200, 429]


def test_it_is_done_once_though_the_first_died_before_it_was_answered(
    playbook: Any, with_key: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = with_key("write")
    address = f"/api/v1/playbooks/{playbook.slug}/bullets"
    body = {"section": "pitfalls", "content": "Check the order first."}
    headers = {"Idempotency-Key": "k-1"}

    def send() -> Any:
        return client.post(address, body, content_type="application/json", headers=headers)

    with monkeypatch.context() as dying:
        dying.setattr("memoryapp.api.idempotency._keep", exits)
        with pytest.raises(SystemExit):
            send()
    answer = send()
    assert (answer.status_code, "Idempotency-Replayed" in answer) == (201, False)
    assert playbook.bullets.filter(content=body["content"]).count() == 1


def exits(*_: Any) -> None:
    raise SystemExit


@pytest.mark.django_db(transaction=True)
def test_it_asks_a_repeat_to_wait_that_comes_while_the_first_is_worked_on(
    playbook: Any, with_key: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, seen = with_key("feedback:write"), list[int]()

    def again() -> None:
        seen.append(report(client, playbook).status_code)
        connection.close()

    def take(**given: Any) -> Any:
        other = threading.Thread(target=again, daemon=True)
        other.start()
        other.join(10)
        return report_take(**given)

    monkeypatch.setattr("memoryapp.api.feedback.report_take", take)
    assert report(client, playbook).status_code == 200
    assert seen == [409]
    assert Report.objects.count() == 1
