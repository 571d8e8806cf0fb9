"""Which things the tasks of a round may name, by what practice found out about them."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence, Set
from typing import Any

from practice.agents.rules import schema
from practice.agents.rules.history import changed, loose
from practice.agents.rules.words import parts
from practice.domain.types import PracticeRecord, ToolSpec

LOOSE_SHARE = 0.4


class Things:
    """Observed identifiers as tasks name them; one per round, since tasks of a round learn nothing.

    ``refused`` holds JSON of [tool, parameter, value], ``blocked`` the tools that a task failed at.
    """

    def __init__(
        self,
        tools: Sequence[ToolSpec],
        history: Sequence[PracticeRecord],
        refused: Set[str],
        blocked: Set[str],
        rng: random.Random,
    ) -> None:
        self._reading = {tool.name for tool in tools if schema.is_read(tool)}
        self._refused = refused
        self._blocked = blocked
        self._changed = changed(history, tools)
        self._known = {(name, value) for _, name, value in self._changed}
        writes = (json.loads(told) for told in refused)
        self._spurned = {
            (name, str(value)) for tool, name, value in writes if tool not in self._reading
        } - self._known
        self._loose = {name for record in history for name in loose(record)}
        self._staked: set[tuple[str, ...]] = set()
        self._rng = rng

    def usable(self, tool: str, name: str, value: Any) -> bool:
        """Whether a task may name this value: it was not refused, and nobody is finding out.

        What one change was refused on, and none ever worked on, is no thing for another either.
        """
        if json.dumps([tool, name, value]) in self._refused:
            return False
        told = (tool, name, str(value))
        if tool in self._reading or told in self._changed:
            return True
        return not {told, told[1:]} & (self._staked | self._spurned)

    def stake(self, tool: ToolSpec, name: str, value: Any) -> None:
        """Note that a task tries a change on a thing on which it is not known to work.

        One task tells whether the thing may be changed at all, and whether this tool may; until
        then the others take other things.
        """
        told = (tool.name, name, str(value))
        if tool.name in self._reading or "id" not in parts(name) or told in self._changed:
            return
        self._staked.add(told)
        if told[1:] not in self._known:
            self._staked.add(told[1:])

    def doubtful(self, tool: ToolSpec, values: Mapping[str, Any]) -> bool:
        """Whether a tool was refused before and is not known to work on all that is named now."""
        return tool.name in self._blocked and not all(
            (tool.name, n, str(v)) in self._changed for n, v in values.items() if "id" in parts(n)
        )

    def loosely(self, name: str, value: Any) -> Any:
        """Return an identifier as people type it, in small letters, once per parameter."""
        coded = isinstance(value, str) and value != value.lower() and "id" in parts(name)
        formed = coded and any(c.isdigit() for c in value) and "-" in value
        if not formed or name in self._loose or self._rng.random() > LOOSE_SHARE:
            return value
        self._loose.add(name)
        return value.lower()
