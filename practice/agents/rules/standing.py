"""How things stand: which state a refusal asks for, of one thing or of all, and who has it already.

"Not all tasks are done" asks for a state (done) of every task; a record tells it by a flag of that
name or by a word of that stem.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from practice.agents.rules import schema
from practice.agents.rules.words import content, parts, stem
from practice.domain.types import Json, ToolSpec

_EVERY = re.compile(
    r"\b(?:not all|all|every|each)\b(?: of)?(?: the)?((?: \w+){1,3}?)"
    r" (?:are|is|must be|have to be|has to be|need to be|needs to be|should be) (\w+)",
    re.IGNORECASE,
)
_STATE = re.compile(r"\b(?:not|n't)(?: been)?(?: yet)? (\w{3,})", re.IGNORECASE)
_DENIED = frozenset({"not", "no", "never", "yet"})
#: a state is told in a word or two; a longer text may use its word for anything.
MAX_WORDS = 3


def state_asked(said: str, first: ToolSpec) -> str:
    """Return the state an error misses that ``first`` is named after; empty where there is none."""
    own = {stem(word) for word in parts(first.name)}
    told = [m.group(2) for m in _EVERY.finditer(said)] + _STATE.findall(said)
    return next((stem(word.lower()) for word in told if stem(word.lower()) in own), "")


def asks_for_every(said: str, parameter: str) -> bool:
    """Whether an error asks something of all the things that ``parameter`` names one of."""
    about = {stem(word) for word in parts(parameter)}
    return any(about & content(found.group(1)) for found in _EVERY.finditer(said))


def holds(record: Mapping[str, Any], state: str) -> bool:
    """Whether a record says that its thing is in a state (a stem)."""
    for field, value in record.items():
        if isinstance(value, bool):
            if value and state in {stem(word) for word in parts(field)}:
                return True
        elif isinstance(value, str) and not schema.TEXT & set(parts(field)):
            words = re.findall(r"[a-z]+", value.lower())
            told = len(words) <= MAX_WORDS and state in {stem(word) for word in words}
            if told and not _DENIED & set(words):
                return True
    return False


def own_identifier(tool: ToolSpec, arguments: Json) -> str:
    """Return the parameter that names what ``tool`` is used on: the one it is named after."""
    ids = [name for name in arguments if "id" in parts(name) and name in tool.parameters]
    named = [name for name in ids if set(parts(name)) - {"id"} <= set(parts(tool.name))]
    return next(iter(named or reversed(ids)), "")
