"""What a handle points to: "the first order you find" is the first of the first listing shown.

A reference with a description may be any record it fits, one that skips some ("any order") or comes
from a later call ("the next order") whatever its source showed, and one to a tool that makes things
what that tool made. Only a plain reference to a listing means one value and no other.

That is our rule, and people may mean something else: the first bed that can be cleaned, or the
first of those in the state that the task names. Such an attempt still fails, with less confidence.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from practice.agents.rules import schema
from practice.agents.rules.documents import records
from practice.agents.rules.equality import same
from practice.agents.rules.grounding import Shown
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
        if likely := [value for _, value in _likely(step, field, name)]:
            return [likely[0], *[v for v in likely if v not in taken][:1]]
    return []


def first_in_other_words(
    value: Any, shown: Sequence[tuple[Json, Any]], refused: Sequence[Any], told: Shown
) -> bool:
    """Whether ``value`` is the first of what was not refused, or of those the task describes.

    ``shown`` are the records of a listing, page by page, each with its value. What describes one is
    a value of it that the task (``told``) names.
    """
    left = [v for _, v in shown if not any(same(v, other) for other in refused)]
    if len(left) < len(shown) and left and same(left[0], value):
        return True
    own = next((record for record, v in shown if same(v, value)), {})
    described = [v for v in own.values() if isinstance(v, str) and len(v) > 2 and told.has(v)]
    return any(
        same(next(v for record, v in shown if word in record.values()), value) for word in described
    )


def shown_in(field: str, name: str, listings: Iterable[Step]) -> list[tuple[dict[str, Any], Any]]:
    """Return the records that listings show in order, each with its value for a parameter."""
    return [pair for step in listings for pair in _likely(step, field, name)]


def _likely(step: Step, field: str, name: str) -> list[tuple[dict[str, Any], Any]]:
    """Return records with their values of a field: those that look like what a parameter takes."""
    rows = [
        (row, value)
        for row in records(step.observation, step.tool)
        for value in under(row, field)
        if value not in (None, "")
    ]
    return [(row, v) for row, v in rows if schema.kind_of_path(name, v)] or rows


def under(record: Mapping[str, Any], field: str) -> list[Any]:
    """Return the value of a field; what a schema calls ``airports`` is an ``airport`` in a list."""
    if field in record:
        return [record[field]]
    return [value for name, value in record.items() if parts(name) == parts(field)]


def is_page(step: Step) -> bool:
    """Whether a step asked for a later page of a listing."""
    return any({"cursor", "page", "offset"} & set(parts(name)) for name in step.arguments)
