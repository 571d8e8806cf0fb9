"""Calls of one task that speak of the same things."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from practice.agents.rules import goals, schema
from practice.agents.rules.words import parts
from practice.domain.types import Json, ToolSpec

Call = dict[str, Any]


def mixed(tool: ToolSpec, arguments: Json) -> bool:
    """Whether a change names one thing by an identifier and another by a reference.

    Only where both stood in one record do they belong together: a task and *its* request.
    """
    ids = [arguments[n] for n in tool.required if "id" in parts(n) and n in arguments]
    told = [goals.is_reference(v) for v in ids]
    return not schema.is_read(tool) and any(told) and not all(told)


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
