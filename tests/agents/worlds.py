"""A tiny world for solver tests: two tools, one with a required argument, and a call log."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from practice.agents.ports import EnvironmentUnavailable
from practice.domain.types import Json, Observation, ToolSpec

LIST = ToolSpec(
    "list_tickets",
    "List open tickets.",
    {"type": "object", "properties": {"page": {"type": "integer", "minimum": 1}}},
    {"readOnlyHint": True},
)
CLOSE = ToolSpec(
    "close_ticket",
    "Close a ticket.",
    {
        "type": "object",
        "properties": {"ticket_id": {"type": "string", "pattern": "^T-[0-9]+$"}},
        "required": ["ticket_id"],
        "additionalProperties": False,
    },
    {"readOnlyHint": False, "destructiveHint": False},
)


@dataclass
class Desk:
    """Remembers every call that reached it."""

    specs: tuple[ToolSpec, ...] = (LIST, CLOSE)
    said: str = '{"tickets": [{"id": "T-1"}]}'
    dies: bool = False
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def tools(self) -> tuple[ToolSpec, ...]:
        return self.specs

    def call(self, tool: str, arguments: Json) -> Observation:
        if self.dies:
            raise EnvironmentUnavailable("The server process ended.")
        self.calls.append((tool, dict(arguments)))
        if tool == "close_ticket" and arguments["ticket_id"] != "T-1":
            return Observation(f"No ticket {arguments['ticket_id']}.", is_error=True)
        return Observation(self.said)
