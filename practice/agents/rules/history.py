"""What practice history says about which tools and values led nowhere."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from practice.agents.rules import goals
from practice.domain.types import Category, PracticeRecord


def culprits(record: PracticeRecord) -> Iterator[str]:
    """Yield the intended tools of an infeasible task that never worked in it."""
    if record.category is Category.INFEASIBLE:
        worked = {tool for tool, had_error in record.calls if not had_error}
        yield from (t for t in record.intended_tools if t not in worked)


def barren(record: PracticeRecord) -> Iterator[str]:
    """Yield the sources of calls that could not be made: they showed nothing to use."""
    if record.category is Category.INFEASIBLE:
        called = {tool for tool, _ in record.calls}
        for call in record.goal.get("calls", ()):
            if call.get("tool") in called:
                continue
            for value in call.get("arguments", {}).values():
                if goals.is_reference(value):
                    yield str(value.get("$from", ""))


def refused(record: PracticeRecord) -> Iterator[list[Any]]:
    """Yield (tool, parameter, value) of calls that never worked in an infeasible task."""
    failing = set(culprits(record))
    for call in record.goal.get("calls", ()):
        if call.get("tool") in failing:
            for name, value in call.get("arguments", {}).items():
                if isinstance(value, (str, int, float)):
                    yield [call["tool"], name, value]
