"""JSON that came from outside, read so that nothing behind has to be afraid of it. Pure."""

from __future__ import annotations

import json
import re
from typing import Any

from memoryapp.domain.nesting import DEEPEST, nested_beyond

REPLACEMENT = "\ufffd"


class TooDeep(ValueError):
    """It is JSON, nested deeper than anything here follows."""


def read_json(text: str | bytes) -> Any:
    """Return the JSON value of a text, with characters that cannot be stored replaced.

    Raises:
        TooDeep: more than ``DEEPEST`` levels.
        ValueError: it is no JSON.
    """
    try:
        value = json.loads(text)
    except RecursionError as error:
        raise TooDeep(f"It is nested more than {DEEPEST} levels deep.") from error
    if nested_beyond(value):
        raise TooDeep(f"It is nested more than {DEEPEST} levels deep.")
    escape = b"\\u" if isinstance(text, bytes) else "\\u"
    # Only an escape can stand for half a character or a NUL in a text that was decoded.
    return whole_characters(value) if escape in text else value  # type: ignore[operator]


def whole_characters(value: Any) -> Any:
    """Return a JSON value without NULs and halves of characters: no database holds them."""
    if isinstance(value, str):
        return whole_text(value)
    if isinstance(value, dict):
        return {whole_text(str(key)): whole_characters(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [whole_characters(item) for item in value]
    return value


def whole_text(text: str) -> str:
    """Return a text without NULs and halves of characters."""
    if text.isascii():
        return text.replace("\x00", REPLACEMENT) if "\x00" in text else text
    # Two halves that belong together become the character they stand for.
    fit = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return fit.replace("\x00", REPLACEMENT)


#: an answer in which nothing can be read, in our own words: what came is named, not shown.
_UNREADABLE = re.compile(
    r"\[(?:[\w.+-]+/[\w.+-]+|bytes of no stated type), [\d,]+ bytes\]"
    r"|\[(?:image|audio), [^\]\n]{0,100}, [\d,]+ characters of base64\]"
    r"|\[resource [^\]\n]*, not text\]|\[an answer nested more than \d+ levels deep\]"
)


_NO_CONTENT = re.compile(r"\[HTTP \d+, no content[^\]\n]*\]")


def is_unreadable(text: str) -> bool:
    """Whether an observation only names what came: bytes, an image, a file that is no text."""
    parts = [line for line in text.splitlines() if line.strip()]
    return bool(parts) and all(_UNREADABLE.fullmatch(line.strip()) for line in parts)


def is_blank(text: str) -> bool:
    """Whether an observation holds no content at all."""
    return not text.strip() or bool(_NO_CONTENT.fullmatch(text.strip()))
