"""What is found of a schema is found once; one that is written differently is judged anew."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

import pytest
from jsonschema import Draft202012Validator

from practice.agents.toolbox import Toolbox
from practice.clients.discovery import schema_problem
from practice.domain.judged import KEPT_BYTES, judged_once
from practice.domain.types import ToolSpec


class Judge:
    """Finds the same of every schema, and knows which it was asked of."""

    def __init__(self, finds: str) -> None:
        self.finds, self.asked = finds, list[Any]()
        self.once = judged_once(self.find)

    def find(self, schema: Any) -> str:
        self.asked.append(schema)
        return self.finds


@pytest.mark.parametrize("finds", ["a problem", ""])
def test_the_same_schema_is_judged_once(finds: str) -> None:
    judge = Judge(finds)
    assert [judge.once({"type": "object"}) for _ in range(3)] == [finds] * 3
    assert judge.asked == [{"type": "object"}]


@pytest.mark.parametrize(
    "other",
    [
        {"a": {"minimum": 1.0}},
        {"a": {"minimum": True}},
        {"a": {"minimum": "1"}},
        {"a": {"minimum": 1}, "b": {}},
        [{"a": {"minimum": 1}}],
        {"a": {"minimum": "\ud800"}},
    ],
)
def test_whatever_is_written_differently_is_judged_on_its_own(other: Any) -> None:
    one = {"a": {"minimum": 1}}
    judge = Judge("")
    for schema in (one, other, one, other):
        judge.once(schema)
    assert judge.asked == [one, other]


def test_a_schema_changed_in_place_is_judged_anew() -> None:
    schema: dict[str, Any] = {"type": "object"}
    assert schema_problem(schema) == ""
    schema["type"] = "no such type"
    assert "at type" in schema_problem(schema)


def test_what_is_raised_is_raised_again() -> None:
    raised = iter([ValueError("no"), ValueError("no"), None])

    def judge(schema: Any) -> str:
        if problem := next(raised):
            raise problem
        return "judged"

    judged = judged_once(judge)
    for _ in range(2):
        with pytest.raises(ValueError, match="no"):
            judged({})
    assert judged({}) == "judged"


def test_a_schema_too_deep_to_be_written_is_judged_each_time() -> None:
    deep: dict[str, Any] = {}
    for _ in range(100_000):
        deep = {"not": deep}
    judge = Judge("deep")
    assert [judge.once(deep), judge.once(deep)] == ["deep", "deep"]
    assert len(judge.asked) == 2


def test_it_keeps_no_more_than_its_bound() -> None:
    judge = Judge("x" * 10_000)
    many = KEPT_BYTES // 10_000 + 1
    for number in (*range(many), many - 1):
        judge.once(number)
    assert judge.asked == [*range(many)]
    judge.once(0)
    assert judge.asked[many:] == [0]


def test_tools_that_are_listed_again_are_held_against_no_schema_of_schemas() -> None:
    name = "only_this_test_has_this_parameter"
    schema = {"type": "object", "properties": {name: {"type": "string"}}}
    tools = [ToolSpec(f"tool_{number}", input_schema=schema) for number in range(20)]
    whole = Draft202012Validator.check_schema
    with patch.object(Draft202012Validator, "check_schema", side_effect=whole) as checked:
        for _ in range(3):
            Toolbox(tools)
            assert [schema_problem(tool.input_schema) for tool in tools] == [""] * 20
    assert checked.call_count == 2
