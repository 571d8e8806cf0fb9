"""The structured form of an instruction: the calls that reach it and where arguments come from.

``TaskSpec.goal``::

    {"calls": [{"tool": str, "arguments": {name: value | reference}, "all_pages": bool}],
     "report_refusal": bool, "sent": bool, "outcome": "" | "success" | "failure"}

``sent`` marks a task that a deployed agent met: its trace may begin in the middle of a
conversation, so that values nobody states in it need not be inventions. Its tools are those the
agent called, which says nothing of what was intended. ``outcome`` is what its sender says of it.

A reference is ``{"$from": tool, "$field": field}``: a value an earlier call shows.
``"$where": {field: value}`` narrows it to the record in which another field has this value,
``"$call": n`` to the n-th call of that tool (0-based), ``"$skip": n`` to the n-th distinct value.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from practice.domain.types import Json, TaskSpec


def calls(task: TaskSpec) -> list[Json]:
    """Return the intended calls; without a goal each tool once, arguments unknown.

    Of a task that was sent none are known.
    """
    given = task.goal.get("calls")
    if given:
        return list(given)
    if is_sent(task):
        return []
    return [{"tool": name, "arguments": {}} for name in dict.fromkeys(task.intended_tools)]


def is_sent(task: TaskSpec) -> bool:
    """Whether the task comes from a deployed agent's trace."""
    return bool(task.goal.get("sent"))


def outcome(task: TaskSpec) -> str:
    """Return what the sender of a task says of its outcome: success, failure or nothing."""
    return str(task.goal.get("outcome") or "")


def is_reference(value: Any) -> bool:
    return isinstance(value, Mapping) and "$field" in value


def literals(task: TaskSpec) -> list[Any]:
    """Return the literal argument values of a goal, nested ones included."""
    found: list[Any] = []
    for call in calls(task):
        for value in call.get("arguments", {}).values():
            _collect(value, found)
    return found


def _collect(value: Any, found: list[Any]) -> None:
    if is_reference(value):
        found.extend(value.get("$where", {}).values())
    elif isinstance(value, Mapping):
        for item in value.values():
            _collect(item, found)
    elif isinstance(value, list):
        for item in value:
            _collect(item, found)
    else:
        found.append(value)
