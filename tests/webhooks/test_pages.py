"""The pages under Settings, Webhooks, and the same over the API."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from memoryapp import deliveries
from memoryapp.clients.webhooks import Told
from memoryapp.domain.errors import UnableToChange
from memoryapp.models import Delivery, Event, Webhook
from memoryapp.services.tokens import api_key_create
from memoryapp.services.webhooks import webhook_change, webhook_create, webhook_rotate
from tests.webhooks.receiver import key_of

pytestmark = pytest.mark.django_db

URL = "/settings/webhooks/"
SECRET = re.compile(r"whsec_[\w+/]{40,}={0,2}")


def create(client: Any, **changes: Any) -> Any:
    posted = {"url": "https://hooks.example.com/x", "kinds": ["release.published"]} | changes
    return client.post(f"{URL}new/", posted)


def test_it_shows_the_secret_once(ada_client: Any, workspace: Any) -> None:
    answer = create(ada_client)
    (secret,) = set(SECRET.findall(answer.content.decode()))
    webhook = workspace.webhooks.get()
    assert secret not in ada_client.get(f"{URL}{webhook.pk}/").content.decode()
    assert "no-store" in answer["Cache-Control"]
    assert secret.removeprefix("whsec_") not in webhook.sealed_secret
    assert Event.objects.filter(kind="webhook.created").count() == 1


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"url": "hooks.example.com"}, "must start with http:// or https://"),
        ({"url": "ftp://hooks.example.com"}, "must start with http:// or https://"),
        ({"url": "http://[x]/"}, "cannot be read"),
        ({"url": "http://hooks.example.com:x/"}, "cannot be read"),
        ({"url": "https://a:b@hooks.example.com"}, "Leave the password out"),
        ({"url": "http://169.254.169.254/latest"}, "never called"),
        ({"kinds": []}, "Choose at least one"),
    ],
)
def test_it_says_what_is_wrong_and_keeps_what_was_typed(
    ada_client: Any, changes: dict[str, Any], said: str
) -> None:
    answer = create(ada_client, **changes)
    assert answer.status_code in {409, 422}
    assert said in answer.content.decode()
    assert not Webhook.objects.exists()


def test_it_refuses_private_addresses_where_the_operator_does(
    ada_client: Any, settings: Any
) -> None:
    settings.WEBHOOK_PRIVATE_ADDRESSES = False
    assert (
        "WEBHOOK_PRIVATE_ADDRESSES" in create(ada_client, url="http://10.0.0.7/").content.decode()
    )


def test_it_asks_before_a_webhook_goes_with_its_log(ada_client: Any, hook: Any) -> None:
    said = ada_client.get(f"{URL}{hook.pk}/").content.decode()
    assert "Remove it for good?" in said


def test_what_failed_leads_to_just_that(ada_client: Any, vera_client: Any, hook: Any) -> None:
    page = f"{URL}{hook.pk}/"
    ada_client.post(f"{page}test/")
    Delivery.objects.update(status="failed")
    ada_client.post(f"{page}test/")
    said = ada_client.get(URL).content.decode()
    for status in ("waiting", "failed"):
        assert f'href="{page}?status={status}">1</a>' in said
        shown = ada_client.get(f"{page}?status={status}").context["deliveries"]
        assert [row["delivery"].status for row in shown] == [status]
    assert "?status=" not in vera_client.get(URL).content.decode()


def test_the_page_with_a_new_secret_leads_to_the_log_as_any_other(
    ada_client: Any, hook: Any
) -> None:
    """It stands at the address of a form, which is for posting only."""
    page = f"{URL}{hook.pk}/"
    for _ in range(26):
        ada_client.post(f"{page}test/")
    said = ada_client.post(f"{page}rotate/").content.decode()
    assert f'href="{page}?status=waiting"' in said
    assert f'href="{page}?page=2"' in said


def test_it_shows_each_try_and_sends_again(ada_client: Any, hook: Any) -> None:
    page = f"{URL}{hook.pk}/"
    ada_client.post(f"{page}test/")
    delivery = Delivery.objects.get()
    assert "not tried yet" in ada_client.get(page).content.decode()
    delivery.attempts.create(number=1, status_code=503, message="<b>busy</b>")
    Delivery.objects.update(status="failed", tries=6)
    said = ada_client.get(page).content.decode()
    assert "&lt;b&gt;busy" in said
    assert "1 delivery" in said
    again = ada_client.post(f"{page}replay/{delivery.pk}/", follow=True).content.decode()
    assert "is sent again" in again
    delivery.refresh_from_db()
    assert (delivery.status, delivery.tries) == ("waiting", 0)
    twice = ada_client.post(f"{page}replay/{delivery.pk}/", follow=True).content.decode()
    assert "waiting to be sent already" in twice


def test_it_changes_turns_off_and_removes(ada_client: Any, hook: Any) -> None:
    page = f"{URL}{hook.pk}/"
    seen = ada_client.get(page).context["form"]["seen"].value()
    ada_client.post(f"{page}change/", {"kinds": ["run.finished"], "seen": seen})
    hook.refresh_from_db()
    assert (hook.kinds, hook.is_active) == (["run.finished"], False)
    assert "The webhook is off" in ada_client.post(f"{page}test/", follow=True).content.decode()
    ada_client.post(f"{page}remove/")
    assert not Webhook.objects.exists()


def test_others_see_the_list_only(rita_client: Any, vera_client: Any, hook: Any) -> None:
    Webhook.objects.update(url="https://hooks.example.com/services/T0/B1/knows-it")
    for client in (rita_client, vera_client):
        said = client.get(URL).content.decode()
        assert "https://hooks.example.com/…" in said
        assert "knows-it" not in said
        assert create(client).status_code == 403
        assert client.get(f"{URL}{hook.pk}/").status_code == 403
        assert client.post(f"{URL}{hook.pk}/rotate/").status_code == 403


def test_the_audit_log_names_no_whole_address(ada_client: Any, vera_client: Any) -> None:
    """Every member reads it, and to many receivers the address is the credential."""
    create(ada_client, url="https://hooks.example.com/services/T0/B1/knows-it")
    pk = Webhook.objects.get().pk
    for act in ("test", "rotate", "remove"):
        ada_client.post(f"{URL}{pk}/{act}/")
    said = vera_client.get("/settings/audit/").content.decode()
    assert "https://hooks.example.com/…" in said
    assert "knows-it" not in said + str(list(Event.objects.values()))


def test_a_change_does_not_turn_on_again_what_went_off_meanwhile(hook: Any, ada: Any) -> None:
    read = Webhook.objects.get(pk=hook.pk)
    Webhook.objects.update(is_active=False, message="The receiver answered 410 Gone.")
    changed = webhook_change(webhook=read, kinds=["run.finished"], by=ada)
    hook.refresh_from_db()
    assert (changed.is_active, hook.is_active, hook.kinds) == (False, False, ["run.finished"])
    assert hook.message == "The receiver answered 410 Gone."


def test_a_form_does_not_undo_what_another_saved(ada_client: Any, hook: Any, edda: Any) -> None:
    page = f"{URL}{hook.pk}/"
    typed = {"is_active": "on", "seen": ada_client.get(page).context["form"]["seen"].value()}
    typed |= {"kinds": hook.kinds}
    webhook_change(webhook=hook, kinds=["run.finished"], by=edda)
    Webhook.objects.update(is_active=False, message="The receiver answered 410 Gone.")
    answer = ada_client.post(f"{page}change/", typed | {"kinds": [*hook.kinds, "use.unusual"]})
    assert answer.status_code == 409
    assert [event.actor for event in answer.context["meanwhile"].events] == [edda]
    assert "answered 410 Gone" in answer.content.decode()
    assert answer.context["form"]["is_active"].value() is False
    hook.refresh_from_db()
    assert (hook.kinds, hook.is_active) == (["run.finished"], False)
    webhook_change(webhook=hook, is_active=True, by=edda)
    answer = ada_client.post(f"{page}change/", typed | {"kinds": ["use.unusual"]})
    form = answer.context["form"]
    assert len(answer.context["meanwhile"].events) == 2
    assert form["kinds"].value() == ["use.unusual"]
    again = {name: form[name].value() for name in ("kinds", "is_active", "seen")}
    assert ada_client.post(f"{page}change/", again).status_code == 302
    hook.refresh_from_db()
    assert hook.kinds == ["use.unusual"]


def test_a_form_does_not_turn_on_again_what_went_off_meanwhile(ada_client: Any, hook: Any) -> None:
    """A receiver that is gone turns it off, and nobody touched the box that says On."""
    page = f"{URL}{hook.pk}/"
    typed = {"is_active": "on", "seen": ada_client.get(page).context["form"]["seen"].value()}
    ada_client.post(f"{page}test/")
    with transaction.atomic():
        deliveries._write_down(Delivery.objects.get(), Told(410, "Gone", 1))
    answer = ada_client.post(f"{page}change/", typed | {"kinds": ["use.unusual"]})
    assert answer.status_code == 409
    assert "The receiver answered 410 Gone" in answer.content.decode()
    form = answer.context["form"]
    assert (form["kinds"].value(), form["is_active"].value()) == (["use.unusual"], False)


def test_a_second_click_saves_it_once(ada_client: Any, hook: Any) -> None:
    page = f"{URL}{hook.pk}/"
    typed = {"is_active": "on", "seen": ada_client.get(page).context["form"]["seen"].value()}
    for _ in range(2):
        answer = ada_client.post(f"{page}change/", typed | {"kinds": ["use.unusual"]})
        assert answer.status_code == 302
    assert Event.objects.filter(kind="webhook.changed").count() == 1


def test_two_new_secrets_at_once_both_sign(hook: Any, ada: Any) -> None:
    one, other = Webhook.objects.get(), Webhook.objects.get()
    shown = [key_of(webhook_rotate(webhook=row, by=ada)) for row in (one, other)]
    assert set(Webhook.objects.get().secrets(timezone.now())) == set(shown)


def test_it_says_what_was_removed_meanwhile(hook: Any, ada: Any) -> None:
    read = Webhook.objects.get()
    Webhook.objects.all().delete()
    with pytest.raises(UnableToChange, match="removed meanwhile"):
        webhook_change(webhook=read, is_active=False, by=ada)
    with pytest.raises(UnableToChange, match="removed meanwhile"):
        webhook_rotate(webhook=read, by=ada)


def test_it_does_not_exist_for_other_workspaces(olga_client: Any, hook: Any) -> None:
    assert olga_client.get(f"{URL}{hook.pk}/").status_code == 404
    assert olga_client.post(f"{URL}{hook.pk}/remove/").status_code == 404
    assert hook.url not in olga_client.get(URL).content.decode()


def test_it_needs_the_same_number_of_queries_for_more_rows(
    ada_client: Any, workspace: Any, ada: Any, django_assert_num_queries: Any
) -> None:
    def add(count: int) -> None:
        for number in range(count):
            url = f"https://hooks.example.com/{number}"
            webhook_create(workspace=workspace, url=url, kinds=["run.finished"], by=ada)

    add(2)
    ada_client.get(URL)
    before = queries_of(ada_client)
    add(10)
    with django_assert_num_queries(before):
        ada_client.get(URL)


def queries_of(client: Any) -> int:
    with CaptureQueriesContext(connection) as seen:
        client.get(URL)
    return len(seen)


@pytest.fixture
def api(workspace: Any, ada: Any, client: Any) -> Any:
    _, key = api_key_create(workspace=workspace, name="ops", scopes=["admin"], by=ada)
    client.defaults["HTTP_AUTHORIZATION"] = f"Bearer {key}"
    return client


def test_the_api_does_all_of_it(api: Any, workspace: Any) -> None:
    body = {"url": "https://hooks.example.com/x", "kinds": ["run.finished"]}
    made = api.post("/api/v1/webhooks", body, content_type="application/json")
    assert made.status_code == 201
    assert SECRET.fullmatch(made.json()["secret"])
    one = f"/api/v1/webhooks/{made.json()['id']}"
    assert "secret" not in api.get(one).json()
    tested = api.post(f"{one}/test")
    assert tested.status_code == 202
    (row,) = api.get(f"{one}/deliveries?status=waiting").json()["results"]
    assert row["payload"]["type"] == "webhook.test"
    assert api.post(f"{one}/deliveries/{row['id']}/replay").status_code == 409
    Delivery.objects.update(status="delivered")
    assert api.post(f"{one}/deliveries/{row['id']}/replay").status_code == 202
    assert api.post(f"{one}/rotate").json()["secret"].startswith("whsec_")
    off = api.patch(one, {"is_active": False}, content_type="application/json")
    assert off.json()["is_active"] is False
    assert api.delete(one).status_code == 204
    assert not workspace.webhooks.exists()


def test_the_api_changes_one_only_as_it_was_seen(api: Any, workspace: Any, edda: Any) -> None:
    body = {"url": "https://hooks.example.com/x", "kinds": ["run.finished"]}
    made = api.post("/api/v1/webhooks", body, content_type="application/json").json()
    webhook_change(webhook=workspace.webhooks.get(), kinds=["incident.analyzed"], by=edda)
    one, asked = f"/api/v1/webhooks/{made['id']}", {"is_active": False, "seen": made["shown"]}
    refused = api.patch(one, asked, content_type="application/json")
    assert refused.status_code == 409
    assert refused.json()["type"] == "urn:greenroom:problem:changed-meanwhile"
    assert workspace.webhooks.get().is_active
    asked["seen"] = refused.json()["shown"]
    off = api.patch(one, asked, content_type="application/json").json()
    assert (off["is_active"], off["kinds"]) == (False, ["incident.analyzed"])
    assert off["shown"] != asked["seen"]


@pytest.mark.parametrize("scope", ["read", "write", "playbooks:pull"])
def test_the_api_needs_a_key_that_administers(
    workspace: Any, ada: Any, client: Any, scope: str
) -> None:
    _, key = api_key_create(workspace=workspace, name="x", scopes=[scope], by=ada)
    answer = client.get("/api/v1/webhooks", headers={"Authorization": f"Bearer {key}"})
    assert answer.status_code == 403
