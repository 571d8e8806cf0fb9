"""Lessons on trial: what a run put to the test and what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Max, Prefetch, QuerySet

from memoryapp.models import Bullet
from practice.models import Arm, Attempt, Lesson, Run


@dataclass(frozen=True, slots=True)
class Target:
    """A bullet that a proposal changes, as it stands now."""

    label: str
    content: str
    url: str


@dataclass(frozen=True, slots=True)
class HeldOut:
    """The held-out trials after one round. ``share`` is 0..1."""

    round: int
    wins: int
    trials: int

    @property
    def share(self) -> float:
        return self.wins / self.trials


def lessons_of(run: Run) -> QuerySet[Lesson]:
    """Every lesson of a run with its arms and their trials, in the order they were proposed."""
    trials = Attempt.objects.defer("answer", "reflection", "checks", "votes")
    trials = trials.select_related("task").order_by("pk")
    arms = Arm.objects.defer("playbook").order_by("pk")
    return run.lessons.select_related("attempt", "candidate").prefetch_related(
        Prefetch("arms", arms.prefetch_related(Prefetch("attempts", trials)))
    )


def moved(run: Run) -> list[tuple[Any, ...]]:
    """What changes whenever a lesson does: per kind and status how many, and the last decision."""
    rows = run.lessons.order_by("kind", "status").values_list("kind", "status")
    return list(rows.annotate(Count("pk"), Max("settled_at")))


def targets_of(run: Run, lessons: Sequence[Lesson]) -> dict[str, Target]:
    """Label to the bullet that lessons change, as far as the playbook still has it."""
    labels = {label for lesson in lessons for label in lesson.targets}
    if not labels:
        return {}
    found = Bullet.objects.filter(playbook=run.playbook, label__in=labels)
    return {
        bullet.label: Target(bullet.label, bullet.content, bullet.get_absolute_url())
        for bullet in found.select_related("playbook")
    }


def held_out_scores(run: Run) -> list[HeldOut]:
    """How the held-out tasks went after each round that tried any, oldest first."""
    rows = run.attempts.filter(arm__kind=Arm.Kind.HELD_OUT).exclude(label="")
    found: dict[int, list[bool]] = {}
    for name, label in rows.order_by("pk").values_list("arm__name", "label"):
        # The arm is named after its round; its attempts' tasks may be older ones.
        found.setdefault(int(name.rpartition(" ")[2]), []).append(label == Attempt.Label.SUCCESS)
    return [HeldOut(n, sum(wins), len(wins)) for n, wins in sorted(found.items())]
