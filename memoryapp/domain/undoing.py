"""What taking back one job's changes means for a bullet's revisions. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Written:
    """One revision, oldest first in a list of them.

    ``of_job`` says that the job to undo wrote it, ``by_person`` that somebody else wrote it by hand
    or decided it; neither is a mark the product set by itself, such as *stale*.
    """

    number: int
    of_job: bool
    by_person: bool


class Effect(StrEnum):
    RETIRE = "retire"
    REVERT = "revert"
    SPARE = "spare"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Undoing:
    """What happens to one bullet: ``number`` is the revision that comes back, or the person's."""

    effect: Effect
    number: int = 0


def undoing(revisions: Sequence[Written]) -> Undoing:
    """Say how to take back what a job wrote to one bullet.

    A bullet the job made is retired, one it changed gets the text it had before. What a person
    wrote after the job stays, and so does the bullet. Where the job's first change lies between
    changes of people, the bullet goes back only if nobody wrote after the job's last one.
    """
    last = max((place for place, row in enumerate(revisions) if row.of_job), default=None)
    if last is None:
        return Undoing(Effect.NOTHING)
    later = next((row for row in revisions[last + 1 :] if row.by_person), None)
    if later is not None:
        return Undoing(Effect.SPARE, later.number)
    first = last
    while first > 0 and not revisions[first - 1].by_person:
        first -= 1
    # Marks the product set before the job's first change belong to the text before it.
    while not revisions[first].of_job:
        first += 1
    if first == 0:
        return Undoing(Effect.RETIRE)
    return Undoing(Effect.REVERT, revisions[first - 1].number)
