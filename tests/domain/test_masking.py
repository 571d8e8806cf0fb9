"""Secrets in what tools answer are masked, whatever shape they come in."""

from __future__ import annotations

import json
from typing import Any

import pytest

from memoryapp.domain.masking import redact, redact_value


@pytest.mark.parametrize(
    "value",
    [
        {"token": "abcDEF123456789012"},
        {"api_token": "zzz1"},
        {"pwd": "alpha1beta"},
        {"PASSWORD_LIST": ["alpha1beta", "gamma2delta"]},
        {"password": 12345678},
        {"credentials": {"password": {"value": "alpha1beta"}}},
        {"password": {"a": {"b": ["alpha1beta"]}}},
        {"note": "password = alpha1beta"},
        {"note": "password:\n  - alpha1beta\n  - gamma2delta\nuser: x"},
        {"note": "SG.abcdefghijklmnop1.qrstuvwxyzabcdefgh2"},
        {"header": "Set-Cookie: sessionid=abc123def456; Path=/"},
        {"cookies": [{"name": "sid", "value": "alpha1beta", "path": "/"}]},
        {"cookies": {"sid": "alpha1beta"}},
        {"set-cookie": ["sid=alpha1beta; Path=/", "theme=gamma2delta"]},
        {"auth": {"user": "admin", "pass": "alphabeta"}},
        {"body": json.dumps({"auth": {"username": "admin", "pass": "alphabeta"}})},
    ],
)
def test_a_secret_is_masked_in_json_whatever_holds_it(value: Any) -> None:
    text = redact(json.dumps(value))
    for shown in (text, json.dumps(redact_value(value))):
        assert "[redacted: " in shown
        for secret in (
            "alpha1beta",
            "gamma2delta",
            "12345678",
            "zzz1",
            "abc123def456",
            "abcDEF",
            "alphabeta",
        ):
            assert secret not in shown
    json.loads(text)
    assert redact(text) == text


@pytest.mark.parametrize(
    "text",
    [
        '{"next_page_token": "CAESBQ1234567890abcd"}',
        '{"tokens": 123, "secret": true, "password": null}',
        '{"token": "next"}',
        '{"cookies": [{"name": "oatmeal", "pieces": 12}], "milk": "oat"}',
        '{"test": "sign-in", "pass": "yes"}',
        '{"properties": {"X-API-Key": {"type": "string"}, "password": {"$ref": "#/p"}}}',
        '{"user_tokens": 512, "session_tokens": 30}',
        "The token bucket holds 12345 tokens.",
    ],
)
def test_a_cursor_and_a_count_are_no_secrets(text: str) -> None:
    assert redact(text) == text
    if text.startswith("{"):
        assert redact_value(json.loads(text)) == json.loads(text)
