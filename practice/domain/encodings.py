"""Find known secrets in every form they commonly travel in: as they are, escaped, encoded. Pure.

One RE2 pattern holds all forms of all secrets of an environment, so that a text is read once,
however many there are.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import re2

from memoryapp.domain.redaction import MARK
from practice.domain.reading import whole_characters

#: Encoded, a shorter value is too likely to be part of something else.
ENCODED_CHARS = 8
_OPTIONS = re2.Options()
_OPTIONS.max_mem = 64 * 2**20  # private keys have thousands of characters
_OPTIONS.log_errors = False
#: Characters of base64 with a second spelling: url-safe, escaped in JSON, in a query.
_OTHER_BASE64 = {"+": r"(?:[+-]|%2[bB])", "/": r"(?:\\?/|_|%2[fF])"}
#: Where the encoding of a secret begins and ends within that of a longer text.
_EDGE = r"[\w+/-]?"
#: Encodings with breaks in them are looked for up to this length: they make patterns large.
BROKEN_CHARS = 160
#: Mail breaks base64 into lines, JSON writes a line break as two characters.
_BREAK = r"(?:\s|\\[rn])*"
#: Between two bytes in hex: ``de:ad``, ``de ad``, ``de-ad``, ``0xde, 0xad``, ``\xde\xad``.
_BETWEEN = r"(?:[\s:,.-]|\\[rn])*(?:\\?\\x|0x)?"


@dataclass(frozen=True, slots=True)
class Finder:
    """Some secrets in all their forms. Texts hold whole characters only."""

    names: tuple[str, ...]
    compiled: Any

    def finds(self, text: str) -> bool:
        return self.compiled.search(text) is not None

    def mask(self, text: str) -> str:
        """Return ``text`` with each secret replaced by ``[redacted: its name]``."""
        masked: str = self.compiled.sub(
            lambda found: MARK.format(self.names[found.lastindex - 1]), text
        )
        return masked


def finder(secrets: Mapping[str, str]) -> Finder | None:
    """What finds these secrets, values by name; ``None`` where there are none."""
    return _finder(tuple(secrets.items()))


@lru_cache(maxsize=32)
def _finder(secrets: tuple[tuple[str, str], ...]) -> Finder | None:
    # The longest first: one secret may begin with another.
    given = sorted(((n, v) for n, v in secrets if v), key=lambda one: -len(one[1]))
    if not given:
        return None
    pattern = "|".join(f"({'|'.join(_forms(whole_characters(value)))})" for _, value in given)
    return Finder(tuple(name for name, _ in given), re2.compile(pattern, options=_OPTIONS))


def _forms(secret: str) -> Iterator[str]:
    if len(secret) < ENCODED_CHARS:
        yield "".join(map(_spellings, secret))
    else:
        # Long enough to be known in other letters, backwards, and with spaces in it.
        between = r"\s?" if len(secret) <= BROKEN_CHARS else ""
        yield f"(?i:{between.join(map(_spellings, secret))})"
        yield f"(?i:{re2.escape(secret[::-1])})"
        yield from _in_base64(secret.encode())
        between = _BETWEEN if len(secret) <= BROKEN_CHARS else ""
        yield f"(?i:{between.join(f'{byte:02x}' for byte in secret.encode())})"


def _spellings(character: str) -> str:
    """One character as it is, as in JSON text and percent-encoded, once or twice."""
    percent = "".join(f"%(?:25)?{byte:02x}" for byte in character.encode())
    escaped = {json.dumps(character)[1:-1], "\\/" if character == "/" else character} - {character}
    more = [rf"(?i:{re2.escape(one)})" for one in sorted(escaped)]
    more += [r"\+"] if character == " " else []
    # The longest first: what a character is escaped with must not stay behind.
    return f"(?:{'|'.join([*more, f'(?i:{percent})', re2.escape(character)])})"


def _in_base64(secret: bytes) -> Iterator[str]:
    """The secret after 0, 1 and 2 other bytes: three bytes make four characters.

    A character that holds bits of a neighbour as well can be any; it is masked with the others.
    """
    for before, start in enumerate((0, 2, 3)):
        coded = base64.b64encode(bytes(before) + secret).decode()
        end, over = divmod(8 * (before + len(secret)), 6)
        between = _BREAK if len(secret) <= BROKEN_CHARS else ""
        known = between.join(_OTHER_BASE64.get(one, one) for one in coded[start:end])
        yield (_EDGE if before else "") + known + (f"{_EDGE}={{0,2}}" if over else "")
