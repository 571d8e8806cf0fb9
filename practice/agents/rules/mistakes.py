"""Lessons from calls that went wrong: what the error asked for, and what then worked."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from practice.agents.rules import schema
from practice.agents.rules.breaking import broke
from practice.agents.rules.documents import failure, leaves, records
from practice.agents.rules.errors import Diagnosis, Trouble, diagnose, message
from practice.agents.rules.places import location
from practice.agents.rules.recovery import same_thing
from practice.agents.rules.refusals import general, noun_named, refusal
from practice.agents.rules.schema import Role
from practice.agents.rules.standing import asks_for_every, state_asked
from practice.agents.rules.twins import stand_ins
from practice.agents.rules.words import content, parts
from practice.domain.types import Json, Step, ToolSpec

Lesson = dict[str, Any]
_FIXED = frozenset({Role.CHOICE, Role.FLAG, Role.LIST, Role.NUMBER})
_ABOVE = re.compile(
    r"\b(?:above|over|more than|exceeding)\s+(\d+(?:\.\d+)?)(?=\s|,|$)", re.IGNORECASE
)


def mistakes(
    steps: list[Step], known: dict[str, ToolSpec], tools: Sequence[ToolSpec]
) -> Iterator[Lesson]:
    """Yield what each failed call and the next call of the same tool prove together."""
    for place, failed in enumerate(steps):
        reason = failure(failed)
        if not reason:
            continue
        found = diagnose(reason, known[failed.tool], failed.arguments, tools)
        looked = list(location(failed, steps[place + 1 :], found, tools))
        yield from looked
        after = [s for s in steps[place + 1 :] if s.tool == failed.tool]
        if not after and (others := stand_ins(failed.tool, steps, known)):
            yield _instead(failed, others[0], found, known)
            continue
        if found.trouble is Trouble.REFUSED and broke(found.text):
            # It broke and says no more: that it worked later proves nothing of what came between.
            continue
        if not after:
            yield from refusal(steps[:place], failed, found, known)
            yield from _told(failed, found, after)
            continue
        again = after[0]
        between = [s for s in steps[place + 1 :] if s.number < again.number and not failure(s)]
        # An answer that was heard before is no step forward: the call in between undid something.
        gone = failure(again) not in {
            failure(s) for s in steps[: place + 1] if s.tool == again.tool
        }
        if again.arguments == failed.arguments and gone and between:
            if between[-1].tool not in (lesson.get("move") for lesson in looked):
                yield _prerequisite(failed, steps, between[-1], again, found, known)
        elif gone or not failure(again):
            yield from _condition(steps[: again.number - 1], failed, again, found, known)
            shown = [s for s in steps if s.number < again.number and not failure(s)]
            yield from _changed(failed, shown, after, found, known)
            yield from _told(failed, found, after)
        elif not any(not failure(s) for s in after):
            yield from _told(failed, found, after)


def _prerequisite(
    failed: Step,
    steps: list[Step],
    first: Step,
    again: Step,
    found: Diagnosis,
    known: dict[str, ToolSpec],
) -> Lesson:
    tool = known[first.tool]
    settings = {
        n: v
        for n, v in first.arguments.items()
        if n in tool.parameters and _is_told(tool, n, v, found.text)
    }
    told = {n: v for n, v in first.arguments.items() if n not in settings}
    same = [n for n, v in told.items() if failed.arguments.get(n) == v]
    taken = []
    cited = [failed.number]
    for name, value in told.items():
        source = None if name in same else origin(steps, first, value)
        if source is not None:
            taken.append([name, *source[:3]])
            cited.append(source[3])
    written = ",".join(f"{k}={v}" for k, v in sorted(settings.items()))
    state = state_asked(found.text, tool)
    others = [n for n in told if n not in same and "id" in parts(n)] if state else []
    every = next((n for n in others if asks_for_every(found.text, n)), "")
    return {
        "kind": "prerequisite",
        "key": f"prerequisite:{first.tool}:{written}{':every' if every else ''}",
        "tools": [failed.tool],
        "needs": first.tool,
        "settings": settings,
        "same": same,
        "called": {n: noun_named(failed.tool, n, known.get(failed.tool)) for n in same},
        "about": next((n for n in failed.arguments if "id" in parts(n)), ""),
        "taken": taken,
        "error": general(message(found.text), failed, known.get(failed.tool)),
        "code": found.code,
        **({"state": state} if state else {}),
        **({"every": every} if every else {}),
        "steps": [*dict.fromkeys([*cited, first.number, again.number])],
    }


def _is_told(tool: ToolSpec, name: str, value: Any, said: str) -> bool:
    """Whether a setting of the call that helped is part of what helped.

    Of several choices any may do as well, where the error does not speak of the one that was made.
    """
    kind = schema.role(tool, name)
    spoken = bool(content(str(value).replace("_", " ")) & content(said))
    if kind is Role.NUMBER:
        return spoken or value in schema.bounds(tool.parameters[name])
    return kind in _FIXED and (kind is not Role.CHOICE or name not in tool.required or spoken)


def origin(steps: list[Step], consumer: Step, value: Any) -> tuple[str, str, str, int] | None:
    """Return (tool, field, key it stands under, step) of where a value was first shown."""
    for step in [s for s in steps if s.number < consumer.number and not failure(s)]:
        if value in step.arguments.values():
            continue
        for leaf in leaves(step.observation, step.tool):
            # One is no "yes", though Python says so.
            if leaf.value == value and isinstance(leaf.value, bool) == isinstance(value, bool):
                listing = len({o.path[:1] for o in leaves(step.observation, step.tool)}) > 1
                inside = leaf.under if leaf.under and not (listing and _plain(step, leaf)) else ""
                return step.tool, leaf.raw or leaf.field, inside, step.number
    return None


def _plain(step: Step, leaf: Any) -> bool:
    """Whether a leaf stands in the list the whole answer consists of."""
    tops = [o for o in leaves(step.observation, step.tool) if not o.path and "id" in o.words]
    return len(leaf.path) == 1 and not tops


def _told(failed: Step, found: Diagnosis, after: Sequence[Step]) -> Iterator[Lesson]:
    """What the error itself states: allowed values, limits and the longest period."""
    base = {"tool": failed.tool, "parameter": found.parameter, "steps": [failed.number]}
    if found.allowed:
        yield {
            **base,
            "kind": "enum",
            "key": f"enum:{failed.tool}:{found.parameter}",
            "values": list(found.allowed),
            "rejected": failed.arguments.get(found.parameter),
        }
    elif found.days:
        yield {
            **base,
            "kind": "span",
            "key": f"span:{failed.tool}",
            "first": found.period[0],
            "last": found.period[1],
            "days": found.days,
            "code": found.code,
            "error": found.text,
        }
    elif found.trouble is Trouble.ARGUMENT and (found.low is not None or found.high is not None):
        if found.spelled:
            yield {
                **base,
                "kind": "limit",
                "key": f"limit:{failed.tool}:{found.parameter}",
                "low": found.low,
                "high": found.high,
                "error": found.text,
            }
            return
        worked = [s for s in after if not failure(s)]
        if worked:
            yield {
                **base,
                "kind": "ceiling",
                "key": f"ceiling:{failed.tool}:{found.code or found.parameter}",
                "code": found.code,
                "error": found.text,
                "steps": [failed.number, worked[0].number],
            }


def _changed(
    failed: Step,
    shown: Sequence[Step],
    after: Sequence[Step],
    found: Diagnosis,
    known: dict[str, ToolSpec],
) -> Iterator[Lesson]:
    """What a rejected and an accepted value of one parameter show."""
    again = after[0]
    names = sorted(set(failed.arguments) | set(again.arguments))
    different = [n for n in names if failed.arguments.get(n) != again.arguments.get(n)]
    name = found.parameter if found.parameter in different else next(iter(different), "")
    tool = known[failed.tool]
    also = [n for n in different if n != name]
    dates = all(n in tool.parameters and schema.role(tool, n) is Role.DATE for n in different)
    stated = found.allowed or found.days or found.low is not None or found.high is not None
    if not name or (also and not dates) or stated or found.trouble is Trouble.REFUSED:
        return
    accepted = again.arguments.get(name)
    proof = next((s for s in after if not failure(s) and _carries(s, name, accepted, also)), None)
    if proof is None:
        return
    steps = [failed.number, again.number, *([proof.number] if proof is not again else [])]
    base = {"tool": failed.tool, "parameter": name, "error": found.text, "code": found.code}
    if name not in failed.arguments and name not in tool.required:
        given, source = _given_by(shown, again, accepted)
        yield {
            **base,
            "kind": "required",
            "key": f"required:{failed.tool}:{name}",
            **_only_above(found.text, failed.arguments, tool),
            **given,
            "steps": list(dict.fromkeys([*source, *steps])),
        }
    elif name in again.arguments:
        kind = "spelling" if found.trouble is Trouble.MISSING_THING else "format"
        if kind == "spelling" and same_thing(failed.arguments.get(name), [accepted]) is None:
            return  # another thing was taken, which says nothing about how the first is written
        example = found.format or accepted
        yield {
            **base,
            "kind": kind,
            "key": f"{kind}:{name}:{example}" if found.format else f"{kind}:{failed.tool}:{name}",
            "tools": [failed.tool],
            "also": also,
            "rejected": failed.arguments.get(name),
            "accepted": accepted,
            "example": example,
            "steps": steps,
        }


def _carries(step: Step, name: str, accepted: Any, also: Sequence[str]) -> bool:
    """Whether a working call carries an accepted value; of a period its form is enough."""
    return step.arguments.get(name) == accepted or (bool(also) and name in step.arguments)


def _only_above(said: str, arguments: Json, tool: ToolSpec) -> dict[str, Any]:
    amounts = [n for n in arguments if n in tool.parameters]
    of = next((n for n in amounts if schema.role(tool, n) is Role.AMOUNT), "")
    limit = _ABOVE.search(said)
    return {"above": limit.group(1), "of": of} if limit and of else {}


def _given_by(
    shown: Sequence[Step], again: Step, value: Any
) -> tuple[dict[str, Any], tuple[int, ...]]:
    """Return which earlier call gave the value and what both calls are about, and its step."""
    for step in reversed(shown):
        field = next(
            (leaf.raw for leaf in leaves(step.observation, step.tool) if leaf.value == value), ""
        )
        if field:
            same = [n for n, v in step.arguments.items() if again.arguments.get(n) == v]
            return {"producer": step.tool, "field": field, "same": same}, (step.number,)
    return {}, ()


def _condition(
    before: list[Step],
    failed: Step,
    again: Step,
    found: Diagnosis,
    known: dict[str, ToolSpec],
) -> Iterator[Lesson]:
    """A refused and an accepted record that differ in what the error speaks of."""
    if failure(again) or found.trouble is not Trouble.REFUSED:
        return
    names = [n for n in failed.arguments if failed.arguments[n] != again.arguments.get(n)]
    if len(names) != 1:
        return
    (name,) = names
    no, where = _record_of(before, failed.arguments[name])
    yes, shown = _record_of(before, again.arguments.get(name))
    spoken = content(f"{found.code} {found.text}".replace("_", " "))
    for field in no:
        if field not in yes or no[field] == yes[field]:
            continue
        flag = isinstance(no[field], bool) and content(field.replace("_", " ")) & spoken
        named = bool({"status", "state"} & set(parts(field)))
        state = isinstance(yes[field], str) and (
            yes[field] in parts(found.code) or (named and _says(found.text, yes[field]))
        )
        if flag or state:
            yield {
                "kind": "condition",
                "key": f"condition:{failed.tool}:{name}:{field}",
                "tool": failed.tool,
                "parameter": name,
                "field": field,
                "named": raw_name(shown, field, yes[field]) or field,
                "wanted": yes[field],
                "shown_by": shown.tool if shown else "",
                "code": found.code,
                "error": general(found.text, failed, known.get(failed.tool)),
                "steps": sorted(
                    {failed.number, again.number, *(s.number for s in (where, shown) if s)}
                ),
            }


def _says(said: str, state: str) -> bool:
    return bool(re.search(rf"\b{re.escape(state.lower())}\b", said.lower()))


def _record_of(before: list[Step], value: Any) -> tuple[dict[str, Any], Step | None]:
    for step in reversed(before):
        for record in [] if failure(step) else records(step.observation, step.tool):
            if value in record.values():
                return record, step
    return {}, None


def _instead(failed: Step, other: Step, found: Diagnosis, known: dict[str, ToolSpec]) -> Lesson:
    """A tool that was refused, and one that does the same and worked."""
    return {
        "kind": "instead",
        "key": f"instead:{failed.tool}",
        "tool": failed.tool,
        "other": other.tool,
        "code": found.code,
        "error": general(found.text, failed, known.get(failed.tool)),
        "steps": [failed.number, other.number],
    }


def raw_name(step: Step | None, field: str, value: Any) -> str:
    """Return the name an answer itself gives a field, empty where it shows no such value."""
    told = leaves(step.observation, step.tool) if step else ()
    return next((leaf.raw for leaf in told if leaf.field == field and leaf.value == value), "")
