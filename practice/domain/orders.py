"""Tools whose own words read like orders to a model.

What a server writes into a description reaches every role that is shown the tool, and the tasks
that are made of it. It is handed on as data; that a person reads it first is what this is for.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from memoryapp.domain.text import looks_like_instruction
from practice.domain.types import ToolSpec

_DEPTH = 20


def orders_in(tool: ToolSpec) -> tuple[str, ...]:
    """Phrases of a tool's description or schema that read like orders; empty if there are none."""
    words = [tool.description, *_descriptions(tool.input_schema, _DEPTH)]
    return looks_like_instruction("\n".join(words))


def _descriptions(schema: Any, depth: int) -> Iterator[str]:
    """Everything a schema says in prose. It is a stranger's: nothing is taken for granted."""
    if depth and isinstance(schema, dict):
        for key, value in schema.items():
            if key in {"description", "title"} and isinstance(value, str):
                yield value
            else:
                yield from _descriptions(value, depth - 1)
    elif depth and isinstance(schema, list):
        for item in schema:
            yield from _descriptions(item, depth - 1)
