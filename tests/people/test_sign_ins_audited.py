"""Signing in, and failing to, is in the audit log of the workspaces of whom it is about."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from django.test import Client

from memoryapp.models import Event
from tests.people.conftest import PASSWORD
from tests.people.second_factors import _one_moment, client, password_only, secret

__all__ = ["_one_moment", "client", "secret"]
pytestmark = pytest.mark.django_db


def rows(kind: str) -> list[tuple[str, Any, Any]]:
    found = Event.objects.filter(kind=kind).order_by("pk")
    return [
        (event.subject_name, event.actor and event.actor.username, event.data) for event in found
    ]


def test_it_writes_down_a_wrong_password_and_whom_it_was_for(rita: Any) -> None:
    elsewhere = Client(REMOTE_ADDR="10.9.9.9")
    for login in ("rita", "RITA@example.com"):
        elsewhere.post("/login/", {"login": login, "password": "wrong-canary"})
    said = {"address": "10.9.9.9", "means": "password"}
    assert rows("sign_in.failed") == [("rita", None, said)] * 2
    assert rows("sign_in.succeeded") == []
    ours = Client()
    ours.post("/login/", {"login": "rita", "password": PASSWORD})
    page = ours.get("/settings/audit/?kind=sign_in.failed").content.decode()
    assert "somebody" in page
    assert "a job" not in page  # nobody was signed in, and no job either


def test_it_writes_down_who_signed_in(rita: Any) -> None:
    Client(REMOTE_ADDR="10.9.9.9").post("/login/", {"login": "rita", "password": PASSWORD})
    assert rows("sign_in.succeeded") == [
        ("rita", "rita", {"address": "10.9.9.9", "means": "password"})
    ]


def test_it_writes_down_a_wrong_code_and_a_right_one(secret: str) -> None:
    asked = password_only()
    asked.post("/account/second-factor/authenticate/", {"code": "000000"})
    assert rows("sign_in.failed")[-1][2]["means"] == "second factor"


def test_a_name_that_nobody_has_is_a_line_of_the_log_without_it(
    rita: Any, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "memoryapp.services.sign_ins"):
        Client().post("/login/", {"login": "my-password-canary", "password": "x"})
    assert "named nobody" in caplog.text
    assert "canary" not in caplog.text
    assert not Event.objects.filter(kind="sign_in.failed").exists()


def test_an_administrator_finds_them_in_the_audit_log(rita: Any, ada_client: Client) -> None:
    Client().post("/login/", {"login": "rita", "password": "wrong"})
    said = ada_client.get("/settings/audit/?kind=sign_in.failed").content.decode()
    assert "Sign in failed" in said
    assert "127.0.0.1" in said
