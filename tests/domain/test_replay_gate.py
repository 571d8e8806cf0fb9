"""What a replay is held against: the cases that its set's baseline answers."""

from __future__ import annotations

from typing import Any

from practice.domain.replays import Kind, figures, gate, unanswered
from practice.domain.rootcause.evaluation import Replayed, Truth

TRUTHS = {name: Truth(name, "3", "", agent="coder") for name in ("one", "two")}


def replay(*cases: Replayed) -> dict[str, Any]:
    return figures("talks", cases, TRUTHS, [0] * len(cases), Kind.TRAJECTORIES)


def answer(case_id: str, *, agent: str = "coder", outcome: str = "found") -> Replayed:
    return Replayed(case_id, ("3", "1"), 0.1, 1, outcome=outcome, agent=agent)


def test_agents_are_compared_without_the_cases_that_failed_in_the_baseline() -> None:
    before = replay(answer("one"), unanswered("two", "It cannot be read."))
    assert (before["r_at_1"], before["agent_at_1"]) == (0.5, 0.5)
    told = gate(
        replay(answer("one", agent="critic"), answer("two")), before, TRUTHS, Kind.TRAJECTORIES
    )
    assert not told["passed"]
    assert told["message"].startswith(
        "Against the baseline: exact step 1.00 to 1.00, agent 1.00 to 0.00, MRR 1.00 to 1.00."
    )
    assert told["message"].endswith("Left out of both, for it failed in the baseline: two.")
    assert gate(replay(answer("one"), answer("two")), before, TRUTHS, Kind.TRAJECTORIES)["passed"]
