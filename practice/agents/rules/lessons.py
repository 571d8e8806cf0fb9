"""Lessons that a trajectory proves, as structured findings. A lesson without steps does not exist.

Each finding is a mapping with ``kind``, a stable ``key``, what the kind needs, and ``steps``: the
numbers of the steps that prove it. ``curator`` turns findings into sentences.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from practice.agents.rules import schema
from practice.agents.rules.documents import cursor, failure, leaves, parse, records
from practice.agents.rules.errors import Diagnosis, Trouble, diagnose, message
from practice.agents.rules.flows import sequence, sources
from practice.agents.rules.linking import cursor_parameter
from practice.agents.rules.schema import Role
from practice.agents.rules.words import LIST_VERBS, content, parts
from practice.domain.types import Step, TaskSpec, ToolSpec, Trajectory

Lesson = dict[str, Any]
_FIXED = frozenset({Role.CHOICE, Role.FLAG, Role.LIST, Role.NUMBER})
MAX_EXTRA = 6


def lessons(
    task: TaskSpec, trajectory: Trajectory, tools: Sequence[ToolSpec]
) -> tuple[Lesson, ...]:
    """Return every lesson the steps prove, the most useful kinds first, one per key."""
    steps = [s for s in trajectory.steps if any(t.name == s.tool for t in tools)]
    known = schema.by_name(tools)
    found = [
        *_from_errors(task, steps, known, tools),
        *_pages(steps, known),
        *_effects(steps, known),
        *_shapes(steps, known),
        *sources(task, steps, known),
        *sequence(task, steps, known),
    ]
    return tuple({lesson["key"]: lesson for lesson in reversed(found)}.values())[::-1]


def _from_errors(
    task: TaskSpec, steps: list[Step], known: dict[str, ToolSpec], tools: Sequence[ToolSpec]
) -> Iterator[Lesson]:
    for place, failed in enumerate(steps):
        reason = failure(failed)
        if not reason:
            continue
        found = diagnose(reason, known[failed.tool], failed.arguments, tools)
        after = [s for s in steps[place + 1 :] if s.tool == failed.tool]
        if not after:
            yield from _refusal(task, steps[:place], failed, found, known)
            yield from _told(failed, found)
            continue
        again = after[0]
        between = [s for s in steps[place + 1 :] if s.number < again.number and not failure(s)]
        gone = failure(again) != reason
        if again.arguments == failed.arguments and gone and between:
            yield _prerequisite(failed, between[-1], again, found, known)
        elif gone or not failure(again):
            yield from _condition(steps[:place], failed, again, found)
            yield from _changed(failed, again, found, known)
            yield from _told(failed, found)
        elif not any(not failure(s) for s in after):
            yield from _told(failed, found)


def _prerequisite(
    failed: Step, first: Step, again: Step, found: Diagnosis, known: dict[str, ToolSpec]
) -> Lesson:
    tool = known[first.tool]
    settings = {
        n: v
        for n, v in first.arguments.items()
        if n in tool.parameters and schema.role(tool, n) in _FIXED
    }
    given = [n for n in first.arguments if n not in settings]
    written = ",".join(f"{k}={v}" for k, v in sorted(settings.items()))
    return {
        "kind": "prerequisite",
        "key": f"prerequisite:{first.tool}:{written}",
        "tools": [failed.tool],
        "needs": first.tool,
        "settings": settings,
        "given": given,
        "error": message(found.text),
        "code": found.code,
        "steps": [failed.number, first.number, again.number],
    }


def _told(failed: Step, found: Diagnosis) -> Iterator[Lesson]:
    """What the error itself states: allowed values and limits."""
    base = {"tool": failed.tool, "parameter": found.parameter, "steps": [failed.number]}
    if found.allowed:
        yield {
            **base,
            "kind": "enum",
            "key": f"enum:{failed.tool}:{found.parameter}",
            "values": list(found.allowed),
            "rejected": failed.arguments.get(found.parameter),
        }
    elif found.trouble is Trouble.ARGUMENT and (found.low is not None or found.high is not None):
        yield {
            **base,
            "kind": "limit",
            "key": f"limit:{failed.tool}:{found.parameter}",
            "low": found.low,
            "high": found.high,
            "error": found.text,
        }


def _changed(
    failed: Step, again: Step, found: Diagnosis, known: dict[str, ToolSpec]
) -> Iterator[Lesson]:
    """What a rejected and an accepted value of one parameter show."""
    if failure(again):
        return
    names = set(failed.arguments) | set(again.arguments)
    different = [n for n in names if failed.arguments.get(n) != again.arguments.get(n)]
    stated = found.allowed or found.low is not None or found.high is not None
    if len(different) != 1 or stated or found.trouble is Trouble.REFUSED:
        return
    (name,) = different
    rejected, accepted = failed.arguments.get(name), again.arguments.get(name)
    base = {"tool": failed.tool, "parameter": name, "steps": [failed.number, again.number]}
    if name not in failed.arguments and name not in known[failed.tool].required:
        yield {
            **base,
            "kind": "required",
            "key": f"required:{failed.tool}:{name}",
            "error": found.text,
        }
    elif name in again.arguments:
        kind = "spelling" if found.trouble is Trouble.MISSING_THING else "format"
        yield {
            **base,
            "kind": kind,
            "key": f"{kind}:{failed.tool}:{name}",
            "rejected": rejected,
            "accepted": accepted,
            "example": found.format or accepted,
            "error": found.text,
        }


def _condition(before: list[Step], failed: Step, again: Step, found: Diagnosis) -> Iterator[Lesson]:
    """A refused and an accepted record that differ in what the error speaks of."""
    if failure(again) or found.trouble is not Trouble.REFUSED:
        return
    names = [n for n in failed.arguments if failed.arguments[n] != again.arguments.get(n)]
    if len(names) != 1:
        return
    (name,) = names
    no, where = _record_of(before, failed.arguments[name])
    yes, _ = _record_of(before, again.arguments.get(name))
    spoken = content(f"{found.code} {found.text}".replace("_", " "))
    for field in no:
        told = content(field.replace("_", " ")) & spoken
        if told and field in yes and no[field] != yes[field] and isinstance(no[field], bool):
            yield {
                "kind": "condition",
                "key": f"condition:{failed.tool}:{name}:{field}",
                "tool": failed.tool,
                "parameter": name,
                "field": field,
                "wanted": yes[field],
                "code": found.code,
                "error": found.text,
                "steps": [*where, failed.number, again.number],
            }


def _record_of(before: list[Step], value: Any) -> tuple[dict[str, Any], list[int]]:
    for step in reversed(before):
        for record in [] if failure(step) else records(step.observation, step.tool):
            if value in record.values():
                return record, [step.number]
    return {}, []


def _refusal(
    task: TaskSpec,
    before: list[Step],
    failed: Step,
    found: Diagnosis,
    known: dict[str, ToolSpec],
) -> Iterator[Lesson]:
    if found.trouble is not Trouble.REFUSED or schema.is_read(known[failed.tool]):
        return
    said = found.text.lower()
    # A state is the reason only where the error says so; otherwise it merely happened to be so.
    states = {k: v for k, v in _state(failed, before).items() if v and str(v).lower() in said}
    yield {
        "kind": "refusal",
        "key": f"refusal:{failed.tool}:{found.code or ' '.join(parts(found.text)[:6])}",
        "tool": failed.tool,
        "code": found.code,
        "error": found.text,
        "state": states,
        "steps": [failed.number],
    }


def _state(step: Step, before: list[Step]) -> dict[str, Any]:
    """Return the status fields of the thing a step acted on, as last seen before it."""
    values = {v for v in step.arguments.values() if isinstance(v, (str, int))}
    for earlier in reversed(before):
        if failure(earlier):
            continue
        for record in records(earlier.observation, earlier.tool):
            shared = [k for k, v in record.items() if "id" in parts(k) and v in values]
            if shared:
                return {k: v for k, v in record.items() if {"status", "state"} & set(parts(k))}
    return {}


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
        before = _state(step, steps[:place])
        after: dict[str, Any] = {}
        for record in records(step.observation, step.tool):
            after |= {k: v for k, v in record.items() if {"status", "state"} & set(parts(k))}
        for field, value in after.items():
            told = _is_state(value) and _is_state(before.get(field))
            if told and value != before[field]:
                yield {
                    "kind": "effect",
                    "key": f"effect:{step.tool}:{field}",
                    "tool": step.tool,
                    "field": field,
                    "from": before[field],
                    "to": value,
                    "steps": [*_seen_in(steps[:place], before[field]), step.number],
                }


def _is_state(value: Any) -> bool:
    """A state is a word or two; a sentence in a status field is a message."""
    return isinstance(value, str) and len(value.split()) <= 2


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
            return [f for f in full if f not in row]
    return []
