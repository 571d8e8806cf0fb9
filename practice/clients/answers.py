"""What tools answer, made fit to keep: secrets masked, unstorable characters replaced, cut."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from memoryapp.domain.json_texts import each_text, texts_in
from memoryapp.domain.nesting import DEEPEST
from practice.domain.cutting import clip
from practice.domain.encodings import finder
from practice.domain.reading import (
    TooDeep,
    is_unreadable,
    read_json,
    whole_characters,
    whole_text,
)
from practice.domain.types import OBSERVATION_CAP, Observation

#: A shorter value is too likely to be part of ordinary words.
SECRET_CHARS = 6
TOO_DEEP = f"[an answer nested more than {DEEPEST} levels deep]"


def long_enough(values: Mapping[str, str]) -> dict[str, str]:
    """The values that can be masked wherever they appear without spoiling ordinary words."""
    return {name: value for name, value in values.items() if len(value) >= SECRET_CHARS}


def hide(value: Any, secrets: Mapping[str, str]) -> Any:
    """Return a JSON value that can be stored, without the environment's own secrets."""
    value, found = whole_characters(value), finder(secrets)
    # Most answers hold none, and one look at all of their texts is cheaper than one at each.
    if found is None or not found.finds("\n".join(texts_in(value, names=True))):
        return value
    return each_text(value, found.mask)


def swap(value: Any, old: str, new: str) -> Any:
    """Return a JSON value with ``old`` replaced in every string and every key."""
    return each_text(value, lambda text: text.replace(old, new))


def refusal(text: str) -> Observation:
    """An error observation in our own words or a protocol error's."""
    shown, truncated = clip(whole_text(text))
    return Observation(text=shown, is_error=True, truncated=truncated)


def remarks_on(tool: str, seen: Observation) -> Iterator[str]:
    """What an operator should know of an answer: that not all of it, or none, can be read."""
    if seen.truncated:
        yield (
            f"{tool} answered with more than {OBSERVATION_CAP:,} characters. Agents read "
            "the beginning; narrow the answer with its parameters where it has any."
        )
    if not seen.is_error and is_unreadable(seen.text):
        yield f"{tool} answered with nothing that can be read as text: {seen.text[:200]}"
    try:
        read_json(seen.whole or seen.text)
    except TooDeep:
        yield (
            f"{tool} answered with JSON nested more than {DEEPEST} levels deep. It is kept as "
            "text, and no value in it is used."
        )
    except ValueError:
        return
