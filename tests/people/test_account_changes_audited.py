"""Whatever lets somebody in, once changed, is in the audit log of each of their workspaces."""

from __future__ import annotations

import re
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.mfa.webauthn.internal.auth import WebAuthn
from allauth.socialaccount.models import SocialAccount
from django.test import Client
from django.urls import get_resolver

from memoryapp.domain.sealing import Seal
from memoryapp.models import Event
from memoryapp.project.account_urls import LED
from memoryapp.services.sealing import SECOND_FACTOR, second_factors_forget
from tests.factories import MembershipFactory, WorkspaceFactory
from tests.people.conftest import PASSWORD
from tests.people.identity_provider import running
from tests.people.second_factors import URL, _one_moment, client, code_of, secret

__all__ = ["_one_moment", "client", "secret"]
pytestmark = pytest.mark.django_db
NEW = "another door, another key"
FROM = "127.0.0.1"


def rows() -> list[tuple[str, str | None, dict[str, Any], dict[str, Any]]]:
    """Of the account: what, who, from what, to what, in order."""
    found = Event.objects.filter(kind__startswith="account.").order_by("pk")
    assert {event.subject_name for event in found} <= {"rita"}
    return [
        (
            event.kind.removeprefix("account."),
            event.actor.username if event.actor else None,
            event.data["before"],
            event.data["after"],
        )
        for event in found
    ]


@pytest.fixture
def mailed(rita: Any, settings: Any, mailoutbox: list[Any]) -> list[Any]:
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    EmailAddress.objects.create(user=rita, email=rita.email, primary=True, verified=True)
    return mailoutbox


def link_in(mailed: list[Any], path: str) -> str:
    return str(re.findall(rf"http://\S+?({path}\S+)", mailed[-1].body)[-1])


def test_a_changed_password_and_where_it_was_changed(client: Client) -> None:
    words = {"oldpassword": PASSWORD, "password1": NEW, "password2": NEW}
    client.post("/password/change/", words)
    assert rows() == [("password_changed", "rita", {}, {})]
    event = Event.objects.get(kind="account.password_changed")
    assert event.data["address"] == FROM
    assert NEW not in str(event.data)


def test_a_password_that_was_set_by_a_mailed_link(rita: Any, mailed: list[Any]) -> None:
    stranger = Client()
    stranger.post("/password/reset/", {"email": "rita@example.com"})
    page = stranger.get(link_in(mailed, "/password/reset/key/"), follow=True)
    stranger.post(page.redirect_chain[-1][0], {"password1": NEW, "password2": NEW})
    rita.refresh_from_db()
    assert rita.check_password(NEW)
    assert rows() == [("password_reset", "rita", {}, {})]


def test_a_wrong_password_changes_nothing_and_leaves_no_row(client: Client) -> None:
    words = {"oldpassword": "wrong", "password1": NEW, "password2": NEW}
    client.post("/password/change/", words)
    assert rows() == []


def test_an_authenticator_app_that_came_and_went(client: Client, secret: str) -> None:
    client.post(f"{URL}totp/deactivate/")
    assert not Authenticator.objects.exists()
    had = {"second factors": ["authenticator app"]}
    none: dict[str, Any] = {"second factors": []}
    assert rows() == [
        ("second_factor_added", "rita", none, had),
        ("second_factor_removed", "rita", had, none),
    ]


def test_a_passkey_that_went(rita: Any, client: Client, secret: str) -> None:
    kept = WebAuthn.add(rita, "blue key", {"id": "AA"}).instance
    client.post(f"{URL}webauthn/keys/{kept.pk}/remove/")
    app = "authenticator app"
    assert rows()[-1] == (
        "second_factor_removed",
        "rita",
        {"second factors": [app, "passkey blue key"]},
        {"second factors": [app]},
    )


def test_recovery_codes_made_anew(client: Client, secret: str) -> None:
    client.post(f"{URL}recovery-codes/generate/")
    assert rows()[-1][:2] == ("recovery_codes_renewed", "rita")


def test_second_factors_that_the_operator_removed(rita: Any, client: Client, secret: str) -> None:
    kept = Authenticator.objects.get(type="totp")
    kept.data["secret"] = Seal(["another key, long enough for all"], SECOND_FACTOR).close(b"x")
    kept.save()
    assert second_factors_forget() == ["rita"]
    assert rows()[-1][:2] == ("second_factor_removed", None)
    assert Event.objects.get(kind="account.second_factor_removed").through == "rotate_secrets"


def test_a_sign_in_service_that_was_connected_and_removed(
    rita: Any, client: Client, settings: Any
) -> None:
    with running(settings, {"sub": "7", "email": "r@elsewhere.example"}) as provider:
        provider.sign_in(client, "/oidc/oidc/login/?process=connect")
        connected = SocialAccount.objects.get(user=rita)
        client.post("/account/services/", {"account": connected.pk})
    none: dict[str, Any] = {"sign-in services": []}
    had = {"sign-in services": ["Acme"]}
    assert rows() == [
        ("service_connected", "rita", none, had),
        ("service_disconnected", "rita", had, none),
    ]


