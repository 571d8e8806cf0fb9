"""Exports of LangSmith: runs as its API gives them, and as its own programs write them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from practice.domain.deployment import read
from tests.domain.traces.exports import RUNS, export, jsonl


def dumped(kind: str, **kwargs: Any) -> dict[str, Any]:
    """A message as LangChain dumps its objects."""
    path = ["langchain", "schema", "messages", kind]
    return {"lc": 1, "type": "constructor", "id": path, "kwargs": kwargs}


ASKED = {"type": "human", "content": "Refund order 7."}
CALLED = {
    "type": "ai",
    "content": "",
    "tool_calls": [{"name": "create_refund", "args": {"order_id": "7"}, "id": "c"}],
}
FAILED = {"type": "tool", "content": "NOT_VERIFIED", "tool_call_id": "c", "status": "error"}
TALK = [ASKED, CALLED, FAILED, {"type": "ai", "content": "Done."}]
DUMPED = [
    dumped("HumanMessage", content="Refund order 7."),
    dumped("AIMessage", content="", tool_calls=CALLED["tool_calls"]),
    dumped("ToolMessage", content="NOT_VERIFIED", tool_call_id="c"),
    dumped("AIMessageChunk", content="Done."),
]


@pytest.mark.parametrize("talk", [TALK, DUMPED])
def test_it_reads_a_langgraph_run(talk: list[Any]) -> None:
    """The root's output is the whole conversation, which begins with the question."""
    runs = [
        {**RUNS[0], "inputs": {"messages": talk[:1]}, "outputs": {"messages": talk}},
        {
            **RUNS[0],
            "id": "2" * 36,
            "run_type": "llm",
            "dotted_order": f"{RUNS[0]['dotted_order']}.20261125T100000000000Z{'2' * 36}",
            "inputs": {"messages": [talk[:1]]},
            "outputs": {"generations": [[{"text": "", "message": talk[1]}]]},
        },
        {
            **RUNS[1],
            "inputs": {"input": "{'order_id': '7'}"},
            "outputs": {"output": FAILED},
            "error": None,
        },
    ]
    (entry,) = export("langsmith", jsonl(*runs))
    sent = read(entry)
    (step,) = sent.steps
    assert (sent.instruction, sent.answer) == ("Refund order 7.", "Done.")
    assert (step["arguments"], step["observation"]) == ({"order_id": "7"}, "NOT_VERIFIED")
    assert (step["is_error"], step["thought"]) == (True, "")


def by_command_line(run: dict[str, Any]) -> dict[str, Any]:
    """A run as ``langsmith trace export --full`` writes it."""
    order = run["dotted_order"].split(".")
    parent = order[-2][-36:] if len(order) > 1 else None
    return {"run_id": run["id"], "parent_run_id": parent} | {
        name: value for name, value in run.items() if name not in {"id", "dotted_order"}
    }


ANSWERS_TOO = {**RUNS[1], "error": None, "outputs": {"output": "paid"}}
NESTED = {**RUNS[0], "child_runs": [ANSWERS_TOO]}


@pytest.mark.parametrize(
    "body",
    [
        jsonl(*(by_command_line(run) for run in (ANSWERS_TOO, RUNS[0]))),
        json.dumps([{"trace_id": "t1", "run_count": 2,
                     "runs": [by_command_line(run) for run in (ANSWERS_TOO, RUNS[0])]}]).encode(),
        jsonl(NESTED),
    ],
    ids=["trace export", "trace list --show-hierarchy", "child runs"],
)  # fmt: skip
def test_it_reads_what_langsmiths_own_programs_write(body: bytes) -> None:
    """The answer is the root's: without ids a tool passed for it."""
    (entry,) = export("langsmith", body)
    sent = read(entry)
    assert (sent.external_id, sent.instruction, sent.answer) == ("t1", "Refund order 7.", "Done.")
    assert [(step["tool"], step["observation"]) for step in sent.steps] == [
        ("create_refund", "paid")
    ]


def test_a_trace_of_no_runs_teaches_nothing() -> None:
    (refusal,) = export("langsmith", json.dumps([{"trace_id": "t1", "runs": []}]).encode())
    assert str(refusal).startswith("t1: The trace has no tool call.")


def test_it_reads_the_choices_of_a_wrapped_openai_client() -> None:
    arguments = '{"order_id": "7"}'
    call = {"id": "c", "function": {"name": "create_refund", "arguments": arguments}}
    run = {
        "id": "a",
        "trace_id": "t1",
        "run_type": "llm",
        "inputs": {
            "messages": [
                {"role": "user", "content": "Refund order 7."},
                {"role": "assistant", "content": None, "tool_calls": [call]},
                {"role": "tool", "tool_call_id": "c", "content": "NOT_VERIFIED"},
            ]
        },
        "outputs": {"choices": [{"message": {"role": "assistant", "content": "Done."}}]},
    }
    (entry,) = export("langsmith", jsonl(run))
    sent = read(entry)
    assert (sent.instruction, sent.answer) == ("Refund order 7.", "Done.")
    assert [(s["tool"], s["observation"]) for s in sent.steps] == [
        ("create_refund", "NOT_VERIFIED")
    ]


@pytest.mark.parametrize(
    "written", ["{'a': 1", "{'a': object()}", "{1, 2}", "{" * 5_000, "{'a': b'x'}", "{'a': 1+1}"]
)
def test_arguments_that_python_would_not_read_stay_a_text(written: str) -> None:
    (entry,) = export("langsmith", jsonl(RUNS[0], {**RUNS[1], "inputs": {"input": written}}))
    assert entry["steps"][0]["arguments"] == {"input": written}


def test_a_trace_that_teaches_nothing_names_itself() -> None:
    (refusal,) = export("langsmith", jsonl({"id": "a", "trace_id": "lost", "run_type": "chain"}))
    assert str(refusal).startswith("lost: The trace has no tool call.")
