"""Keeping a playbook small and true: what to merge, reword and retire. Pure.

Ours (docs/practice.md#consolidation): Preping's artifact and ACE (arXiv 2510.04618) only ever add,
and a bank that only grows loses to a consolidated one. Every proposal is tried before and after,
and a person decides.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

from memoryapp.domain.playbook import Bullet, Delta, DeltaRefused, Op, Playbook, apply
from memoryapp.domain.ranking import helpful_bound, is_harmful, to_make_room
from memoryapp.domain.retrieval import similarity

#: how alike two texts of one section are that say the same (Jaccard of words and word pairs).
SAME = 0.75
#: how many times the calls a change may need where it wins nothing more.
MORE_CALLS = 1.25
#: proposals per round: each costs trials, and a person reads each.
LIMIT = 6


@dataclass(frozen=True, slots=True)
class Counts:
    """What the trials of one arm add up to."""

    wins: int
    trials: int
    calls: int = 0


def proposals(playbook: Playbook, learned: Sequence[Delta] = ()) -> tuple[Delta, ...]:
    """Return MERGE, UPDATE and RETIRE proposals, each for bullets no other proposal touches.

    ``learned`` are this run's own findings: one that speaks of the same rule as a bullet but says
    otherwise is newer evidence, and the bullet is to be reworded. Order: what does harm first, then
    what is contradicted, doubled, and finally what does not fit the token budget.
    """
    every = [
        *_harmful(playbook),
        *_contradicted(playbook, learned),
        *_doubled(playbook),
        *_over_budget(playbook),
    ]
    return fitting(playbook, every)


def fitting(playbook: Playbook, deltas: Iterable[Delta]) -> tuple[Delta, ...]:
    """Return the first ``LIMIT`` changes that can be applied and touch no bullet twice."""
    touched: set[str] = set()
    found: list[Delta] = []
    for delta in deltas:
        if touched.isdisjoint(delta.targets) and _applies(playbook, delta):
            found.append(delta)
            touched.update(delta.targets)
    return tuple(found[:LIMIT])


def _applies(playbook: Playbook, delta: Delta) -> bool:
    try:
        apply(playbook, delta)
    except DeltaRefused:
        return False
    return True


def _harmful(playbook: Playbook) -> list[Delta]:
    return [
        Delta(
            op=Op.RETIRE,
            targets=(bullet.label,),
            reason=f"{bullet.harmful} of {bullet.helpful + bullet.harmful} votes call it harmful.",
        )
        for bullet in playbook.live
        if is_harmful(bullet)
    ]


def _contradicted(playbook: Playbook, learned: Sequence[Delta]) -> list[Delta]:
    newest = {str(d.rule["key"]): d for d in learned if d.rule and d.rule.get("key")}
    found = []
    for bullet in playbook.live:
        newer = newest.get(str((bullet.rule or {}).get("key", "")))
        if newer is not None and newer.content.strip() != bullet.content.strip():
            found.append(
                Delta(
                    op=Op.UPDATE,
                    section=bullet.section,
                    content=newer.content,
                    targets=(bullet.label,),
                    reason="Newer practice says it otherwise.",
                    rule=newer.rule,
                )
            )
    return found


def _doubled(playbook: Playbook) -> list[Delta]:
    found = []
    for one, other in combinations(playbook.live, 2):
        if one.section != other.section or not _say_the_same(one, other):
            continue
        # What has proved itself more says it; of equals, the longer text loses nothing.
        best = max(one, other, key=lambda b: (helpful_bound(b), len(b.content)))
        found.append(
            Delta(
                op=Op.MERGE,
                section=best.section,
                content=best.content,
                targets=(best.label, (other if best is one else one).label),
                reason="Both say nearly the same.",
                rule=best.rule,
            )
        )
    return found


def _say_the_same(one: Bullet, other: Bullet) -> bool:
    keys = [(b.rule or {}).get("key") for b in (one, other)]
    if all(keys):
        # Rules of one shape have alike texts whatever they speak of.
        return bool(keys[0] == keys[1])
    return similarity(one.content, other.content) >= SAME


def _over_budget(playbook: Playbook) -> list[Delta]:
    if not playbook.token_budget:
        return []
    return [
        Delta(op=Op.RETIRE, targets=(bullet.label,), reason="The playbook is over its budget.")
        for bullet in to_make_room(playbook, playbook.tokens - playbook.token_budget)
    ]


def worth_keeping(before: Counts, after: Counts) -> tuple[bool, str]:
    """Whether a change may be proposed, and the sentence that says why.

    Both sides count the same tasks, at least one: a change that wins fewer of them is dropped, and
    so is one that wins as many with far more calls.
    """
    told = f"{before.wins} of {before.trials} before, {after.wins} of {after.trials} after"
    if after.wins < before.wins:
        return False, f"Fewer tasks succeed with it: {told}."
    if after.wins == before.wins and after.calls > MORE_CALLS * before.calls:
        calls = f"{before.calls} before, {after.calls} after"
        return False, f"As many tasks succeed with it ({told}), but with more calls: {calls}."
    return True, f"As many tasks succeed with it or more: {told}."
