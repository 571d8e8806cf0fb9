"""Rita with an authenticator app, at a moment that does not pass."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from django.test import Client

from tests.people.conftest import PASSWORD

URL = "/account/second-factor/"


def code_of(secret: str, later: int = 0) -> str:
    """The six digits an app shows; ``later`` is how many periods of 30 seconds from now."""
    return str(format_hotp_value(hotp_value(secret, int(time.time()) // 30 + later)))


@pytest.fixture(autouse=True)
def _one_moment() -> Iterator[None]:
    """Time stands still, so that no code runs out between being shown and being typed."""
    with time_machine.travel(datetime(2026, 3, 1, 12, 0, 10, tzinfo=UTC), tick=False):
        yield


@pytest.fixture
def client(client: Client, rita: Any) -> Client:
    client.post("/login/", {"login": "rita", "password": PASSWORD})
    client.post("/reauthenticate/", {"password": PASSWORD})
    return client


@pytest.fixture
def secret(client: Client) -> str:
    """The key of the app Rita has just set up."""
    form = client.get(f"{URL}totp/activate/").context["form"]
    answer = client.post(f"{URL}totp/activate/", {"code": code_of(form.secret)})
    assert answer.status_code == 302
    return str(form.secret)


def password_only() -> Client:
    other = Client()
    answer = other.post("/login/", {"login": "rita", "password": PASSWORD})
    assert answer["Location"].startswith(f"{URL}authenticate/")
    return other
