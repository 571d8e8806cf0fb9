"""Traces of frameworks that have conventions of their own: Vercel's AI SDK and Google's ADK."""

from __future__ import annotations

import json
from typing import Any

import pytest

from practice.domain.deployment import read
from practice.domain.traces.otlp import from_json, from_protobuf
from tests.domain.traces.exports import export, jsonl
from tests.domain.traces.otlp import as_json, made, protobuf, span

WANTED = ("Refund order 7.", "create_refund", {"order_id": "7"}, "NOT_VERIFIED", True, "Done.")


def seen(found: Any) -> tuple[Any, ...]:
    sent = read(found)
    (step,) = sent.steps
    told = (step["tool"], step["arguments"], step["observation"], step["is_error"])
    return (sent.instruction, *told, sent.answer)


TALK = [
    {"role": "system", "content": "You are a desk."},
    {"role": "user", "content": [{"type": "text", "text": "Refund order 7."}]},
]
#: the same call as the fourth, the fifth and the sixth version of the AI SDK write it.
CALLS: list[dict[str, Any]] = [
    {"toolCallType": "function", "args": '{"order_id": "7"}'},
    {"input": '{ "order_id": "7" }'},
    {"type": "tool-call", "input": {"order_id": "7"}},
]


def ai_sdk(call: dict[str, Any], *, has_tool_span: bool = True) -> list[dict[str, Any]]:
    asked = {"toolCallId": "c", "toolName": "create_refund", **call}
    answered = {
        "type": "tool-result",
        "toolCallId": "c",
        "toolName": "create_refund",
        "output": {"type": "error-text", "value": "NOT_VERIFIED"},
    }
    later = [
        *TALK,
        {"role": "assistant", "content": [{"type": "tool-call", **asked}]},
        {"role": "tool", "content": [answered]},
    ]
    step = "ai.generateText.doGenerate"
    tool = {
        "ai.operationId": "ai.toolCall",
        "ai.toolCall.name": "create_refund",
        "ai.toolCall.id": "c",
        "ai.toolCall.args": '{"order_id":"7"}',
    }
    failed = {"failed": True, "why": "NOT_VERIFIED"}
    spans = [
        span(
            1,
            "ai.generateText",
            {
                "ai.operationId": "ai.generateText",
                "ai.response.text": "Done.",
                "ai.usage.promptTokens": 200,
            },
        ),
        span(
            2,
            step,
            {
                "ai.operationId": step,
                "ai.prompt.messages": json.dumps(TALK),
                "ai.response.text": "I refund it.",
                "ai.response.toolCalls": json.dumps([asked]),
                "gen_ai.usage.input_tokens": 90,
                "gen_ai.request.model": "m",
            },
            parent=1,
        ),
        span(3, "ai.toolCall", tool, parent=1, **failed),
        span(
            4,
            step,
            {
                "ai.operationId": step,
                "ai.prompt.messages": json.dumps(later),
                "ai.response.text": "Done.",
            },
            parent=1,
        ),
    ]
    return [one for one in spans if has_tool_span or one["name"] != "ai.toolCall"]


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("has_tool_span", [True, False])
def test_it_reads_the_ai_sdk(call: dict[str, Any], has_tool_span: bool) -> None:
    spans = ai_sdk(call, has_tool_span=has_tool_span)
    found = made(spans)
    assert seen(found) == WANTED
    assert found["steps"][0]["thought"] == "I refund it." or not has_tool_span
    assert from_json(as_json(spans)).spans == from_protobuf(protobuf(spans)).spans


def test_the_ai_sdk_counts_a_call_of_a_model_at_the_model() -> None:
    (step,) = read(made(ai_sdk(CALLS[2]))).steps
    assert step["input_tokens"] == 90


def test_what_the_ai_sdk_gave_to_a_model_is_a_conversation() -> None:
    (_, _, _, later) = ai_sdk(CALLS[2])
    talk = json.loads(later["attributes"]["ai.prompt.messages"])
    whole = [*talk, {"role": "assistant", "content": [{"type": "text", "text": "Done."}]}]
    (entry,) = export("messages", jsonl({"id": "t", "messages": whole}))
    assert seen(entry) == WANTED


