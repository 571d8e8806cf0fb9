"""Wherever a password is set, the page can tell how hard it is to guess."""

from __future__ import annotations

import re
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.core import mail
from django.test import Client

from tests.people.conftest import PASSWORD
from tests.people.test_invitation import invite

pytestmark = pytest.mark.django_db


def meters(page: str) -> list[dict[str, str]]:
    """The data of each meter of a page."""
    found = re.findall(r'<div class="strength [^>]*>', page)
    return [dict(re.findall(r'data-([\w-]+)="([^"]*)"', tag)) for tag in found]


def test_it_is_where_an_invited_person_chooses_one(ada_client: Client, client: Client) -> None:
    client.get(invite(ada_client))
    (meter,) = meters(client.get("/signup/").content.decode())
    assert meter == {"strength": "id_password1", "own": "Greenroom", "least": "12", "level": "0"}


def test_it_knows_what_the_owner_is_called_where_one_is_changed(rita: Any) -> None:
    client = Client()
    client.post("/login/", {"login": rita.username, "password": PASSWORD})
    (meter,) = meters(client.get("/password/change/").content.decode())
    assert {"Greenroom", "rita", "rita@example.com"} <= set(meter["own"].split())


def test_it_is_where_a_link_leads_that_sets_one_anew(
    rita: Any, client: Client, settings: Any
) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    EmailAddress.objects.create(user=rita, email=rita.email, primary=True, verified=True)
    client.post("/password/reset/", {"email": rita.email})
    link = re.search(rf"{settings.PUBLIC_URL}(/\S+)", str(mail.outbox[-1].body))
    assert link is not None
    (meter,) = meters(client.get(link[1], follow=True).content.decode())
    assert meter["own"].split()[:2] == ["Greenroom", "rita"]


def test_it_is_where_somebody_without_one_sets_the_first(rita: Any) -> None:
    rita.set_unusable_password()
    rita.save(update_fields=["password"])
    client = Client()
    client.force_login(rita)
    assert len(meters(client.get("/password/set/").content.decode())) == 1


def test_it_is_not_where_one_is_asked_for(client: Client) -> None:
    assert meters(client.get("/login/").content.decode()) == []


def test_it_asks_for_as_many_characters_as_the_server(rita: Any, settings: Any) -> None:
    name = "django.contrib.auth.password_validation.MinimumLengthValidator"
    settings.AUTH_PASSWORD_VALIDATORS = [{"NAME": name, "OPTIONS": {"min_length": 20}}]
    client = Client()
    client.force_login(rita)
    (meter,) = meters(client.get("/password/change/").content.decode())
    assert meter["least"] == "20"
