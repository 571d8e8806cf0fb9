"""Changing a password: the old one is asked for, weak ones are refused, others are signed out."""

from __future__ import annotations

from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.core import mail
from django.test import Client

from tests.people.conftest import PASSWORD

pytestmark = pytest.mark.django_db

URL = "/password/change/"
NEW = "another door, another key"


def change(client: Client, new: str = NEW, old: str = PASSWORD) -> Any:
    return client.post(URL, {"oldpassword": old, "password1": new, "password2": new})


def signed_in(user: Any) -> Client:
    client = Client()
    client.post("/login/", {"login": user.username, "password": PASSWORD})
    return client


def test_it_signs_out_every_other_session(rita: Any) -> None:
    here, there = signed_in(rita), signed_in(rita)
    assert change(here).status_code == 302
    assert here.get("/review/").status_code == 200
    assert there.get("/review/").status_code == 302


@pytest.fixture
def mailed(rita: Any, settings: Any) -> list[Any]:
    """What was mailed; Rita has an address that allauth knows."""
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    EmailAddress.objects.create(user=rita, email=rita.email, primary=True, verified=True)
    mail.outbox.clear()
    return mail.outbox


def test_it_tells_the_owner_by_mail(rita: Any, mailed: list[Any]) -> None:
    change(signed_in(rita))
    (message,) = mailed
    assert message.to == ["rita@example.com"]
    assert "password has been changed" in message.body
    assert NEW not in message.body


def test_a_mail_server_that_is_away_undoes_no_change(
    rita: Any, mailed: list[Any], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def away(*_: Any) -> None:
        raise ConnectionRefusedError

    monkeypatch.setattr("django.core.mail.backends.locmem.EmailBackend.send_messages", away)
    assert change(signed_in(rita)).status_code == 302
    rita.refresh_from_db()
    assert rita.check_password(NEW)
    assert "mail about a change to an account could not be sent" in caplog.text


def test_it_asks_for_the_old_password(rita: Any) -> None:
    client = signed_in(rita)
    assert change(client, old="guessed").status_code == 200
    rita.refresh_from_db()
    assert rita.check_password(PASSWORD)


@pytest.mark.parametrize(
    "weak", ["short-one-9", "password1234", "rita@example.com", "901234567812"]
)
def test_it_refuses_a_weak_password(rita: Any, weak: str) -> None:
    client = signed_in(rita)
    answer = change(client, new=weak)
    assert answer.status_code == 200
    assert answer.context["form"].errors


def test_it_offers_a_link_by_mail_only_where_mail_is_sent(client: Client, settings: Any) -> None:
    asked = "Forgot your password?"
    settings.EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"
    assert asked not in client.get("/login/").content.decode()
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    assert asked in client.get("/login/").content.decode()


@pytest.mark.parametrize(
    ("backend", "said"),
    [("dummy", "stays unconfirmed"), ("locmem", "A confirmation link was sent")],
)
def test_it_claims_a_mail_only_where_mail_is_sent(
    rita: Any, settings: Any, backend: str, said: str
) -> None:
    settings.EMAIL_BACKEND = f"django.core.mail.backends.{backend}.EmailBackend"
    client = signed_in(rita)
    client.post("/reauthenticate/", {"password": PASSWORD})
    page = client.post("/email/", {"action_add": "", "email": "r@new.example"}, follow=True)
    assert said in page.content.decode()


def test_a_link_by_mail_sets_a_new_one(
    client: Client, rita: Any, mailoutbox: Any, settings: Any
) -> None:
    client.post("/password/reset/", {"email": "rita@example.com"})
    (mail,) = mailoutbox
    link = next(word for word in mail.body.split() if "/password/reset/key/" in word)
    form = client.get(link, follow=True)
    client.post(form.redirect_chain[-1][0], {"password1": NEW, "password2": NEW})
    rita.refresh_from_db()
    assert rita.check_password(NEW)


def test_asking_for_a_link_tells_nobody_who_has_an_account(
    client: Client, rita: Any, mailoutbox: Any
) -> None:
    known = client.post("/password/reset/", {"email": "rita@example.com"})
    unknown = client.post("/password/reset/", {"email": "nobody@example.com"})
    assert (known.status_code, known["Location"]) == (unknown.status_code, unknown["Location"])
