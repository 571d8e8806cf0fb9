"""Which bullets have proved themselves, by a lower bound: one vote neither makes nor breaks one."""

from __future__ import annotations

from memoryapp.domain.playbook import Bullet, Playbook
from memoryapp.domain.statistics import wilson


def helpful_bound(bullet: Bullet) -> float:
    """Lower bound of the share of helpful votes, 0..1 (Wilson, 95 %); 0 without votes."""
    votes = bullet.helpful + bullet.harmful
    return wilson(bullet.helpful, votes)[0] if votes else 0.0


def is_harmful(bullet: Bullet) -> bool:
    """Whether more than half of the votes credibly call it harmful.

    A single harmful vote is not enough (its bound is 0.21), which is what the released artifact of
    Preping (arXiv 2605.13880) gets wrong.
    """
    votes = bullet.helpful + bullet.harmful
    return bool(votes) and wilson(bullet.harmful, votes)[0] > 0.5


def to_make_room(playbook: Playbook, tokens: int) -> tuple[Bullet, ...]:
    """Return the bullets that would have to go to free ``tokens``, the least proven first."""
    freed, found = 0, []
    for bullet in sorted(playbook.live, key=lambda b: helpful_bound(b) / max(b.tokens, 1)):
        if freed >= tokens:
            break
        found.append(bullet)
        freed += bullet.tokens
    return tuple(found)
