"""Tools that say they do the same thing, so that one may stand in where the other fails.

Two servers behind one environment often offer one service twice. A person who asks for it does not
care which of them answers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from practice.agents.rules import schema
from practice.agents.rules.documents import failure
from practice.agents.rules.words import first_sentence
from practice.domain.types import Step, ToolSpec


def twins(tool: ToolSpec, tools: Iterable[ToolSpec]) -> list[ToolSpec]:
    """Return the other tools whose first sentence, parameters and effect are those of ``tool``."""
    return [other for other in tools if other.name != tool.name and _alike(tool, other)]


def _alike(one: ToolSpec, other: ToolSpec) -> bool:
    said = first_sentence(one.description)
    return (
        bool(said)
        and said.lower() == first_sentence(other.description).lower()
        and set(one.parameters) == set(other.parameters)
        and set(one.required) == set(other.required)
        and schema.is_read(one) == schema.is_read(other)
    )


def stand_ins(tool: str, steps: Sequence[Step], known: Mapping[str, ToolSpec]) -> list[Step]:
    """Return the working steps of twins of ``tool`` after it failed, if it never worked itself."""
    own = [s for s in steps if s.tool == tool]
    spec = known.get(tool)
    if spec is None or not own or not all(failure(s) for s in own):
        return []
    names = {other.name for other in twins(spec, known.values())}
    return [s for s in steps if s.tool in names and s.number > own[0].number and not failure(s)]
