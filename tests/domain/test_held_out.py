"""Tasks kept for experiments, as novelty sees them."""

from __future__ import annotations

from practice.domain import novelty
from practice.domain.types import Category, PracticeRecord, TaskSpec

KEPT = PracticeRecord(
    "Tell me what order ORD-2025-00017 cost.",
    Category.TRIVIAL,
    intended_tools=("get_order",),
    goal={"calls": [{"tool": "get_order", "arguments": {"order_id": "ORD-2025-00017"}}]},
)


def test_it_drops_a_candidate_that_reads_like_a_held_out_task() -> None:
    twin = TaskSpec("Tell me what order ORD-2025-00017 cost", intended_tools=("get_order",))
    other = TaskSpec("List the people who work on tickets.", intended_tools=("list_people",))
    fit, dropped = novelty.without_repeats([twin, other], [KEPT])
    assert fit == (other,)
    assert dropped[0][0] is twin
    assert dropped[0][1].startswith("Reads like a held-out task")


def test_it_drops_the_same_goal_in_other_words() -> None:
    same = TaskSpec(
        "How much was paid, please look it up?", intended_tools=("get_order",), goal=KEPT.goal
    )
    _, ((_, reason),) = novelty.without_repeats([same], [KEPT])
    assert reason.startswith("Uses get_order on the same things as a held-out task")


def test_it_keeps_everything_where_nothing_is_held_out() -> None:
    task = TaskSpec("Tell me what order ORD-2025-00017 cost.")
    assert novelty.without_repeats([task], []) == ((task,), ())
