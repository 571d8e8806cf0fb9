"""Signing in with a name or an address, and being locked out."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from tests.people.conftest import PASSWORD

pytestmark = pytest.mark.django_db


def sign_in(client: Client, login: str = "rita", password: str = PASSWORD, **asked: str) -> Any:
    return client.post("/login/", {"login": login, "password": password, **asked})


@pytest.mark.parametrize("login", ["rita", "rita@example.com"])
def test_it_takes_the_name_or_the_address(client: Client, rita: Any, login: str) -> None:
    assert sign_in(client, login)["Location"] == "/"
    assert client.get("/review/").status_code == 200


def test_it_goes_where_the_person_wanted_to(client: Client, rita: Any) -> None:
    assert sign_in(client, next="/review/")["Location"] == "/review/"


def test_it_goes_to_no_other_site(client: Client, rita: Any) -> None:
    assert sign_in(client, next="https://evil.example/")["Location"] == "/"


@pytest.mark.parametrize("login", ["rita", "nobody", "nobody@example.com"])
def test_it_says_the_same_of_a_wrong_password_and_a_wrong_name(
    client: Client, rita: Any, login: str
) -> None:
    said = sign_in(client, login, "wrong").content.decode()
    assert "and/or password you specified are not correct" in said
    assert client.get("/review/").status_code == 302


def test_it_locks_a_name_after_five_wrong_passwords(client: Client, rita: Any) -> None:
    for _ in range(5):
        sign_in(client, password="wrong")
    # From elsewhere and with the right password: the name is what is locked.
    said = sign_in(Client(REMOTE_ADDR="10.9.9.9")).content.decode()
    assert "Too many failed login attempts" in said


def test_it_lets_others_in_while_one_name_is_locked(client: Client, rita: Any, vera: Any) -> None:
    vera.set_password(PASSWORD)
    vera.save()
    for _ in range(5):
        sign_in(client, password="wrong")
    assert sign_in(client, "vera").status_code == 302


def test_it_believes_no_forwarded_address_of_a_visitor(client: Client, rita: Any) -> None:
    for guess in range(12):
        sign_in(Client(headers={"X-Forwarded-For": f"10.0.0.{guess}"}), f"name{guess}", "wrong")
    said = sign_in(client, "somebody", "wrong").content.decode()
    assert "Too many failed login attempts" in said


def test_it_opens_no_account_without_an_invitation(client: Client) -> None:
    said = client.post(
        "/signup/",
        {"username": "mallory", "password1": PASSWORD, "password2": PASSWORD},
    ).content.decode()
    assert "Accounts are made by invitation" in said
    assert not client.login(username="mallory", password=PASSWORD)


def test_it_gives_a_new_session_to_who_signs_in(client: Client, rita: Any) -> None:
    client.post("/review/", {"content": "typed while signed out"})
    before = client.session.session_key
    sign_in(client)
    assert client.session.session_key not in {None, before}


def test_it_stores_passwords_with_argon2(settings: Any) -> None:
    from memoryapp.project import sign_in as configured  # noqa: PLC0415

    assert configured.PASSWORD_HASHERS[0].endswith("Argon2PasswordHasher")