def test_an_address_that_was_added_proved_taken_and_removed(
    rita: Any, client: Client, mailed: list[Any]
) -> None:
    client.post("/email/", {"action_add": "", "email": "r.k@new.example"})
    # Whoever opens the link need not be signed in.
    Client().post(link_in(mailed, "/confirm-email/"))
    client.post("/email/", {"action_primary": "", "email": "r.k@new.example"})
    client.post("/email/", {"action_remove": "", "email": "rita@example.com"})
    new, old = {"mail address": "r…@new.example"}, {"mail address": "r…@example.com"}
    assert rows() == [
        ("address_added", "rita", {}, new),
        ("address_proved", "rita", {**new, "proved": False}, {**new, "proved": True}),
        ("address_changed", "rita", old, new),
        ("address_removed", "rita", old, {}),
    ]
    # Exports and backups hold the log, too.
    assert "r.k@" not in str(list(Event.objects.values()))


def test_a_password_that_ended_as_the_provider_opened_the_account(rita: Any, settings: Any) -> None:
    settings.OIDC_CONNECT = "any"
    claims = {"sub": "7", "email": rita.email, "email_verified": True}
    with running(settings, claims) as provider:
        provider.sign_in(Client())
    rita.refresh_from_db()
    assert not rita.has_usable_password()
    assert [row[0] for row in rows()] == ["service_connected", "password_ended"]


def change_password(client: Client) -> None:
    client.post("/password/change/", {"oldpassword": PASSWORD, "password1": NEW, "password2": NEW})


def set_up_app(client: Client) -> None:
    form = client.get(f"{URL}totp/activate/").context["form"]
    client.post(f"{URL}totp/activate/", {"code": code_of(form.secret)})


def add_address(client: Client) -> None:
    client.post("/email/", {"action_add": "", "email": "r.k@new.example"})


def state_of(rita: Any) -> tuple[Any, ...]:
    rita.refresh_from_db()
    return (
        rita.password,
        sorted(Authenticator.objects.values_list("type", "data")),
        sorted(EmailAddress.objects.values_list("email", "primary")),
        sorted(SocialAccount.objects.values_list("uid", flat=True)),
    )


@pytest.fixture
def _no_row_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    """As when the process is killed, or the disk is full, between a change and its row."""

    def full(**_: Any) -> None:
        raise RuntimeError("no row can be written")

    monkeypatch.setattr("memoryapp.services.accounts.account_change_record", full)


@pytest.mark.usefixtures("_no_row_is_written")
@pytest.mark.parametrize("change", [change_password, set_up_app, add_address])
def test_no_change_is_kept_whose_row_is_not(rita: Any, client: Client, change: Any) -> None:
    before = state_of(rita)
    with pytest.raises(RuntimeError, match="no row"):
        change(client)
    assert state_of(rita) == before


@pytest.mark.usefixtures("_no_row_is_written")
def test_no_service_is_kept_whose_row_is_not(rita: Any, client: Client, settings: Any) -> None:
    before = state_of(rita)
    with running(settings, {"sub": "7"}) as provider, pytest.raises(RuntimeError, match="no row"):
        provider.sign_in(client, "/oidc/oidc/login/?process=connect")
    assert state_of(rita) == before


def test_what_is_taken_away_is_there_while_its_row_is_not(
    rita: Any, client: Client, secret: str, request: Any
) -> None:
    kept = WebAuthn.add(rita, "blue key", {"id": "AA"}).instance
    before = state_of(rita)
    request.getfixturevalue("_no_row_is_written")
    for path in (
        "totp/deactivate/",
        "recovery-codes/generate/",
        f"webauthn/keys/{kept.pk}/remove/",
    ):
        with pytest.raises(RuntimeError, match="no row"):
            client.post(f"{URL}{path}")
        assert state_of(rita) == before, path


def test_each_address_that_is_led_is_one_of_allauths() -> None:
    """One that it calls otherwise some day would be stored in parts, and nobody would be told."""
    known = get_resolver().reverse_dict
    assert [name for name in LED if name not in known] == []


def test_no_mail_tells_of_a_change_before_it_is_stored(
    client: Client, mailed: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    until_stored: list[Any] = []
    monkeypatch.setattr("memoryapp.project.adapters.on_commit", until_stored.append)
    change_password(client)
    assert (len(until_stored), mailed) == (1, [])


def test_each_of_their_workspaces_has_a_row_and_no_other(rita: Any, client: Client) -> None:
    second, foreign = WorkspaceFactory(), WorkspaceFactory()
    MembershipFactory(user=rita, workspace=second, role="viewer")
    words = {"oldpassword": PASSWORD, "password1": NEW, "password2": NEW}
    client.post("/password/change/", words)
    changed = Event.objects.filter(kind="account.password_changed")
    assert changed.filter(workspace=second).count() == 1
    assert changed.count() == 2
    assert not changed.filter(workspace=foreign).exists()


def test_an_administrator_finds_filters_and_exports_them(
    client: Client, ada_client: Client
) -> None:
    words = {"oldpassword": PASSWORD, "password1": NEW, "password2": NEW}
    client.post("/password/change/", words)
    asked = "?kind=account.password_changed"
    page = ada_client.get(f"/settings/audit/{asked}").content.decode()
    assert "Password changed" in page
    assert FROM in page
    answer: Any = ada_client.get(f"/settings/audit/export/{asked}")
    file = b"".join(answer.streaming_content)
    assert b"account.password_changed" in file
