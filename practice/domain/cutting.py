"""Texts from outside, masked and then cut, so that no half of a secret is left at the cut. Pure."""

from __future__ import annotations

from memoryapp.domain.masking import redact
from practice.domain.reading import cut_note
from practice.domain.types import OBSERVATION_CAP, WHOLE_CAP

# A secret may begin before the cut and end after it: mask with this much more than is kept.
_OVERLAP = 4_000
_NOTE_ROOM = 60


def masked_within(text: str, cap: int) -> str:
    """Redact ``text`` and cut it to ``cap`` characters."""
    return redact(text[: cap + _OVERLAP])[:cap]


def whole(text: str) -> str:
    """Redact a text that ``clip`` cuts, for a reader that sums it up; empty where it fits."""
    return masked_within(text, WHOLE_CAP) if len(text) > OBSERVATION_CAP else ""


def clip(text: str) -> tuple[str, bool]:
    """Redact an observation and cut it to its cap, with a note of how many characters were cut."""
    shown = redact(text[: OBSERVATION_CAP + _OVERLAP])
    if len(shown) <= OBSERVATION_CAP and len(text) <= OBSERVATION_CAP + _OVERLAP:
        return shown, False
    kept = shown[: OBSERVATION_CAP - _NOTE_ROOM]
    return kept + cut_note(len(text) - len(kept)), True
