"""Shortening what a tool said: shape, ends, and what the task names."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from practice.agents.prompting import trajectory_block
from practice.agents.reducing import reduced, task_words
from practice.domain.types import Step, Trajectory

TICKETS = {
    "total": 200,
    "next_page": "p2",
    "tickets": [
        {"id": f"T-{n}", "subject": f"Printer {n}", "body": "blurred " * 40} for n in range(200)
    ],
}
LONG = json.dumps(TICKETS)


def test_it_leaves_what_fits_as_it_is() -> None:
    assert reduced('{"a":  1}', 9) == '{"a":  1}'


def test_it_keeps_keys_ends_counts_and_the_item_of_the_task() -> None:
    short = json.loads(reduced(LONG, 4_000, about="Close ticket T-143."))

    assert (short["total"], short["next_page"]) == (200, "p2")
    ids = [item["id"] for item in short["tickets"] if isinstance(item, dict)]
    assert ids[0] == "T-0"
    assert ids[-1] == "T-199"
    assert "T-143" in ids
    left_out = [item for item in short["tickets"] if isinstance(item, str)]
    assert all(note.endswith("of 200 items left out") for note in left_out)
    assert sum(int(note.split()[1]) for note in left_out) + len(ids) == 200


def test_it_is_not_misled_by_a_word_every_item_has() -> None:
    short = json.loads(reduced(LONG, 4_000, about="Which printer is blurred?"))

    ids = [item["id"] for item in short["tickets"] if isinstance(item, dict)]
    assert ids[:1] + ids[-1:] == ["T-0", "T-199"]
    assert len(ids) < 20


def test_it_keeps_head_tail_errors_and_lines_of_the_task() -> None:
    lines = [f"row {n} fine" for n in range(3_000)]
    lines[1_500] = "row 1500 ERROR quota exceeded"
    lines[2_000] = "row 2000 belongs to mia@example.com"

    short = reduced("\n".join(lines), 1_500, about="What does mia@example.com own?")

    assert short.startswith("row 0 fine\nrow 1 fine")
    assert short.endswith("row 2999 fine")
    assert "row 1500 ERROR quota exceeded" in short
    assert "row 2000 belongs to mia@example.com" in short
    assert "lines left out]" in short


def test_it_keeps_both_ends_of_one_long_line() -> None:
    short = reduced("a" * 5_000 + "z" * 5_000, 1_000)

    assert short.startswith("aaa")
    assert short.endswith("zzz")
    assert "characters left out" in short


@pytest.mark.parametrize("text", ["[" * 5_000, '{"a": ' * 3_000, "{" + "x" * 9_000, '"' * 9_000])
def test_it_treats_json_that_is_none_as_text(text: str) -> None:
    assert len(reduced(text, 700)) <= 700


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=80),
    lambda inner: (
        st.lists(inner, max_size=12) | st.dictionaries(st.text(max_size=8), inner, max_size=8)
    ),
    max_leaves=60,
)


@given(found=values, cap=st.integers(200, 2_000), about=st.text(max_size=40))
def test_it_never_exceeds_its_cap(found: object, cap: int, about: str) -> None:
    for text in (json.dumps(found), json.dumps(found, indent=1), str(found) * 9):
        assert len(reduced(text, cap, about=about)) <= cap


@given(lines=st.lists(st.text(max_size=300), max_size=120), cap=st.integers(200, 2_000))
def test_it_never_exceeds_its_cap_with_lines(lines: list[str], cap: int) -> None:
    assert len(reduced("\n".join(lines), cap, about="row T-9 error")) <= cap


def test_it_looks_for_names_and_numbers_and_not_for_plain_words() -> None:
    found = task_words("Please refund order ORD-2025-00017 of ana@example.com, $12.50.")

    assert found == ("refund", "ord-2025-00017", "ana@example.com", "$12.50")


def test_it_reduces_a_trajectory_for_its_task_and_cuts_it_as_the_paper_does() -> None:
    block = Trajectory((Step(1, "list_tickets", {}, LONG),))

    cut = trajectory_block(block, observation_cap=2_000)
    short = trajectory_block(block, observation_cap=4_000, about="Close T-143.")

    assert LONG[:2_000] in cut
    assert "T-143" not in cut
    assert '"id": "T-143"' in short
    assert '"id": "T-199"' in short
