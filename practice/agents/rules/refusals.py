"""Lessons from refusals that nothing overcame, and what an error says without the names in it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from practice.agents.rules import schema
from practice.agents.rules.breaking import broke
from practice.agents.rules.documents import failure, noun_of, records
from practice.agents.rules.errors import Diagnosis, Trouble
from practice.agents.rules.linking import abouts
from practice.agents.rules.schema import DESCRIBING, Role
from practice.agents.rules.words import GENERIC, nouns, parts
from practice.domain.types import Step, ToolSpec

#: how a message says that something else has to come before; "the first week" does not.
_FIRST = re.compile(
    r"\b(?:must|should|please|(?:have|has|needs?) to) first\b|(?<!\bthe )\bfirst\s*(?:[.,;:!()]|$)",
    re.IGNORECASE,
)
#: how it says that something is not yet so: "not holding anything", "is not at the dock".
_LACKS = re.compile(r"\bnot (?:at|in|on|yet|\w+(?:ed|ing))\b|\bha(?:s|ve) no\b", re.IGNORECASE)


def refusal(
    before: list[Step], failed: Step, found: Diagnosis, known: dict[str, ToolSpec]
) -> Iterator[dict[str, Any]]:
    """Yield what a refused call teaches that nobody got past: that it is refused, and when."""
    told = (Trouble.REFUSED, Trouble.PREREQUISITE)
    if found.trouble not in told or schema.is_read(known[failed.tool]) or broke(found.text):
        return
    said = found.text.lower()
    # A state is the reason only where the error says so; otherwise it merely happened to be so.
    states = {k: v for k, v in state_of(failed, before).items() if v and str(v).lower() in said}
    error = general(found.text, failed, known.get(failed.tool))
    yield {
        "kind": "refusal",
        "key": f"refusal:{failed.tool}:{found.code or ' '.join(parts(error)[:6])}",
        "tool": failed.tool,
        "code": found.code,
        "error": error,
        "state": states,
        # What has to come first nobody did: the tool's own words are all that is known of it.
        **({"first": True} if _asks_first(found) else {}),
        "steps": [failed.number],
    }


def _asks_first(found: Diagnosis) -> bool:
    return found.trouble is Trouble.PREREQUISITE or any(
        pattern.search(found.text) for pattern in (_FIRST, _LACKS)
    )


def general(said: str, failed: Step, tool: ToolSpec | None) -> str:
    """Return an error without the names of the things it happened to be about."""
    for name, value in failed.arguments.items():
        known = tool if tool is not None and name in tool.parameters else None
        entity = known is not None and schema.role(known, name) is Role.ENTITY
        noun = noun_named(failed.tool, name, tool)
        if not noun or not isinstance(value, str) or not (entity or re.search(r"\d", value)):
            continue
        if DESCRIBING & set(parts(name)) or len(value) < 2 or value.lower() == noun:
            continue
        # "the north bed" and "bed north" are both the bed.
        word, told = re.escape(noun), re.escape(value)
        own = rf"(?:\bthe )?\b(?:{word} )?(?<!\w){told}(?!\w)(?: {word}\b)?"
        said = re.sub(own, f"the {noun}", said, flags=re.IGNORECASE)
    return said


def noun_named(called: str, name: str, tool: ToolSpec | None) -> str:
    """Return what a parameter names, from the words of its tool where its own say nothing."""
    if set(parts(name)) - GENERIC:
        return noun_of(name)
    about = sorted(abouts(tool, name)) if tool else []
    return about[0] if len(about) == 1 else (nouns(called)[-1:] or ("",))[0]


def state_of(step: Step, before: list[Step]) -> dict[str, Any]:
    """Return the status fields of the thing a step acted on, as last seen before it."""
    values = {v for v in step.arguments.values() if isinstance(v, (str, int))}
    for earlier in reversed(before):
        if failure(earlier):
            continue
        for record in records(earlier.observation, earlier.tool):
            own = next((v for k, v in record.items() if "id" in parts(k)), None)
            if own in values:
                return {k: v for k, v in record.items() if {"status", "state"} & set(parts(k))}
    return {}
