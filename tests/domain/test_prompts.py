"""A prompt as text: halves, placeholders, and what is wrong with an edit."""

from __future__ import annotations

import pytest

from practice.agents.prompting import PROMPTS, built_in_text
from practice.domain.prompts import (
    LONGEST,
    PromptText,
    built_in_name,
    placeholders,
    problem,
    tidy,
)

BUILT_IN = "Told $steps.\n---\n<tools>\n$tools\n</tools>\n\nDo ${task}.\n"
ROLES = sorted(path.stem for path in PROMPTS.glob("*.md"))


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("Told $steps. $tools $task", "The line --- that parts"),
        ("Told.\n---\n$tools $task", "The placeholder $steps is missing."),
        ("Told $steps.\n---\n$tools", "The placeholder $task is missing."),
        ("Told $steps $who.\n---\n$tools $task", "There is no placeholder $who. This role has"),
        ("Told $steps $task.\n---\n$tools $task", "$task changes from call to call"),
        ("Told $steps.\n---\n$tools $task\nIt costs $5.", "Line 4 has a $"),
        ("Told $steps.\n---\n ", "Both halves need text"),
        ("x" * (LONGEST + 1), "at most 40,000 are allowed"),
    ],
)
def test_it_says_in_one_line_what_is_wrong(text: str, complaint: str) -> None:
    found = problem(text, BUILT_IN)

    assert complaint in found
    assert "\n" not in found


@pytest.mark.parametrize(
    "text",
    [
        BUILT_IN,
        BUILT_IN.replace("\n", "\r\n"),
        "Cost $$5, $steps.\n---\n$task ${tools} $steps",
        "A\n---\nB\n---\n$tools $task $steps".replace("A", "Told $steps"),
    ],
    ids=["as it is", "from a browser", "escaped dollar", "a rule in the message"],
)
def test_it_takes_a_text_with_every_placeholder_in_place(text: str) -> None:
    assert problem(text, BUILT_IN) == ""


@pytest.mark.parametrize("role", ROLES)
def test_it_accepts_every_built_in_prompt_as_its_own_edit(role: str) -> None:
    text = built_in_text(role)

    assert problem(text, text) == ""
    assert PromptText.read("", text).told.startswith("# Role: ")


def test_it_names_a_text_by_its_digest_whatever_the_line_ends() -> None:
    assert built_in_name(BUILT_IN) == built_in_name(BUILT_IN.replace("\n", "\r\n") + "\n")
    assert built_in_name(BUILT_IN) != built_in_name(BUILT_IN + "!")
    assert built_in_name(BUILT_IN).startswith("built-in ")


def test_it_lists_placeholders_once_in_order() -> None:
    assert placeholders("$b ${a} $b $$c") == ["b", "a"]


def test_it_stores_one_kind_of_line_end() -> None:
    assert tidy("a\r\nb\rc\n\n") == "a\nb\nc\n"
