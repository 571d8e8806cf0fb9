from __future__ import annotations

from memoryapp.domain.playbook import estimate_tokens
from practice.domain.coverage import coverage, facts_block, history_block, tools_block
from practice.domain.types import Category, Fact, PracticeRecord, ToolSpec

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


def test_it_writes_the_history_in_the_stated_order() -> None:
    text = history_block(HISTORY, TOOLS, token_budget=1000)
    places = [
        text.index(part)
        for part in (
            "Practised so far: 4 tasks",
            "Used most",
            "Solved tasks",
            "Recent failures",
            "Recent infeasible",
            "Tools never used yet: erase",
        )
    ]
    assert places == sorted(places)
    assert "Reason 3" in text


def test_it_keeps_the_history_within_its_budget_however_long_it_grows() -> None:
    many = tuple(record(n, Category.TRIVIAL) for n in range(1000)) + HISTORY
    for budget in (40, 100, 400):
        text = history_block(many, TOOLS, token_budget=budget)
        assert estimate_tokens(text) <= budget
    assert "Task 999" in history_block(many, TOOLS, token_budget=600)


def test_it_writes_the_newest_facts_with_the_task_that_showed_them() -> None:
    facts = [Fact(f"Fact {n}.", f"Task {n}") for n in range(20)]
    text = facts_block(facts, limit=3, token_budget=500)
    assert text.splitlines()[0] == "- Fact 17. (seen in: Task 17)"
    assert len(text.splitlines()) == 3
    assert estimate_tokens(facts_block(facts, limit=20, token_budget=30)) <= 30


def test_it_shortens_tool_documentation_to_fit() -> None:
    full = tools_block(TOOLS, token_budget=1000)
    assert "At length." in full
    for budget in (45, 30, 15):
        text = tools_block(TOOLS, token_budget=budget)
        assert estimate_tokens(text) <= budget
        assert "read" in text
