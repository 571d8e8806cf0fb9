"""What older conventions wrote as events of a span: who said what, and what a tool answered."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.domain.traces.otlp import made, span

CALL = {"id": "c1", "type": "function", "function": {"name": "refund", "arguments": '{"id": 7}'}}
ASKED, TRIED, HEARD, SAID = "user", "assistant", "tool", "choice"
CHAT = {"gen_ai.operation.name": "chat"}


def conventional(kind: str) -> tuple[str, dict[str, Any]]:
    """An event as OpenTelemetry's own instrumentations wrote it until 1.36."""
    events: dict[str, tuple[str, dict[str, Any]]] = {
        ASKED: ("gen_ai.user.message", {"content": "Refund order 7."}),
        TRIED: ("gen_ai.assistant.message", {"tool_calls": json.dumps([CALL])}),
        HEARD: ("gen_ai.tool.message", {"id": "c1", "content": "Error: not delivered"}),
        SAID: ("gen_ai.choice", {"index": 0, "message": '{"content": "It is not here yet."}'}),
    }
    return events[kind]


def in_one_attribute(kind: str) -> tuple[str, dict[str, Any]]:
    """The same as Azure's SDKs write it: the body as JSON."""
    name, body = conventional(kind)
    body = {key: json.loads(value) if key == "message" else value for key, value in body.items()}
    if kind == TRIED:
        body = {"role": "assistant", "tool_calls": [CALL]}
    if kind == HEARD:
        body = {"role": "tool", "tool_call_id": "c1", "content": body["content"]}
    return name, {"gen_ai.system": "az.ai.inference", "gen_ai.event.content": json.dumps(body)}


def blocks(kind: str) -> tuple[str, dict[str, Any]]:
    """The same as Strands writes it: blocks of content as Bedrock has them."""
    name, _ = conventional(kind)
    used = {"toolUse": {"name": "refund", "toolUseId": "c1", "input": {"id": 7}}}
    result = {"toolUseId": "c1", "content": [{"text": "Error: not delivered"}]}
    content = {
        ASKED: [{"text": "Refund order 7."}],
        TRIED: [used],
        HEARD: [{"toolResult": {**result, "status": "error"}}],
        SAID: [{"text": "It is not here yet."}],
    }[kind]
    return name, {"message" if kind == SAID else "content": json.dumps(content)}


@pytest.mark.parametrize("written", [conventional, in_one_attribute, blocks])
def test_it_reads_what_a_tool_answered(written: Any) -> None:
    told = [written(kind) for kind in (ASKED, TRIED, HEARD, SAID)]
    found = made([span(1, "chat gpt", CHAT, events=told)])
    (step,) = found["steps"]
    assert (step["tool"], step["arguments"]) == ("refund", {"id": 7})
    assert step["observation"] == "Error: not delivered"
    assert step["is_error"] is (written is blocks)  # nobody else says so beside the text
    assert (found["instruction"], found["answer"]) == ("Refund order 7.", "It is not here yet.")


def test_what_came_before_is_no_thought_of_a_model_that_only_calls() -> None:
    before = ("gen_ai.assistant.message", {"content": "Which order?"})
    calls = ("gen_ai.choice", {"message": json.dumps({"tool_calls": [CALL]})})
    tool = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "refund"}
    spans = [
        span(1, "chat", CHAT, events=[before, conventional(ASKED), calls]),
        span(2, "execute_tool refund", tool),
    ]
    assert made(spans)["steps"][0]["thought"] == ""


def test_what_is_said_last_is_the_answer_where_nothing_is_marked_as_chosen() -> None:
    last = ("gen_ai.assistant.message", {"content": "Done."})
    told = [conventional(kind) for kind in (ASKED, TRIED, HEARD)]
    assert made([span(1, "chat", CHAT, events=[*told, last])])["answer"] == "Done."


def test_words_that_happen_to_be_json_are_words() -> None:
    asked = ("gen_ai.user.message", {"content": '{"order": 7}'})
    told = [asked, *(conventional(kind) for kind in (TRIED, HEARD, SAID))]
    assert made([span(1, "chat", CHAT, events=told)])["instruction"] == '{"order": 7}'


@pytest.mark.parametrize(
    ("events", "wanted"),
    [
        # Strands: what the tool was called with, then what came of it.
        (
            [
                ("gen_ai.tool.message", {"content": '{"id": 7}', "id": "c1", "role": "tool"}),
                ("gen_ai.choice", {"message": '[{"text": "refunded"}]', "id": "c1"}),
            ],
            ({"id": 7}, "refunded"),
        ),
        # by the convention, the message of a tool is what it answered
        (
            [("gen_ai.tool.message", {"arguments": '{"id": 7}', "content": "refunded"})],
            ({"id": 7}, "refunded"),
        ),
        (
            [
                (
                    "gen_ai.client.inference.operation.details",
                    {key: json.dumps([{"role": "tool", "parts": [part]}])},
                )
                for key, part in (
                    (
                        "gen_ai.input.messages",
                        {"type": "tool_call", "name": "refund", "id": "c", "arguments": {"id": 7}},
                    ),
                    (
                        "gen_ai.output.messages",
                        {
                            "type": "tool_call_response",
                            "id": "c",
                            "response": [{"text": "refunded"}],
                        },
                    ),
                )
            ],
            ({"id": 7}, "refunded"),
        ),
    ],
)
def test_it_reads_the_events_of_a_tools_own_span(events: Any, wanted: Any) -> None:
    tool = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "refund"}
    root = span(1, "agent", {"greenroom.instruction": "Refund order 7."})
    (step,) = made([root, span(2, "execute_tool refund", tool, events=events)])["steps"]
    assert (step["arguments"], step["observation"]) == wanted


def test_a_tool_says_by_its_status_that_it_failed() -> None:
    tool = {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": "refund",
        "gen_ai.tool.status": "error",
        "gen_ai.tool.call.result": "Not delivered.",
    }
    root = span(1, "agent", {"greenroom.instruction": "Refund order 7."})
    assert made([root, span(2, "execute_tool refund", tool)])["steps"][0]["is_error"] is True
