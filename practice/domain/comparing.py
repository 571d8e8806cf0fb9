"""Two attempts at one task, step beside step. Pure."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import StrEnum

from practice.domain.types import Step


class Likeness(StrEnum):
    """How two steps that stand beside each other compare."""

    SAME = "same"
    #: the same call, another answer.
    ANSWER = "answer"
    #: the same tool, other arguments.
    ARGUMENTS = "arguments"
    LEFT = "left"
    RIGHT = "right"


@dataclass(frozen=True, slots=True)
class Pair:
    """Steps of two attempts that stand beside each other; one side may be empty."""

    likeness: Likeness
    left: Step | None = None
    right: Step | None = None


def compare(left: Sequence[Step], right: Sequence[Step]) -> list[Pair]:
    """Align the calls of two attempts, keeping the order of both.

    Equal calls anchor the alignment; between anchors calls of the same tool are put beside each
    other, and what is left stands alone.
    """
    one, other = [_call(step) for step in left], [_call(step) for step in right]
    pairs: list[Pair] = []
    matcher = SequenceMatcher(None, one, other, autojunk=False)
    for tag, a, b, c, d in matcher.get_opcodes():
        if tag == "equal":
            pairs += map(_beside, left[a:b], right[c:d])
        else:
            pairs += _by_tool(left[a:b], right[c:d])
    return pairs


def _by_tool(left: Sequence[Step], right: Sequence[Step]) -> list[Pair]:
    pairs: list[Pair] = []
    tools = [step.tool for step in left], [step.tool for step in right]
    matcher = SequenceMatcher(None, *tools, autojunk=False)
    for tag, a, b, c, d in matcher.get_opcodes():
        if tag == "equal":
            pairs += map(_beside, left[a:b], right[c:d])
            continue
        pairs += (Pair(Likeness.LEFT, left=step) for step in left[a:b])
        pairs += (Pair(Likeness.RIGHT, right=step) for step in right[c:d])
    return pairs


def _beside(left: Step, right: Step) -> Pair:
    if _call(left) != _call(right):
        return Pair(Likeness.ARGUMENTS, left, right)
    same = (left.observation, left.is_error) == (right.observation, right.is_error)
    return Pair(Likeness.SAME if same else Likeness.ANSWER, left, right)


def _call(step: Step) -> str:
    return f"{step.tool} {json.dumps(step.arguments, sort_keys=True, default=str)}"
