"""The environment summariser without a model: what was there before the agent changed anything."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from practice.agents.rules import schema
from practice.agents.rules.documents import failure, owned_records
from practice.agents.rules.words import joined, parts, phrase, vocabulary
from practice.domain.types import Fact, Step, Summary, TaskSpec, ToolSpec, Trajectory

MAX_FACTS = 5
MAX_RECORDS = 12
MAX_VALUES = 20
_LONG = 160
_ONWARD = vocabulary("next cursor")
#: words of fields that name a thing where it has neither id nor name.
_NAMING = ("key", "code", "number", "tag", "symbol", "slug", "sku")
_PAGING = vocabulary("page paging token link url href uri offset start after has more")
_ENDS = (".", "!", "?", ".”", "!”", "?”")
#: where a value holds a sentence of its own, or ends one.
_STOPS = re.compile(r"[.!?;](?:\s|$)")


class RulesSummariser:
    """Extracts at most five facts from what read-only calls showed before the first change."""

    def summarise(
        self, task: TaskSpec, trajectory: Trajectory, tools: Sequence[ToolSpec]
    ) -> Summary:
        """Return facts with their machine-readable ``data``; fewer where less was seen."""
        known = schema.by_name(tools)
        facts: dict[tuple[str, str], Fact] = {}
        for step in trajectory.steps:
            tool = known.get(step.tool)
            if tool is None or failure(step):
                continue
            if not schema.is_read(tool):
                break
            for fact in _facts(step, task):
                facts.setdefault((step.tool, str(fact.data["field"])), fact)
        return Summary(facts=tuple(facts.values())[:MAX_FACTS])


def _facts(step: Step, task: TaskSpec) -> list[Fact]:
    rows = [(_short(own), owner) for own, owner in owned_records(step.observation, step.tool)]
    asked = {n: v for n, v in step.arguments.items() if "id" in parts(n)}
    shown = {str(v) for own, owner in rows for v in (*own.values(), *owner.values())}
    # A record belongs to what was asked about, where the answer does not say to what.
    about = {n: v for n, v in asked.items() if str(v) not in shown}
    shapes: dict[frozenset[str], list[dict[str, Any]]] = {}
    for own, owner in rows:
        if any(isinstance(v, str) and v for v in own.values()):
            shapes.setdefault(frozenset(own), []).append({**about, **owner, **own})
    found = []
    for shape, same in shapes.items():
        field = _key([{k: v for k, v in row.items() if k in shape} for row in same])
        values = list(dict.fromkeys(str(r[field]) for r in same))[:MAX_VALUES]
        found.append(
            Fact(
                text=_text(step, field, same, values),
                source_task=task.instruction,
                data={
                    "field": field,
                    "values": values,
                    "tool": step.tool,
                    "records": same[:MAX_RECORDS],
                },
            )
        )
    return found


def _short(row: dict[str, Any]) -> dict[str, Any]:
    """Return a record without long texts and without what only leads to the next page."""
    return {
        k: v
        for k, v in row.items()
        if not (isinstance(v, str) and len(v) > _LONG) and not _leads_on(parts(k))
    }


def _leads_on(words: Sequence[str]) -> bool:
    """``next_page_token`` and ``cursor`` do; ``next_task_title``, of a list of tasks, does not."""
    return bool(_ONWARD & set(words)) and not set(words) - _ONWARD - _PAGING


def _key(rows: Sequence[dict[str, Any]]) -> str:
    """Return the field that names a record: its id, a name, a code, else what tells rows apart."""
    first = rows[0]
    # A record says first what it is: a stay its own id before that of its consultant. The rows
    # have their fields from last to first.
    own = [f for f in first if "id" in parts(f) and first[f] not in (None, "")]
    if own:
        return own[-1]
    for word in ("name", "title", "email", *_NAMING):
        for field in first:
            if word in parts(field) and first[field] not in (None, ""):
                return field
    texts = [f for f, v in first.items() if isinstance(v, str) and v]
    # A state that all rows share names none of them.
    return max(texts, key=lambda field: len({str(row[field]) for row in rows}))


def _text(step: Step, field: str, same: list[dict[str, Any]], values: list[str]) -> str:
    named = [_told(value) for value in values[:8]]
    if len(same[0]) == 1:
        return f"`{step.tool}` shows these {phrase(field)} values: {joined(named)}."
    first = same[0]
    told = [
        f"{phrase(k)} {_told(v)}" for k, v in first.items() if k != field and v not in (None, "")
    ][:4]
    others = f"; others are {joined(named[1:6])}" if len(values) > 1 else ""
    said = f"`{step.tool}` shows {phrase(field)} {_told(first[field])} with {joined(told)}{others}"
    return said if said.endswith(_ENDS) else f"{said}."


def _told(value: Any) -> str:
    """Return a value on one line, in quotes where its full stop would end the fact's sentence."""
    text = " ".join(str(value).split())
    return f"“{text}”" if _STOPS.search(text) else text
