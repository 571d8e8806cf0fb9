"""Trying redaction on a text."""

from __future__ import annotations

from typing import Any

import pytest

pytestmark = pytest.mark.django_db

URL = "/settings/redaction/"
TEXT = "EMP-123456 uses sk-abcdefgh1234567890"


def masked(client: Any, **posted: str) -> str:
    return str(client.post(URL, {"text": TEXT, **posted}).context["masked"])


def test_it_shows_a_text_as_it_would_be_stored(ada_client: Any) -> None:
    assert masked(ada_client) == "EMP-123456 uses [redacted: api key]"


def test_it_tries_a_rule_before_it_is_written_into_the_settings(ada_client: Any) -> None:
    said = masked(ada_client, kind="employee", pattern="EMP-[0-9]{6}")
    assert said == "[redacted: employee] uses [redacted: api key]"
    assert masked(ada_client).startswith("EMP-123456")


def test_it_says_what_is_wrong_with_a_pattern(ada_client: Any) -> None:
    answer = ada_client.post(URL, {"text": TEXT, "kind": "x", "pattern": "("})
    assert answer.status_code == 422
    assert "cannot be read" in answer.content.decode()


def test_it_lists_what_is_always_masked(ada_client: Any) -> None:
    assert "github token" in ada_client.get(URL).content.decode()


def test_it_is_refused_to_all_but_admins(rita_client: Any) -> None:
    assert rita_client.get(URL).status_code == 403
