"""Which bullets have proved themselves, by a lower bound: one vote neither makes nor breaks one."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from memoryapp.domain.playbook import Bullet, Delta, Playbook, apply
from memoryapp.domain.statistics import wilson

#: bullets named of those that would have to go.
NAMED = 8


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


def to_make_room(
    playbook: Playbook, tokens: int, *, spare: Collection[str] = ()
) -> tuple[Bullet, ...]:
    """Return the bullets that would have to go to free ``tokens``, the least proven first.

    Those labelled in ``spare`` stay. All others are returned where even they are not enough.
    """
    freed, found = 0, []
    open_ = (bullet for bullet in playbook.live if bullet.label not in spare)
    for bullet in sorted(open_, key=lambda b: helpful_bound(b) / max(b.tokens, 1)):
        if freed >= tokens:
            break
        found.append(bullet)
        freed += bullet.tokens
    return tuple(found)


def kept_within(bullets: Sequence[Bullet], tokens: int) -> tuple[Bullet, ...]:
    """Return the bullets that fit ``tokens``, the most proven first served, in their own order.

    What is credibly harmful comes last; among equals the earlier one stays. A bullet that does not
    fit is left out and shorter ones after it may still fit.
    """
    ranked = sorted(
        enumerate(bullets),
        key=lambda pair: (is_harmful(pair[1]), -helpful_bound(pair[1]), pair[0]),
    )
    left, kept = tokens, set()
    for place, bullet in ranked:
        if bullet.tokens <= left:
            left -= bullet.tokens
            kept.add(place)
    return tuple(bullet for place, bullet in enumerate(bullets) if place in kept)


def room_report(playbook: Playbook, delta: Delta | None = None) -> str:
    """Say what would have to go for an operation that is over the budget to fit.

    Without one: for the playbook as it is.
    """
    wanted = apply(replace(playbook, token_budget=0), delta) if delta else playbook
    needed = wanted.tokens - playbook.token_budget
    gone = to_make_room(playbook, needed, spare=delta.targets if delta else ())
    if sum(bullet.tokens for bullet in gone) < needed:
        return "Not even retiring every other bullet would make room. Nothing was changed."
    more = f" and {len(gone) - NAMED} more" if len(gone) > NAMED else ""
    named = ", ".join(f"{bullet.label} ({bullet.tokens})" for bullet in gone[:NAMED])
    return f"Least proven, with their tokens: {named}{more}. Nothing was changed."