@pytest.mark.parametrize(
    ("output", "heard", "failed"),
    [
        ({"type": "json", "value": {"total": 12}}, '{"total": 12}', False),
        ({"type": "text", "value": "12"}, "12", False),
        ({"type": "content", "value": [{"type": "text", "text": "12"}]}, "12", False),
        ({"type": "error-json", "value": {"code": 1}}, '{"code": 1}', True),
        ({"type": "execution-denied", "reason": "Not now."}, "Not now.", True),
        # a tool's own words, which only look like that
        ({"type": "text", "value": "12", "page": 3}, '{"type": "text", "value": "12"', False),
        ({"type": "refund", "value": 12}, '{"type": "refund", "value": 12}', False),
    ],
)
def test_a_result_of_the_ai_sdk_is_taken_out_of_what_is_around_it(
    output: Any, heard: str, failed: bool
) -> None:
    call = {"type": "tool-call", "toolCallId": "c", "toolName": "get_order", "input": {}}
    told = {"type": "tool-result", "toolCallId": "c", "toolName": "get_order", "output": output}
    talk = [TALK[1], {"role": "assistant", "content": [call]}, {"role": "tool", "content": [told]}]
    (entry,) = export("messages", jsonl({"messages": talk}))
    (step,) = read(entry).steps
    assert step["observation"].startswith(heard)
    assert step["is_error"] is failed


def adk(*, has_tool_span: bool) -> list[dict[str, Any]]:
    asked = {"role": "user", "parts": [{"text": "Refund order 7."}]}
    call = {"function_call": {"id": "c", "name": "create_refund", "args": {"order_id": "7"}}}
    told = {"id": "c", "name": "create_refund", "response": "NOT_VERIFIED"}
    turn = [
        {"role": "model", "parts": [{"text": "I refund it."}, call]},
        {"role": "user", "parts": [{"function_response": told}]},
    ]

    def model(number: int, contents: list[Any], said: Any) -> dict[str, Any]:
        request = {"model": "gemini", "config": {}, "contents": contents}
        response = {"content": said, "finish_reason": "STOP"}
        return span(
            number,
            "call_llm",
            {
                "gen_ai.system": "gcp.vertex.agent",
                "gcp.vertex.agent.llm_request": json.dumps(request),
                "gcp.vertex.agent.llm_response": json.dumps(response),
            },
            parent=1,
        )

    spans = [
        span(1, "invocation", {}),
        model(2, [asked], turn[0]),
        span(
            3,
            "execute_tool create_refund",
            {
                "gen_ai.operation.name": "execute_tool",
                "gen_ai.tool.name": "create_refund",
                "gcp.vertex.agent.tool_call_args": '{"order_id": "7"}',
                "gcp.vertex.agent.tool_response": '"NOT_VERIFIED"',
            },
            parent=2,
            failed=True,
        ),
        model(4, [asked, *turn], {"role": "model", "parts": [{"text": "Done."}]}),
    ]
    return [one for one in spans if has_tool_span or one["id"] != f"{3:016x}"]


def test_it_reads_the_adk() -> None:
    assert seen(made(adk(has_tool_span=True))) == WANTED


@pytest.mark.parametrize(
    ("answer", "failed"),
    [
        ('{"status": "error", "error_message": "NOT_VERIFIED"}', True),
        ('{"status": "success"}', False),
        ('"error"', False),
    ],
)
def test_a_tool_of_the_adk_says_in_its_answer_that_it_failed(answer: str, failed: bool) -> None:
    tool = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "t"}
    told = {**tool, "gcp.vertex.agent.tool_response": answer}
    asked = {"greenroom.instruction": "Refund order 7."}
    (step,) = read(made([span(1, "agent", asked), span(2, "t", told, parent=1)])).steps
    assert step["is_error"] is failed


def test_what_the_adk_merges_is_no_call() -> None:
    """Of tools called at once it writes one span more, which no environment has a tool for."""
    tool = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "(merged tools)"}
    more = {"gcp.vertex.agent.tool_call_args": "N/A", "gcp.vertex.agent.llm_request": "{}"}
    merged = span(9, "execute_tool (merged)", {**tool, **more}, parent=2)
    assert seen(made([*adk(has_tool_span=True), merged])) == WANTED


@pytest.mark.parametrize(
    ("name", "written", "heard"),
    [
        ("ai.toolCall.result", '"No such order."', "No such order."),
        ("ai.toolCall.result", '{"total":12}', '{"total": 12}'),
        ("ai.toolCall.result", "null", "null"),
        # of the conventions: as the tool said it
        ("gen_ai.tool.call.result", '"No such order."', '"No such order."'),
    ],
)
def test_a_text_that_is_written_as_json_stands_without_its_quotes(
    name: str, written: str, heard: str
) -> None:
    tool = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "t", name: written}
    asked = {"greenroom.instruction": "Refund order 7."}
    (step,) = read(made([span(1, "agent", asked), span(2, "t", tool, parent=1)])).steps
    assert step["observation"] == heard


