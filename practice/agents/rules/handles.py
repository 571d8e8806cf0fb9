"""What a handle points to: "the first order you find" is the first of the first listing shown.

A reference with a description may be any record it fits, one that skips some ("any order") or comes
from a later call ("the next order") whatever its source showed, and one to a tool that makes things
what that tool made. Only a plain reference to a listing means one value and no other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from practice.agents.rules import schema
from practice.agents.rules.documents import records
from practice.agents.rules.words import parts
from practice.domain.types import Json, Step, ToolSpec


def means_first(reference: Json, known: Mapping[str, ToolSpec]) -> bool:
    """Whether a reference means the first value its source lists, and no other will do."""
    source = known.get(str(reference.get("$from")))
    chosen = any(reference.get(key) for key in ("$where", "$skip", "$call"))
    return source is not None and schema.is_read(source) and not chosen


def first(field: str, name: str, listings: Iterable[Step], taken: Sequence[Any]) -> list[Any]:
    """Return the values that are first for parameter ``name``; none where no listing has any.

    ``listings`` are working steps in order. A value that a sibling parameter has (``taken``) may be
    passed over: where one goes from is not where one goes to.
    """
    for step in listings:
        rows = records(step.observation, step.tool)
        found = [v for row in rows for v in under(row, field) if v not in (None, "")]
        if found:
            likely = [v for v in found if schema.kind_of_path(name, v)] or found
            return [likely[0], *[v for v in likely if v not in taken][:1]]
    return []


def under(record: Mapping[str, Any], field: str) -> list[Any]:
    """Return the value of a field; what a schema calls ``airports`` is an ``airport`` in a list."""
    if field in record:
        return [record[field]]
    return [value for name, value in record.items() if parts(name) == parts(field)]


def is_page(step: Step) -> bool:
    """Whether a step asked for a later page of a listing."""
    return any({"cursor", "page", "offset"} & set(parts(name)) for name in step.arguments)
