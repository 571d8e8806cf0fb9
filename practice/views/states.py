"""How an attempt's row is said in one word."""

from __future__ import annotations

from dataclasses import dataclass

from practice.models import Attempt


@dataclass(frozen=True, slots=True)
class State:
    """``look`` names the icon and color of the design system, ``word`` replaces its word."""

    look: str
    word: str = ""


def shown_state(attempt: Attempt) -> State:
    """The label where there is one, else how far the attempt got."""
    if attempt.label:
        return State(attempt.label)
    if attempt.status in {Attempt.Status.FINISHED, Attempt.Status.STEP_LIMIT}:
        return State("validated", "Validating")
    if attempt.status == Attempt.Status.INFRASTRUCTURE_ERROR and attempt.ended_at is None:
        return State("retrying")
    return State(attempt.status)
