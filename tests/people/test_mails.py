"""No mail leads to a host that only whoever asked for it named."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.contrib.auth import get_user_model
from django.core.mail.backends.locmem import EmailBackend
from django.test import Client

from memoryapp.services.invitations import invitation_create
from tests.people.conftest import PASSWORD

pytestmark = pytest.mark.django_db
OURS, FORGED = "https://greenroom.example.com", "evil.example:8000"


@pytest.fixture
def attacker(settings: Any) -> Client:
    """Embedded, every host is served; there is a mail server."""
    settings.ALLOWED_HOSTS = ["*"]
    settings.PUBLIC_URL = OURS
    return Client(HTTP_HOST=FORGED)


def test_a_link_that_sets_a_password_leads_to_us(
    attacker: Client, rita: Any, mailoutbox: Any
) -> None:
    for email in ("rita@example.com", "nobody@example.com"):
        attacker.post("/password/reset/", {"email": email})
    known, unknown = (mail.subject + mail.body for mail in mailoutbox)
    assert re.search(rf"^{OURS}/password/reset/key/\S+/$", known, re.MULTILINE)
    assert f"{OURS}/signup/" in unknown
    assert "evil" not in known + unknown


def test_so_does_every_other_mail(attacker: Client, rita: Any, mailoutbox: Any) -> None:
    EmailAddress.objects.create(user=rita, email=rita.email, primary=True, verified=True)
    attacker.post("/login/", {"login": "rita", "password": PASSWORD})
    attacker.post("/reauthenticate/", {"password": PASSWORD})
    attacker.post("/email/", {"action_add": "", "email": "r@new.example"})
    words = {"password1": "a wholly other door of hers", "password2": "a wholly other door of hers"}
    attacker.post("/password/change/", {"oldpassword": PASSWORD, **words})
    assert len(mailoutbox) >= 2
    said = "".join(mail.subject + mail.body for mail in mailoutbox)
    assert f"{OURS}/confirm-email/" in said
    assert "evil" not in said


def test_no_mail_is_sent_where_nobody_said_where_its_links_lead(
    attacker: Client, rita: Any, mailoutbox: Any, settings: Any
) -> None:
    settings.PUBLIC_URL = ""
    assert attacker.post("/password/reset/", {"email": "rita@example.com"}).status_code == 302
    assert mailoutbox == []


@pytest.fixture
def _mail_is_away(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: Any) -> int:
        raise ConnectionRefusedError("[Errno 111] Connection refused")

    settings.PUBLIC_URL = OURS
    monkeypatch.setattr(EmailBackend, "send_messages", away)


@pytest.mark.usefixtures("_mail_is_away")
@pytest.mark.parametrize("email", ["rita@example.com", "nobody@example.com"])
def test_nobody_waits_for_a_link_that_could_not_be_sent(
    client: Client, rita: Any, email: str
) -> None:
    answer = client.post("/password/reset/", {"email": email})
    assert (answer.status_code, answer["Retry-After"]) == (503, "60")
    assert "no link was sent" in answer.content.decode()


@pytest.mark.usefixtures("_mail_is_away")
def test_an_address_is_kept_whose_mail_could_not_be_sent(client: Client, rita: Any) -> None:
    client.post("/login/", {"login": "rita", "password": PASSWORD})
    client.post("/reauthenticate/", {"password": PASSWORD})
    page = client.post("/email/", {"action_add": "", "email": "r@new.example"}, follow=True)
    assert page.status_code == 200
    assert "The mail to r@new.example could not be sent" in page.content.decode()
    assert "A confirmation link was sent" not in page.content.decode()
    assert EmailAddress.objects.filter(user=rita, email="r@new.example", verified=False).exists()


@pytest.mark.usefixtures("_mail_is_away")
def test_whoever_makes_an_account_is_in_though_no_mail_can_be_sent(
    client: Client, workspace: Any, ada: Any
) -> None:
    made, token = invitation_create(
        workspace=workspace, role="viewer", by=ada, valid_for=timedelta(days=1)
    )
    client.get(f"/join/{token}/")
    words = {"password1": "a wholly other door of hers", "password2": "a wholly other door of hers"}
    named = {"username": "new", "name": "New", "email": "new@example.com"}
    page = client.post("/signup/", {**named, **words, "invitation": made.digest}, follow=True)
    assert page.status_code == 200
    assert page.wsgi_request.user == get_user_model().objects.get(username="new")
    assert "The mail to new@example.com could not be sent" in page.content.decode()
    assert "A confirmation link was sent" not in page.content.decode()
