"""A role's prompt as text: its two halves, its placeholders, and what is wrong with an edit. Pure.

Above the line ``---`` stands what the role is told; it is the same for every call of a run, so that
a provider can cache it. Below stands the message that carries the data of one call.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from string import Template

SEPARATOR = "\n---\n"
LONGEST = 40_000
DIGEST_CHARS = 8
_LINE_ENDS = re.compile(r"\r\n?")
#: what ``string.Template`` reads: an escaped dollar, a name, a name in braces, or a lone dollar.
_DOLLAR = re.compile(r"\$(?:(?P<escaped>\$)|[a-zA-Z_]\w*|\{[a-zA-Z_]\w*\}|(?P<lone>))")


@dataclass(frozen=True, slots=True)
class PromptText:
    """One version of a role's prompt, by the name it is recorded under."""

    name: str
    told: str
    message: str

    @classmethod
    def read(cls, name: str, text: str) -> PromptText:
        """Part a text into its halves; one without the line is all told."""
        told, _, message = tidy(text).partition(SEPARATOR)
        return cls(name, told.strip(), message.strip())


def tidy(text: str) -> str:
    """Return a text from a form as it is stored: one kind of line end, one at the end."""
    return _LINE_ENDS.sub("\n", text).strip() + "\n"


def digest(text: str) -> str:
    """The first characters of the SHA-256 over a prompt as it is stored."""
    return hashlib.sha256(tidy(text).encode()).hexdigest()[:DIGEST_CHARS]


def built_in_name(text: str) -> str:
    return f"built-in {digest(text)}"


def version_name(number: int) -> str:
    return f"version {number}"


def placeholders(text: str) -> list[str]:
    """The names a text has, each once, in order."""
    return list(dict.fromkeys(Template(text).get_identifiers()))


def problem(text: str, built_in: str) -> str:
    """Say in one line why ``text`` cannot replace ``built_in``; empty if it can.

    A prompt needs the placeholders of the built-in one, each in the same half: nothing the role
    must see may get lost, and nothing that changes from call to call may stand above the line.
    """
    text = tidy(text)
    if len(text) > LONGEST:
        return f"The prompt has {len(text):,} characters; at most {LONGEST:,} are allowed."
    if SEPARATOR not in text:
        return "The line --- that parts what the role is told from its message is missing."
    mine, theirs = PromptText.read("", text), PromptText.read("", built_in)
    if not mine.told or not mine.message:
        return "Both halves need text: what the role is told above ---, the message below it."
    lone = next((m for m in _DOLLAR.finditer(text) if m.group("lone") is not None), None)
    if lone is not None:
        line = text.count("\n", 0, lone.start()) + 1
        return f"Line {line} has a $ that begins no placeholder. Write $$ for a dollar sign."
    return _misplaced(mine, theirs)


def _misplaced(mine: PromptText, theirs: PromptText) -> str:
    told, message = set(placeholders(theirs.told)), set(placeholders(theirs.message))
    known = told | message
    used = {*placeholders(mine.told), *placeholders(mine.message)}
    if unknown := sorted(used - known):
        names = ", ".join(f"${name}" for name in sorted(known))
        return f"There is no placeholder ${unknown[0]}. This role has {names}."
    if missing := sorted(known - used):
        return f"The placeholder ${missing[0]} is missing."
    if above := sorted(set(placeholders(mine.told)) - told):
        return (
            f"${above[0]} changes from call to call, so it belongs below the line ---: what stands "
            "above it is cached by the provider."
        )
    return ""
