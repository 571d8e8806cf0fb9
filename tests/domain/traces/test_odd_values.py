"""What other tools write comes from outside: any value of it may be of another kind."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from practice.domain.deployment import NotATrajectory, read
from practice.domain.traces.exports import NotAnExport
from tests.domain.traces.exports import CLAUDE, CODEX, OBSERVATIONS, RUNS, TALK, export, jsonl
from tests.domain.traces.test_talks import ASKED, LIBRARIES

OTHERS: list[Any] = [
    # The AI SDK, as it gives messages to a model and as it keeps them for a page.
    ASKED,
    {"role": "tool", "content": [{"type": "tool-result", "toolCallId": "c",
     "output": {"type": "error-text", "value": "NOT_VERIFIED"}}]},
    {"role": "assistant", "parts": [{"type": "reasoning", "text": "Hm."}, {"type": "tool-refund",
     "toolCallId": "c", "state": "output-available", "input": {}, "output": "Done."}]},
    # Gemini's and pydantic-ai's.
    {"role": "model", "content": {"parts": [{"function_call": {"name": "refund", "args": {}}}]}},
    {"role": "user", "parts": [{"functionResponse": {"name": "refund", "response": {"a": 1}}}]},
    {"kind": "response", "timestamp": "2026-11-25T10:00:01Z", "usage": {"input_tokens": 3},
     "parts": [{"part_kind": "thinking", "content": "Hm."},
               {"part_kind": "tool-call", "tool_name": "refund", "args": "{}"}]},
    {"kind": "request", "parts": [{"part_kind": "tool-return", "content": "x", "outcome": "failed"},
                                  {"part_kind": "user-prompt", "content": ["And now?"]}]},
]  # fmt: skip
WRITTEN = [
    ("langfuse", OBSERVATIONS),
    ("langsmith", RUNS),
    ("claude-code", CLAUDE),
    ("codex", CODEX),
    ("messages", [TALK]),
    ("messages", [{"id": "t", "messages": OTHERS}]),
    *(("messages", [{"id": "t", "messages": talk}]) for talk in LIBRARIES.values()),
]
ODD: tuple[Any, ...] = (None, True, 7, -1.5, "", "x", [], ["x"], {}, {"type": "x"})


def changed(value: Any) -> Iterator[Any]:
    """The value with one part of it, at any depth, in turn of every other kind."""
    yield from ODD
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    for key, part in inner if isinstance(value, dict | list) else ():
        for other in changed(part) if isinstance(part, dict | list) else ODD:
            copy: Any = dict(value) if isinstance(value, dict) else list(value)
            copy[key] = other
            yield copy


def steps_of(form: str, rows: list[Any]) -> int:
    """How many steps are read; what is refused has none."""
    body = jsonl(*rows)
    try:
        entries = export(form, body, piece=len(body))
        whole = [entry for entry in entries if not isinstance(entry, NotATrajectory)]
        return sum(len(read(entry).steps) for entry in whole)
    except (NotAnExport, NotATrajectory):
        return 0


@pytest.mark.parametrize(("form", "rows"), WRITTEN)
def test_a_value_of_another_kind_is_read_or_refused(form: str, rows: list[Any]) -> None:
    found = [
        steps_of(form, [*rows[:place], other, *rows[place + 1 :]])
        for place, row in enumerate(rows)
        for other in changed(row)
    ]
    assert max(found) == steps_of(form, rows) > 0
