"""Whoever is not signed in has few sessions begun, and none of them is kept for long."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.conf import settings as configured
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone

from memoryapp.access import KEPT_KEY
from memoryapp.project.account_urls import BEGUN, FLEETING
from tests.people.identity_provider import IdentityProvider, running

pytestmark = pytest.mark.django_db
PASSKEY = "/account/second-factor/webauthn/login/"


@pytest.fixture
def provider(settings: Any) -> Iterator[IdentityProvider]:
    claims = {"sub": "7", "email": "rita@example.com", "email_verified": True}
    with running(settings, claims) as provider:
        yield provider


def ask_for_a_passkey(client: Client) -> Any:
    return client.get(PASSKEY, headers={"X-Requested-With": "XMLHttpRequest"})


def go_to_the_provider(client: Client) -> Any:
    return client.post("/oidc/oidc/login/")


@pytest.mark.parametrize("ask", [ask_for_a_passkey, go_to_the_provider])
def test_an_address_has_only_so_many_begun(
    provider: IdentityProvider, monkeypatch: pytest.MonkeyPatch, ask: Any
) -> None:
    monkeypatch.setitem(BEGUN, "begin", "3/m/ip")
    said = [ask(Client()) for _ in range(5)]
    answers = [answer.status_code for answer in said]
    assert answers[:3] in ([200] * 3, [302] * 3)
    assert answers[3:] == [429, 429]
    assert said[-1]["Retry-After"] == "60"
    page = said[-1].content.decode()
    assert "Too many requests · Greenroom" in page
    assert "Nothing was changed. Wait a minute" in page
    assert Session.objects.count() == 3
    soon = timezone.now() + timedelta(seconds=FLEETING)
    assert not Session.objects.filter(expire_date__gt=soon).exists()
    # Whoever asks from elsewhere is not held up.
    elsewhere = Client(REMOTE_ADDR="203.0.113.9")
    assert ask(elsewhere).status_code == answers[0]


def test_signing_in_makes_it_a_session_like_any_other(
    client: Client, rita: Any, provider: IdentityProvider
) -> None:
    EmailAddress.objects.create(user=rita, email=rita.email, verified=True, primary=True)
    answer = provider.sign_in(client)
    assert answer["Location"] == "/"
    assert client.session.get_expiry_age() == configured.SESSION_COOKIE_AGE
    (kept,) = Session.objects.all()
    assert kept.expire_date > timezone.now() + timedelta(seconds=2 * FLEETING)


def test_what_somebody_typed_is_kept_as_long_as_before(client: Client) -> None:
    """Asking for a passkey shortens the life of no session that holds something already."""
    session = client.session
    session[KEPT_KEY] = {"path": "/", "fields": {}}
    session.save()
    ask_for_a_passkey(client)
    kept = Session.objects.get(session_key=client.session.session_key)
    assert kept.expire_date > timezone.now() + timedelta(seconds=2 * FLEETING)
