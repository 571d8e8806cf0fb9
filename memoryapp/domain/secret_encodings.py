"""Secrets that are written another way: letters escaped, or a text in base64. Pure."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Iterator

import re2

#: Letters, digits and what joins a name to its value, escaped as in JSON or percent-encoded. None
#: of them needs to be, so the text says the same with them as they are.
_ESCAPED = re.compile(
    r"(?<!\\)\\+u00(2[def]|3[0-9ad]|4[0-9a-f]|5[0-9af]|6[1-9a-f]|7[0-9a])"
    r"|%(?:25)?(4[1-9a-f]|5[0-9af]|6[1-9a-f]|7[0-9a])",
    re.IGNORECASE,
)
#: RFC 7617: a name, a colon and a password.
_BASIC = re.compile(r"(?i)\b(basic[ \t]+)([\w+/-]{8,}={0,2})")
_NAME_AND_WORD = re.compile(r"[^\s:]{1,128}:\S+")
_RUN = re.compile(r"(?<![\w+/-])[\w+/-]{16,}={0,2}", re.ASCII)
#: Words without which no rule finds a secret in a text, in base64.
_WORDS = ("pass", "pwd=", "pwd:", 'pwd"', "secret", "token", "_key", "-key", "apikey", "bearer")


def plain(text: str) -> str:
    """Return ``text`` with needlessly escaped letters as they are."""
    return _ESCAPED.sub(lambda found: chr(int(found[1] or found[2], 16)), text)


def without_basic(text: str, mark: str) -> str:
    """Return ``text`` with ``mark`` for what ``Basic`` sends, where it is a name and a password."""

    def masked(found: re.Match[str]) -> str:
        said = _decoded(found[2])
        return found[1] + mark if _NAME_AND_WORD.fullmatch(said) else found[0]

    return _BASIC.sub(masked, text)


def may_be_coded(text: str) -> bool:
    """Whether a text in base64 may hold the name of a secret: a cheap look."""
    ascii_ = text if text.isascii() else text.encode("ascii", "replace").decode()
    return _CODED.search(ascii_) is not None


def without_coded(text: str, mark: str, holds_secret: Callable[[str], bool]) -> str:
    """Return ``text`` with ``mark`` for each text in base64 that holds a secret once decoded."""

    def masked(found: re.Match[str]) -> str:
        said = _decoded(found[0]) if may_be_coded(found[0]) else ""
        return mark if said and holds_secret(said) else found[0]

    return _RUN.sub(masked, text)


def _decoded(coded: str) -> str:
    """Return the text that base64 holds; empty where it holds none."""
    coded = coded.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        said = base64.b64decode(coded + "=" * (-len(coded) % 4), validate=True).decode()
    except (binascii.Error, ValueError):
        return ""
    return said if said.replace("\n", "").replace("\r", "").replace("\t", "").isprintable() else ""


def _fragments() -> Iterator[str]:
    """What of a word's encoding does not depend on its neighbours, after 0, 1 and 2 other bytes."""
    for word in {form for one in _WORDS for form in (one, one.upper(), one.title())}:
        for before, start in enumerate((0, 2, 3)):
            coded = base64.b64encode(bytes(before) + word.encode()).decode()
            yield coded[start : 8 * (before + len(word)) // 6]


_CODED = re2.compile("|".join(sorted({re2.escape(one) for one in _fragments()})))
