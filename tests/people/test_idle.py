"""Whoever does nothing for long is signed out, where the operator wants it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client

from tests.people.conftest import PASSWORD
from tests.practice.pages import queries_of

pytestmark = pytest.mark.django_db
BEGAN = datetime(2026, 11, 28, 9, 0, tzinfo=UTC)
BY_ITSELF = {"HX-Request": "true"}


@pytest.fixture
def here(settings: Any, rita: Any) -> Client:
    settings.SESSION_IDLE_MINUTES = 30
    client = Client()
    with time_machine.travel(BEGAN, tick=False):
        client.post("/login/", {"login": "rita", "password": PASSWORD})
        client.get("/review/")
    return client


def asked(client: Client, minutes: float, path: str = "/review/", **headers: str) -> int:
    with time_machine.travel(BEGAN + timedelta(minutes=minutes), tick=False):
        return client.get(path, headers=headers).status_code


def test_it_signs_out_after_the_limit_and_not_before(here: Client) -> None:
    assert asked(here, 29) == 200
    assert asked(here, 58) == 200
    assert asked(here, 89) == 302
    assert asked(here, 89.1) == 302


def test_a_page_that_asks_by_itself_prolongs_nothing(here: Client) -> None:
    assert asked(here, 20, **BY_ITSELF) == 200
    assert asked(here, 31, **BY_ITSELF) != 200


def test_the_api_lets_an_idle_session_in_no_more(here: Client) -> None:
    assert asked(here, 10, "/api/v1/playbooks") == 200
    assert asked(here, 41, "/api/v1/playbooks") == 401


def test_it_ends_nothing_by_default(here: Client, settings: Any) -> None:
    settings.SESSION_IDLE_MINUTES = 0
    assert asked(here, 60 * 24 * 7) == 200


def test_it_writes_once_in_half_a_minute_and_reads_nothing_more(here: Client) -> None:
    with time_machine.travel(BEGAN + timedelta(minutes=5), tick=False):
        first = queries_of(here, "/review/")
        again = queries_of(here, "/review/")
    assert again < first
