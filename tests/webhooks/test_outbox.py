"""The outbox: written with the change, sent once, tried again, never to a forbidden address."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import anyio
import httpx2
import pytest
from django.db import transaction
from django.utils import timezone

from memoryapp import deliveries
from memoryapp.clients import addresses, webhooks
from memoryapp.clients.webhooks import SECONDS, Told, tell
from memoryapp.domain.playbook import Delta, Op
from memoryapp.domain.webhooks import TRIES, signature
from memoryapp.models import Delivery, DeliveryTry, Event, Webhook
from memoryapp.queries.webhooks import deliveries_waiting
from memoryapp.services.candidates import Origin, candidate_submit
from memoryapp.services.events import event_record
from memoryapp.services.releases import release_publish
from memoryapp.services.webhooks import webhook_change, webhook_rotate
from tests.factories import BulletFactory, MembershipFactory, PlaybookFactory, RunFactory
from tests.webhooks.receiver import key_of

pytestmark = pytest.mark.django_db


def publish(workspace: Any, by: Any) -> Delivery:
    playbook = PlaybookFactory(workspace=workspace)
    BulletFactory(playbook=playbook)
    release_publish(playbook=playbook, by=by)
    return Delivery.objects.get(kind="release.published")


def propose(playbook: Any, content: str) -> None:
    candidate_submit(
        playbook_id=playbook.pk,
        delta=Delta(op=Op.ADD, section="pitfalls", content=content),
        origin=Origin(kind="run", link="/practice/runs/1/", name="Run 1"),
        sources=[],
        scores={},
    )


def test_a_published_release_is_told_signed(
    hook: Any, workspace: Any, ada: Any, httpserver: Any
) -> None:
    httpserver.expect_request("/hook", method="POST").respond_with_data("thanks")
    delivery = publish(workspace, ada)
    deliveries.deliver(delivery.pk)
    ((request, _),) = httpserver.log
    sent = request.headers
    stamp = int(sent["webhook-timestamp"])
    secret = key_of(hook.secret)
    assert sent["webhook-id"] == str(delivery.pk)
    assert sent["webhook-signature"] == signature([secret], str(delivery.pk), stamp, request.data)
    assert abs(stamp - time.time()) < 300
    assert request.json is not None
    assert request.json["type"] == "release.published"
    assert request.json["data"]["link"].endswith("/releases/1/")
    delivery.refresh_from_db()
    assert (delivery.status, delivery.attempts.get().status_code) == ("delivered", 200)


def test_nothing_is_told_of_what_was_rolled_back(hook: Any, workspace: Any, ada: Any) -> None:
    def fail() -> None:
        with transaction.atomic():
            publish(workspace, ada)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert not Delivery.objects.exists()


def test_it_rings_once_the_change_is_committed(
    hook: Any, workspace: Any, ada: Any, rung: Any, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        publish(workspace, ada)
        assert ("send_webhooks", None) not in rung
    assert ("send_webhooks", None) in rung


@pytest.mark.parametrize(
    ("event", "told"),
    [
        ("run.finished", "run.finished"),
        ("run.failed", "run.finished"),
        ("release.recalled", "release.recalled"),
        ("incident.analysed", "incident.analyzed"),
        ("run.paused", None),
    ],
)
def test_it_tells_what_it_promises_and_no_more(
    hook: Any, workspace: Any, event: str, told: str | None
) -> None:
    event_record(
        workspace=workspace, actor=None, kind=event, subject=RunFactory(workspace=workspace)
    )
    kinds = list(Delivery.objects.values_list("kind", flat=True))
    assert kinds == ([told] if told else [])


def test_a_run_that_proposes_a_lot_is_one_message(hook: Any, workspace: Any) -> None:
    playbook = PlaybookFactory(workspace=workspace, slug="desk")
    for number in range(5):
        propose(playbook, f"Lesson {number}.")
    delivery = Delivery.objects.get()
    assert delivery.payload["data"]["waiting"] == 5
    assert delivery.payload["data"]["newest"] == "Lesson 4."
    Delivery.objects.update(tries=1)
    propose(playbook, "Later.")
    assert Delivery.objects.count() == 2


def test_others_and_those_who_did_not_ask_are_not_told(hook: Any, workspace: Any, ada: Any) -> None:
    webhook_change(webhook=hook, by=ada, kinds=["run.finished"])
    other = MembershipFactory()
    row = Webhook(workspace=other.workspace, url="https://x.example", kinds=["release.published"])
    row.keep_secret(b"x" * 32)
    row.save()
    playbook = PlaybookFactory(workspace=workspace)
    BulletFactory(playbook=playbook)
    release_publish(playbook=playbook, by=ada)
    assert not Delivery.objects.exists()


def test_it_tries_six_times_and_keeps_every_answer(
    hook: Any, workspace: Any, ada: Any, httpserver: Any
) -> None:
    httpserver.expect_request("/hook").respond_with_data("no: password=hunter2!x", status=500)
    delivery = publish(workspace, ada)
    for _ in range(TRIES + 2):
        Delivery.objects.update(next_try_at=timezone.now())
        deliveries.deliver(delivery.pk)
    delivery.refresh_from_db()
    assert (delivery.status, delivery.attempts.count()) == ("failed", TRIES)
    assert "hunter2" not in "".join(one.message for one in delivery.attempts.all())
    assert len(httpserver.log) == TRIES


def test_it_comes_back_after_a_failure_with_the_same_id(
    hook: Any, workspace: Any, ada: Any, httpserver: Any
) -> None:
    httpserver.expect_ordered_request("/hook").respond_with_data("later", status=503)
    httpserver.expect_ordered_request("/hook").respond_with_data("ok")
    delivery = publish(workspace, ada)
    deliveries.deliver(delivery.pk)
    deliveries.deliver(delivery.pk)  # not due yet
    assert len(httpserver.log) == 1
    Delivery.objects.update(next_try_at=timezone.now())
    assert deliveries.due() == [delivery.pk]
    deliveries.deliver(delivery.pk)
    ids = {request.headers["webhook-id"] for request, _ in httpserver.log}
    assert ids == {str(delivery.pk)}
    delivery.refresh_from_db()
    assert delivery.status == "delivered"


def test_a_twin_does_nothing(hook: Any, workspace: Any, ada: Any) -> None:
    delivery = publish(workspace, ada)
    now = timezone.now()
    assert delivery.claim(now)
    assert not Delivery(pk=delivery.pk, tries=0).claim(now)
    assert deliveries.due() == []
    Delivery.objects.update(next_try_at=now - timedelta(seconds=1))
    assert deliveries.due() == [delivery.pk]  # its worker died: the lease is over


def test_a_receiver_that_is_gone_is_told_nothing_more(
    hook: Any, workspace: Any, ada: Any, httpserver: Any
) -> None:
    httpserver.expect_request("/hook").respond_with_data("", status=410)
    deliveries.deliver(publish(workspace, ada).pk)
    hook.refresh_from_db()
    assert (hook.is_active, "410 Gone" in hook.message) == (False, True)
    assert deliveries.due() == []


def test_the_log_says_what_turned_a_webhook_off(
    hook: Any, workspace: Any, ada: Any, vera_client: Any, httpserver: Any
) -> None:
    httpserver.expect_request("/hook").respond_with_data("", status=410)
    deliveries.deliver(publish(workspace, ada).pk)
    event = Event.objects.get(kind="webhook.changed")
    assert (event.actor, event.subject_id) == (None, str(hook.pk))
    assert event.data == {"before": {"is_active": True}, "after": {"is_active": False}}
    said = vera_client.get("/settings/audit/?kind=webhook.changed").content.decode()
    assert "The receiver answered 410 Gone" in said


def test_the_log_does_not_say_it_of_one_that_a_person_turned_off_meanwhile(
    hook: Any, workspace: Any, ada: Any, monkeypatch: Any
) -> None:
    def answer(*asked: Any, **how: Any) -> Told:
        webhook_change(webhook=hook, is_active=False, by=ada)
        return Told(410, "", 1)

    delivery = publish(workspace, ada)
    monkeypatch.setattr(deliveries, "tell", answer)
    deliveries.deliver(delivery.pk)
    assert [event.actor for event in Event.objects.filter(kind="webhook.changed")] == [ada]


def test_it_does_not_follow_a_redirect(
    hook: Any, workspace: Any, ada: Any, httpserver: Any
) -> None:
    headers = {"Location": httpserver.url_for("/elsewhere")}
    httpserver.expect_request("/hook").respond_with_data("", status=302, headers=headers)
    deliveries.deliver(publish(workspace, ada).pk)
    assert [request.path for request, _ in httpserver.log] == ["/hook"]
    assert DeliveryTry.objects.get().status_code == 302


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/",
        "http://[fd00:ec2::254]/",
        "http://0xa9fea9fe/",
        "http://metadata/",
    ],
)
def test_an_address_of_credentials_is_never_called(hook: Any, ada: Any, url: str) -> None:
    Webhook.objects.update(url=url)
    delivery = publish(hook.workspace, ada)
    deliveries.deliver(delivery.pk)
    found = delivery.attempts.get()
    assert found.status_code is None
    assert found.message


def test_a_private_address_is_called_only_where_the_operator_allows_it(
    hook: Any, ada: Any, settings: Any, httpserver: Any
) -> None:
    settings.WEBHOOK_PRIVATE_ADDRESSES = False
    deliveries.deliver(publish(hook.workspace, ada).pk)
    assert "WEBHOOK_PRIVATE_ADDRESSES" in DeliveryTry.objects.get().message
    assert httpserver.log == []


def test_nobody_listening_is_a_failure_with_a_reason(hook: Any, ada: Any) -> None:
    Webhook.objects.update(url="http://127.0.0.1:9/")
    deliveries.deliver(publish(hook.workspace, ada).pk)
    assert "cannot be reached" in DeliveryTry.objects.get().message


def test_after_a_change_both_secrets_sign(hook: Any, ada: Any, httpserver: Any) -> None:
    httpserver.expect_request("/hook").respond_with_data("ok")
    new = webhook_rotate(webhook=hook, by=ada)
    deliveries.deliver(publish(hook.workspace, ada).pk)
    request = httpserver.log[0][0]
    stamp, name = int(request.headers["webhook-timestamp"]), request.headers["webhook-id"]
    secrets = [key_of(new), key_of(hook.secret)]
    assert request.headers["webhook-signature"] == signature(secrets, name, stamp, request.data)


def test_a_lost_secret_key_is_said_not_raised(
    hook: Any, ada: Any, settings: Any, httpserver: Any
) -> None:
    delivery = publish(hook.workspace, ada)
    settings.SEALING_KEYS = ["another"]
    deliveries.deliver(delivery.pk)
    assert "SEALING_KEYS" in DeliveryTry.objects.get().message
    assert httpserver.log == []


def test_a_receiver_is_listened_to_as_long_as_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    limits: list[Any] = []

    async def answer(_: Any, request: httpx2.Request) -> httpx2.Response:
        limits.append(request.extensions["timeout"]["read"])
        return httpx2.Response(200, stream=httpx2.ByteStream(b"thanks"))

    monkeypatch.setattr(addresses.Pinned, "handle_async_request", answer)
    assert tell("http://127.0.0.1/", b"{}", {}, private_allowed=True).is_heard
    assert limits
    assert all(limit is None or limit >= SECONDS for limit in limits)


def test_a_dead_address_of_a_receiver_leaves_time_for_its_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[str] = []

    async def known(_: Any, host: str) -> tuple[str, ...]:
        return ("127.0.0.2", "127.0.0.1")

    async def answer(_: Any, request: httpx2.Request) -> httpx2.Response:
        asked.append(request.url.host)
        if len(asked) == 1:  # as one that drops what comes: it neither answers nor refuses
            await anyio.sleep(request.extensions["timeout"]["connect"] or 60)
            raise httpx2.ConnectTimeout("")
        return httpx2.Response(200, stream=httpx2.ByteStream(b"thanks"))

    monkeypatch.setattr(webhooks, "SECONDS", 0.5)
    monkeypatch.setattr(addresses.Pinned, "_addresses", known)
    monkeypatch.setattr(httpx2.AsyncHTTPTransport, "handle_async_request", answer)
    assert tell("http://hooks.example/", b"{}", {}, private_allowed=True).is_heard
    assert asked == ["127.0.0.2", "127.0.0.1"]


@pytest.mark.parametrize("late", [Told(None, "No answer.", 10_000), Told(500, "no", 40_000)])
def test_a_late_failure_does_not_undo_what_another_worker_heard(
    hook: Any, ada: Any, monkeypatch: pytest.MonkeyPatch, late: Told
) -> None:
    delivery = publish(hook.workspace, ada)

    def tell_slowly(*_: Any, **__: Any) -> Told:
        Delivery.objects.update(tries=2, status=Delivery.Status.DELIVERED)
        return late

    monkeypatch.setattr(deliveries, "tell", tell_slowly)
    deliveries.deliver(delivery.pk)
    delivery.refresh_from_db()
    assert (delivery.status, delivery.attempts.get().message) == ("delivered", late.message)


def test_a_late_failure_leaves_the_next_try_to_who_makes_it(
    hook: Any, ada: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    delivery, lease = publish(hook.workspace, ada), timezone.now() + timedelta(seconds=29)

    def tell_slowly(*_: Any, **__: Any) -> Told:
        Delivery.objects.update(tries=2, next_try_at=lease)
        return Told(None, "No answer.", 40_000)

    monkeypatch.setattr(deliveries, "tell", tell_slowly)
    deliveries.deliver(delivery.pk)
    delivery.refresh_from_db()
    assert (delivery.status, delivery.next_try_at) == ("waiting", lease)


def test_a_webhook_that_is_removed_while_it_is_told_leaves_nothing(
    hook: Any, ada: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    delivery = publish(hook.workspace, ada)

    def tell_and_lose(*_: Any, **__: Any) -> Told:
        hook.delete()
        return Told(200, "thanks", 5)

    monkeypatch.setattr(deliveries, "tell", tell_and_lose)
    deliveries.deliver(delivery.pk)
    assert not DeliveryTry.objects.exists()


def test_what_is_held_for_a_webhook_that_is_off_is_not_counted_as_late(hook: Any, ada: Any) -> None:
    publish(hook.workspace, ada)
    assert deliveries_waiting() == 1
    webhook_change(webhook=hook, by=ada, is_active=False)
    assert deliveries_waiting() == 0
