"""The list of one's own sessions."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from tests.people.conftest import PASSWORD

pytestmark = pytest.mark.django_db

URL = "/account/sessions/"


def signed_in(agent: str) -> Client:
    client = Client(headers={"User-Agent": agent})
    client.post("/login/", {"login": "rita", "password": PASSWORD})
    return client


def test_it_lists_where_the_person_is_signed_in(rita: Any) -> None:
    here, _ = signed_in("Firefox at work"), signed_in("Safari at home")
    said = here.get(URL).content.decode()
    assert "Firefox at work" in said
    assert "Safari at home" in said


def test_it_shows_nobody_elses(rita: Any, vera_client: Client) -> None:
    signed_in("Firefox at work")
    assert "Firefox at work" not in vera_client.get(URL).content.decode()


def test_it_signs_out_all_others(rita: Any) -> None:
    here, there = signed_in("here"), signed_in("there")
    here.post(URL)
    assert here.get("/review/").status_code == 200
    assert there.get("/review/").status_code == 302


def test_it_forgets_a_session_that_was_signed_out(rita: Any) -> None:
    here, there = signed_in("here"), signed_in("on a train")
    there.post("/logout/")
    assert "on a train" not in here.get(URL).content.decode()
