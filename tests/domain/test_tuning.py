"""Trajectories as lines of files for fine-tuning."""

from __future__ import annotations

import json
import re
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from practice.domain.tuning import Example, dpo_line, function_name, pairs, sft_line
from practice.domain.types import Step, ToolSpec, Trajectory

LOOK = ToolSpec("get_order", "Look up an order.", {"type": "object", "properties": {"id": {}}})
words = st.text(min_size=1, max_size=60).filter(lambda text: bool(text.strip()))
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=6,
)
calls = st.tuples(words, st.dictionaries(st.text(max_size=8), values, max_size=3), words, words)


def example(answer: str = "Done.", *called: tuple[str, Any, str, str]) -> Example:
    steps = tuple(
        Step(number=n, tool=tool, arguments=arguments, observation=seen, thought=thought)
        for n, (tool, arguments, seen, thought) in enumerate(called, start=1)
    )
    return Example("Refund order 7.", Trajectory(steps=steps, answer=answer))


def test_it_writes_a_conversation_as_openai_reads_it() -> None:
    line = sft_line(example("Done.", ("get_order", {"id": "7"}, "shipped", "Look first.")), [LOOK])
    assert json.loads(line) == {
        "messages": [
            {"role": "user", "content": "Refund order 7."},
            {
                "role": "assistant",
                "content": "Look first.",
                "tool_calls": [
                    {
                        "id": "call_1",
                        "type": "function",
                        "function": {"name": "get_order", "arguments": '{"id": "7"}'},
                    }
                ],
            },
            {"role": "tool", "tool_call_id": "call_1", "content": "shipped"},
            {"role": "assistant", "content": "Done."},
        ],
        "tools": [
            {
                "type": "function",
                "function": {
                    "name": "get_order",
                    "description": "Look up an order.",
                    "parameters": {"type": "object", "properties": {"id": {}}},
                },
            }
        ],
        "parallel_tool_calls": False,
    }


def test_it_writes_what_was_accepted_beside_what_was_rejected() -> None:
    line = json.loads(dpo_line(example("Refunded."), example("I cannot."), []))
    assert line == {
        "input": {"messages": [{"role": "user", "content": "Refund order 7."}]},
        "preferred_output": [{"role": "assistant", "content": "Refunded."}],
        "non_preferred_output": [{"role": "assistant", "content": "I cannot."}],
    }


@given(st.lists(calls, max_size=5), words)
def test_it_loses_nothing_and_declares_each_function(done: list[Any], answer: str) -> None:
    given_ = example(answer, *done)
    line = sft_line(given_, [LOOK])
    assert line == sft_line(given_, [LOOK])
    assert line.count("\n") == 1
    read = json.loads(line)
    _, *said, last = read["messages"]
    back = [
        (
            call["content"],
            call["tool_calls"][0]["function"]["name"],
            json.loads(call["tool_calls"][0]["function"]["arguments"]),
            seen["content"],
        )
        for call, seen in zip(said[::2], said[1::2], strict=True)
    ]
    assert back == [(thought, function_name(t), a, seen) for t, a, seen, thought in done]
    assert last == {"role": "assistant", "content": answer}
    declared = [tool["function"]["name"] for tool in read["tools"]]
    assert {name for _, name, _, _ in back} <= set(declared)
    assert all(re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", name) for name in declared)
    for call, seen in zip(said[::2], said[1::2], strict=True):
        assert call["tool_calls"][0]["id"] == seen["tool_call_id"]


@given(st.lists(calls, max_size=3), st.lists(calls, max_size=3), words, words)
def test_it_gives_both_sides_of_a_pair_the_same_question(
    good: list[Any], bad: list[Any], one: str, other: str
) -> None:
    preferred, rejected = example(one, *good), example(other, *bad)
    read = json.loads(dpo_line(preferred, rejected, [LOOK]))
    assert [m["role"] for m in read["input"]["messages"]] == ["user"]
    declared = {tool["function"]["name"] for tool in read["input"]["tools"]}
    for side in ("preferred_output", "non_preferred_output"):
        assert {m["role"] for m in read[side]} <= {"assistant", "tool"}
        assert read[side][-1]["role"] == "assistant"
        for message in read[side]:
            for call in message.get("tool_calls", ()):
                assert call["function"]["name"] in declared


def test_it_pairs_each_attempt_once_and_never_two_that_did_the_same() -> None:
    same, good, bad = example("Same."), example("Good."), example("Bad.")
    assert list(pairs([same, good, good], [same, bad])) == [(good, bad)]


def test_it_takes_only_what_ends_with_an_answer() -> None:
    assert example("Done.").is_whole
    assert not example(" ").is_whole
