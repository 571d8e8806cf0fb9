"""When rounds bring nothing new, and whether tasks are too easy or too hard. Pure.

Beyond the paper: the released artifact always runs every round and does not look at the share of
successes. Both rules are switched per run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from memoryapp.domain.shares import percent

#: rounds whose successes the difficulty band looks at.
BAND_WINDOW = 2
KEPT = "Everything learned so far is kept."


@dataclass(frozen=True, slots=True)
class RoundProgress:
    """What one round brought. Shares are 0..1, ``None`` where nothing was counted."""

    number: int
    new_tools: int
    new_lessons: int
    feasible: int = 0
    successes: int = 0
    held_out: float | None = None


def stop_reason(rounds: Sequence[RoundProgress], patience: int) -> str:
    """Say why the rounds should end here; empty if they should go on.

    They end after ``patience`` rounds in a row without a new tool and without a new lesson, or
    after as many without a better score on the held-out tasks. 0 never stops.
    """
    if patience <= 0 or len(rounds) < patience:
        return ""
    latest = rounds[-patience:]
    span = "The last round" if patience == 1 else f"The last {patience} rounds"
    if not any(r.new_tools or r.new_lessons for r in latest):
        return f"{span} brought no new tool and no new lesson. {KEPT}"
    scores = [r.held_out for r in rounds if r.held_out is not None]
    if len(scores) > patience and max(scores[-patience:]) <= max(scores[:-patience]):
        return (
            f"{span} did not raise the score on held-out tasks above "
            f"{percent(max(scores[:-patience]))}. {KEPT}"
        )
    return ""


def difficulty(
    rounds: Sequence[RoundProgress], band: Sequence[float]
) -> Literal["", "easier", "harder"]:
    """Return where the next tasks should go to bring successes into ``band`` (low, high).

    Looks at the feasible attempts of the last ``BAND_WINDOW`` rounds together.
    """
    latest = rounds[-BAND_WINDOW:]
    feasible = sum(r.feasible for r in latest)
    if len(band) != 2 or not feasible:
        return ""
    share = sum(r.successes for r in latest) / feasible
    if share < band[0]:
        return "easier"
    return "harder" if share > band[1] else ""
