"""An environment of thousands of tools is planned over in parts, round by round."""

from __future__ import annotations

from practice.agents.rules import build_engine
from practice.agents.rules.proposer import MOST_TOOLS
from practice.domain.types import Briefing, Category, PracticeRecord, Steering, ToolSpec

THINGS = 200
VERBS = ("list", "get", "update", "close")
TOOLS = tuple(
    ToolSpec(
        f"{verb}_thing{n}",
        f"{verb.title()} a thing{n}.",
        {"type": "object", "properties": {"note": {"type": "string", "enum": ["a", "b"]}}},
        {"readOnlyHint": verb in {"list", "get"}},
    )
    for n in range(THINGS)
    for verb in VERBS
)


def intended(briefing: Briefing) -> set[str]:
    proposal = build_engine(1).proposer.propose(briefing)
    return {tool for task in proposal.candidates for tool in task.intended_tools}


def test_every_round_takes_others() -> None:
    assert len(TOOLS) > 2 * MOST_TOOLS
    first = intended(Briefing(tools=TOOLS, count=30, seed=1))
    assert len(first) >= 20
    history = tuple(
        PracticeRecord("Work.", Category.TRIVIAL, (name,), (name,), calls=((name, False),))
        for name in first
    )
    second = intended(Briefing(tools=TOOLS, history=history, count=30, seed=2))
    assert len(second - first) >= 20


def test_tools_in_focus_are_among_them() -> None:
    wanted = TOOLS[-1].name
    steering = Steering(focus=(wanted,))
    assert wanted in intended(Briefing(tools=TOOLS, count=10, seed=3, steering=steering))
