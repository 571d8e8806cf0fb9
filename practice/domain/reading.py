"""JSON that came from outside, read so that nothing behind has to be afraid of it. Pure."""

from __future__ import annotations

import json
import re
from typing import Any

from memoryapp.domain.json_texts import each_text
from memoryapp.domain.nesting import DEEPEST, nested_beyond

REPLACEMENT = "\ufffd"
#: escapes, which may be of a NUL or half a character, and what may be no finite number: the
#: largest has 309 digits, of which an exponent of two digits spares 99.
_ODD = re.compile(r"\\u|NaN|Infinity|[eE]\+?[0-9]{3}|(?<![0-9])[0-9]{200}")
_ODD_BYTES = re.compile(_ODD.pattern.encode())


class TooDeep(ValueError):
    """It is JSON, nested deeper than anything here follows."""


def read_json(text: str | bytes) -> Any:
    """Return the JSON value of a text, with characters that cannot be stored replaced.

    Raises:
        TooDeep: more than ``DEEPEST`` levels.
        ValueError: it is not JSON.
    """
    try:
        value = json.loads(text)
    except RecursionError as error:
        raise TooDeep(f"It is nested more than {DEEPEST} levels deep.") from error
    if nested_beyond(value):
        raise TooDeep(f"It is nested more than {DEEPEST} levels deep.")
    # In a text that was decoded nothing else can stand for what cannot be stored.
    found = _ODD_BYTES.search(text) if isinstance(text, bytes) else _ODD.search(text)
    return whole_characters(value) if found else value


def whole_characters(value: Any) -> Any:
    """Return a JSON value that a database holds.

    NULs and lone surrogates are replaced, and numbers that are none, or too large for one,
    become ``null``: Python reads ``NaN`` and ``1e400``, and JSON has neither.
    """
    return each_text(value, whole_text, odd=lambda _: None)


def whole_text(text: str) -> str:
    """Return a text without NULs and lone surrogates."""
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


_CUT = re.compile(r"\n\[([\d,]+) more characters were cut\]\s*\Z")
_NO_CONTENT = re.compile(r"\[HTTP \d+, no content[^\]\n]*\]")


def is_unreadable(text: str) -> bool:
    """Whether an observation only names what came: bytes, an image, a file that is no text."""
    parts = [line for line in text.splitlines() if line.strip()]
    return bool(parts) and all(_UNREADABLE.fullmatch(line.strip()) for line in parts)


def is_blank(text: str) -> bool:
    """Whether an observation holds no content at all."""
    return not text.strip() or bool(_NO_CONTENT.fullmatch(text.strip()))


def cut_note(characters: int) -> str:
    """What stands at the end of an observation that was cut."""
    return f"\n[{characters:,} more characters were cut]"


def characters_cut(text: str) -> int:
    """How many characters are missing at the end of an observation; 0 where it is whole."""
    found = _CUT.search(text[-80:])
    return int(found.group(1).replace(",", "")) if found else 0


def read_cut(text: str) -> Any:
    """Return what a cut JSON document says up to the last item that is whole.

    Raises:
        ValueError: it is not cut, or there is no whole item before the cut.
    """
    if not characters_cut(text):
        raise ValueError("It was not cut.")
    shown = text[: text.rindex("\n[")]
    end, closing = _last_item(shown)
    if not end:
        raise ValueError("No item stands whole before the cut.")
    return read_json(shown[:end] + closing)


def _last_item(text: str) -> tuple[int, str]:
    """Where the last whole item of a list ends, and what closes the document there; (0, "")."""
    open_: list[str] = []
    end, closing = 0, ""
    inside = escaped = False
    for place, character in enumerate(text):
        if inside:
            inside = escaped or character != '"'
            escaped = character == "\\" and not escaped
        elif character == '"':
            inside = True
        elif character in "[{":
            open_.append("]" if character == "[" else "}")
        elif character in "]}" and open_:
            open_.pop()
        elif character == "," and open_ and open_[-1] == "]":
            end, closing = place, "".join(reversed(open_))
    return end, closing
