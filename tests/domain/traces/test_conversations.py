"""What is said in a trace: who asked what, why a tool was called, and what was answered."""

from __future__ import annotations

import json
from typing import Any

import pytest

from practice.domain.deployment import NotATrajectory
from tests.domain.traces.otlp import made, span


def test_it_reads_the_conversation_where_no_tool_has_a_span() -> None:
    talk = [
        {"role": "user", "parts": [{"type": "text", "content": "Refund order 7."}]},
        {
            "role": "assistant",
            "parts": [
                {"type": "text", "content": "I look."},
                {"type": "tool_call", "id": "c", "name": "get_order", "arguments": {"id": "7"}},
            ],
        },
        {
            "role": "tool",
            "parts": [{"type": "tool_call_response", "id": "c", "response": {"total": 12}}],
        },
    ]
    chat = {"gen_ai.operation.name": "chat", "gen_ai.input.messages": json.dumps(talk)}
    (step,) = made([span(1, "chat", chat)])["steps"]
    assert (step["tool"], step["observation"], step["thought"]) == (
        "get_order",
        {"total": 12},
        "I look.",
    )


def numbered(shape: str, call: str, talk: list[dict[str, Any]]) -> dict[str, Any]:
    """A conversation in numbered attributes, as OpenInference and OpenLLMetry write them."""
    found: dict[str, Any] = {}
    for place, message in enumerate(talk):
        start = shape.format(place)
        found |= {start + name: value for name, value in message.items() if name != "calls"}
        for number, (call_id, tool, asked) in enumerate(message.get("calls", ())):
            at = f"{start}tool_calls.{number}."
            function = f"{at}{call}function." if call else at
            found[f"{at}{call}id"] = call_id
            found |= {function + "name": tool, function + "arguments": asked}
    return found


@pytest.mark.parametrize("answered_by_id", [True, False])
@pytest.mark.parametrize(
    ("shape", "call", "kind"),
    [
        ("llm.input_messages.{}.message.", "tool_call.", {"openinference.span.kind": "LLM"}),
        ("gen_ai.prompt.{}.", "", {"llm.request.type": "chat"}),
    ],
)
def test_it_reads_numbered_tool_calls_where_no_tool_has_a_span(
    shape: str, call: str, kind: dict[str, str], answered_by_id: bool
) -> None:
    ids = [{"tool_call_id": "c1"}, {"tool_call_id": "c2"}] if answered_by_id else [{}, {}]
    calls = [("c1", "get_order", '{"order_id": "7"}'), ("c2", "create_refund", "{}")]
    talk: list[dict[str, Any]] = [
        {"role": "user", "content": "Refund order 7."},
        {"role": "assistant", "content": "I look.", "calls": calls},
        {"role": "tool", "content": "paid", **ids[0]},
        {"role": "tool", "content": "refunded", **ids[1]},
    ]
    found = made(
        [span(1, "chat", {**kind, **numbered(shape, call, talk), "output.value": "Done."})]
    )
    assert [(s["tool"], s["arguments"], s["observation"]) for s in found["steps"]] == [
        ("get_order", {"order_id": "7"}, "paid"),
        ("create_refund", {}, "refunded"),
    ]
    assert found["steps"][0]["thought"] == "I look."
    assert (found["instruction"], found["answer"]) == ("Refund order 7.", "Done.")


def test_it_reads_the_parts_of_a_numbered_message() -> None:
    part = "llm.input_messages.0.message.contents.{}.message_content.text"
    said = {part.format(0): "Refund", part.format(2): "order 7."}
    model = span(1, "llm", {"openinference.span.kind": "LLM", **said})
    tool = span(2, "t", {"openinference.span.kind": "TOOL", "tool.name": "get"}, parent=1)
    assert made([model, tool])["instruction"] == "Refund\norder 7."


def test_a_model_that_only_called_tools_thought_nothing() -> None:
    """What its span holds as a whole answer of the provider is no thought."""
    calls = {
        "openinference.span.kind": "LLM",
        "llm.output_messages.0.message.role": "assistant",
        "llm.output_messages.0.message.tool_calls.0.tool_call.function.name": "get",
        "output.value": '{"choices": []}',
        "greenroom.instruction": "Look.",
    }
    tool = span(2, "t", {"openinference.span.kind": "TOOL", "tool.name": "get"}, parent=1)
    found = made([span(1, "llm", calls), tool])
    assert (found["steps"][0]["thought"], found["answer"]) == ("", "")


@pytest.mark.parametrize(
    "output",
    [
        {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "Done."}]},
        [{"role": "user", "content": "q"}, {"role": "assistant", "content": "Done."}],
        {"input": "q", "output": "Done."},
        {"messages": [{"type": "human", "content": "q"}, {"type": "ai", "content": "Done."}]},
    ],
)
def test_the_answer_is_the_last_word_not_the_question(output: Any) -> None:
    top = {
        "openinference.span.kind": "CHAIN",
        "input.value": "q",
        "output.value": json.dumps(output),
    }
    tool = span(2, "t", {"openinference.span.kind": "TOOL", "tool.name": "get"}, parent=1)
    assert made([span(1, "chain", top), tool])["answer"] == "Done."


def says(*words: tuple[str, str]) -> str:
    talk = [
        {"role": role, "parts": [{"type": "text", "content": content}]} for role, content in words
    ]
    return json.dumps(talk)


PAST = (("system", "You are a desk."), ("user", "Where is order 3?"), ("assistant", "On its way."))
NOW = ("user", "Refund order 7.")
DONE = ("assistant", "Done.")


