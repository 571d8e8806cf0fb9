"""No mail leads to a host that only whoever asked for it named."""

from __future__ import annotations

import re
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.test import Client

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
