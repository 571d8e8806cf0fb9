"""A trace's spans as one trajectory, in the native form that ``deployment.read`` checks.

Steps are the tool spans in order of their start. A trace without tool spans is read from the
conversation its model calls recorded. Parents are followed with care: a cycle ends where it began.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from practice.domain.deployment import MAX_STEPS, NotATrajectory
from practice.domain.traces import conventions as said
from practice.domain.traces.called import as_object
from practice.domain.traces.counts import (
    NOTHING,
    WHOLE,
    Took,
    added,
    cost_of,
    measured,
    milliseconds,
)
from practice.domain.traces.messages import Message
from practice.domain.traces.spans import Span, iso


def trajectory(trace_id: str, spans: Sequence[Span]) -> dict[str, Any]:
    """Return the trajectory of one trace.

    Raises:
        NotATrajectory: no tool call is to be found, or nobody asked for anything.
    """
    ordered = sorted(spans, key=lambda span: (span.started, span.ended, span.span_id))
    by_id = {span.span_id: span for span in ordered}
    repeated = _repeated(ordered, by_id)
    tools = [s for s in ordered if _is_tool(s) and s.span_id not in repeated]
    models = [s for s in ordered if said.kind_of(s.name, s.attributes) == "model"]
    began = next((span.started for span in ordered if span.started), 0)
    inside = _insides(ordered, by_id, {span.span_id for span in tools if span.span_id})
    took = _took(models)
    steps = _steps(tools, models, began, took, inside) or _spoken_steps(models, began)
    if not steps:
        raise NotATrajectory(
            "The trace has no tool call. Spans of tools carry gen_ai.operation.name=execute_tool "
            "and gen_ai.tool.name, or openinference.span.kind=TOOL."
        )
    top = _root(ordered, by_id)
    # What a conversation spoke of before is in the steps only where they are read from it whole.
    read = said.task if tools else said.opening
    around = [span for span in (top, *models, *ordered) if not _is_tool(span)]
    told = (
        _ours([top], "instruction"),
        _first_said(read, around),
        _ours(ordered, "instruction"),
        _first_said(said.given, around),
    )
    instruction = next(filter(None, map(str.strip, told)), "")
    if not instruction:
        raise NotATrajectory(
            "The trace does not say what was asked. Let the instrumentation record the content of "
            "messages, or set greenroom.instruction on the root span."
        )
    return {
        "id": trace_id,
        "instruction": instruction,
        "steps": steps[:MAX_STEPS],
        "steps_left_out": max(0, len(steps) - MAX_STEPS),
        "answer": _first_said(said.answer, [top, *reversed(models)]),
        "outcome": _ours(ordered, "outcome"),
        "release": _ours(ordered, "release"),
        "ended_at": iso(max(span.ended for span in ordered)),
        "cost": cost_of(added(took.values()).cost, most=WHOLE),
        "costs_unread": sum(call.is_unread for call in took.values()),
    }


def _is_tool(span: Span) -> bool:
    return said.kind_of(span.name, span.attributes) == "tool"


def _repeated(spans: Sequence[Span], by_id: dict[str, Span]) -> set[str]:
    """Ids of the tool calls that a span above them is too, seen by another instrumentation.

    Walked once from the top, with the names of the tools on the way: a chain of thousands would
    be climbed from each of its links otherwise. A cycle has no top and is entered anywhere.
    """
    below: dict[str | None, list[Span]] = {}
    for span in spans:
        is_below = bool(span.parent_id) and span.parent_id in by_id
        below.setdefault(span.parent_id if is_below else None, []).append(span)
    repeated: set[str] = set()
    seen: set[str] = set()
    for top in [*below.get(None, []), *spans]:
        _walk(top, below, seen, repeated)
    return repeated


def _walk(
    top: Span, below: dict[str | None, list[Span]], seen: set[str], repeated: set[str]
) -> None:
    """Go through what is under ``top``, counting the tool calls between it and each span."""
    above: Counter[str] = Counter()
    waiting: list[tuple[Span, bool]] = [(top, True)]
    while waiting:
        span, is_entered = waiting.pop()
        name = said.tool_name(span.name, span.attributes) if _is_tool(span) else None
        if not is_entered:
            above[name or ""] -= 1
            continue
        if span.span_id in seen:
            continue
        seen.add(span.span_id)
        if name is not None:
            if above[name]:
                repeated.add(span.span_id)
            above[name] += 1
            waiting.append((span, False))
        waiting.extend((child, True) for child in below.get(span.span_id, ()))


def _insides(
    spans: Sequence[Span], by_id: dict[str, Span], tools: Collection[str]
) -> dict[str, str]:
    """The tool call that each tool call is inside of, where it is in one, by their ids."""
    found: dict[str, str] = {}
    nearest: dict[str, str] = {}
    for span in spans:
        chain, above = [], span
        # Climbed once: what was climbed over is known from then on. A cycle ends where it began.
        while above.span_id not in nearest:
            nearest[above.span_id] = ""
            chain.append(above)
            if above.parent_id not in by_id:
                break
            above = by_id[above.parent_id]
        for one in reversed(chain):
            parent = one.parent_id
            nearest[one.span_id] = parent if parent in tools else nearest.get(parent, "")
            if one.span_id in tools and nearest[one.span_id]:
                found[one.span_id] = nearest[one.span_id]
    return found


def _took(models: Sequence[Span]) -> dict[str, Took]:
    """What each call of a model took, by the ids of their spans.

    Of a call that two libraries saw, one's span is below the other's: the lower one is counted.
    """
    above = {span.parent_id for span in models}
    return {
        span.span_id: NOTHING if span.span_id in above else said.took(span.attributes)
        for span in models
    }


def _root(ordered: Sequence[Span], by_id: dict[str, Span]) -> Span:
    """The first span whose parent is not here; in a trace of cycles alone, the first of all."""
    return next((span for span in ordered if span.parent_id not in by_id), ordered[0])


def _steps(
    tools: Sequence[Span],
    models: Sequence[Span],
    began: int,
    took: Mapping[str, Took],
    inside: Mapping[str, str],
) -> list[dict[str, Any]]:
    """The tool calls, each with what the models said and took since the one before it."""
    wanted: dict[str, Any] | None = None
    waiting = deque(models)
    steps = []
    numbers: dict[str, int] = {}
    for number, span in enumerate(tools, start=1):
        thought, calls = "", []
        while waiting and waiting[0].started <= span.started:
            model = waiting.popleft()
            thought = said.answer(model.attributes)
            calls.append(took[model.span_id])
        numbers.setdefault(span.span_id, number)
        # One that began before what it is inside of is by a clock that is wrong.
        above = inside.get(span.span_id)
        parent = numbers.get(above, number) if above else number
        asked, seen = said.call(span.attributes)
        if set(asked) <= {"input"} and (call_id := said.call_id(span.attributes)):
            # Some write of a call with one argument only its value: the model named it.
            wanted = _wanted(models) if wanted is None else wanted
            asked = wanted.get(call_id, asked)
        problem = span.attributes.get("error.type")
        why = said.reason(span.attributes) or problem
        steps.append(
            {
                "tool": said.tool_name(span.name, span.attributes)[:200] or "unnamed",
                "arguments": asked,
                "observation": why if seen is None and why else seen,
                "is_error": span.failed or bool(problem) or said.failed(span.attributes),
                "thought": thought[:10_000],
                "duration_ms": milliseconds(span.started, span.ended),
                **measured(added(calls)),
                **({"started_ms": milliseconds(began, span.started)} if span.started else {}),
                **({"parent": parent} if parent < number else {}),
            }
        )
    return steps


def _wanted(models: Sequence[Span]) -> dict[str, Any]:
    """What models wanted tools to be called with, by the ids of the calls."""
    said_by = (one for span in models for one in said.messages(span.attributes, output=True))
    calls = (call for message in said_by for call in message.calls)
    return {call_id: as_object(given) for call_id, _, given in calls if call_id}


def _spoken_steps(models: Sequence[Span], began: int) -> list[dict[str, Any]]:
    """Tool calls out of the longest conversation the model calls recorded."""
    replies = [(span, said.messages(span.attributes, output=True)) for span in models]
    talks = [[*said.messages(span.attributes), *reply] for span, reply in replies]
    return _steps_of(max(talks, key=len), _asked_for(replies, began)) if talks else []


def _asked_for(
    replies: Iterable[tuple[Span, Sequence[Message]]], began: int
) -> dict[str, dict[str, Any]]:
    """When each call was asked for, by its id, and at the first of a reply what the reply took."""
    found: dict[str, dict[str, Any]] = {}
    for span, reply in replies:
        at = {"started_ms": milliseconds(began, span.ended)} if span.ended else {}
        took = measured(said.took(span.attributes))
        for call_id in (call_id for message in reply for call_id, _, _ in message.calls):
            if call_id and call_id not in found:
                found[call_id], took = {**at, **took}, {}
    return found


def _steps_of(
    talk: Sequence[Message], asked_for: dict[str, dict[str, Any]]
) -> list[dict[str, Any]]:
    """The tool calls of a conversation with what answered them; without an id, the next answer."""
    answers = [answer for message in talk for answer in message.answers]
    by_id = {call: (found, failed) for call, found, failed in answers if call}
    in_turn = deque((found, failed) for call, found, failed in answers if not call)
    steps = []
    for message in talk:
        for call_id, name, given in message.calls:
            seen = by_id.get(call_id) or (in_turn.popleft() if in_turn else ("", False))
            steps.append(
                {
                    "tool": name[:200],
                    "arguments": as_object(given),
                    "observation": seen[0],
                    "is_error": seen[1],
                    "thought": message.text[:10_000],
                    **asked_for.pop(call_id, {}),
                }
            )
    return steps


def _first_said(read: Any, spans: Sequence[Span]) -> str:
    found = (str(read(span.attributes)).strip() for span in spans)
    return next(filter(None, found), "")


def _ours(spans: Sequence[Span], name: str) -> str:
    """What an agent's own code set: ``greenroom.instruction``, ``outcome`` or ``release``."""
    found = (span.attributes.get(f"greenroom.{name}") for span in spans)
    return next((str(value) for value in found if value is not None), "")
