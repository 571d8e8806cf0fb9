"""What a stage hands back: how to store it, and what it cost."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from practice.domain.rounds import Stage
from practice.domain.types import Usage
from practice.models import Run, Unit


class ClaimLost(Exception):
    """Another worker took the unit over; what we have is worth nothing."""


@dataclass(frozen=True, slots=True)
class Result:
    """How to store what a stage made, and what it cost."""

    store: Callable[[], None]
    usages: Sequence[Usage] = field(default_factory=tuple)


def queue(run: Run, number: int, stage: Stage, targets: Sequence[int]) -> None:
    """Create the units that follow, once: a second call finds them."""
    Unit.objects.bulk_create(
        [Unit(run=run, stage=stage.value, round=number, target=target) for target in targets],
        ignore_conflicts=True,
    )
