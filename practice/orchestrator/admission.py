"""Admission as the paper's artifact has it, over stored attempts."""

from __future__ import annotations

from collections.abc import Sequence

from memoryapp.domain.playbook import Delta, Op, Playbook
from practice.domain import faithful
from practice.domain.plans import Plan
from practice.domain.types import Category
from practice.models import Attempt


def as_the_paper(plan: Plan, judged: Sequence[Attempt]) -> tuple[Category, Attempt, Attempt | None]:
    """Return a task's category, the attempt that stands for it, and the one to learn from."""
    values = [attempt.as_judgement() for attempt in judged]
    found = faithful.diagnose(values, planned=plan.attempts, policy=plan.policy)
    teacher = None if found.teacher is None else judged[found.teacher]
    typical = judged[faithful.representative(values)]
    return faithful.CATEGORIES[found.category], typical, teacher


def reinforced(plan: Plan, playbook: Playbook, deltas: Sequence[Delta]) -> dict[str, str]:
    """Bullets a faithful run learned once more, word for word: each counts as a helpful vote."""
    if not plan.faithful:
        return {}
    same = (
        faithful.said_already(playbook.live, delta.section, delta.content)
        for delta in deltas
        if delta.op is Op.ADD
    )
    return {bullet.label: "helpful" for bullet in same if bullet is not None}


def allowed(plan: Plan, deltas: Sequence[Delta]) -> list[Delta]:
    """The operations a run may propose: a faithful one only adds."""
    return [delta for delta in deltas if not plan.faithful or delta.op is Op.ADD]