def test_it_reads_gemini_s_parts_where_no_tool_has_a_span() -> None:
    found = made(adk(has_tool_span=False))
    assert seen(found) == (*WANTED[:4], False, "Done.")
    assert found["steps"][0]["thought"] == "I refund it."


def test_a_tool_of_the_ai_sdk_keeps_its_name_in_langfuse() -> None:
    """Its spans are all called alike; what OpenTelemetry said of them is in their metadata."""
    about = {"attributes": {"ai.toolCall.name": "create_refund", "operation.name": "ai.toolCall"}}
    rows: list[dict[str, Any]] = [
        {"id": "g", "trace_id": "t1", "type": "GENERATION", "start_time": "2026-11-25 10:00:00",
         "input": [{"role": "user", "content": "Refund order 7."}], "output": "Done."},
        {"id": "s", "trace_id": "t1", "type": "TOOL", "name": "ai.toolCall", "level": "ERROR",
         "start_time": "2026-11-25 10:00:01.000000", "end_time": "2026-11-25 10:00:02.500000",
         "input": '{"order_id":"7"}', "status_message": "NOT_VERIFIED",
         "parent_observation_id": "g"},
    ]  # fmt: skip
    for metadata in (about, json.dumps(about)):
        (entry,) = export("langfuse", jsonl(rows[0], {**rows[1], "metadata": metadata}))
        assert seen(entry) == WANTED
    (entry,) = export("langfuse", jsonl(rows[0], {**rows[1], "metadata": None}))
    assert entry["steps"][0]["tool"] == "ai.toolCall"


UI_CALLS: list[dict[str, Any]] = [
    {"type": "tool-create_refund", "toolCallId": "c", "state": "output-error",
     "input": {"order_id": "7"}, "errorText": "NOT_VERIFIED"},
    {"type": "dynamic-tool", "toolName": "create_refund", "toolCallId": "c",
     "state": "output-error", "input": {"order_id": "7"}, "errorText": "NOT_VERIFIED"},
]  # fmt: skip


@pytest.mark.parametrize("call", UI_CALLS)
def test_it_reads_what_the_ai_sdk_keeps_for_a_page(call: dict[str, Any]) -> None:
    """All of an answer is one message there, with the calls in the middle of it."""
    said = [
        {"type": "step-start"},
        {"type": "reasoning", "text": "They ask for a refund."},
        {"type": "text", "text": "I refund it.", "state": "done"},
        call,
        {"type": "step-start"},
        {"type": "text", "text": "Done.", "state": "done"},
    ]
    asked = {"id": "u", "role": "user", "parts": [{"type": "text", "text": "Refund order 7."}]}
    talk = {"id": "t", "messages": [asked, {"id": "a", "role": "assistant", "parts": said}]}
    (entry,) = export("messages", jsonl(talk))
    assert seen(entry) == WANTED
    assert entry["steps"][0]["thought"] == "They ask for a refund.\nI refund it."


def test_an_older_page_of_the_ai_sdk_and_calls_without_an_answer() -> None:
    call = {"state": "result", "toolCallId": "c", "toolName": "get_order", "args": {"n": 7}}
    waits = {"type": "tool-get_order", "toolCallId": "d", "state": "input-available", "input": {}}
    said = [{"type": "tool-invocation", "toolInvocation": {**call, "result": {"total": 12}}}, waits]
    asked = {"role": "user", "content": "Refund order 7."}
    talk = {"messages": [asked, {"role": "assistant", "content": "", "parts": said}]}
    (entry,) = export("messages", jsonl(talk))
    steps = [(s["tool"], s["arguments"], s["observation"]) for s in read(entry).steps]
    assert steps == [("get_order", {"n": 7}, '{"total": 12}'), ("get_order", {}, "")]


def langfuse(level: str = "ERROR") -> list[dict[str, Any]]:
    """As its SDK for Python writes functions that are marked, with what they were called with."""

    def observed(
        number: int, name: str, kind: str, given: Any, made: Any, **more: Any
    ) -> dict[str, Any]:
        held = {"input": given, "output": made, **more.pop("said", {})}
        said = {f"langfuse.observation.{k}": v for k, v in held.items() if v is not None}
        said["langfuse.observation.type"] = kind
        return span(number, name, said, parent=min(number - 1, 1), **more)

    def called(*listed: Any, **named: Any) -> str:
        return json.dumps({"args": listed, "kwargs": named})

    function = {"name": "create_refund", "arguments": '{"order_id": "7"}'}
    spoken = {"role": "assistant", "content": "I refund it.",
              "tool_calls": [{"id": "c", "type": "function", "function": function}]}  # fmt: skip
    usage = {"usage_details": '{"input": 40, "input_cached_tokens": 50, "output": 8, "total": 98}'}
    refused = {"level": level, "status_message": "NOT_VERIFIED"}
    asked = [{"role": "user", "content": "Refund order 7."}]
    return [
        observed(1, "agent", "agent", called("Refund order 7."), "Done."),
        observed(2, "ask", "generation", called(asked), json.dumps(spoken), said=usage),
        observed(3, "create_refund", "tool", called(order_id="7"), None, said=refused, failed=True),
        observed(4, "ask", "generation", called(asked), "Done."),
    ]


