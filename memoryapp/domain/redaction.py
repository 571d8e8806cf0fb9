"""The operator's own rules for what is masked, matched in linear time. Pure.

Patterns are RE2's, which has neither back-references nor look-around: no rule that somebody writes
can take exponential time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import re2

MARK = "[redacted: {}]"
MOST_RULES = 50
MOST_CHARS = 500
_OPTIONS = re2.Options()
_OPTIONS.log_errors = False


class BadRule(ValueError):
    """A rule that cannot be used; one line that says what to write instead."""


@dataclass(frozen=True, slots=True)
class Own:
    """One rule: what it masks is called ``kind``."""

    kind: str
    pattern: str
    compiled: Any

    def mask(self, text: str) -> str:
        mark = MARK.format(self.kind)
        masked: str = self.compiled.sub(lambda _: mark, text)
        return masked

    def finds(self, text: str) -> bool:
        return self.compiled.search(text) is not None


def own_rules(written: Mapping[str, str]) -> tuple[Own, ...]:
    """Read rules: name of what is masked to pattern.

    Raises:
        BadRule: too many, an unusable name or pattern, one that matches an empty text or the mark
            that it would leave behind.
    """
    if len(written) > MOST_RULES:
        raise BadRule(f"At most {MOST_RULES} redaction rules are read; there are {len(written)}.")
    return tuple(_read(str(kind), str(pattern)) for kind, pattern in written.items())


def _read(kind: str, pattern: str) -> Own:
    if not 1 <= len(kind) <= 60 or not kind.isprintable() or set("[]") & set(kind):
        raise BadRule(
            f"{kind[:60]!r} cannot name what a rule masks: use 1 to 60 printable characters "
            "without brackets, such as employee number."
        )
    if not 1 <= len(pattern) <= MOST_CHARS:
        raise BadRule(f"The pattern of {kind!r} must have 1 to {MOST_CHARS} characters.")
    try:
        compiled = re2.compile(pattern, options=_OPTIONS)
    except (re2.error, UnicodeEncodeError) as error:
        said = error.args[0] if error.args else error
        said = said.decode(errors="replace") if isinstance(said, bytes) else said
        raise BadRule(
            f"The pattern of {kind!r} cannot be read: {said}. Patterns are RE2's, without "
            "back-references and look-around."
        ) from error
    rule = Own(kind, pattern, compiled)
    if rule.finds(""):
        raise BadRule(
            f"The pattern of {kind!r} matches empty text, and so everything. Make it require at "
            "least one character."
        )
    if rule.finds(MARK.format(kind)) or rule.finds(MARK.format("password")):
        raise BadRule(f"The pattern of {kind!r} matches the mark it leaves. Make it narrower.")
    return rule
