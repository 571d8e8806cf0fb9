"""Authenticator apps and recovery codes."""

from __future__ import annotations

import re
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.test import Client

from tests.people.second_factors import URL, _one_moment, client, code_of, password_only, secret

__all__ = ["_one_moment", "client", "secret"]

pytestmark = pytest.mark.django_db


def test_a_password_alone_opens_nothing_any_more(secret: str) -> None:
    assert password_only().get("/review/").status_code == 302


def test_the_code_of_the_app_opens(secret: str) -> None:
    other = password_only()
    other.post(f"{URL}authenticate/", {"code": code_of(secret, later=1)})
    assert other.get("/review/").status_code == 200


def test_a_code_opens_once(secret: str) -> None:
    code = code_of(secret, later=1)
    first = password_only()
    first.post(f"{URL}authenticate/", {"code": code})
    assert first.get("/review/").status_code == 200
    second = password_only()
    second.post(f"{URL}authenticate/", {"code": code})
    assert second.get("/review/").status_code == 302


def test_guessing_codes_is_stopped(secret: str) -> None:
    other = password_only()
    for _ in range(6):
        said = other.post(f"{URL}authenticate/", {"code": "000000"}).content.decode()
    assert "Too many failed attempts to sign in" in said


def test_each_recovery_code_opens_once(client: Client, secret: str) -> None:
    listed = client.get(f"{URL}recovery-codes/download/").content.decode()
    code = re.findall(r"[0-9a-f]{8}", listed)[0]
    for opened in (200, 302):
        other = password_only()
        other.post(f"{URL}authenticate/", {"code": code})
        assert other.get("/review/").status_code == opened


def test_a_lost_key_of_the_server_is_said_and_opens_nothing(secret: str, settings: Any) -> None:
    """As after a restore into a new data folder without its key."""
    other = password_only()
    other.raise_request_exception = False
    settings.SEALING_KEYS = ["a key that was made for a new data folder"]
    answer = other.post(f"{URL}authenticate/", {"code": code_of(secret, later=1)})
    assert answer.status_code == 503
    assert "encrypted with another key of the server" in answer.content.decode()
    assert other.get("/review/").status_code == 302


def test_what_is_stored_is_sealed(secret: str) -> None:
    for kept in Authenticator.objects.all():
        assert secret not in str(kept.data)
    assert {kept.type for kept in Authenticator.objects.all()} == {"totp", "recovery_codes"}


def test_switching_it_off_asks_for_the_password_again(client: Client, secret: str) -> None:
    session = client.session
    session["account_authentication_methods"] = [
        {**method, "at": method["at"] - 3600}
        for method in session["account_authentication_methods"]
    ]
    session.save()
    answer = client.post(f"{URL}totp/deactivate/")
    assert "/reauthenticate/" in answer["Location"]
    assert Authenticator.objects.filter(type="totp").exists()


@pytest.mark.parametrize("page", ["", "totp/deactivate/", "recovery-codes/", "webauthn/add/"])
def test_every_page_looks_like_ours_and_carries_no_inline_script(
    client: Client, secret: str, page: str
) -> None:
    said = client.get(f"{URL}{page}").content.decode()
    assert 'aria-label="Your account"' in said
    inline = re.findall(r"<script(?![^>]*(?:src=|application/json))", said)
    assert inline == []
    assert "style=" not in said


@pytest.mark.parametrize("path", ["/review/", "/api/v1/candidates"])
def test_a_role_that_needs_one_sees_nothing_before(
    client: Client, settings: Any, path: str
) -> None:
    settings.SECOND_FACTOR_ROLES = ["reviewer"]
    answer = client.get(path, follow=True)
    assert "need a second factor here" in answer.content.decode()
    assert client.get(URL).status_code == 200


def test_a_role_that_needs_one_goes_on_with_it(client: Client, secret: str, settings: Any) -> None:
    settings.SECOND_FACTOR_ROLES = ["reviewer"]
    assert client.get("/review/").status_code == 200


def test_its_pages_are_named_as_this_house_writes(client: Any) -> None:
    page = client.get(URL).content.decode()
    assert "<title>Two-factor authentication · Greenroom</title>" in page
    assert re.search(r"<h1>\s*Two-factor authentication\s*</h1>", page)