def test_it_reads_what_langfuse_s_sdks_write() -> None:
    found = made(langfuse())
    assert seen(found) == WANTED
    (step,) = read(found).steps
    assert (step["thought"], step["input_tokens"], step["output_tokens"]) == ("I refund it.", 90, 8)


def test_it_reads_the_messages_that_pydantic_ai_dumps() -> None:
    """As ``result.all_messages_json()`` does: what a model was given, and what came of it."""

    def message(kind: str, second: float, *parts: dict[str, Any], **more: Any) -> dict[str, Any]:
        at = f"2026-11-25T10:00:{second:06.3f}Z"
        return {"kind": kind, "parts": list(parts), "timestamp": at, **more}

    call = {"tool_name": "create_refund", "args": '{"order_id": "7"}', "tool_call_id": "c"}
    system = {"part_kind": "system-prompt", "content": "You are a desk."}
    asked = {"part_kind": "user-prompt", "content": ["Refund order 7.", {"url": "x"}]}
    spent = {"input_tokens": 90, "cache_read_tokens": 80, "output_tokens": 8, "details": {}}
    talk = [
        message("request", 0, system, asked, instructions="Be kind."),
        message(
            "response",
            2,
            {"part_kind": "thinking", "content": "A refund."},
            {"part_kind": "text", "content": "I refund it."},
            {"part_kind": "tool-call", **call},
            usage=spent,
        ),
        message("request", 3.5, {"part_kind": "retry-prompt", "content": "NOT_VERIFIED", **call}),
        message("response", 4, {"part_kind": "text", "content": "Done."}, usage=spent),
    ]
    (entry,) = export("messages", jsonl({"id": "t", "messages": talk}))
    assert seen(entry) == WANTED
    (step,) = read(entry).steps
    assert step["thought"] == "A refund.\nI refund it."
    times = (step["started_ms"], step["duration_ms"])
    assert (*times, step["input_tokens"], step["output_tokens"]) == (2000, 1500, 90, 8)


@pytest.mark.parametrize(
    ("part", "heard", "failed"),
    [
        ({"part_kind": "tool-return", "content": {"total": 12}}, '{"total": 12}', False),
        ({"part_kind": "tool-return", "content": "no", "outcome": "failed"}, "no", True),
        ({"part_kind": "tool-return", "content": "no", "outcome": "denied"}, "no", True),
        ({"part_kind": "tool-return", "content": "12", "outcome": "success"}, "12", False),
    ],
)
def test_what_a_tool_of_pydantic_ai_returned(part: Any, heard: str, failed: bool) -> None:
    call = {"tool_name": "t", "args": {}, "tool_call_id": "c"}
    talk = [
        {"kind": "request", "parts": [{"part_kind": "user-prompt", "content": "Go."}]},
        {"kind": "response", "parts": [{"part_kind": "tool-call", **call}]},
        {"kind": "request", "parts": [{**call, **part}]},
    ]
    (entry,) = export("messages", jsonl(talk))
    (step,) = read(entry).steps
    assert (step["observation"], step["is_error"]) == (heard, failed)


@pytest.mark.parametrize(
    ("usage", "read_tokens"),
    [
        ({"usage_metadata": {"input_tokens": 90, "output_tokens": 8, "total_tokens": 98}}, 90),
        ({"usage": {"input_tokens": 3, "cache_read_input_tokens": 87, "output_tokens": 8}}, 90),
    ],
)
def test_a_message_says_what_its_model_took(usage: dict[str, Any], read_tokens: int) -> None:
    call = {"type": "tool_use", "id": "c", "name": "t", "input": {}}
    talk = [TALK[1], {"role": "assistant", "content": [call], **usage}]
    (entry,) = export("messages", jsonl({"messages": talk}))
    (step,) = read(entry).steps
    assert (step["input_tokens"], step["output_tokens"]) == (read_tokens, 8)
