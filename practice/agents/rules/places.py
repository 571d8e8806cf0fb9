"""Things that are somewhere else: which tool looks for them, and which one goes there.

A server with a current folder knows a thing by its bare name only where the agent stands. Such a
server has a tool that searches below the current place and one that changes it; both are known by
what their first sentence says and by what they ask for.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from practice.agents.rules import schema
from practice.agents.rules.documents import leaves
from practice.agents.rules.errors import Diagnosis, Trouble
from practice.agents.rules.schema import Role
from practice.agents.rules.words import content, first_sentence
from practice.domain.types import Json, Step, ToolSpec

_PLACE = frozenset({"directory", "folder"})
_SEARCHES = content("find search locate")
_CHANGES = content("change switch go enter navigate")
_HERE = content("current working")
_THINGS = content("file directory folder")
_SELF = frozenset({"", ".", "..", "/"})


@dataclass(frozen=True, slots=True)
class Places:
    """The tools of a server with a current place. ``named`` and ``into`` are their parameters."""

    find: ToolSpec
    named: str
    move: ToolSpec
    into: str

    def search(self, value: str) -> dict[str, str]:
        """Return the arguments of the search for a thing called ``value``."""
        return {self.named: value}


def places(tools: Sequence[ToolSpec]) -> Places | None:
    """Return how things are found and reached on this server, ``None`` where it has no place."""
    movers = [t for t in tools if _moves(t)]
    finders = [(t, name) for t in tools if (name := _looks_for(t))]
    if not movers or not finders:
        return None
    move, (find, named) = movers[0], finders[0]
    return Places(find, named, move, move.required[0])


def _said(tool: ToolSpec) -> frozenset[str]:
    return content(first_sentence(tool.description))


def _moves(tool: ToolSpec) -> bool:
    said = _said(tool)
    about = said & content(" ".join(_PLACE)) and said & _HERE
    return bool(said & _CHANGES and about) and len(tool.required) == 1


def _looks_for(tool: ToolSpec) -> str:
    """Return the parameter that takes the name looked for; empty where a tool searches no place."""
    searches = _said(tool) & _SEARCHES and _said(tool) & content(" ".join(_PLACE))
    if not searches or not schema.is_read(tool):
        return ""
    names = [n for n in tool.parameters if content(n) & content("name pattern")]
    named = names[0] if names else ""
    return named if set(tool.required) <= {named} else ""


def way(step: Step, value: str) -> tuple[str, ...] | None:
    """Return the folders to go into, in order, to stand next to the thing called ``value``.

    The shortest way a search shows; empty where it is here, ``None`` where it is nowhere below.
    """
    ways = []
    for leaf in leaves(step.observation, step.tool):
        *above, last = str(leaf.value).split("/")
        if last == value:
            ways.append(tuple(folder for folder in above if folder not in _SELF))
    return min(ways, key=len, default=None)


def placed(tool: ToolSpec, arguments: Json) -> str:
    """Return the parameter that names something that has to be here already, or an empty string.

    Where there are several (a source and a destination) the first is what the call is about.
    """
    return next(
        (name for name in tool.parameters if name in arguments and _here(tool, name, arguments)),
        "",
    )


def _here(tool: ToolSpec, name: str, arguments: Json) -> bool:
    value = arguments[name]
    bare = isinstance(value, str) and "/" not in value and value not in _SELF
    told = content(f"{name.replace('_', ' ')} {tool.parameters[name].get('description', '')}")
    return bare and schema.role(tool, name) is Role.ENTITY and bool(told & _THINGS)


def location(
    failed: Step, after: Sequence[Step], found: Diagnosis, tools: Sequence[ToolSpec]
) -> Iterator[dict[str, Any]]:
    """Yield the lesson that a thing was not here: a search told where it is, or that it is nowhere.

    ``after`` are the steps that followed. With a way to it the moves belong to the proof.
    """
    here = places(tools)
    name = found.parameter
    if here is None or found.trouble is not Trouble.MISSING_THING or name not in failed.arguments:
        return
    value = str(failed.arguments[name])
    look = next((s for s in after if s.arguments == here.search(value)), None)
    if look is None or look.tool != here.find.name:
        return
    folders = way(look, value) or ()
    moves = [s.number for s in after if s.tool == here.move.name][: len(folders)]
    yield {
        "kind": "location",
        "key": f"location:{here.move.name}",
        "find": here.find.name,
        "move": here.move.name,
        "consumers": [[failed.tool, name]],
        "error": found.text,
        "code": found.code,
        "steps": [failed.number, look.number, *moves],
    }
