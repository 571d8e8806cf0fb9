"""What holds for sessions of every coding agent."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from practice.domain.deployment import MAX_STEPS, Placed
from practice.domain.remarks import Place, remark_on
from practice.domain.traces.exports import read_export
from tests.domain.traces.sessions import agent, asks, call, person, runs, session


@pytest.mark.parametrize("form", ["codex", "claude-code"])
def test_steps_that_are_too_many_are_counted(form: str) -> None:
    many = MAX_STEPS + 2
    rows: list[Any] = [asks("Make it pass."), *(line for _ in range(many) for line in runs("a"))]
    if form == "claude-code":
        rows = [person("Make it pass."), *(agent(call(number)) for number in range(many))]
    (sent,) = session(form, *rows)
    assert (len(sent.steps), sent.left_out) == (MAX_STEPS, 2)
    said = remark_on(sent, datetime(2027, 1, 1, tzinfo=UTC), Place("", frozenset()))
    assert said == "Of its 502 steps the first 500 are kept."


@pytest.mark.parametrize("form", ["claude-code", "codex"])
def test_a_question_stands_where_its_line_does(form: str) -> None:
    rows: list[Any] = [person("Fix it."), agent(call(1)), person("Now this."), agent(call(2))]
    if form == "codex":
        rows = [asks("Fix it."), *runs("a"), asks("Now this."), *runs("b")]
    body = b"\n\n".join(json.dumps(row).encode() for row in rows)
    found = [entry.place for entry in read_export(form, iter([body])) if isinstance(entry, Placed)]
    assert found == [0, 4 if form == "claude-code" else 6]
