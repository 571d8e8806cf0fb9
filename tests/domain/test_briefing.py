from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import pytest

from memoryapp.domain.playbook import estimate_tokens
from practice.domain.briefing import Shown, as_json, compose, documentation
from practice.domain.coverage import history_counts
from practice.domain.memory import choose_facts, wanted
from practice.domain.types import Briefing, Category, Fact, PracticeRecord, Steering, ToolSpec

TOOLS = tuple(ToolSpec(name, f"Does {name}. At length.") for name in ("read", "write", "erase"))


def record(number: int, category: Category, tool: str = "read") -> PracticeRecord:
    return PracticeRecord(
        f"Task {number}", category, (tool,), (tool,), f"Reason {number}", 1, ((tool, False),)
    )


HISTORY = (
    record(1, Category.TRIVIAL),
    record(2, Category.UNSOLVED, "write"),
    record(3, Category.INFEASIBLE, "write"),
    record(4, Category.BOUNDARY),
)


def shown(**changes: Any) -> Shown:
    return compose(replace(Briefing(tools=TOOLS, history=HISTORY), **changes))


def test_it_writes_the_history_in_the_stated_order() -> None:
    text = shown().history.text
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


def test_it_counts_every_category_and_lists_no_gaps_in_the_view_of_the_paper() -> None:
    text = shown(faithful=True).history.text
    assert "1 infeasible, 1 unsolved, 1 boundary, 1 trivial" in text
    assert "never used" not in text


def test_it_says_how_many_solved_tasks_it_has_no_room_for() -> None:
    many = tuple(record(n, Category.TRIVIAL) for n in range(1000))

    found = shown(history=many[-500:], counts=history_counts(many), token_budget=1200)

    ((name, count),) = found.history_left_out
    assert name == "solved tasks"
    assert count + found.history.shown == 1000
    assert "Task 999" in found.history.text


def test_it_shows_ten_facts_the_most_useful_first() -> None:
    facts = tuple(Fact(f"Fact {n}.", f"Task {n}") for n in range(20))

    found = shown(facts=facts)

    assert found.facts.text.splitlines()[0] == "- Fact 0. (seen in: Task 0)"
    assert (found.facts.shown, found.facts.left_out) == (10, 10)


def test_it_puts_what_operators_ask_into_words() -> None:
    asked = Steering(("read",), ("erase",), ("Tidy up.",), "harder")

    text = shown(steering=asked).wishes.text

    assert "Practise these tools first: read." in text
    assert "No task may need these tools: erase." in text
    assert "Seed task 1: Tidy up." in text
    assert "harder" in text
    assert shown().wishes.text == ""


def test_it_describes_wanted_tools_in_full_and_the_others_in_a_line() -> None:
    tools = tuple(ToolSpec(f"tool_{n}", "Does it. " + "More. " * 60) for n in range(40))

    found = documentation(tools, ("tool_7", "tool_31"), token_budget=900)

    assert found.text.startswith("## tool_7 ")
    assert found.text.index("## tool_31 ") < found.text.index("## tool_0 ")
    assert 0 < found.shown < 40
    assert all(f"tool_{n}" in found.text for n in range(40))


def test_it_still_describes_some_tools_where_every_description_goes_on_and_on() -> None:
    takes = {"properties": {f"setting_{n}": {"type": "string"} for n in range(6)}}
    tools = tuple(
        ToolSpec(f"tool_{n}", f"Sets {n} " + "and more " * 2_000, takes) for n in range(150)
    )

    found = documentation(tools, ("tool_7",), token_budget=1_200)

    assert found.text.startswith("## tool_7 ")
    assert "Sets 7 and more" in found.text
    assert "- setting_5 (string)" in found.text
    assert estimate_tokens(found.text) <= 1_200
    assert found.left_out == 0


@pytest.mark.parametrize("room", [20, 60, 150])
def test_it_names_tools_as_long_as_there_is_room(room: int) -> None:
    tools = tuple(ToolSpec(f"tool_number_{n}", "Does it.") for n in range(200))

    found = documentation(tools, ("tool_number_150",), token_budget=room)

    assert "tool_number_150" in found.text
    assert estimate_tokens(found.text) <= room
    assert found.left_out == 200 - found.text.count("tool_number_")


@pytest.mark.parametrize("budget", [400, 2_000, 12_000])
def test_it_keeps_five_thousand_records_and_five_hundred_tools_within_the_budget(
    budget: int,
) -> None:
    tools = tuple(
        ToolSpec(
            f"area{n % 20}_do_thing_{n}",
            f"Does thing {n} to an order. " + "It takes care of everything. " * 6,
            {"properties": {"order_id": {"type": "string", "description": "Which one." * 4}}},
        )
        for n in range(500)
    )
    history = tuple(
        PracticeRecord(
            f"Please do thing {n} to order ORD-{n} and tell me what came of it." * 2,
            [*Category][n % 4],
            (tools[n % 400].name,),
            (tools[n % 400].name,),
            "It was refused. " * 12,
            n // 10,
            tuple((tools[(n + k) % 400].name, k == 1) for k in range(5)),
        )
        for n in range(5_000)
    )
    facts = tuple(
        Fact(f"Order ORD-{n} is open. " * 8, "Task", {"field": f"f{n % 30}"}, age=n % 9)
        for n in range(2_000)
    )
    counts = history_counts(history)
    asked = Steering(focus=("area3_do_thing_3",), seed_tasks=("Do it all. " * 90,) * 40)

    began = time.perf_counter()
    weights = wanted(tools, counts.tools, asked)
    chosen = choose_facts(facts, tools, weights, limit=40)
    briefing = Briefing(
        tools, chosen, history[-1_000:], token_budget=budget, steering=asked, counts=counts
    )
    found = compose(briefing)
    kept = as_json(briefing, found)
    took = time.perf_counter() - began

    assert found.tokens <= budget
    assert took < 0.5
    assert kept["tools"]["offered"] == 500
    if budget == 12_000:
        assert "## area3_do_thing_3 " in found.tools.text
