"""What practice history says about tools and values that led nowhere."""

from __future__ import annotations

import json
from dataclasses import replace

from practice.agents.rules.history import culprits, refused
from practice.domain.types import Category, PracticeRecord

ADDED = {"tool": "add_user", "arguments": {"name": "robin"}}
FOUND = {"tool": "find_user", "arguments": {"name": "robin"}}
REFUSED = PracticeRecord(
    "Add robin, then find robin.",
    Category.INFEASIBLE,
    intended_tools=("add_user", "find_user"),
    used_tools=("add_user", "find_user"),
    reason="`add_user` refuses what the task asks for: the list is full.",
    calls=(("add_user", True), ("find_user", True)),
    goal={"calls": [ADDED, FOUND]},
)


def test_it_blames_the_tool_the_reason_names_and_not_what_wanted_for_it() -> None:
    assert culprits(REFUSED) == ["add_user"]


def test_it_blames_every_tool_that_never_worked_where_the_reason_names_none() -> None:
    vague = replace(REFUSED, reason="There is no such list.")
    assert culprits(vague) == ["add_user", "find_user"]


def test_it_blames_no_tool_for_a_task_that_could_be_done() -> None:
    assert culprits(replace(REFUSED, category=Category.UNSOLVED)) == []


def test_it_remembers_what_was_refused_until_it_works_elsewhere() -> None:
    assert refused([REFUSED]) == {json.dumps(["add_user", "name", "robin"])}
    worked = PracticeRecord(
        "Add robin.",
        Category.TRIVIAL,
        intended_tools=("add_user",),
        calls=(("add_user", False),),
        goal={"calls": [ADDED]},
    )
    assert refused([REFUSED, worked]) == set()
