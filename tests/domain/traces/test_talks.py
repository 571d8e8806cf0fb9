"""Conversations as an agent's own code holds them, in the messages of the libraries."""

from __future__ import annotations

from typing import Any

import pytest

from practice.domain.deployment import NotATrajectory, Sent, read
from tests.domain.traces.exports import TALK, export, jsonl

ASKED = {"role": "user", "content": "Refund order 7."}
DONE = {"role": "assistant", "content": "Done."}
#: The same conversation in the words of each.
LIBRARIES: dict[str, list[Any]] = {
    "OpenAI": TALK["messages"],
    "OpenAI, Responses": [
        ASKED,
        {"type": "reasoning", "summary": []},
        {"type": "function_call", "call_id": "c", "name": "create_refund",
         "arguments": '{"order_id": "7"}'},
        {"type": "function_call_output", "call_id": "c", "output": "NOT_VERIFIED"},
        {"type": "message", "role": "assistant",
         "content": [{"type": "output_text", "text": "Done."}]},
    ],
    "Anthropic": [
        ASKED,
        {"role": "assistant", "content": [
            {"type": "tool_use", "id": "c", "name": "create_refund", "input": {"order_id": "7"}}]},
        {"role": "user", "content": [
            {"type": "tool_result", "tool_use_id": "c", "content": "NOT_VERIFIED",
             "is_error": True}]},
        {"role": "assistant", "content": [{"type": "text", "text": "Done."}]},
    ],
    "LangChain, model_dump": [
        {"type": "human", "content": "Refund order 7."},
        {"type": "ai", "content": "", "tool_calls": [
            {"name": "create_refund", "args": {"order_id": "7"}, "id": "c", "type": "tool_call"}]},
        {"type": "tool", "content": "NOT_VERIFIED", "tool_call_id": "c", "status": "error"},
        {"type": "ai", "content": "Done.", "tool_calls": []},
    ],
}  # fmt: skip
LIBRARIES["LangChain, messages_to_dict"] = [
    {"type": one["type"], "data": one} for one in LIBRARIES["LangChain, model_dump"]
]
LIBRARIES["without ids"] = [
    ASKED,
    {"role": "assistant", "tool_calls": [
        {"function": {"name": "create_refund", "arguments": {"order_id": "7"}}}]},
    {"role": "tool", "content": "NOT_VERIFIED"},
    DONE,
]  # fmt: skip


def talks(*rows: Any) -> list[Sent]:
    return [read(entry) for entry in export("messages", jsonl(*rows))]


@pytest.mark.parametrize("library", LIBRARIES)
def test_it_reads_the_messages_of_each_library(library: str) -> None:
    (sent,) = talks({"id": "t1", "messages": LIBRARIES[library], "outcome": "failure"})
    (step,) = sent.steps
    assert (sent.external_id, sent.instruction, sent.answer) == ("t1", "Refund order 7.", "Done.")
    assert (step["tool"], step["arguments"]) == ("create_refund", {"order_id": "7"})
    assert (step["observation"], sent.outcome) == ("NOT_VERIFIED", "failure")


def test_each_question_is_one_and_keeps_its_name_as_the_conversation_grows() -> None:
    grown = [*TALK["messages"], {**ASKED, "content": "And order 8."}, *TALK["messages"][2:]]
    first, second = talks({**TALK, "messages": grown, "outcome": "success", "release": 3})
    assert (first.external_id, second.external_id) == ("t1", "t1:2")
    assert (first.outcome, second.outcome) == ("", "success")
    assert (first.release, second.release) == ("3", "3")
    assert talks(TALK)[0].steps == first.steps


@pytest.mark.parametrize("row", [{"messages": TALK["messages"]}, TALK["messages"]])
def test_one_without_a_name_is_called_by_what_it_says(row: Any) -> None:
    (name,) = {sent.external_id for sent in talks(row, row)}
    other = [*TALK["messages"][:1], {**ASKED, "content": "Refund order 8."}, *TALK["messages"][2:]]
    assert name.startswith("talk-")
    assert talks(other)[0].external_id != name


def test_what_it_cost_is_no_part_of_a_name() -> None:
    """Or a conversation would be learned from once more when its library begins to count."""
    plain = TALK["messages"]
    usage = {"usage_metadata": {"input_tokens": 90, "output_tokens": 8}}
    counted = [{**one, **usage} if one["role"] == "assistant" else one for one in plain]
    named, told = talks(plain)[0], talks(counted)[0]
    assert told.steps[0]["input_tokens"] == 90
    assert told.external_id == named.external_id


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"id": "x", "message": []}, "A line is one conversation"),
        ({"id": "x", "messages": "Refund"}, "A line is one conversation"),
        (7, "A line is one conversation"),
        ({"id": "x", "messages": [DONE, 7, None]}, "Nobody asks anything"),
        ({"id": "x", "messages": [ASKED, DONE]}, "was followed by a tool call"),
    ],
)
def test_what_is_no_conversation_is_refused_and_the_others_are_kept(row: Any, said: str) -> None:
    refused, kept = export("messages", jsonl(row, TALK))
    assert isinstance(refused, NotATrajectory)
    assert said in str(refused)
    assert (refused.place, refused.id) == (0, "x" if isinstance(row, dict) else "")
    assert read(kept).external_id == "t1"


def test_calls_made_at_once_are_answered_in_their_order_where_nothing_has_an_id() -> None:
    calls = [{"function": {"name": f"get_{n}", "arguments": {}}} for n in "ab"]
    answers = [{"role": "tool", "content": f"{n} found"} for n in "ab"]
    (sent,) = talks({"messages": [ASKED, {"role": "assistant", "tool_calls": calls}, *answers]})
    assert [step["observation"] for step in sent.steps] == ["a found", "b found"]


def test_a_tool_of_openais_agents_that_failed_is_one() -> None:
    calls = [{"type": "function_call", "call_id": "c", "name": "refund", "arguments": "{}"}]
    said = "An error occurred while running the tool. Please try again."
    answers = [{"type": "function_call_output", "call_id": "c", "output": said}]
    (sent,) = talks({"messages": [ASKED, *calls, *answers]})
    assert sent.steps[0]["is_error"]
