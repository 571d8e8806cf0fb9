"""Replies that are almost JSON are mended before the model is asked again."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from practice.agents.curator import Changes
from practice.agents.repairing import Unreadable, read_reply
from practice.agents.summariser import Facts


class Reply(BaseModel):
    score: int
    reason: str = ""


GOOD: dict[str, Any] = {"score": 4, "reason": 'Step 2, "ok".'}
JSON = json.dumps(GOOD)


@pytest.mark.parametrize(
    "written",
    [
        JSON,
        GOOD,
        f"```json\n{JSON}\n```",
        f"```\n{JSON}```",
        f"Here is my verdict:\n\n{JSON}\n\nI hope this helps {{not JSON}}.",
        f"Sure. ```json\n{JSON}\n``` Done.",
        '{"score": 4, "reason": "Step 2, \\"ok\\".",}',
        "{'score': 4, 'reason': 'Step 2, \"ok\".'}",
        json.dumps(JSON),
        json.dumps({"reply": GOOD}),
        json.dumps({"arguments": JSON}),
        json.dumps([GOOD]),
        '{"score": "4", "reason": "Step 2, \\"ok\\"."}',
    ],
    ids=[
        "clean", "object", "fence", "bare fence", "prose", "prose and fence", "trailing comma",
        "Python", "string in string", "wrapped", "wrapped string", "list of one", "number as text",
    ],
)  # fmt: skip
def test_it_reads_what_models_write(written: Any) -> None:
    assert read_reply(written, Reply) == Reply(**GOOD)


def test_it_reads_line_breaks_inside_a_string() -> None:
    assert read_reply('{"score": 1, "reason": "a\nb"}', Reply).reason == "a\nb"


def test_it_takes_a_bare_list_for_the_only_field() -> None:
    assert read_reply('["One.", "Two."]', Facts).facts == ["One.", "Two."]
    assert read_reply("[]", Changes).changes == []


@pytest.mark.parametrize("written", [None, "", "Four, I would say.", "{", '"text"', "12", "```"])
def test_it_asks_for_json_where_there_is_none(written: Any) -> None:
    with pytest.raises(Unreadable, match="JSON object"):
        read_reply(written, Reply)


def test_it_says_field_by_field_what_does_not_fit() -> None:
    with pytest.raises(Unreadable) as told:
        read_reply({"score": "very good", "reason": 7}, Reply)

    assert "score: " in str(told.value)
    assert "reason: " in str(told.value)


def test_it_takes_as_many_of_a_long_list_as_are_asked_for() -> None:
    class Inner(BaseModel):
        tags: list[str] = Field(max_length=2)

    class Outer(BaseModel):
        tasks: list[Inner] = Field(max_length=3)

    written = {"tasks": [{"tags": ["a", "b", "c"]}] * 60}

    read = read_reply(written, Outer)

    assert [task.tags for task in read.tasks] == [["a", "b"]] * 3
    assert len(written["tasks"]) == 60
    with pytest.raises(Unreadable, match=r"tasks\.0\.tags"):
        read_reply({"tasks": [{"tags": "a"}] * 60}, Outer)


def test_it_mends_no_reply_that_was_cut_off() -> None:
    with pytest.raises(Unreadable):
        read_reply('{"score": 4, "reason": "Step 2 clo', Reply)
    with pytest.raises(Unreadable):
        read_reply('```json\n{"facts": ["One.", "Two."', Facts)


@given(st.text(max_size=300))
def test_it_gets_through_any_text(text: str) -> None:
    with suppress(Unreadable):
        assert read_reply(text, Reply)


@given(
    score=st.integers(-5, 9),
    reason=st.text(max_size=80),
    before=st.text(alphabet="abc .,\n", max_size=40),
    after=st.text(max_size=40),
)
def test_it_finds_the_object_in_any_prose(score: int, reason: str, before: str, after: str) -> None:
    wanted = Reply(score=score, reason=reason)

    assert read_reply(f"{before}{wanted.model_dump_json()}{after}", Reply) == wanted
