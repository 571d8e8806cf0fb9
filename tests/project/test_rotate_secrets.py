"""``manage.py rotate_secrets``: everything under the new key, nothing lost on the way."""

from __future__ import annotations

import io
from datetime import timedelta
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP
from django.core.management import CommandError, call_command
from django.utils import timezone

from memoryapp.domain.errors import ChangedMeanwhile
from memoryapp.domain.sealing import Seal
from memoryapp.domain.seen import shown
from memoryapp.models import Webhook
from memoryapp.services import sealing
from practice.models import Environment
from practice.services.environments import environment_reach, reached_by
from tests.factories import EnvironmentFactory

pytestmark = pytest.mark.django_db

APP_KEY = "JBSWY3DPEHPK3PXP"


@pytest.fixture
def stored(settings: Any, workspace: Any, rita: Any) -> None:
    """One secret of each kind, under the old key."""
    settings.SEALING_KEYS = ["old"]
    environment = EnvironmentFactory(workspace=workspace)
    environment.keep_secrets({"TOKEN": "of the environment"})
    environment.save()
    hook = Webhook(workspace=workspace, url="https://hooks.example.com/", kinds=["run.finished"])
    hook.keep_secret(b"of the webhook")
    hook.sealed_previous = hook.sealed_secret
    hook.previous_until = timezone.now() + timedelta(days=1)
    hook.save()
    TOTP.activate(rita, APP_KEY)


def rotate() -> str:
    said = io.StringIO()
    call_command("rotate_secrets", stdout=said)
    return said.getvalue()


def check_all_readable() -> None:
    assert Environment.objects.get().open_secrets() == {"TOKEN": "of the environment"}
    assert Webhook.objects.get().secrets(timezone.now()) == [b"of the webhook"] * 2
    kept = Authenticator.objects.get(type="totp")
    assert Seal(["new"], sealing.SECOND_FACTOR).open(kept.data["secret"]) == b"JBSWY3DPEHPK3PXP"


def test_the_old_key_is_needed_no_more(stored: None, settings: Any) -> None:
    settings.SEALING_KEYS = ["new", "old"]
    assert "webhooks: 1 sealed again, 0 already up to date" in rotate()
    settings.SEALING_KEYS = ["new"]
    check_all_readable()


def test_running_it_again_changes_nothing(stored: None, settings: Any) -> None:
    settings.SEALING_KEYS = ["new", "old"]
    rotate()
    before = bytes(Environment.objects.get().secrets)
    assert "environments: 0 sealed again, 1 already up to date" in rotate()
    assert bytes(Environment.objects.get().secrets) == before


def test_what_cannot_be_read_is_named_and_the_rest_is_done(stored: None, settings: Any) -> None:
    lost = EnvironmentFactory(workspace=Environment.objects.get().workspace, name="Lost desk")
    settings.SEALING_KEYS = ["forgotten"]
    lost.keep_secrets({"TOKEN": "x"})
    lost.save()
    settings.SEALING_KEYS = ["new", "old"]
    with pytest.raises(CommandError, match="environments: Lost desk"):
        rotate()
    lost.delete()
    settings.SEALING_KEYS = ["new"]
    check_all_readable()


def test_a_second_factor_is_named_by_whose_it_is_and_removed_when_asked(
    stored: None, settings: Any, rita: Any
) -> None:
    """Nobody can sign in with it, nor enter another one."""
    settings.SEALING_KEYS = ["new"]
    with pytest.raises(CommandError, match=r"second factors: .* of rita.*--forget-second-factors"):
        rotate()
    assert Authenticator.objects.filter(user=rita).exists()
    said = io.StringIO()
    with pytest.raises(CommandError, match="webhooks"):  # the others wait for their key
        call_command("rotate_secrets", forget_second_factors=True, stdout=said)
    assert "second factors: those of rita are removed" in said.getvalue()
    assert not Authenticator.objects.filter(user=rita).exists()


def test_it_removes_no_second_factor_that_a_key_opens(
    stored: None, settings: Any, rita: Any
) -> None:
    settings.SEALING_KEYS = ["new", "old"]
    call_command("rotate_secrets", forget_second_factors=True, stdout=io.StringIO())
    check_all_readable()


def test_stopped_in_the_middle_it_goes_on_with_the_rest(
    stored: None, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.SEALING_KEYS = ["new", "old"]

    def stopped() -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("practice.management.commands.rotate_secrets.webhooks_renew", stopped)
        with pytest.raises(KeyboardInterrupt):
            rotate()
    said = rotate()
    assert "environments: 0 sealed again, 1 already up to date" in said
    assert "webhooks: 1 sealed again" in said


def test_a_form_that_was_open_meanwhile_is_not_refused(
    stored: None, settings: Any, edda: Any
) -> None:
    """Other bytes are stored, and they mean what they did."""
    environment = Environment.objects.get()
    seen = shown(reached_by(environment))
    settings.SEALING_KEYS = ["new", "old"]
    rotate()
    settings.SEALING_KEYS = ["new"]
    environment_reach(environment=environment, secrets={"TOKEN": "mine"}, seen=seen, by=edda)
    assert Environment.objects.get().open_secrets() == {"TOKEN": "mine"}
    with pytest.raises(ChangedMeanwhile):
        environment_reach(environment=environment, secrets={"TOKEN": "old"}, seen=seen, by=edda)
