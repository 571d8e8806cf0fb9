"""Signing in through an OpenID provider."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.contrib.auth import get_user_model
from django.test import Client

from memoryapp.services.invitations import invitation_create
from tests.people.conftest import PASSWORD
from tests.people.identity_provider import CLIENT, SECRET, IdentityProvider, running

pytestmark = pytest.mark.django_db


@pytest.fixture
def provider(settings: Any) -> Iterator[IdentityProvider]:
    claims = {
        "sub": "248289761001",
        "email": "rita@example.com",
        "email_verified": True,
        "preferred_username": "rita.k",
    }
    with running(settings, claims) as provider:
        yield provider


@pytest.fixture
def proved(rita: Any) -> Any:
    """Rita, who opened the link that was mailed to her address."""
    EmailAddress.objects.create(user=rita, email="rita@example.com", verified=True, primary=True)
    return rita


def test_it_lets_in_whom_the_provider_vouches_for(
    client: Client, proved: Any, provider: IdentityProvider
) -> None:
    provider.sign_in(client)
    assert client.get("/review/").wsgi_request.user == proved


@pytest.mark.parametrize("is_listed", [True, False])
def test_it_opens_no_account_that_only_claims_the_address(
    client: Client, rita: Any, provider: IdentityProvider, is_listed: bool
) -> None:
    """Whoever made it may have written anybody's address, and knows other ways into it."""
    if is_listed:
        EmailAddress.objects.create(user=rita, email="rita@example.com", verified=False)
    said = provider.sign_in(client)
    page = client.get(said["Location"]).content.decode()
    assert "An account with the address rita@example.com exists here" in page
    assert client.get("/review/").status_code == 302
    assert not rita.socialaccount_set.exists()
    rita.refresh_from_db()
    assert rita.has_usable_password()
    # Signed in as before, it is connected by hand.
    client.post("/login/", {"login": "rita", "password": PASSWORD})
    client.post("/reauthenticate/", {"password": PASSWORD})
    provider.sign_in(client, "/oidc/oidc/login/?process=connect")
    assert rita.socialaccount_set.count() == 1
    again = Client()
    provider.sign_in(again)
    assert again.get("/review/").wsgi_request.user == rita


@pytest.mark.parametrize(("connect", "is_let_in"), [("any", True), ("never", False)])
def test_the_operator_says_whose_account_an_address_opens(
    client: Client, rita: Any, provider: IdentityProvider, settings: Any,
    connect: str, is_let_in: bool,
) -> None:  # fmt: skip
    settings.OIDC_CONNECT = connect
    EmailAddress.objects.create(user=rita, email="rita@example.com", verified=connect == "never")
    provider.sign_in(client)
    assert (client.get("/review/").status_code == 200) is is_let_in


def test_it_knows_a_person_by_subject_when_their_address_changes(
    client: Client, proved: Any, provider: IdentityProvider
) -> None:
    provider.sign_in(client)
    provider.claims["email"] = "rita@new.example"
    again = Client()
    provider.sign_in(again)
    assert again.get("/review/").wsgi_request.user == proved


def test_it_believes_no_address_that_was_not_verified(
    client: Client, proved: Any, provider: IdentityProvider
) -> None:
    provider.claims["email_verified"] = False
    provider.sign_in(client)
    assert client.get("/review/").status_code == 302


@pytest.mark.parametrize(("said", "status"), [("false", 302), ("False", 302), ("true", 200)])
def test_it_reads_a_word_for_whether_an_address_was_verified(
    client: Client, proved: Any, provider: IdentityProvider, said: str, status: int
) -> None:
    provider.claims["email_verified"] = said
    provider.sign_in(client)
    assert client.get("/review/").status_code == status


def test_it_opens_no_account_without_an_invitation(
    client: Client, provider: IdentityProvider
) -> None:
    provider.claims["email"] = "mallory@example.com"
    said = provider.sign_in(client)
    assert said.status_code in {200, 302}
    assert client.get("/review/").status_code == 302
    assert not get_user_model().objects.exists()


def test_it_opens_one_with_an_invitation(
    client: Client, workspace: Any, ada: Any, provider: IdentityProvider
) -> None:
    _, token = invitation_create(
        workspace=workspace, role="viewer", by=ada, valid_for=timedelta(days=1)
    )
    client.get(f"/join/{token}/")
    provider.sign_in(client)
    member = workspace.memberships.exclude(user=ada).get()
    assert member.user.email == "rita@example.com"
    assert not member.user.has_usable_password()


def invited(client: Client, workspace: Any, ada: Any, role: str) -> str:
    """Open a link. Returns the digest that pages drawn for it carry."""
    made, token = invitation_create(
        workspace=workspace, role=role, by=ada, valid_for=timedelta(days=1)
    )
    client.get(f"/join/{token}/")
    return made.digest


@pytest.mark.parametrize("says", ["what the page showed", "nothing"])
def test_the_invitation_is_the_one_somebody_went_with(
    client: Client, workspace: Any, ada: Any, provider: IdentityProvider, says: str
) -> None:
    """Another tab opened another link meanwhile: nobody agreed to be an admin."""
    digest = invited(client, workspace, ada, "viewer")
    page = client.get("/signup/").content.decode()
    assert page.count(f'name="invitation" value="{digest}"') == 2
    sent = {"invitation": digest} if says == "what the page showed" else {}
    provider.go(client, **sent)
    invited(client, workspace, ada, "admin")
    assert provider.come_back(client)["Location"] == "/join/"
    assert not workspace.memberships.exclude(user=ada).exists()
    assert get_user_model().objects.count() == 1
    said = client.get("/join/").content.decode()
    assert "What you sent was not for this invitation" in said
    provider.sign_in(client)
    assert workspace.memberships.exclude(user=ada).get().role == "admin"