@pytest.mark.parametrize(
    ("top", "model"),
    [
        ({}, {"gen_ai.input.messages": says(*PAST, NOW)}),
        ({"gen_ai.input.messages": says(*PAST, NOW)}, {}),
        (
            {
                "pydantic_ai.all_messages": says(*PAST, NOW, DONE, ("user", "Fix your reply.")),
                "pydantic_ai.new_message_index": len(PAST),
            },
            {},
        ),
        ({"pydantic_ai.all_messages": says(NOW, DONE, ("user", "Fix your reply."))}, {}),
        ({"all_messages_events": '[{"role": "user", "content": "Refund order 7."}]'}, {}),
        (
            {
                "openinference.span.kind": "CHAIN",
                "input.value": json.dumps(
                    {"messages": [{"type": "human", "content": "Where is order 3?"},
                                  {"type": "ai", "content": "On its way."},
                                  {"type": "human", "content": "Refund order 7."}]}
                ),
            },
            {},
        ),
    ],
    ids=["model", "agent", "whole with a past", "whole", "events", "langgraph"],
)  # fmt: skip
def test_what_was_asked_is_the_question_of_this_trace_not_of_an_earlier_one(
    top: dict[str, Any], model: dict[str, Any]
) -> None:
    """An agent that chats is given all that was said before, each time anew."""
    tool = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "create_refund"}
    spans = [
        span(1, "invoke_agent", {"gen_ai.operation.name": "invoke_agent", **top}),
        span(2, "chat", {"gen_ai.operation.name": "chat", **model}, parent=1),
        span(3, "execute_tool create_refund", tool, parent=1),
    ]
    assert made(spans)["instruction"] == "Refund order 7."


def test_a_conversation_that_is_read_whole_is_read_from_its_first_question() -> None:
    talk = [
        {"role": "user", "content": "Where is order 3?"},
        {"role": "assistant", "tool_calls": [{"id": "c", "function": {"name": "get_order"}}]},
        {"role": "tool", "tool_call_id": "c", "content": "On its way."},
        {"role": "user", "content": "Thanks."},
    ]
    chat = {"gen_ai.operation.name": "chat", "gen_ai.input.messages": json.dumps(talk)}
    found = made([span(1, "chat", chat)])
    assert (found["instruction"], len(found["steps"])) == ("Where is order 3?", 1)


@pytest.mark.parametrize("kind", ["reasoning", "thinking"])
def test_what_a_model_thinks_is_why_it_calls_a_tool_and_no_answer(kind: str) -> None:
    def thinks(words: str, *more: Any) -> str:
        parts = [{"type": kind, "content": words}, *more]
        return json.dumps([{"role": "assistant", "parts": parts}])

    call = {"type": "tool_call", "id": "c", "name": "get_order", "arguments": {}}
    chat = {"gen_ai.operation.name": "chat"}
    tool = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "get_order"}
    found = made(
        [
            span(1, "agent", {"greenroom.instruction": "Look."}),
            span(2, "chat", {**chat, "gen_ai.output.messages": thinks("I look.", call)}, parent=1),
            span(3, "t", tool, parent=1),
            span(
                4,
                "chat",
                {
                    **chat,
                    "gen_ai.output.messages": thinks(
                        "I am done.", {"type": "text", "content": "Paid."}
                    ),
                },
                parent=1,
            ),
        ]
    )
    assert (found["steps"][0]["thought"], found["answer"]) == ("I look.", "Paid.")


@pytest.mark.parametrize("begins", ["[{", "[ {", "[\n {"])
def test_messages_that_were_cut_off_are_no_words_of_anybody(begins: str) -> None:
    cut = begins + '"role": "user", "content": "Refund ord'
    chat = {"gen_ai.operation.name": "chat", "gen_ai.input.messages": cut}
    top = {"input.value": "Refund order 7."}
    tool = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "create_refund"}
    spans = [span(1, "agent", top), span(2, "chat", chat, parent=1), span(3, "t", tool, parent=1)]
    assert made(spans)["instruction"] == "Refund order 7."
    with pytest.raises(NotATrajectory, match="does not say what was asked"):
        made([span(1, "chat", chat), span(3, "t", tool, parent=1)])


def test_it_reads_messages_that_are_written_as_one_event_of_a_call() -> None:
    details = {
        "gen_ai.input.messages": says(NOW),
        "gen_ai.output.messages": says(DONE),
    }
    events = [("gen_ai.client.inference.operation.details", details)]
    tool = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "create_refund"}
    found = made(
        [
            span(1, "chat", {"gen_ai.operation.name": "chat"}, events=events),
            span(2, "t", tool, parent=1),
        ]
    )
    assert (found["instruction"], found["answer"]) == ("Refund order 7.", "Done.")


def test_it_reads_the_items_of_the_responses_api() -> None:
    asked = [{"role": "user", "content": [{"type": "input_text", "text": "Refund order 7."}]}]
    items = [
        {"type": "function_call", "call_id": "c", "name": "get_order", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c", "output": "paid"},
        {
            "type": "message",
            "role": "assistant",
            "content": [{"type": "output_text", "text": "Ok"}],
        },
    ]
    said = {"gen_ai.input.messages": json.dumps(asked), "gen_ai.output.messages": json.dumps(items)}
    found = made([span(1, "chat", {"gen_ai.operation.name": "chat", **said})])
    assert [(s["tool"], s["observation"]) for s in found["steps"]] == [("get_order", "paid")]
    assert (found["instruction"], found["answer"]) == ("Refund order 7.", "Ok")
