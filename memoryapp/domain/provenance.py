"""How far a lesson may be trusted: no further than the weakest source it rests on. Pure.

Text from outside can be written to steer whoever reads it, and a lesson made of it carries that on.
So trust is a level that only falls on the way from a source to a candidate to a bullet.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import IntEnum

from memoryapp.domain.text import hidden_characters, looks_like_instruction


class Trust(IntEnum):
    """Levels in rising order; of several sources the lowest counts."""

    #: something it rests on hides characters or gives instructions to a model.
    QUARANTINED = 0
    #: sent by agents, read from files or telemetry: nobody here saw it happen.
    OUTSIDE = 1
    #: seen in an environment that an admin of the workspace connected.
    PRACTICE = 2
    #: written by a person of the workspace.
    PERSON = 3


WORDS: Mapping[Trust, str] = {
    Trust.QUARANTINED: "In quarantine: what it rests on gives instructions to a model or hides "
    "characters. No policy and no bulk decision takes it; read its evidence "
    "before you do.",
    Trust.OUTSIDE: "It rests on what came from outside: an agent, a file or telemetry. "
    "No policy takes it alone.",
    Trust.PRACTICE: "It rests on practice in an environment of this workspace.",
    Trust.PERSON: "A person of this workspace wrote it.",
}
_OF_ORIGIN = {"run": Trust.PRACTICE}


def trust_of_origin(kind: str) -> Trust:
    """The most that a job of this kind is trusted; what is not known comes from outside."""
    return _OF_ORIGIN.get(kind, Trust.OUTSIDE)


def weakest(origin: Trust, lineage: Iterable[int], texts: Iterable[str]) -> Trust:
    """The trust of something made from an origin, from earlier entries and from texts."""
    if any(is_suspicious(text) for text in texts):
        return Trust.QUARANTINED
    return Trust(min([origin, *lineage]))


def is_suspicious(text: str) -> bool:
    """Whether a text hides characters or reads like instructions to a model."""
    return bool(hidden_characters(text) or looks_like_instruction(text))


def reasons_to_ask(trust: int) -> list[str]:
    """Why no policy may admit it; empty where one may."""
    return [] if trust >= Trust.PRACTICE else [WORDS[Trust(trust)]]