def test_a_page_that_was_drawn_before_another_link_goes_for_neither(
    client: Client, workspace: Any, ada: Any, provider: IdentityProvider
) -> None:
    digest = invited(client, workspace, ada, "viewer")
    invited(client, workspace, ada, "admin")
    assert provider.sign_in(client, invitation=digest)["Location"] == "/join/"
    assert not workspace.memberships.exclude(user=ada).exists()


def test_whoever_has_to_name_themselves_joins_by_the_invitation_they_went_with(
    client: Client, workspace: Any, ada: Any, provider: IdentityProvider, rita: Any
) -> None:
    """The provider's address is taken here, so a form asks for another."""
    digest = invited(client, workspace, ada, "viewer")
    provider.claims["email_verified"] = False
    asked = provider.sign_in(client, invitation=digest)
    page = client.get(asked["Location"]).content.decode()
    assert f"With the account you join {workspace} as viewer" in page
    named = {"username": "new", "name": "New", "email": "new@example.com"}
    client.post(asked["Location"], named)
    assert workspace.memberships.get(user__username="new").role == "viewer"


def test_it_sends_a_state_and_proves_that_it_asked(
    client: Client, rita: Any, provider: IdentityProvider
) -> None:
    provider.sign_in(client)
    assert provider.asked["client_id"] == CLIENT
    assert provider.asked["code_challenge_method"] == "S256"
    assert provider.posted["code_verifier"]
    assert provider.posted["client_secret"] == SECRET


def test_it_refuses_an_answer_that_nobody_asked_for(
    client: Client, rita: Any, provider: IdentityProvider
) -> None:
    answer = client.get("/oidc/oidc/login/callback/", {"code": "stolen", "state": "made up"})
    assert "session" in answer.content.decode().lower() or answer.status_code == 401
    assert client.get("/review/").status_code == 302


def test_it_refuses_a_token_for_somebody_else(
    client: Client, proved: Any, provider: IdentityProvider
) -> None:
    provider.audience = "another-client"
    provider.sign_in(client)
    assert client.get("/review/").status_code == 302


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"iss": "https://another.example"}, "Invalid issuer"),
        ({"exp": 1}, "Signature has expired"),
        ({"sub": "somebody-else"}, "another subject"),
    ],
    ids=["another provider's", "one that ran out", "another person's"],
)
def test_it_refuses_a_token_that_is(
    client: Client, proved: Any, provider: IdentityProvider, said: Any, why: str, caplog: Any
) -> None:
    provider.said = said
    answer = provider.sign_in(client)
    assert answer.status_code in {200, 401}
    assert client.get("/review/").status_code == 302
    assert why in caplog.text


def test_a_provider_whose_clock_is_ahead_lets_people_in(
    client: Client, proved: Any, provider: IdentityProvider
) -> None:
    ahead = int(time.time()) + 240
    provider.said = {"iat": ahead, "nbf": ahead, "exp": ahead + 60}
    provider.sign_in(client)
    assert client.get("/review/").status_code == 200


def test_the_second_factor_is_still_asked_for(
    client: Client, proved: Any, provider: IdentityProvider
) -> None:
    from allauth.mfa.totp.internal.auth import TOTP  # noqa: PLC0415

    TOTP.activate(proved, "JBSWY3DPEHPK3PXP")
    answer = provider.sign_in(client)
    assert answer["Location"].startswith("/account/second-factor/authenticate/")


def test_no_way_is_offered_where_none_is_configured(client: Client) -> None:
    assert "Sign in with Acme" not in client.get("/login/").content.decode()
    assert client.get("/oidc/oidc/login/").status_code == 404


def test_the_way_there_is_a_form_with_a_token(client: Client, provider: IdentityProvider) -> None:
    said = client.get("/login/").content.decode()
    assert 'method="post" action="/oidc/oidc/login/' in said
    assert "Sign in with Acme" in said


def _said_to_be_away(answer: Any, caplog: pytest.LogCaptureFixture) -> None:
    assert (answer.status_code, answer["Retry-After"]) == (503, "60")
    assert "The sign-in service is unavailable" in answer.content.decode()
    assert "OIDC_ISSUER: the provider cannot be used" in caplog.text


@pytest.mark.parametrize(
    "described",
    [
        {"response_data": "down", "status": 502},
        {"response_data": "no such realm", "status": 404},
        {"response_data": "<html>a page</html>"},
        {"response_data": "[]"},
        {"response_data": '{"issuer": "elsewhere"}'},
    ],
)
def test_a_provider_that_does_not_describe_itself_is_away(
    client: Client, provider: IdentityProvider, caplog: pytest.LogCaptureFixture,
    described: dict[str, Any],
) -> None:  # fmt: skip
    provider.describe(**described)
    _said_to_be_away(client.post("/oidc/oidc/login/"), caplog)


def test_a_provider_that_cannot_be_reached_is_away(
    client: Client, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    with running(settings, {}):
        pass
    _said_to_be_away(client.post("/oidc/oidc/login/"), caplog)
    assert client.get("/login/").status_code == 200


def test_a_provider_that_goes_away_on_the_way_back_is_away(
    client: Client, proved: Any, provider: IdentityProvider, caplog: pytest.LogCaptureFixture
) -> None:
    provider.is_away = True
    _said_to_be_away(provider.sign_in(client), caplog)
    assert client.get("/review/").status_code == 302
