"""Signing in with a name or an address, and being locked out."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client, RequestFactory

from memoryapp.project.adapters import AccountAdapter
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
    named = "mail address" if "@" in login else "username"
    assert f"No account has this {named} and password." in said
    assert client.get("/review/").status_code == 302


def test_it_locks_a_name_after_five_wrong_passwords(client: Client, rita: Any) -> None:
    for _ in range(5):
        sign_in(client, password="wrong")
    # From elsewhere and with the right password: the name is what is locked.
    said = sign_in(Client(REMOTE_ADDR="10.9.9.9")).content.decode()
    assert "Too many failed attempts to sign in" in said


def test_it_counts_wrong_passwords_by_the_name_whatever_host_is_asked(
    client: Client, rita: Any
) -> None:
    """Whoever guesses writes the host of their requests themselves."""
    for port in range(5):
        guesses = Client(HTTP_HOST=f"greenroom.example.com:{8000 + port}", REMOTE_ADDR="10.1.1.1")
        sign_in(guesses, "RITA" if port else "rita", password="wrong")
    said = sign_in(Client(HTTP_HOST="greenroom.example.com")).content.decode()
    assert "Too many failed attempts to sign in" in said


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
    assert "Too many failed attempts to sign in" in said


def asked_from(peer: str, forwarded: str) -> str:
    request = RequestFactory(REMOTE_ADDR=peer, headers={"X-Forwarded-For": forwarded}).post("/")
    return AccountAdapter(request).get_client_ip(request)


@pytest.mark.parametrize(
    ("proxies", "peer", "forwarded", "found"),
    [
        (1, "10.0.0.2", "203.0.113.9", "203.0.113.9"),
        (1, "10.0.0.2", "1.1.1.1, 203.0.113.9", "203.0.113.9"),
        (2, "10.0.0.2", "203.0.113.9, 10.0.0.3", "203.0.113.9"),
        (1, "::ffff:10.0.0.2", "203.0.113.9", "203.0.113.9"),
        (1, "", "203.0.113.9", "203.0.113.9"),  # over a Unix socket
        # Not through as many proxies as there are: anybody could have written it.
        (2, "10.0.0.2", "203.0.113.9", "10.0.0.2"),
        # Past the proxy, straight to the web server.
        (1, "198.51.100.7", "203.0.113.9", "198.51.100.7"),
        (0, "10.0.0.2", "203.0.113.9", "10.0.0.2"),
    ],
)
def test_it_believes_a_forwarded_address_of_the_operators_proxies_only(
    settings: Any, proxies: int, peer: str, forwarded: str, found: str
) -> None:
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = proxies
    assert asked_from(peer, forwarded) == found


def test_it_believes_no_neighbour_where_the_proxy_is_named(settings: Any) -> None:
    settings.ALLAUTH_TRUSTED_PROXY_COUNT, settings.PROXY_ADDRESSES = 1, ["10.0.0.2/32"]
    assert asked_from("10.0.0.2", "203.0.113.9") == "203.0.113.9"
    assert asked_from("10.0.0.3", "203.0.113.9") == "10.0.0.3"


def test_a_wrong_number_of_proxies_keeps_nobody_out(
    client: Client, rita: Any, settings: Any
) -> None:
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 2
    answer = client.post(
        "/login/",
        {"login": "rita", "password": PASSWORD},
        headers={"X-Forwarded-For": "203.0.113.9"},
    )
    assert answer["Location"] == "/"


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
