"""What each operation does to a playbook."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memoryapp.domain.playbook import (
    CONTENT_MOST,
    SECTIONS,
    Bullet,
    BulletStatus,
    Delta,
    DeltaRefused,
    Op,
    OverBudget,
    Playbook,
    apply,
    next_label,
)

FIRST = Bullet("strategies-001", "strategies", "Verify first.", helpful=9, harmful=1)
SECOND = Bullet("strategies-002", "strategies", "Verify the customer.", helpful=2)
BOOK = Playbook((FIRST, SECOND), counters={"strategies": 2})


def test_it_adds_a_bullet_under_the_next_label() -> None:
    after = apply(BOOK, Delta(Op.ADD, "pitfalls", "Dates are YYYY-MM-DD."))
    assert after.bullets[-1].label == "pitfalls-001"
    assert after.bullets[-1].content == "Dates are YYYY-MM-DD."


def test_it_never_uses_a_label_again() -> None:
    retired = apply(BOOK, Delta(Op.RETIRE, targets=("strategies-002",)))
    after = apply(retired, Delta(Op.ADD, "strategies", "Something else."))
    assert after.bullets[-1].label == "strategies-003"


def test_it_refuses_to_say_the_same_twice() -> None:
    with pytest.raises(DeltaRefused, match="strategies-001 already says exactly this"):
        apply(BOOK, Delta(Op.ADD, "pitfalls", " Verify first. "))


def test_it_refuses_a_text_that_is_too_long_for_a_bullet() -> None:
    longest = "word " * (CONTENT_MOST // 5 - 1) + "words"
    assert apply(BOOK, Delta(Op.ADD, "pitfalls", longest)).bullets[-1].content == longest
    for delta in (
        Delta(Op.ADD, "pitfalls", f"{longest}s"),
        Delta(Op.UPDATE, content=f"{longest}s", targets=(FIRST.label,)),
        Delta(Op.MERGE, content=f"{longest}s", targets=(FIRST.label, SECOND.label)),
    ):
        with pytest.raises(DeltaRefused, match="20,001 characters and a bullet at most 20,000"):
            apply(BOOK, delta)


def test_it_updates_one_bullet_and_keeps_its_label_and_counters() -> None:
    after = apply(BOOK, Delta(Op.UPDATE, content="Verify before all.", targets=(FIRST.label,)))
    changed = after.by_label(FIRST.label)
    assert changed is not None
    assert (changed.content, changed.helpful, changed.harmful) == ("Verify before all.", 9, 1)


def test_it_merges_into_the_first_and_adds_the_votes_up() -> None:
    targets = (FIRST.label, SECOND.label)
    after = apply(BOOK, Delta(Op.MERGE, content="Verify the customer first.", targets=targets))
    survivor, gone = after.bullets
    assert (survivor.content, survivor.helpful, survivor.harmful) == (
        "Verify the customer first.",
        11,
        1,
    )
    assert gone.status is BulletStatus.RETIRED


@pytest.mark.parametrize(
    ("delta", "why"),
    [
        (Delta(Op.ADD, "pitfalls", "  "), "needs the text"),
        (Delta(Op.ADD, "", "Text."), "needs a section"),
        (Delta(Op.UPDATE, content="x", targets=("pitfalls-009",)), "no bullet pitfalls-009"),
        (Delta(Op.MERGE, content="x", targets=("strategies-001",)), "at least 2"),
        (Delta(Op.RETIRE, targets=()), "one bullet, not 0"),
    ],
)
def test_it_refuses_what_makes_no_sense(delta: Delta, why: str) -> None:
    with pytest.raises(DeltaRefused, match=why):
        apply(BOOK, delta)


def test_it_refuses_to_touch_a_retired_bullet() -> None:
    retired = apply(BOOK, Delta(Op.RETIRE, targets=("strategies-002",)))
    with pytest.raises(DeltaRefused, match="strategies-002 is retired"):
        apply(retired, Delta(Op.UPDATE, content="x", targets=("strategies-002",)))


def test_it_rejects_an_over_budget_change_whole_and_says_what_would_have_to_go() -> None:
    tight = Playbook(BOOK.bullets, token_budget=12, counters=BOOK.counters)
    with pytest.raises(OverBudget, match="Retire bullets worth 10 tokens first"):
        apply(tight, Delta(Op.ADD, "pitfalls", "x" * 52))


def test_it_lets_a_playbook_over_its_budget_shrink() -> None:
    tight = Playbook(BOOK.bullets, token_budget=3, counters=BOOK.counters)
    assert apply(tight, Delta(Op.RETIRE, targets=("strategies-002",))).tokens < tight.tokens


@given(st.lists(st.tuples(st.sampled_from(SECTIONS), st.booleans()), max_size=20))
def test_labels_stay_unique_over_any_history(history: list[tuple[str, bool]]) -> None:
    book = Playbook()
    for number, (section, retire) in enumerate(history):
        book = apply(book, Delta(Op.ADD, section, f"Lesson {number}."))
        if retire:
            book = apply(book, Delta(Op.RETIRE, targets=(book.bullets[-1].label,)))
    labels = [bullet.label for bullet in book.bullets]
    assert len(set(labels)) == len(labels)
    assert all(next_label(book, section) not in labels for section in SECTIONS)
