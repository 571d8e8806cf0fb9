"""What would have to go for an operation that is over the token budget."""

from __future__ import annotations

from memoryapp.domain.playbook import Bullet, Delta, Op, Playbook
from memoryapp.domain.ranking import room_report


def bullet(number: int, tokens: int, helpful: int = 0) -> Bullet:
    return Bullet(f"apis-{number:03d}", "apis", f"{number:04d}" * tokens, helpful=helpful)


PROVEN, UNPROVEN, LONG = bullet(1, 10, helpful=20), bullet(2, 5), bullet(3, 20, helpful=20)


def test_it_names_the_least_proven_for_their_length_until_there_is_room() -> None:
    full = Playbook((PROVEN, UNPROVEN, LONG), token_budget=35)
    said = room_report(full, Delta(Op.ADD, "apis", "x" * 40))
    assert said == (
        "Least proven, with their tokens: apis-002 (5), apis-003 (20). Nothing was changed."
    )


def test_it_counts_what_a_reworded_bullet_frees_and_never_asks_for_itself() -> None:
    full = Playbook((PROVEN, UNPROVEN), token_budget=15)
    longer = Delta(Op.UPDATE, content="x" * 32, targets=("apis-002",))
    assert room_report(full, longer).startswith("Least proven, with their tokens: apis-001 (10).")


def test_it_says_so_when_no_room_can_be_made() -> None:
    small = Playbook((UNPROVEN,), token_budget=6)
    said = room_report(small, Delta(Op.ADD, "apis", "x" * 400))
    assert said.startswith("Not even retiring every other bullet would make room.")


def test_it_names_a_few_and_counts_the_others() -> None:
    many = Playbook(tuple(bullet(n, 1) for n in range(1, 21)), token_budget=20)
    assert "apis-008 (1) and 2 more. " in room_report(many, Delta(Op.ADD, "apis", "x" * 40))
