"""Two attempts at one task, step beside step."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from practice.domain.comparing import compare
from practice.domain.types import Step


def step(tool: str, observation: str = "ok", **arguments: Any) -> Step:
    return Step(number=1, tool=tool, arguments=arguments, observation=observation)


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        ([], [], []),
        ([step("a")], [step("a")], ["same"]),
        ([step("a")], [step("a", "no")], ["answer"]),
        ([step("a", x=1)], [step("a", x=2)], ["arguments"]),
        ([step("a", x=1, y=2)], [step("a", y=2, x=1)], ["same"]),
        ([step("a"), step("b")], [step("b")], ["left", "same"]),
        ([step("b")], [step("a"), step("b")], ["right", "same"]),
        (
            [step("a"), step("b", x=1), step("c")],
            [step("a"), step("d"), step("b", x=2), step("c")],
            ["same", "right", "arguments", "same"],
        ),
    ],
)
def test_it_puts_steps_beside_each_other(
    left: list[Step], right: list[Step], expected: list[str]
) -> None:
    assert [pair.likeness for pair in compare(left, right)] == expected


calls = st.lists(st.builds(step, st.sampled_from("abc"), x=st.integers(0, 2)), max_size=8)


@given(calls, calls)
def test_it_loses_no_step_and_keeps_both_orders(left: list[Step], right: list[Step]) -> None:
    pairs = compare(left, right)
    assert [pair.left for pair in pairs if pair.left] == left
    assert [pair.right for pair in pairs if pair.right] == right
