"""Known secrets are found in the forms they travel in."""

from __future__ import annotations

import base64
import json
import textwrap
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest

from practice.clients.answers import hide
from practice.domain.encodings import finder

SECRET = 'pä ss/w"ord?>~9'
SECRETS = {"TOKEN": SECRET}


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def url64(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "form",
    [
        SECRET,
        json.dumps(SECRET)[1:-1],
        json.dumps(SECRET, ensure_ascii=False)[1:-1].replace("/", "\\/"),
        quote(SECRET),
        quote(SECRET, safe=""),
        quote_plus(SECRET),
        quote(SECRET).lower(),
        quote(quote(SECRET)),
        "".join(f"%{byte:02X}" for byte in SECRET.encode()),
        SECRET.encode().hex(),
        SECRET.encode().hex().upper(),
        b64(SECRET),
        url64(SECRET),
        b64(SECRET).replace("/", "\\/"),
        quote_plus(b64(SECRET).rstrip("=")),
        SECRET.upper(),
        SECRET[::-1],
        " ".join(SECRET),
        SECRET.encode().hex(":"),
        SECRET.encode().hex(" ").upper(),
        "".join(f"\\x{byte:02x}" for byte in SECRET.encode())[2:],
        ", ".join(f"0x{byte:02x}" for byte in SECRET.encode())[2:],
        "\n".join(textwrap.wrap(b64(SECRET), 8)),
        json.dumps("\r\n".join(textwrap.wrap(b64(SECRET), 8)))[1:-1],
    ],
)
def test_it_masks_every_form_whole(form: str) -> None:
    assert hide(f"before {form} after", SECRETS) == "before [redacted: TOKEN] after"


@pytest.mark.parametrize("encode", [b64, url64])
@pytest.mark.parametrize("before", ["", "u", "us", "user:"])
@pytest.mark.parametrize("after", ["", "a", "an", "and"])
@pytest.mark.parametrize("secret", [SECRET, "12345678", "123456789", "1234567890"])
def test_it_masks_a_secret_inside_a_longer_encoded_text(
    encode: Callable[[str], str], before: str, after: str, secret: str
) -> None:
    coded = encode(before + secret + after)

    masked = hide(coded, {"TOKEN": secret})

    left, mark, right = masked.partition("[redacted: TOKEN]")
    assert mark
    assert coded.startswith(left)
    # At most the encoding of what stands around the secret is left.
    assert len(left) * 6 <= len(before.encode()) * 8
    assert len(right.rstrip("=")) * 6 <= len(after.encode()) * 8 + 5


def test_it_masks_forms_in_keys_and_nested_values() -> None:
    given = {b64(SECRET): [{"note": f"Basic {b64('user:' + SECRET)}", "count": 3}]}
    assert hide(given, SECRETS) == {
        "[redacted: TOKEN]": [{"note": "Basic dXNlcj[redacted: TOKEN]", "count": 3}]
    }


def test_it_names_the_longer_of_two_secrets_that_begin_alike() -> None:
    secrets = {"SHORT": "hunter22", "LONG": "hunter22-and-more"}
    assert hide("hunter22-and-more hunter22", secrets) == "[redacted: LONG] [redacted: SHORT]"


def test_it_keeps_encodings_of_short_values() -> None:
    assert hide(f"abc123 {b64('abc123')}", {"PIN": "abc123"}) == "[redacted: PIN] YWJjMTIz"


def test_it_masks_a_long_key_among_many_secrets() -> None:
    secrets = {f"KEY_{n}": f"{n}-" + "k3y/" * 1_000 for n in range(10)}
    assert hide(b64(secrets["KEY_7"]), secrets) == "[redacted: KEY_7]"


@pytest.mark.parametrize("secret", ["0123456789\\", "short\\", "0123456789\n"])
def test_nothing_stays_of_an_escaped_last_character(secret: str) -> None:
    assert hide(f"<{json.dumps(secret)[1:-1]}>", {"TOKEN": secret}) == "<[redacted: TOKEN]>"


def test_it_changes_nothing_without_secrets() -> None:
    assert finder({}) is None
    assert hide({"a": ["b"]}, {}) == {"a": ["b"]}
