"""What the operator changes about an account at the command line is in the audit log, too."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP
from allauth.mfa.webauthn.internal.auth import WebAuthn
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.test import Client

from memoryapp.models import Event
from tests.factories import MembershipFactory
from tests.people.conftest import PASSWORD

pytestmark = pytest.mark.django_db
NEW = "another door, another key"


@pytest.fixture
def types(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Have the operator type these, one after the other."""

    def will_type(*words: str) -> None:
        left: Iterator[str] = iter(words)
        path = "memoryapp.project.management.commands.changepassword.getpass"
        monkeypatch.setattr(path, lambda prompt: next(left))

    return will_type


def rows() -> list[tuple[str, Any, str]]:
    found = Event.objects.filter(kind__startswith="account.").order_by("pk")
    assert {event.subject_name for event in found} <= {"rita"}
    return [(event.kind, event.actor, event.through) for event in found]


def test_a_password_set_at_the_command_line_is_logged_and_signs_out(rita: Any, types: Any) -> None:
    MembershipFactory(user=rita, role="viewer")  # of another workspace, too
    client = Client()
    client.post("/login/", {"login": "rita", "password": PASSWORD})
    types(NEW, NEW)
    call_command("changepassword", "Rita")
    rita.refresh_from_db()
    assert rita.check_password(NEW)
    assert client.get("/review/").status_code == 302
    assert rows() == [("account.password_changed", None, "changepassword")] * 2
    assert NEW not in str(list(Event.objects.values()))


@pytest.mark.parametrize(
    "typed",
    [("",), (NEW, "another", NEW, "another", NEW, "another"), ("short-1", "short-1") * 3],
)
def test_what_cannot_be_a_password_changes_nothing(
    rita: Any, types: Any, typed: tuple[str, ...]
) -> None:
    types(*typed)
    with pytest.raises(CommandError, match="was not changed"):
        call_command("changepassword", "rita")
    rita.refresh_from_db()
    assert rita.check_password(PASSWORD)
    assert rows() == []


def test_a_password_whose_row_cannot_be_written_is_not_changed(
    rita: Any, types: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(**_: Any) -> None:
        raise OSError("the disk is full")

    path = "memoryapp.project.management.commands.changepassword.account_change_record"
    monkeypatch.setattr(path, full)
    types(NEW, NEW)
    with pytest.raises(OSError, match="full"):
        call_command("changepassword", "rita")
    rita.refresh_from_db()
    assert rita.check_password(PASSWORD)


def test_whoever_lost_all_second_factors_is_let_in_by_password(rita: Any) -> None:
    TOTP.activate(rita, "JBSWY3DPEHPK3PXP")
    WebAuthn.add(rita, "blue key", {"id": "AA"})
    RecoveryCodes.activate(rita)
    call_command("remove_second_factors", "rita")
    assert not Authenticator.objects.exists()
    assert rows() == [("account.second_factor_removed", None, "remove_second_factors")]
    (event,) = Event.objects.filter(kind="account.second_factor_removed")
    assert event.data["before"] == {"second factors": ["authenticator app", "passkey"]}
    said = Client().post("/login/", {"login": "rita", "password": PASSWORD})
    assert said["Location"] == "/"
    with pytest.raises(CommandError, match="has no second factor"):
        call_command("remove_second_factors", "rita")


@pytest.mark.parametrize("command", ["changepassword", "remove_second_factors"])
def test_it_says_that_nobody_has_the_name(command: str) -> None:
    with pytest.raises(CommandError, match="Nobody is called mallory here"):
        call_command(command, "mallory")


def test_no_account_is_made_that_is_in_no_workspace() -> None:
    with pytest.raises(CommandError, match="by an invitation"):
        call_command("createsuperuser", "--noinput", username="root", email="root@example.com")
    assert not get_user_model().objects.exists()
