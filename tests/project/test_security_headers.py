"""What every answer tells the browser it may do."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("path", ["/login/", "/no-such-page/", "/api/v1/no-such-thing"])
def test_it_is_told_to_a_stranger(client: Client, path: str) -> None:
    check(client.get(path))


@pytest.mark.parametrize("path", ["/", "/review/", "/settings/keys/", "/account/second-factor/"])
def test_it_is_told_on_every_page(ada_client: Client, path: str) -> None:
    check(ada_client.get(path))


def check(answer: Any) -> None:
    policy = dict(
        part.strip().split(" ", 1) for part in answer["Content-Security-Policy"].split(";")
    )
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == "'self'"
    assert policy["style-src"] == "'self'"
    assert policy["frame-ancestors"] == "'none'"
    assert policy["form-action"] == "'self'"
    assert "unsafe" not in answer["Content-Security-Policy"]
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["X-Frame-Options"] == "DENY"
    assert answer["Referrer-Policy"] == "same-origin"
    assert "Access-Control-Allow-Origin" not in answer
    said = answer.content.decode()
    assert re.findall(r"<script(?![^>]*(?:src=|application/json))", said) == []
    assert not re.search(r"<[^>]+\s(?:style|on\w+)=", said)


def test_only_the_apis_own_documentation_styles_itself(client: Client) -> None:
    policy = client.get("/api/v1/docs/")["Content-Security-Policy"]
    assert "script-src 'self'" in policy
    assert "'unsafe-inline'" not in policy.partition("script-src")[2].partition(";")[0]


@pytest.mark.parametrize("path", ["/", "/review/", "/memory/", "/account/sessions/"])
def test_a_browser_that_is_signed_in_keeps_no_page(ada_client: Client, path: str) -> None:
    assert "no-store" in ada_client.get(path)["Cache-Control"]


def test_what_is_no_page_says_itself_how_long_it_holds(ada_client: Client) -> None:
    assert "Cache-Control" not in ada_client.get("/api/v1/playbooks")
