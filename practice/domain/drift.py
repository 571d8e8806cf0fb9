"""What is different about a tool, in the words of its schema. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from practice.domain.types import ToolSpec

CHANGED = "Its description or schema has changed."
#: parameters named of each kind of change.
NAMED = 5


def differences(before: ToolSpec, after: ToolSpec) -> str:
    """Say what changed, e.g. ``New parameter: currency. Now required: reason.``"""
    known, now = set(before.parameters), set(after.parameters)
    same = known & now
    asked, asks = _required(before) & same, _required(after) & same
    told = [
        _listed("New parameter", now - known),
        _listed("Gone", known - now),
        _listed("Now required", asks - asked),
        _listed("No longer required", asked - asks),
        _listed("Different", {n for n in same if before.parameters[n] != after.parameters[n]}),
        "The description was reworded." if before.description != after.description else "",
        "What it returns has changed." if before.output_schema != after.output_schema else "",
    ]
    return " ".join(filter(None, told)) or CHANGED


def _required(tool: ToolSpec) -> set[str]:
    stated = tool.input_schema.get("required")
    return {str(name) for name in stated} if isinstance(stated, list) else set()


def _listed(what: str, names: Iterable[str]) -> str:
    found = sorted(names)
    if not found:
        return ""
    more = f" and {len(found) - NAMED} more" if len(found) > NAMED else ""
    return f"{what}: {', '.join(found[:NAMED])}{more}."
