"""Text safety: show hidden characters, notice text that gives orders, and store text clean.

A reviewer is warned of characters nobody can see and of phrases that try to steer a model. The
instruction check is a warning for people, not a filter: it neither proves nor rules out an attack.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from memoryapp.domain.masking import encodable, redact


def cleaned(text: str) -> str:
    """Return a text as it is stored: stripped, no hidden characters, secrets masked, one line end.

    Unicode has several line ends. Whoever splits a form of one bullet a line at any of them would
    read a bullet that nobody approved.

    Every text from a person, a file, a model or an agent passes through here, or through
    ``redact``, before it is stored: from there it reaches prompts, pages, files and agents.
    """
    return redact(strip_hidden(_LINE_ENDS.sub("\n", text))).strip()


def one_line(text: str, most: int = 100) -> str:
    """Return a name as it is stored: ``cleaned``, on one line, of so many characters."""
    return " ".join(cleaned(text).split())[:most].strip()


def storable(text: str) -> str:
    """Return ``text`` without what a database cannot hold: NUL and lone surrogates."""
    return encodable(text.replace("\x00", ""))


#: Letters of Greek, Cyrillic, Armenian and Cherokee that look like Latin ones.
_LOOK_ALIKE = frozenset(
    "ΑΒΕΖΗΙΚΜΝΟΡΤΥΧαικνορυχϲϹϳ"
    "АВЕЅІЈКМНОРСТУХЅԌԚԜавеѕіјкмнорстухһԁԛԝѵҮүӀӏ"
    "ՍՏՕօսցհոո"
    "ᎪᏴᏟᎠᎬᏀᎻᎥᎫᏦᏞᎷᏢᏒᏚᎢᏙᎳᏃᎽ"
)


def look_alike(name: str) -> str:
    """The first word of a name that mixes Latin letters with others that look like them, if any.

    Such a name passes for another one.
    """
    return next(
        (
            word
            for word in re.findall(r"[^\W\d_]+", name)
            if not _LOOK_ALIKE.isdisjoint(word) and re.search("[A-Za-z]", word)
        ),
        "",
    )


_LINE_ENDS = re.compile("\r\n?|[\v\f\x1c-\x1e\x85\u2028\u2029]")


@dataclass(frozen=True, slots=True)
class HiddenCharacter:
    """A character a reader does not see. ``position`` is an index into the text."""

    position: int
    code_point: str
    name: str
    kind: str


_ZERO_WIDTH = frozenset("\u200b\u200c\u200d\u2060\ufeff\u180e")
_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_BLANK = frozenset("\u034f\u115f\u1160\u3164\uffa0")
# Format characters by category, but printed: Arabic and Kaithi number signs and the like.
_VISIBLE_FORMAT = frozenset(
    "\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd"
)


def hidden_characters(text: str) -> list[HiddenCharacter]:
    """List the characters of ``text`` that do not show, in order.

    Kinds: ``zero-width``, ``bidirectional control``, ``tag``, ``variation selector``, ``control``,
    ``blank`` and ``format``. A joiner inside an emoji or a word of a joining script is not listed.
    """
    if text.isascii() and text.isprintable():
        return []
    return [
        HiddenCharacter(
            position,
            f"U+{ord(character):04X}",
            unicodedata.name(character, "unnamed").lower(),
            kind,
        )
        for position, character in enumerate(text)
        if (kind := _hidden_kind(text, position)) is not None
    ]


def strip_hidden(text: str) -> str:
    """Return ``text`` without its hidden characters."""
    while hidden := {found.position for found in hidden_characters(text)}:
        text = "".join(char for position, char in enumerate(text) if position not in hidden)
    return text


def _hidden_kind(text: str, position: int) -> str | None:
    character = text[position]
    code = ord(character)
    kind: str | None = None
    if character in _ZERO_WIDTH:
        kind = None if _joins(text, position) else "zero-width"
    elif character in _BIDI:
        kind = "bidirectional control"
    elif 0xE0000 <= code <= 0xE007F:
        kind = "tag"
    elif 0xE0100 <= code <= 0xE01EF:
        kind = "variation selector"
    elif character in _BLANK:
        kind = "blank"
    elif unicodedata.category(character) == "Cc" and character not in "\t\n\r":
        kind = "control"
    elif unicodedata.category(character) == "Cf" and character not in _VISIBLE_FORMAT:
        kind = "format"
    return kind


def _joins(text: str, position: int) -> bool:
    """Whether a joiner stands where writing needs one: between emoji, or in a joining script."""
    if text[position] not in "\u200c\u200d" or not 0 < position < len(text) - 1:
        return False
    around = (text[position - 1], text[position + 1])
    return all(
        not char.isascii() and unicodedata.category(char) in {"So", "Sk", "Mn", "Mc", "Lo"}
        for char in around
    )


#: Sending is a task like any other where somebody asks for it.
_SENDING = re.compile(
    r"\b(?:send|forward|upload|post|copy|email|exfiltrate)\b[^.\n]{0,60}(?:https?://|\bto "
    r"[\w.+-]+@[\w-]+\.)"
)
_ORDERS = tuple(
    re.compile(pattern)
    for pattern in (
        r"\b(?:ignore|disregard|forget|override|bypass)\b[^.\n]{0,30}\b(?:previous|prior|above|"
        r"earlier|preceding|existing|system|your|other)\b[^.\n]{0,30}\b(?:instruction|prompt|rule|"
        r"guideline|message|direction|polic)",
        r"\b(?:reveal|print|repeat|show|leak|output)\b[^.\n]{0,30}\b(?:system prompt|your "
        r"instructions|your prompt|api keys?|credentials)",
        r"\byou are now\b",
        r"\bfrom now on,? you\b",
        r"\b(?:new|updated|real) (?:system )?instructions?\s*:",
        r"\b(?:do not|don't|never|without) (?:tell|telling|inform|informing|mention|mentioning|"
        r"alert|alerting|notify|notifying|asking)\b[^.\n]{0,20}\b(?:user|operator|human|anyone|"
        r"reviewer)",
        r"\bcurl\b[^\n]{0,120}\|\s*(?:ba)?sh\b",
        r"<\|?(?:im_start|im_end|system|endoftext)\|?>|</?(?:system|instructions?|important)>|"
        r"\[/?inst\]",
        r"\b(?:jailbreak|developer mode|pretend (?:to be|you are))\b",
        r"\bapprove (?:everything|(?:this|every|all) (?:candidate|bullet|change)s?)\b",
    )
)


def looks_like_instruction(text: str) -> tuple[str, ...]:
    """Return the phrases of ``text`` that read like orders to a model; empty if there are none."""
    return _phrases(text, (*_ORDERS, _SENDING))


def task_reads_like_order(text: str) -> tuple[str, ...]:
    """The same for a task, which may well ask to send something to somebody."""
    return _phrases(text, _ORDERS)


def _phrases(text: str, patterns: Sequence[re.Pattern[str]]) -> tuple[str, ...]:
    plain = unicodedata.normalize("NFKC", strip_hidden(text)).casefold()
    found = (pattern.search(plain) for pattern in patterns)
    return tuple(match.group().strip() for match in found if match is not None)
