"""What a tool was called with and answered, whatever a library wrapped around it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.domain.traces.exports import OBSERVATIONS, RUNS, export, jsonl
from tests.domain.traces.otlp import made, span

BESIDE = {"tags": [], "metadata": {"thread": 1}, "kwargs": {"color": "red"}}
ORDER = {"order_id": 9}
TOOL = {"traceloop.span.kind": "tool", "traceloop.entity.name": "refund"}


@pytest.mark.parametrize(
    ("written", "arguments"),
    [
        ({"args": [], "kwargs": ORDER}, ORDER),
        ({"args": [ORDER], "kwargs": {}}, ORDER),
        ({"args": ["9"], "kwargs": {}}, {"input": "9"}),
        ({"args": [9, "now"], "kwargs": {}}, {"args": [9, "now"], "kwargs": {}}),
        ({"input_str": "{'order_id': 9}", **BESIDE, "inputs": ORDER}, ORDER),
        ({"input_str": "{'order_id': 9}", **BESIDE, "inputs": None}, ORDER),
        ({"input_str": "order 9", **BESIDE, "inputs": {}}, {"input": "order 9"}),
        ("{'order_id': 9}", ORDER),
        # of a tool's own making
        ({"inputs": [1]}, {"inputs": [1]}),
        ({"tags": ["x"], "order_id": 9}, {"tags": ["x"], "order_id": 9}),
        ({"tags": ["x"]}, {"tags": ["x"]}),
        ({"metadata": {"vip": True}, "tags": []}, {"metadata": {"vip": True}, "tags": []}),
    ],
)
def test_it_reads_the_arguments_out_of_what_openllmetry_wraps(
    written: Any, arguments: dict[str, Any]
) -> None:
    given = written if isinstance(written, str) else json.dumps(written)
    root = span(1, "agent", {"greenroom.instruction": "Refund order 9."})
    (step,) = made([root, span(2, "refund.tool", {**TOOL, "traceloop.entity.input": given})])[
        "steps"
    ]
    assert step["arguments"] == arguments


@pytest.mark.parametrize(
    ("written", "observation"),
    [
        ({"output": "refunded", "kwargs": {"color": "red"}}, "refunded"),
        (
            {"output": {"lc": 1, "type": "constructor", "id": ["ToolMessage"],
                        "kwargs": {"content": "refunded", "tool_call_id": "c"}}, "kwargs": {}},
            "refunded",
        ),
        ({"output": "refunded"}, "refunded"),
        ({"output": 5, "cents": 7}, {"output": 5, "cents": 7}),
        ({"content": "refunded"}, {"content": "refunded"}),
    ],
)  # fmt: skip
def test_it_reads_the_answer_out_of_what_openllmetry_wraps(written: Any, observation: Any) -> None:
    root = span(1, "agent", {"greenroom.instruction": "Refund order 9."})
    tool = {**TOOL, "traceloop.entity.output": json.dumps(written)}
    found = made([root, span(2, "refund.tool", tool)])["steps"][0]["observation"]
    assert (
        json.loads(found) if isinstance(found, str) and found[:1] == "{" else found
    ) == observation


@pytest.mark.parametrize(
    "written",
    [
        {"args": ["Refund 9"], "kwargs": {}},
        {"args": [], "kwargs": {"question": "Refund 9"}},
        {"inputs": {"messages": [["user", "Refund 9"]]}, **BESIDE},
        {"inputs": {"input": "Refund 9"}, **BESIDE},
    ],
)
def test_it_reads_the_task_out_of_what_openllmetry_wraps(written: Any) -> None:
    workflow = {"traceloop.span.kind": "workflow", "traceloop.entity.input": json.dumps(written)}
    assert (
        made([span(1, "desk.workflow", workflow), span(2, "t", TOOL)])["instruction"] == "Refund 9"
    )


@pytest.mark.parametrize(
    ("form", "rows", "field"), [("langfuse", OBSERVATIONS, "input"), ("langsmith", RUNS, "inputs")]
)
def test_each_export_may_print_arguments_as_python_does(form: str, rows: Any, field: str) -> None:
    printed: Any = "{'order_id': 7}"
    given = {"input": printed} if form == "langsmith" else printed
    (entry,) = export(form, jsonl(rows[0], {**rows[1], field: given}))
    assert entry["steps"][0]["arguments"] == {"order_id": 7}


@pytest.mark.parametrize(
    "asked",
    [
        {"messages": [["user", "Refund order 7."]]},
        {"messages": [["system", "You are a desk."], ["human", "Refund order 7."]]},
        {"messages": ["Refund order 7."]},
    ],
)
def test_it_reads_messages_as_langchain_takes_them(asked: Any) -> None:
    (entry,) = export("langsmith", jsonl({**RUNS[0], "inputs": asked}, *RUNS[1:]))
    assert entry["instruction"] == "Refund order 7."


def test_the_question_a_model_was_asked_goes_before_data_the_root_was_given() -> None:
    model = {
        **RUNS[1], "id": "m", "name": "gpt", "run_type": "llm",
        "inputs": {"messages": [{"role": "user", "content": "Refund order 7."}]},
        "outputs": {"choices": []},
    }  # fmt: skip
    root = {**RUNS[0], "inputs": {"order": 7, "limits": {"eur": 20}}}
    (entry,) = export("langsmith", jsonl(root, *RUNS[1:], model))
    assert entry["instruction"] == "Refund order 7."
    (entry,) = export("langsmith", jsonl(root, *RUNS[1:]))
    assert json.loads(entry["instruction"]) == root["inputs"]


#: What a tool of LangGraph answers with.
ANSWERED = {
    "content": "NOT_VERIFIED",
    "type": "tool",
    "name": "refund",
    "tool_call_id": "call_1",
    "status": "error",
}
WANTED = {"name": "refund", "args": ORDER, "id": "call_1", "type": "tool_call"}


def graph(model: dict[str, Any], tool: dict[str, Any]) -> dict[str, Any]:
    """The step of a trace of LangGraph: a model asks for a tool, and that is called."""
    root = span(1, "graph", {"greenroom.instruction": "Refund order 9."})
    (step,) = made([root, span(2, "chat", model), span(3, "refund", tool)])["steps"]
    return dict(step)


def test_it_reads_a_call_of_langgraph_as_openinference_writes_it() -> None:
    """Of one argument it has the value alone, and the message that answers whole."""
    at = "llm.output_messages.0.message."
    call = f"{at}tool_calls.0.tool_call."
    model = {
        "openinference.span.kind": "LLM",
        f"{at}role": "assistant",
        f"{call}id": "call_1",
        f"{call}function.name": "refund",
        f"{call}function.arguments": json.dumps(ORDER),
    }
    tool = {
        "openinference.span.kind": "TOOL",
        "tool.name": "refund",
        "input.value": "9",
        "output.value": json.dumps({"type": "tool", "data": ANSWERED}),
    }
    step = graph(model, tool)
    assert (step["tool"], step["arguments"]) == ("refund", ORDER)
    assert (step["observation"], step["is_error"]) == ("NOT_VERIFIED", True)


@pytest.mark.parametrize("asked", [ORDER, {}])
def test_it_reads_a_call_of_langgraph_as_langsmith_writes_it(asked: dict[str, Any]) -> None:
    """A tool has its prompt and completion there, as a model has."""
    said = {"lc": 1, "type": "constructor", "id": ["langchain", "AIMessage"],
            "kwargs": {"content": "", "type": "ai", "tool_calls": [WANTED]}}  # fmt: skip
    model = {
        "gen_ai.operation.name": "chat",
        "gen_ai.completion": json.dumps({"generations": [[{"message": said}]]}),
    }
    tool = {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": "refund",
        "gen_ai.tool.call.id": "call_1",
        "gen_ai.completion": json.dumps({"output": ANSWERED}),
    }
    if asked:
        tool["gen_ai.prompt"] = json.dumps(asked)
    step = graph(model, tool)
    assert (step["tool"], step["arguments"]) == ("refund", ORDER)
    assert (step["observation"], step["is_error"]) == ("NOT_VERIFIED", True)


def test_a_call_nobody_wanted_keeps_the_value_it_was_given() -> None:
    tool = {"openinference.span.kind": "TOOL", "tool.name": "refund", "input.value": "9"}
    assert graph({"openinference.span.kind": "LLM"}, tool)["arguments"] == {"input": "9"}


@pytest.mark.parametrize(
    ("parameters", "arguments"),
    [
        ({"type": "object", "properties": {"order_id": {"type": "integer"}}}, ORDER),
        ({"type": "object"}, ORDER),
        ({"order_id": 7}, {"order_id": 7}),
        ({"type": "object", "properties": "all"}, {"type": "object", "properties": "all"}),
    ],
)
def test_the_schema_of_a_tool_is_not_what_it_was_called_with(
    parameters: Any, arguments: Any
) -> None:
    """OpenAI's agents have it in the attribute that others write the arguments to."""
    tool = {
        "openinference.span.kind": "TOOL",
        "tool.name": "refund",
        "tool.parameters": json.dumps(parameters),
        "input.value": json.dumps(ORDER),
    }
    assert graph({"openinference.span.kind": "LLM"}, tool)["arguments"] == arguments
