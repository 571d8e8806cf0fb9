"""Calls of one task that speak of the same things."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from practice.agents.rules import goals, schema
from practice.agents.rules.words import parts
from practice.domain.types import Json, ToolSpec

Call = dict[str, Any]


def mixed(tool: ToolSpec, arguments: Json, tools: Sequence[ToolSpec]) -> bool:
    """Whether a change names a thing by its identifier and what it belongs to by a reference.

    A task and *its* request: other tools take both as well. A book and the member who borrows it
    go together in this call only, so either may be any.
    """
    if schema.is_read(tool):
        return False
    ids = [n for n in tool.required if "id" in parts(n) and n in arguments]
    referred = {n for n in ids if goals.is_reference(arguments[n])}
    pairs = [{named, other} for named in ids if named not in referred for other in referred]
    return any(
        pair <= set(other.parameters)
        for pair in pairs
        for other in tools
        if other.name != tool.name
    )


def align(arguments: dict[str, Any], before: Sequence[Call]) -> None:
    """Have a call that takes something from an earlier one speak of the same thing as that one."""
    for value in list(arguments.values()):
        if not goals.is_reference(value):
            continue
        source = next((c for c in reversed(before) if c["tool"] == value["$from"]), None)
        for name, same in source["arguments"].items() if source else ():
            if name in arguments and "id" in parts(name):
                arguments[name] = same


def rename(more: list[Call], calls: list[Call]) -> None:
    """Let calls speak of what an earlier call of the task makes, not of a making left out."""
    made = {str(c["tool"]): c["arguments"] for c in calls}
    for left in more[:-1]:
        for name, value in left["arguments"].items():
            kept = made.get(str(left["tool"]), {}).get(name)
            if not isinstance(value, str) or not isinstance(kept, str):
                continue
            for call in more:
                own = call["arguments"]
                own.update({n: kept for n, v in own.items() if v == value})
