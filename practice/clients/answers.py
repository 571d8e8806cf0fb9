"""What tools answer, made fit to keep: secrets masked, unstorable characters replaced, cut."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from memoryapp.domain.text import redact
from practice.domain.types import OBSERVATION_CAP, WHOLE_CAP, Observation

#: A shorter value is too likely to be part of ordinary words.
SECRET_CHARS = 6
# A secret may begin before the cut and end after it: mask with this much more than is kept.
_OVERLAP = 4_000
_NOTE_ROOM = 60
# No database keeps a NUL in its text.
NUL, REPLACEMENT = "\x00", "\ufffd"


def long_enough(values: Mapping[str, str]) -> dict[str, str]:
    """The values that can be masked wherever they appear without spoiling ordinary words."""
    return {name: value for name, value in values.items() if len(value) >= SECRET_CHARS}


def hide(value: Any, secrets: Mapping[str, str]) -> Any:
    """Return a JSON value without NULs and without the environment's own secrets."""
    value = swap(value, NUL, REPLACEMENT)
    for name, secret in secrets.items():
        # A secret with a quote or a backslash in it reads differently inside JSON text.
        for form in dict.fromkeys((secret, json.dumps(secret)[1:-1])):
            value = swap(value, form, f"[redacted: {name}]")
    return value


def swap(value: Any, old: str, new: str) -> Any:
    """Return a JSON value with ``old`` replaced in every string and every key."""
    if isinstance(value, str):
        return value.replace(old, new)
    if isinstance(value, Mapping):
        return {key.replace(old, new): swap(item, old, new) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [swap(item, old, new) for item in value]
    return value


def refusal(text: str) -> Observation:
    """An error observation in our own words or a protocol error's."""
    shown, truncated = clip(text.replace(NUL, REPLACEMENT))
    return Observation(text=shown, is_error=True, truncated=truncated)


def whole(text: str) -> str:
    """Redact a text that ``clip`` cuts, for a reader that sums it up; empty where it fits."""
    return redact(text[: WHOLE_CAP + _OVERLAP])[:WHOLE_CAP] if len(text) > OBSERVATION_CAP else ""


def clip(text: str) -> tuple[str, bool]:
    """Redact ``text`` and cut it to the cap, with a note of how many characters were cut."""
    shown = redact(text[: OBSERVATION_CAP + _OVERLAP])
    if len(shown) <= OBSERVATION_CAP and len(text) <= OBSERVATION_CAP + _OVERLAP:
        return shown, False
    kept = shown[: OBSERVATION_CAP - _NOTE_ROOM]
    return f"{kept}\n[{len(text) - len(kept):,} more characters were cut]", True
