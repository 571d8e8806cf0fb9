"""What consolidation proposes for a playbook, and when a change is worth asking for."""

from __future__ import annotations

from typing import Any

import pytest

from memoryapp.domain.playbook import Bullet, Delta, Op, Playbook
from memoryapp.domain.ranking import is_harmful, to_make_room
from practice.domain.consolidation import LIMIT, Counts, proposals, worth_keeping

REFUND = "Call verify_customer before issue_refund, or the refund is refused."


def bullet(number: int, content: str = "", **more: Any) -> Bullet:
    text = content or f"Lesson {number} speaks of thing {number} and of nothing else at all."
    return Bullet(label=f"strategies-{number:03d}", section="strategies", content=text, **more)


def playbook(*bullets: Bullet, budget: int = 0) -> Playbook:
    return Playbook(bullets=bullets, token_budget=budget)


def test_it_leaves_a_healthy_playbook_alone() -> None:
    assert proposals(playbook(bullet(1, helpful=3), bullet(2))) == ()


def test_it_merges_two_bullets_that_say_nearly_the_same() -> None:
    longer = f"{REFUND} Always."
    (delta,) = proposals(playbook(bullet(1, REFUND), bullet(2, longer)))
    assert (delta.op, delta.content) == (Op.MERGE, longer)
    assert delta.targets == ("strategies-002", "strategies-001")


def test_the_text_that_proved_itself_survives_a_merge() -> None:
    proven = bullet(1, REFUND, helpful=9)
    (delta,) = proposals(playbook(proven, bullet(2, f"{REFUND} Always.")))
    assert delta.content == REFUND
    assert delta.targets[0] == "strategies-001"


def test_it_never_merges_alike_texts_about_different_things() -> None:
    one = bullet(1, "Call open_a before read_a, or it fails.", rule={"key": "open_a>read_a"})
    other = bullet(2, "Call open_b before read_b, or it fails.", rule={"key": "open_b>read_b"})
    assert proposals(playbook(one, other)) == ()


def test_it_rewords_what_newer_practice_says_otherwise() -> None:
    old = bullet(1, "list_things takes at most 31 days.", rule={"key": "limit days"})
    newer = Delta(
        op=Op.ADD,
        section="strategies",
        content="list_things takes at most 90 days.",
        rule={"key": "limit days"},
    )
    (delta,) = proposals(playbook(old), [newer])
    assert (delta.op, delta.targets) == (Op.UPDATE, ("strategies-001",))
    assert delta.content == newer.content


@pytest.mark.parametrize(
    ("helpful", "harmful", "goes"), [(0, 1, False), (9, 1, False), (0, 5, True), (3, 4, False)]
)
def test_it_retires_a_bullet_only_when_its_harm_is_credible(
    helpful: int, harmful: int, goes: bool
) -> None:
    voted = bullet(1, helpful=helpful, harmful=harmful)
    assert is_harmful(voted) is goes
    found = proposals(playbook(voted))
    assert [d.op for d in found] == ([Op.RETIRE] if goes else [])


def test_it_asks_the_least_proven_to_go_when_the_budget_is_exceeded() -> None:
    kept, unproven = bullet(1, helpful=20), bullet(2)
    over = playbook(kept, unproven, budget=kept.tokens)
    (delta,) = proposals(over)
    assert (delta.op, delta.targets) == (Op.RETIRE, ("strategies-002",))
    assert to_make_room(over, 0) == ()


def test_it_touches_a_bullet_once_and_keeps_to_its_limit() -> None:
    doubled = [bullet(n, REFUND) for n in range(1, 30)]
    found = proposals(playbook(*doubled))
    touched = [label for delta in found for label in delta.targets]
    assert len(found) == LIMIT
    assert len(touched) == len(set(touched))


@pytest.mark.parametrize(
    ("before", "after", "kept"),
    [
        (Counts(2, 4), Counts(2, 4), True),
        (Counts(2, 4), Counts(3, 4), True),
        (Counts(2, 4), Counts(1, 4), False),
    ],
)
def test_a_change_is_asked_for_only_when_no_fewer_tasks_succeed(
    before: Counts, after: Counts, kept: bool
) -> None:
    assert worth_keeping(before, after)[0] is kept


def test_a_change_that_wins_as_many_with_far_more_calls_is_dropped() -> None:
    kept, why = worth_keeping(Counts(3, 3, 7), Counts(3, 3, 13))
    assert not kept
    assert why.endswith("but with more calls: 7 before, 13 after.")
    assert worth_keeping(Counts(3, 3, 8), Counts(3, 3, 10))[0]
    assert worth_keeping(Counts(2, 3, 7), Counts(3, 3, 13))[0]
