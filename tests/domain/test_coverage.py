from __future__ import annotations

from memoryapp.domain.playbook import estimate_tokens
from practice.domain.coverage import coverage, history_counts, tools_block
from practice.domain.types import Category, PracticeRecord, ToolSpec

TOOLS = tuple(ToolSpec(name, f"Does {name}. At length.") for name in ("read", "write", "erase"))


def record(
    number: int, category: Category, tool: str = "read", error: bool = False
) -> PracticeRecord:
    return PracticeRecord(
        f"Task {number}", category, (tool,), (tool,), f"Reason {number}", 1, ((tool, error),)
    )


HISTORY = (
    record(1, Category.TRIVIAL),
    record(2, Category.UNSOLVED, "write", error=True),
    record(3, Category.INFEASIBLE, "write", error=True),
    record(4, Category.BOUNDARY),
)


def test_it_knows_practised_from_solved() -> None:
    seen = coverage(HISTORY, TOOLS)
    assert (seen.of("read").practised, seen.of("read").solved) == (2, 2)
    assert (seen.of("write").practised, seen.of("write").failed) == (2, 2)
    assert seen.never_used == ("erase",)


def test_it_does_not_credit_tools_that_were_only_intended() -> None:
    told = PracticeRecord("x", Category.UNSOLVED, intended_tools=("erase",))
    assert coverage((told,), TOOLS).of("erase").practised == 0


def test_it_looks_for_over_use_in_the_last_fifty_tasks_only() -> None:
    old = tuple(record(n, Category.TRIVIAL, "write") for n in range(60))
    recent = tuple(record(n, Category.TRIVIAL, "read") for n in range(50))
    assert coverage(old + recent, TOOLS).over_used == (("read", 50),)


def test_it_keeps_the_last_five_failures_and_infeasible_tasks() -> None:
    many = tuple(record(n, Category.INFEASIBLE) for n in range(9))
    assert [r.instruction for r in coverage(many, TOOLS).infeasible] == [
        f"Task {n}" for n in range(4, 9)
    ]


def test_it_reads_counts_of_all_records_beside_the_newest_ones() -> None:
    counted = history_counts(HISTORY)
    seen = coverage(HISTORY[-1:], TOOLS, counted)
    assert (seen.of("write").practised, seen.categories[Category.UNSOLVED]) == (2, 1)
    assert [r.instruction for r in seen.solved] == ["Task 4"]


def test_it_shortens_tool_documentation_to_fit() -> None:
    full = tools_block(TOOLS, token_budget=1000)
    assert "At length." in full
    for budget in (45, 30, 15):
        text = tools_block(TOOLS, token_budget=budget)
        assert estimate_tokens(text) <= budget
        assert "read" in text
