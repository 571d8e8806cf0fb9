"""Secrets in what tools answer are masked, whatever shape they come in."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from memoryapp.domain.masking import redact, redact_value, secrets_in


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
        {"auth": {"pass": "alphabeta"}},
        {"auth": [{"pass": "alphabeta"}]},
        {"auth.pass": "alphabeta"},
        {"smtp_pass": "alphabeta"},
        {"dbPass": "alphabeta"},
        {"pass": "alpha1beta"},
        {"body": json.dumps({"pass": "alpha1beta"})},
        {"env": "PATH=/bin PASS=alpha1beta DB_PASS=alphabeta"},
        {"note": "pass: alpha1beta, then press enter"},
        {"credentials": "bob:alphabeta"},
        {"note": "credentials=bob:alpha1beta"},
        {"pin": "12345678"},
        {"login_otp": 12345678},
        {"body": json.dumps({"pin": "12345678"})},
        [["Authorization", "Basic Ym9iOmh1bnRlcjIy"]],
        ["Basic Ym9iOmh1bnRlcjIy"],
        {"note": "send Authorization, or basic Ym9iOmh1bnRlcjIy there"},
        {"url": "https://example.org/?q=password%3Dalphabeta&page=2"},
        {"url": "https://example.org/?next=%2Fin%3Fpassword%253Dalphabeta"},
        {"form": "%7B%22password%22%3A%22alphabeta%22%7D"},
        {"html": "<p>{&quot;password&quot;:&quot;alpha beta alphabeta&quot;}</p>"},
        {"html": "{&#34;password&#34;: 12345678}"},
        {"note": "pass\\u0077ord=alphabeta"},
        {"note": "p%61ssword=alphabeta"},
        {"note": "password\\u003dalphabeta"},
        {"blob": "cGFzc3dvcmQ9aHVudGVyMmh1bnRlcjI="},
        {"blob": "eyJ1c2VyIjoiYm9iIiwgInBhc3N3b3JkIjogImh1bnRlcjIifQ"},
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
            "Ym9iOmh1bnRlcjIy",
            "aHVudGVyMmh1bnRlcjI",
            "Imh1bnRlcjIifQ",
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
        '{"pass": true, "tests_pass": 12}',
        '{"auth": {"pass": "yes"}, "user": "bob"}',
        '{"bypass": "none", "compass": "north-2", "day_pass": "annual"}',
        '{"pass": "2026-11-28T10:00:00Z"}',
        '{"pin": true, "otp": "required", "pins": 4711, "spin": "4711"}',
        '{"credentials": "include", "auth": "oauth2"}',
        '{"credentials": "https://example.org/v1"}',
        "Pass the order id.",
        "tests: 3 pass, 1 fail",
        "--- PASS: TestRefund2 (0.01s)",
        "compass=north",
        "Basic authentication is off; the basic subscription42 is free.",
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk",
        "VGhlIG9yZGVyIHdhcyBzZW50IHllc3RlcmRheS4=",
        "https://example.org/?q=caf%C3%A9%20%41&page=2",
    ],
)
def test_a_cursor_and_a_count_are_no_secrets(text: str) -> None:
    assert redact(text) == text
    if text.startswith("{"):
        assert redact_value(json.loads(text)) == json.loads(text)


@pytest.mark.parametrize(
    "said",
    [
        "the password is {}",
        "Password was {}.",
        "Your passphrase is: {}",
        "My PIN is {}, keep it",
        "The API key is {}",
        "api key: {}",
        'The secret is "{}"',
        "The token is now {}!",
        "The password for the vault is {}",
        "the passcode of bob@example.com was {} (old)",
    ],
)
def test_a_secret_is_masked_in_prose(said: str) -> None:
    for secret in ("hunter2", "tr0ub4dor&3".replace("&", "-"), "open!sesame"):
        told = said.format(secret)
        assert secret not in redact(told)
        assert redact(redact(told)) == redact(told)
    marks = redact(said.format("hunter2"))
    assert said.split("{}")[0] in marks
    assert marks.endswith(said.split("{}")[1])


@pytest.mark.parametrize(
    "text",
    [
        "The password is required.",
        "Your password was incorrect!",
        "The password is 12345 characters long.",
        "The password is 12-characters long, the PIN is 4711.",
        "The token is base64-encoded, the secret is SHA256, and the api key is OAuth2.",
        "Whether the password is optional/required depends on the server.",
        "The next token is abc123def, the page token is abc123def.",
        "A pin is needed: item42. Shipping is free4all.",
        "The secret is https://example.org/v1",
    ],
)
def test_what_prose_says_of_a_secret_is_none(text: str) -> None:
    assert redact(text) == text


def test_every_text_in_base64_is_masked_wherever_it_stands() -> None:
    coded = base64.b64encode(b"password=hunter22hunter2").decode()
    for said in (f"{coded}={coded}=", f"data={coded}", f"a=1&data={coded}&b=2"):
        masked = redact(said)
        assert coded[:-2] not in masked
        assert redact(masked) == masked


def test_a_text_without_names_of_secrets_keeps_its_escapes() -> None:
    text = 'a\\u0062c {"pass": "yes"}'
    assert redact(text) == text


def test_it_names_what_it_would_mask_and_not_what_is_masked_already() -> None:
    assert secrets_in("DB_PASS=alphabeta, Basic Ym9iOmh1bnRlcjIy") == ("password", "credentials")
    assert secrets_in("DB_PASS=[redacted: password]") == ()
