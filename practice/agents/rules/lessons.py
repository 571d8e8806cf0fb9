"""Lessons that a trajectory proves, as structured findings. A lesson without steps does not exist.

Each finding is a mapping with ``kind``, a stable ``key``, what the kind needs, and ``steps``: the
numbers of the steps that prove it. ``bullets`` turns findings into sentences.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from practice.agents.rules import schema
from practice.agents.rules.documents import failure, leaves, parse, records
from practice.agents.rules.flows import makers, sequence, sources
from practice.agents.rules.linking import cursor_parameter
from practice.agents.rules.mistakes import mistakes, raw_name
from practice.agents.rules.paging import counts, cursor
from practice.agents.rules.refusals import state_of
from practice.agents.rules.schema import Role
from practice.agents.rules.sent import told_first
from practice.agents.rules.words import LIST_VERBS, nouns, parts
from practice.domain.types import Step, TaskSpec, ToolSpec, Trajectory

Lesson = dict[str, Any]
MAX_EXTRA = 6


def lessons(
    task: TaskSpec, trajectory: Trajectory, tools: Sequence[ToolSpec]
) -> tuple[Lesson, ...]:
    """Return every lesson the steps prove, the most useful kinds first, one per key."""
    steps = [s for s in trajectory.steps if any(t.name == s.tool for t in tools)]
    known = schema.by_name(tools)
    told = list(told_first(task, steps, known))
    wrong = [one for one in mistakes(steps, known, tools) if not _is_told_better(one, told)]
    found = [
        *wrong,
        *told,
        *_units(steps, known),
        *_pages(steps, known),
        *sequence(task, steps, known, _enabling(wrong)),
        *makers(task, steps, known),
        *_effects(steps, known),
        *_shapes(steps, known),
        *sources(task, steps, known),
    ]
    return _joined(found)


def _is_told_better(lesson: Lesson, told: list[Lesson]) -> bool:
    """Whether it says that a call was refused, and another lesson what has to come before it."""
    return lesson["kind"] == "refusal" and any(
        lesson["tool"] in other["tools"] and set(lesson["steps"]) <= set(other["steps"])
        for other in told
    )


def _joined(found: Sequence[Lesson]) -> tuple[Lesson, ...]:
    """Return one lesson per key, the first; what others tell of further consumers is added."""
    joined: dict[str, Lesson] = {}
    for lesson in found:
        first = joined.setdefault(lesson["key"], lesson)
        if first is not lesson and "consumers" in first:
            more = [c for c in lesson["consumers"] if c not in first["consumers"]]
            if more:
                first["consumers"] = [*first["consumers"], *more]
                first["steps"] = sorted({*first["steps"], *lesson["steps"]})
    return tuple(joined.values())


#: kinds whose middle steps made a later call possible.
_ENABLING = frozenset({"prerequisite", "required"})


def _enabling(wrong: list[Lesson]) -> list[tuple[str, list[int]]]:
    """Return (tool, steps) of the lessons about a call that had to come before that tool."""
    told = [lesson for lesson in wrong if lesson["kind"] in _ENABLING]
    return [(lesson.get("tool") or lesson["tools"][0], lesson["steps"]) for lesson in told]


def _units(steps: list[Step], known: dict[str, ToolSpec]) -> Iterator[Lesson]:
    """An amount passed as a decimal that results give a hundredfold, as cents."""
    for step in steps:
        for name, value in step.arguments.items():
            tool = known[step.tool]
            money = name in tool.parameters and schema.role(tool, name) is Role.AMOUNT
            if not money or failure(step) or not re.fullmatch(r"\d+\.\d\d", str(value)):
                continue
            cents = round(float(value) * 100)
            for shown in (s for s in steps if s.number <= step.number and not failure(s)):
                field = next(
                    (
                        leaf.raw
                        for leaf in leaves(shown.observation, shown.tool)
                        if leaf.value == cents and "cent" in parts(leaf.raw)
                    ),
                    "",
                )
                if field:
                    yield {
                        "kind": "unit",
                        "key": f"unit:{name}",
                        "tool": step.tool,
                        "tools": [step.tool],
                        "parameter": name,
                        "written": value,
                        "field": field,
                        "shown_by": shown.tool,
                        "shown": cents,
                        "steps": sorted({shown.number, step.number}),
                    }
                    break


def _pages(steps: list[Step], known: dict[str, ToolSpec]) -> Iterator[Lesson]:
    for first in steps:
        following = None if failure(first) else cursor(first.observation)
        if following is None:
            continue
        field, value = following
        name = cursor_parameter(known[first.tool], field)
        for second in steps:
            same = second.tool == first.tool and second.number > first.number
            if same and str(second.arguments.get(name)) == str(value) and not failure(second):
                yield {
                    "kind": "pagination",
                    "key": f"pagination:{first.tool}",
                    "tool": first.tool,
                    "parameter": name,
                    "field": field,
                    "size": _size(first),
                    **({"counted": True} if counts(field) else {}),
                    "steps": [first.number, second.number],
                }
                break


def _size(step: Step) -> int:
    rows = [r for r in records(step.observation, step.tool) if len(r) > 1]
    shapes = [frozenset(r) for r in rows]
    return max((shapes.count(s) for s in shapes), default=0)


def _effects(steps: list[Step], known: dict[str, ToolSpec]) -> Iterator[Lesson]:
    """A change that moved a status from one value to another, seen before and after."""
    for place, step in enumerate(steps):
        if failure(step) or schema.is_read(known[step.tool]):
            continue
        before = state_of(step, steps[:place])
        after: dict[str, Any] = {}
        for record in records(step.observation, step.tool):
            after |= {k: v for k, v in record.items() if {"status", "state"} & set(parts(k))}
        for field, value in after.items():
            told = _is_state(value) and _is_state(before.get(field))
            if told and value != before[field] and not _is_named(step.tool, value):
                yield {
                    "kind": "effect",
                    "key": f"effect:{step.tool}:{field}",
                    "tool": step.tool,
                    "field": field,
                    "named": raw_name(step, field, value) or field,
                    "from": before[field],
                    "to": value,
                    "steps": [*_seen_in(steps[:place], before[field]), step.number],
                }


def _is_state(value: Any) -> bool:
    """A state is a word or two; a sentence in a status field is a message."""
    return isinstance(value, str) and len(value.split()) <= 2


def _is_named(tool: str, state: str) -> bool:
    """Whether the name of a tool says the state it leads to: ``cancel_order`` to cancelled."""
    does = parts(tool)
    return all(any(word.startswith(verb[:5]) for verb in does) for word in parts(state))


def _seen_in(steps: list[Step], value: Any) -> list[int]:
    for step in reversed(steps):
        if any(leaf.value == value for leaf in leaves(step.observation, step.tool)):
            return [step.number]
    return []


def _shapes(steps: list[Step], known: dict[str, ToolSpec]) -> Iterator[Lesson]:
    """A list that gives summaries, and the call that gives the rest of the same record."""
    good = [s for s in steps if not failure(s) and schema.is_read(known[s.tool])]
    for brief in good:
        if not LIST_VERBS & set(parts(brief.tool)):
            continue
        for whole in good:
            if whole.tool == brief.tool or whole.number < brief.number:
                continue
            extra = _extra(brief, whole)
            if len(extra) >= 2:
                yield {
                    "kind": "shape",
                    "key": f"shape:{brief.tool}:{whole.tool}",
                    "tool": brief.tool,
                    "detail": whole.tool,
                    "extra": extra[:MAX_EXTRA],
                    "steps": [brief.number, whole.number],
                }


def _extra(brief: Step, whole: Step) -> list[str]:
    asked = {v for v in whole.arguments.values() if isinstance(v, (str, int))}
    for row in records(brief.observation, brief.tool):
        own = next((k for k in row if "id" in parts(k)), "")
        if len(row) < 2 or not own or row[own] not in asked:
            continue
        full = parse(whole.observation)
        while isinstance(full, dict) and len(full) == 1:
            full = next(iter(full.values()))
        first = (
            next((v for k, v in full.items() if "id" in parts(k)), None)
            if (isinstance(full, dict))
            else None
        )
        if isinstance(full, dict) and first == row[own]:
            return [f for f in full if f not in row and not _held(brief.tool, row, f, full[f])]
    return []


def _held(tool: str, row: Mapping[str, Any], name: str, value: Any) -> bool:
    """Whether a record says the same under its fuller name here: ``name`` as ``book_name``."""
    words, about = set(parts(name)), set(nouns(tool))
    return any(
        words <= set(parts(k)) <= words | about and v == value for k, v in row.items() if k != name
    )
