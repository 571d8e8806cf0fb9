"""A trace as a trajectory: every convention, and traces that are broken."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from practice.domain.deployment import MAX_STEPS, NotATrajectory, read
from practice.domain.traces import conventions
from practice.domain.traces.assembly import trajectory
from practice.domain.traces.otlp import from_json, from_protobuf
from practice.domain.traces.spans import Span
from tests.domain.traces.otlp import TRACE, as_json, made, protobuf, refund, span


def seen(found: dict[str, Any]) -> tuple[Any, ...]:
    steps = [(s["tool"], s["arguments"], s["is_error"]) for s in found["steps"]]
    return found["instruction"], steps, found["answer"]


WANTED = (
    "Refund order 7.",
    [("get_order", {"order_id": "7"}, False), ("create_refund", {"order_id": "7"}, True)],
    "Done.",
)


def openinference() -> list[dict[str, Any]]:
    said = {"output.value": "Done.", "openinference.span.kind": "LLM"}
    tool = {"openinference.span.kind": "TOOL", "input.value": '{"order_id": "7"}'}
    return [
        span(1, "agent", {"openinference.span.kind": "AGENT", "input.value": "Refund order 7."}),
        span(2, "llm", {**said, "llm.input_messages.0.message.role": "system"}, parent=1),
        span(3, "x", {**tool, "tool.name": "get_order", "output.value": "{}"}, parent=1),
        span(4, "x", {**tool, "tool.name": "create_refund"}, parent=1, failed=True),
    ]


def older_events() -> list[dict[str, Any]]:
    """Messages as span events, tools as older pydantic-ai wrote them."""
    asked = ("gen_ai.user.message", {"content": "Refund order 7."})
    said = ("gen_ai.choice", {"message": {"role": "assistant", "content": "Done."}})
    tool = {"tool_arguments": '{"order_id": "7"}', "tool_response": "{}"}
    return [
        span(1, "agent run", {}),
        span(2, "chat gpt", {"gen_ai.operation.name": "chat"}, parent=1, events=[asked, said]),
        span(3, "running tool", {**tool, "gen_ai.tool.name": "get_order"}, parent=1),
        span(
            4, "running tool", {**tool, "gen_ai.tool.name": "create_refund"}, parent=1, failed=True
        ),
    ]


def openllmetry() -> list[dict[str, Any]]:
    talk = {
        "llm.request.type": "chat",
        "gen_ai.prompt.0.role": "system",
        "gen_ai.prompt.0.content": "You are a desk.",
        "gen_ai.prompt.1.role": "user",
        "gen_ai.prompt.1.content": "Refund order 7.",
        "gen_ai.completion.0.content": "Done.",
    }
    tool = {"traceloop.span.kind": "tool", "traceloop.entity.input": '{"order_id": "7"}'}
    return [
        span(1, "workflow", {"traceloop.span.kind": "workflow"}),
        span(2, "openai.chat", talk, parent=1),
        span(3, "t", {**tool, "traceloop.entity.name": "get_order"}, parent=1),
        span(4, "t", {**tool, "traceloop.entity.name": "create_refund"}, parent=1, failed=True),
    ]


@pytest.mark.parametrize("spans", [refund(), openinference(), older_events(), openllmetry()])
def test_it_reads_every_convention_alike(spans: list[dict[str, Any]]) -> None:
    found = made(spans)
    assert seen(found) == WANTED
    assert read(found).external_id == TRACE


RAISED = ("exception", {"exception.type": "Timeout", "exception.message": "No answer in 5 s."})


@pytest.mark.parametrize(
    ("more", "attributes", "observation"),
    [
        ({"why": "Order 7 is closed."}, {"error.type": "ValueError"}, "Order 7 is closed."),
        ({"events": [RAISED]}, {"error.type": "Timeout"}, "No answer in 5 s."),
        ({"events": [RAISED], "why": "Gave up."}, {}, "Gave up."),
        ({}, {"error.type": "Timeout"}, "Timeout"),
        ({"why": "x"}, {"gen_ai.tool.call.result": "CLOSED"}, "CLOSED"),
        ({"failed": False, "why": "fine", "events": [RAISED]}, {}, None),
    ],
)
def test_a_tool_that_failed_says_why(
    more: dict[str, Any], attributes: dict[str, Any], observation: str | None
) -> None:
    tool = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "create_refund"}
    spans = [
        span(1, "agent", {"greenroom.instruction": "Refund order 7."}),
        span(2, "t", {**tool, **attributes}, parent=1, **({"failed": True} | more)),
    ]
    (step,) = made(spans)["steps"]
    assert step["observation"] == observation
    assert from_json(as_json(spans)).spans == from_protobuf(protobuf(spans)).spans


def test_it_counts_a_call_once_that_two_libraries_saw() -> None:
    twice = [
        *refund(),
        span(5, "tools/call", {"mcp.tool.name": "x", "gen_ai.tool.name": "get_order"}, parent=3),
    ]
    assert len(made(twice)["steps"]) == 2


def test_it_climbs_a_chain_of_thousands_once(monkeypatch: pytest.MonkeyPatch) -> None:
    named: list[str] = []
    tool_name = conventions.tool_name

    def counted(name: str, attributes: Any) -> str:
        named.append(name)
        return str(tool_name(name, attributes))

    monkeypatch.setattr(conventions, "tool_name", counted)
    tool = {"gen_ai.operation.name": "execute_tool", "greenroom.instruction": "Look."}
    chain = [
        span(n, "t", {**tool, "gen_ai.tool.name": f"tool-{n}"}, parent=n - 1)
        for n in range(1, 3_001)
    ]
    sent = made(chain)
    assert (len(sent["steps"]), sent["steps_left_out"]) == (MAX_STEPS, 3_000 - MAX_STEPS)
    assert len(named) <= 4 * len(chain)


def test_two_calls_in_a_circle_are_one_call() -> None:
    tool = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "get"}
    spans = [
        span(2, "a", {**tool, "greenroom.instruction": "Look."}, parent=3),
        span(3, "b", tool, parent=2),
    ]
    assert len(made(spans)["steps"]) == 1


@pytest.mark.parametrize("parents", [(3, 2), (2, 2)])
def test_it_reads_a_trace_whose_parents_go_in_a_circle(parents: tuple[int, int]) -> None:
    tool = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "get_order"}
    circle = [
        span(2, "a", {**tool, "greenroom.instruction": "Look."}, parent=parents[0]),
        span(3, "b", {**tool, "gen_ai.tool.name": "other"}, parent=parents[1]),
    ]
    assert len(made(circle)["steps"]) == 2


def test_it_takes_any_clock() -> None:
    tool = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "get_order"}
    asked = {"greenroom.instruction": "Look.", "greenroom.outcome": "success"}
    odd = [
        span(1, "ahead", {**tool, **asked}, start=2**63 - 1, end=2**63 - 1),
        span(2, "backwards", tool, start=9_000_000, end=1),
        span(3, "endless", tool, start=0, end=2**63 - 1),
    ]
    found = made(odd)
    assert [s["duration_ms"] for s in found["steps"]] == [2**31 - 1, 0, 0]
    assert read(found).outcome == "success"


@pytest.mark.parametrize(
    ("spans", "said"),
    [
        ([span(1, "GET /", {})], "no tool call"),
        ([span(1, "t", {"gen_ai.operation.name": "execute_tool"})], "does not say what was asked"),
    ],
)
def test_it_says_why_a_trace_teaches_nothing(spans: list[dict[str, Any]], said: str) -> None:
    with pytest.raises(NotATrajectory, match=said):
        made(spans)


def test_what_a_tool_was_called_with_is_not_what_was_asked() -> None:
    tool = {"openinference.span.kind": "TOOL", "tool.name": "get", "input.value": '{"id": "7"}'}
    spans = [span(1, "agent", {}), span(2, "t", tool, parent=1)]
    with pytest.raises(NotATrajectory, match="does not say what was asked"):
        made(spans)


words = st.text(max_size=12) | st.sampled_from(
    ["execute_tool", "chat", "TOOL", "[{}]", '{"role": 1}']
)
loose = st.recursive(
    words | st.integers() | st.none() | st.booleans(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=6,
)
names = st.sampled_from(
    [
        "gen_ai.operation.name",
        "gen_ai.tool.name",
        "gen_ai.input.messages",
        "events",
        "tool.name",
        "openinference.span.kind",
        "input.value",
        "output.value",
        "gen_ai.tool.call.arguments",
        "gen_ai.prompt.0.content",
        "gen_ai.prompt",
        "gen_ai.prompt.0.tool_calls.0.name",
        "gen_ai.completion",
        "llm.input_messages.0.message.role",
        "llm.input_messages.0.message.content",
        "error.type",
        "error.message",
        "greenroom.instruction",
        "pydantic_ai.all_messages",
        "pydantic_ai.new_message_index",
    ]
)
ids = st.sampled_from(["a", "b", "c", ""])


@given(
    st.lists(
        st.builds(
            Span,
            trace_id=st.just(TRACE),
            span_id=ids,
            parent_id=ids,
            name=words,
            started=st.integers(0, 9),
            ended=st.integers(0, 9),
            failed=st.booleans(),
            attributes=st.dictionaries(names, loose, max_size=5),
        ),
        min_size=1,
        max_size=5,
    )
)
def test_nothing_a_sender_writes_breaks_it(spans: list[Span]) -> None:
    with suppress(NotATrajectory):
        read(trajectory(TRACE, spans))
