"""What a run does beyond the paper, each with its own switch; a faithful run does none of it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, dataclass
from typing import Any

from memoryapp.domain.errors import UnableToStart
from practice.domain.plans import Beyond
from practice.domain.validation import MAX_VOTES

VERIFY = ("", "lite", "strict")
#: what only a model engine can do, and what to tell those who ask the rules engine for it.
MODEL_ONLY = {
    "votes": (
        "The rules engine gives the same verdict every time. Several votes need the model engine."
    ),
    "condense": "The rules engine asks no model, so it cannot condense. Choose the model engine.",
}
MAX_PATIENCE = 10
MAX_HELD_OUT = 20


@dataclass(frozen=True, slots=True)
class Switches(Beyond):
    """What somebody asks of a run beyond the paper, before it is known whether it can be had."""

    def as_plan(self, tools: Collection[str]) -> dict[str, Any]:
        """Return the columns of a plan that may call ``tools``.

        Raises:
            UnableToStart: a value out of range, or a tool in focus that the run may not call.
        """
        if self.faithful:
            return asdict(Switches(faithful=True))
        if self.verify not in VERIFY:
            raise UnableToStart(
                "verify must be off, lite (2 wins) or strict (3 wins).", field="verify"
            )
        if self.band and not (len(self.band) == 2 and 0 <= self.band[0] < self.band[1] <= 1):
            raise UnableToStart(
                "The difficulty band is two shares from 0 to 1, the lower one first.", field="band"
            )
        _within("patience", self.patience, 0, MAX_PATIENCE)
        _within("held_out", self.held_out, 0, MAX_HELD_OUT)
        _within("votes", self.votes, 1, MAX_VOTES)
        if self.votes % 2 == 0:
            raise UnableToStart(
                f"votes must be odd, so that one side wins, not {self.votes}.", field="votes"
            )
        missing = sorted(set(self.focus) - set(tools))
        if missing:
            raise UnableToStart(
                f"This run may not call {', '.join(missing)}. See that they are tools of the "
                "environment and turned on, or leave them out of the focus."
            )
        return asdict(self)


def refused_by(engine: str, switches: Switches) -> dict[str, str]:
    """Switch to why ``engine`` cannot do it; empty where it can do all that is asked."""
    if engine == "model" or switches.faithful:
        return {}
    asked = {"votes": switches.votes != 1, "condense": switches.condense}
    return {name: MODEL_ONLY[name] for name, is_on in asked.items() if is_on}


def _within(name: str, value: int, low: int, high: int) -> None:
    if not low <= value <= high:
        raise UnableToStart(f"{name} must be between {low} and {high}, not {value}.", field=name)
