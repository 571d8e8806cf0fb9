"""Attempts by filter, and the place of one among those that match."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Self
from urllib.parse import urlencode

from django.db.models import Exists, OuterRef, Q, QuerySet

from memoryapp.models import Workspace
from practice.models import Attempt, Run, Step

#: The label filter's word for attempts no validator has judged.
UNJUDGED = "unjudged"
#: The arm filter's words: attempts of experiments and lesson trials, or those and practice.
TRIALS, BOTH = "trials", "all"


@dataclass(frozen=True, slots=True)
class TrajectoryFilter:
    """What a query string asks for; empty fields ask for nothing."""

    label: str = ""
    run: str = ""
    environment: str = ""
    status: str = ""
    tool: str = ""
    q: str = ""
    #: empty asks for practice alone, ``trials`` for attempts under an arm, ``all`` for both.
    arm: str = ""

    @classmethod
    def from_query(cls, given: Mapping[str, Any]) -> Self:
        """Read the fields from a query string; unknown ones are ignored."""
        # PostgreSQL cannot hold a NUL, so no row can match one.
        return cls(**{name: str(given.get(name, "")).replace("\x00", "") for name in _FIELDS})

    def changed(self, **values: str) -> Self:
        return replace(self, **values)

    def as_query(self) -> str:
        """``?label=failure&run=3``, or an empty text when nothing is asked for."""
        asked = {name: value for name, value in asdict(self).items() if value}
        return f"?{urlencode(asked)}" if asked else ""

    def apply(self, workspace: Workspace) -> QuerySet[Attempt]:
        """The attempts of a workspace that match, newest first."""
        found = Attempt.objects.filter(run__workspace=workspace)
        if self.label == UNJUDGED:
            found = found.filter(label="")
        elif self.label:
            found = found.filter(label=self.label)
        if self.run:
            found = found.filter(run__number=self.run) if self.run.isdecimal() else found.none()
        if self.environment:
            found = found.filter(run__environment__slug=self.environment)
        if self.status == Attempt.Status.STEP_LIMIT:
            # A judged attempt has moved on to another status; how it stopped stays.
            found = found.filter(outcome=Attempt.Status.STEP_LIMIT)
        elif self.status:
            found = found.filter(status=self.status)
        if self.tool:
            found = found.filter(
                Exists(Step.objects.filter(attempt=OuterRef("pk"), tool=self.tool))
            )
        if self.arm == TRIALS:
            found = found.exclude(arm=None)
        elif self.arm != BOTH:
            # Who asks for an experiment by its number asks for trials.
            practised = Q(arm=None)
            if self.run:
                practised |= Q(run__kind=Run.Kind.EXPERIMENT)
            found = found.filter(practised)
        for word in self.q.split():
            found = found.filter(task__instruction__icontains=word)
        return found.select_related("task__round", "run__environment", "arm").order_by("-pk")


_FIELDS = tuple(TrajectoryFilter.__dataclass_fields__)


@dataclass(frozen=True, slots=True)
class Place:
    """Where an attempt stands in a filtered list. ``position`` is 0 when it does not match."""

    position: int
    total: int
    previous: Attempt | None
    next: Attempt | None


def place_of(attempt: Attempt, found: QuerySet[Attempt]) -> Place:
    """Find the neighbors of ``attempt`` in a list ordered newest first."""
    newer, older = found.filter(pk__gt=attempt.pk), found.filter(pk__lt=attempt.pk)
    inside = found.filter(pk=attempt.pk).exists()
    return Place(
        position=newer.count() + 1 if inside else 0,
        total=found.count(),
        previous=newer.order_by("pk").first(),
        next=older.first(),
    )


def steps_by_try(attempt: Attempt) -> tuple[list[Step], list[tuple[int, list[Step]]]]:
    """The steps of the try that counts, and earlier tries (newest first) with theirs."""
    tries: dict[int, list[Step]] = {}
    for step in attempt.steps.order_by("try_number", "number"):
        tries.setdefault(step.try_number, []).append(step)
    current = tries.pop(attempt.current_try, [])
    return current, sorted(tries.items(), reverse=True)
