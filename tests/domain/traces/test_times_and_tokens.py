"""When each step of what was sent began, how long it took, and the tokens it came of."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from practice.domain.deployment import NotATrajectory, began_at, read
from practice.domain.traces.counts import LONGEST
from tests.domain.traces.exports import OBSERVATIONS, RUNS, export, jsonl
from tests.domain.traces.otlp import START, made, span

Told = tuple[int | None, ...]


def told(steps: Sequence[Mapping[str, Any]]) -> list[Told]:
    """Of each step: when it began, how long it took, tokens read and written."""
    counts = ("duration_ms", "input_tokens", "output_tokens")
    return [(s.get("started_ms"), *(s.get(name, 0) for name in counts)) for s in steps]


def of(form: str, *rows: Any) -> list[Told]:
    (entry,) = export(form, jsonl(*rows))
    return told(read(entry).steps)


OPERATION = "gen_ai.operation.name"
USAGES: list[dict[str, Any]] = [
    {"gen_ai.usage.input_tokens": 90, "gen_ai.usage.output_tokens": 8},
    {"gen_ai.usage.prompt_tokens": 90, "gen_ai.usage.completion_tokens": 8},
    {"llm.token_count.prompt": 90, "llm.token_count.completion": 8},
    {"ai.usage.inputTokens": 90, "ai.usage.outputTokens": 8},
    {"ai.usage.promptTokens": 90.0, "ai.usage.completionTokens": 8.0},
    # Langfuse's SDKs by kinds, and what its wrapper of OpenAI's library hands on of that.
    {"langfuse.observation.usage_details": '{"input": 40, "input_cached": 50, "output": 8}'},
    {
        "langfuse.observation.usage_details": (
            '{"prompt_tokens": 90, "completion_tokens": 8, "total_tokens": 98, '
            '"prompt_tokens_details": {"cached_tokens": 50}}'
        )
    },
]


def tool(number: int, *, parent: int = 1) -> dict[str, Any]:
    return span(number, "t", {OPERATION: "execute_tool", "gen_ai.tool.name": "t"}, parent=parent)


@pytest.mark.parametrize("usage", USAGES)
def test_a_traced_call_is_counted_at_the_first_step_that_came_of_it(usage: dict[str, Any]) -> None:
    asked = {"greenroom.instruction": "Refund order 7."}
    model = {OPERATION: "chat", **usage}
    found = made(
        [
            span(1, "agent", asked),
            span(2, "chat", model, parent=1),
            tool(3),
            tool(4),
            span(5, "chat", model, parent=1),
            span(6, "chat", model, parent=1),  # the one before came to nothing
            tool(7),
            span(8, "chat", model, parent=1),  # the answer, which is no step
        ]
    )
    assert told(read(found).steps) == [(2000, 500, 90, 8), (3000, 500, 0, 0), (6000, 500, 180, 16)]


def test_a_call_that_two_libraries_saw_is_counted_once() -> None:
    model = {OPERATION: "chat", **USAGES[0]}
    found = made(
        [
            span(1, "agent", {"greenroom.instruction": "Refund order 7."}),
            span(2, "chat", model, parent=1),
            span(3, "openai.chat", model, parent=2),
            tool(4),
        ]
    )
    assert told(read(found).steps) == [(3000, 500, 90, 8)]


def test_where_no_tool_has_a_span_its_reply_says_when_it_was_called_and_what_that_took() -> None:
    def reply(*calls: str) -> dict[str, Any]:
        parts = [{"type": "tool_call", "id": one, "name": "t", "arguments": {}} for one in calls]
        return {"role": "assistant", "parts": parts}

    def chat(number: int, said: dict[str, Any], *heard: dict[str, Any]) -> dict[str, Any]:
        talk = [{"role": "user", "parts": [{"type": "text", "content": "Refund order 7."}]}, *heard]
        written = {"gen_ai.input.messages": talk, "gen_ai.output.messages": [said]}
        texts = {name: json.dumps(value) for name, value in written.items()}
        return span(number, "chat", {OPERATION: "chat", **texts, **USAGES[0]}, parent=1)

    first, second = reply("a", "b"), reply("c", "a")  # some models number their calls anew
    done = {"role": "assistant", "parts": [{"type": "text", "content": "Done."}]}
    found = made(
        [
            span(1, "agent", {}),
            chat(2, first),
            chat(3, second, first),
            chat(4, done, first, second),
        ]
    )
    assert told(read(found).steps) == [
        (1500, 0, 90, 8),
        (1500, 0, 0, 0),
        (2500, 0, 90, 8),
        (None, 0, 0, 0),  # which of the two it is, nobody can say
    ]


@pytest.mark.parametrize("count", ["90", True, -1, float("nan"), [90]])
def test_what_is_no_number_of_tokens_counts_nothing(count: Any) -> None:
    found = made(
        [
            span(1, "agent", {"greenroom.instruction": "Refund order 7."}),
            span(2, "chat", {OPERATION: "chat", "gen_ai.usage.input_tokens": count}, parent=1),
            tool(3),
        ]
    )
    assert told(read(found).steps) == [(2000, 500, 0, 0)]


def test_broken_clocks_of_a_trace_stay_in_range() -> None:
    found = made(
        [
            span(1, "agent", {"greenroom.instruction": "Refund order 7."}, start=1, end=2),
            {**tool(3), "start": 0, "end": START},
            {**tool(4), "end": START},
            {**tool(5), "end": 2**64 - 1},
        ]
    )
    assert told(read(found).steps) == [
        (None, LONGEST, 0, 0),
        (LONGEST, 0, 0, 0),
        (LONGEST, LONGEST, 0, 0),
    ]


@pytest.mark.parametrize(
    ("usage", "counted"),
    [
        ({"usageDetails": {"input": 40, "input_cached_tokens": 50, "output": 8, "total": 98}}, 90),
        ({"usage_details": {"input": 90, "output": 8}}, 90),
        ({"usage_details": {}, "usage": {"input": 90, "output": 8, "unit": "TOKENS"}}, 90),
        ({"promptTokens": 90, "completionTokens": 8}, 90),
        ({"usageDetails": "?", "usage": None}, 0),
    ],
)
def test_langfuse_says_what_a_generation_took(usage: dict[str, Any], counted: int) -> None:
    generation, tool_row = OBSERVATIONS
    (found,) = of("langfuse", {**generation, **usage}, tool_row)
    assert found == (1000, 1500, counted, 8 if counted else 0)


@pytest.mark.parametrize(
    "usage",
    [
        {"prompt_tokens": 90, "completion_tokens": 8},
        {"token_usage": {"prompt_tokens": 90, "completion_tokens": 8, "total_tokens": 98}},
        {"outputs": {"usage_metadata": {"input_tokens": 90, "output_tokens": 8}}},
    ],
)
def test_langsmith_says_what_a_model_took(usage: dict[str, Any]) -> None:
    chain, tool_run = RUNS
    model = {
        "id": "2" * 36,
        "trace_id": "t1",
        "run_type": "llm",
        "start_time": "2026-11-25T10:00:00.250000",
        "parent_run_id": "0" * 36,
        **usage,
    }
    # The sum over what is under it stands at a chain: it is no call of its own.
    whole = {**chain, "start_time": "2026-11-25T10:00:00", "prompt_tokens": 900}
    (found,) = of("langsmith", whole, model, tool_run)
    assert found == (1000, 1500, 90, 8)


def at(second: float, row: Mapping[str, Any]) -> dict[str, Any]:
    return {"timestamp": f"2026-11-25T10:00:{second:06.3f}Z", **row}


def reply(second: float, name: str, written: int, *parts: Any) -> dict[str, Any]:
    usage = {
        "input_tokens": 3,
        "cache_creation_input_tokens": 7,
        "cache_read_input_tokens": 80,
        "output_tokens": written,
        "iterations": [{"input_tokens": 999}],
    }
    return at(
        second,
        {"type": "assistant", "message": {"id": name, "content": list(parts), "usage": usage}},
    )


def use(number: int) -> dict[str, Any]:
    return {"type": "tool_use", "id": f"c{number}", "name": "Bash", "input": {"n": number}}


def result(second: float, number: int) -> dict[str, Any]:
    part = {"type": "tool_result", "tool_use_id": f"c{number}", "content": "ok"}
    return at(second, {"type": "user", "message": {"content": [part]}})


ASKED = at(0, {"type": "user", "sessionId": "s", "uuid": "u", "message": {"content": "Fix it."}})


def test_a_reply_of_claude_code_is_counted_once_however_many_lines_it_has() -> None:
    found = of(
        "claude-code",
        ASKED,
        reply(2, "m1", 1, {"type": "thinking", "thinking": "", "signature": "x"}),
        reply(2.1, "m1", 1, use(1)),
        reply(2.2, "m1", 40, use(2)),  # the count grows while it is written
        result(3.1, 1),
        result(5.2, 2),
        reply(7, "m2", 5, use(3)),
        result(7.5, 3),
        reply(9, "m3", 6, {"type": "text", "text": "Fixed."}),
    )
    assert found == [(2100, 1000, 90, 40), (2200, 3000, 0, 0), (7000, 500, 90, 5)]


def test_a_clock_that_is_set_back_says_nothing_of_how_long_it_took() -> None:
    late = {**ASKED, "timestamp": "2026-11-25T10:00:30Z"}
    found = of("claude-code", late, reply(20, "m", 1, use(1)), result(19, 1))
    assert found == [(0, 0, 90, 1)]


def test_without_times_nothing_is_said_of_them() -> None:
    rows = [{k: v for k, v in row.items() if k != "timestamp"} for row in (ASKED, result(1, 1))]
    (found,) = of("claude-code", rows[0], {**reply(1, "", 2, use(1)), "timestamp": None}, rows[1])
    assert found == (None, 0, 90, 2)


def item(second: float, **payload: Any) -> dict[str, Any]:
    return at(second, {"type": "response_item", "payload": payload})


def spent(second: float, total: int, written: int) -> dict[str, Any]:
    last = {"input_tokens": 90, "cached_input_tokens": 80, "output_tokens": written}
    info = {"total_token_usage": {"total_tokens": total}, "last_token_usage": last}
    return at(second, {"type": "event_msg", "payload": {"type": "token_count", "info": info}})


def run(second: float, number: int) -> dict[str, Any]:
    return item(second, type="function_call", name="exec", arguments="{}", call_id=f"c{number}")


def ran(second: float, number: int) -> dict[str, Any]:
    return item(second, type="function_call_output", call_id=f"c{number}", output="ok")


def test_codex_says_what_a_reply_took_after_the_calls_it_asked_for() -> None:
    words = [{"type": "input_text", "text": "Fix it."}]
    limits = at(9, {"type": "event_msg", "payload": {"type": "token_count", "info": None}})
    found = of(
        "codex",
        at(0, {"type": "session_meta", "payload": {"id": "s"}}),
        item(1, type="message", role="user", content=words),
        run(3, 1),
        run(3.1, 2),
        spent(3.2, 100, 9),
        ran(4, 1),
        ran(5, 2),
        spent(5.1, 100, 9),  # limits were told, nothing was spent
        limits,
        run(9, 3),
        spent(9.1, 200, 4),
        ran(9.5, 3),
        spent(11, 300, 7),  # the answer, which is no step
    )
    assert found == [(2000, 1000, 90, 9), (2100, 1900, 0, 0), (8000, 500, 90, 4)]


NATIVE = {"id": "t", "instruction": "Refund order 7."}


def test_a_native_trajectory_says_it_itself() -> None:
    step = {"tool": "t", "started_ms": 4, "duration_ms": 2, "input_tokens": 90, "output_tokens": 8}
    assert told(read({**NATIVE, "steps": [step]}).steps) == [(4, 2, 90, 8)]
    null = dict.fromkeys(("started_ms", "duration_ms", "input_tokens"))
    assert told(read({**NATIVE, "steps": [{"tool": "t", **null}]}).steps) == [(None, 0, 0, 0)]


@pytest.mark.parametrize("value", [-1, 2**31, 1.5, True, "9"])
@pytest.mark.parametrize(
    ("name", "of_what"), [("started_ms", "milliseconds"), ("input_tokens", "tokens")]
)
def test_a_count_that_is_none_is_named(name: str, of_what: str, value: Any) -> None:
    said = f"{name} of step 1 is a whole number of {of_what}, from 0 to 2147483647."
    with pytest.raises(NotATrajectory, match=said):
        read({**NATIVE, "steps": [{"tool": "t", name: value}]})


@pytest.mark.parametrize(
    ("steps", "began"),
    [
        ([(None, 5), (None, 7), (None, 1)], [0, 5, 12]),
        ([(3, 5), (3, 7), (9, 1)], [3, 3, 9]),
        ([(3, 5), (None, 7)], [0, 5]),
        ([(None, LONGEST), (None, LONGEST), (None, 1)], [0, LONGEST, LONGEST]),
        ([], []),
    ],
)
def test_a_step_that_does_not_say_when_it_began_followed_the_one_before(
    steps: list[tuple[int | None, int]], began: list[int]
) -> None:
    rows = [{"started_ms": at, "duration_ms": took} for at, took in steps]
    assert began_at(rows) == began
