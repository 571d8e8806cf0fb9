"""When a model that does not answer is asked again, and when a run stops asking.

A provider that hangs holds a worker for its whole timeout. After one call without an answer the
model is asked by one unit at a time, after a pause that grows; an answer ends this.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from types import MappingProxyType

from practice.domain.rounds import Stage

#: calls in a row, one after another, that may stay without an answer before a run ends.
MOST_TRIES = 4
PAUSE_SECONDS, PAUSE_CAP = 5.0, 60.0
#: the roles whose models a unit of a stage asks; other stages ask none.
ROLES: Mapping[Stage, tuple[str, ...]] = MappingProxyType(
    {
        Stage.PROPOSE: ("proposer",),
        Stage.SOLVE: ("solver", "condenser"),
        Stage.VALIDATE: ("validator",),
        Stage.LEARN: ("reflector", "curator"),
        Stage.CONSOLIDATE: ("consolidator",),
        Stage.SUMMARISE: ("summariser",),
    }
)


def pause(tries: int) -> timedelta:
    """How long nobody asks after ``tries`` calls in a row without an answer."""
    return timedelta(seconds=min(PAUSE_CAP, PAUSE_SECONDS * 2.0 ** min(tries - 1, 10)))


def given_up(
    model: str, tries: int, *, timed_out: bool, waited_s: int, last: str, again: str
) -> str:
    """The line a run ends with that asked in vain; empty while it is worth another try.

    ``last`` is what the last call said, ``again`` what to do once the model answers.
    """
    if tries < MOST_TRIES:
        return ""
    kept = f"Everything judged so far is kept; {again} when the model answers again."
    if timed_out:
        return f"{model} did not answer {tries} times in a row, each for {waited_s} s. {kept}"
    return f"{model} could not be reached {tries} times in a row. {last} {kept}"
