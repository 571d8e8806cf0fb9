"""What may be asked of an analysis: a window, limits, and a step of an attempt to run again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from memoryapp.domain.errors import UnableToStart
from memoryapp.domain.nesting import DEEPEST, nested_beyond
from practice.domain.reading import whole_characters
from practice.domain.rootcause import serial
from practice.domain.rootcause.types import Budget
from practice.models import Incident

#: What one analysis may be given at most.
LIMITS = {"depth": 50, "visits": 5_000, "model_calls": 30, "seconds": 600}
MAX_ARGUMENTS = 20_000
#: where the arguments of a step to test stand in a request.
ARGUMENTS = "test/arguments"
MAX_WINDOW = timedelta(hours=24)


def check_window(begin: datetime, end: datetime) -> None:
    """Raises ``UnableToStart`` for a time nothing can be looked at in."""
    if begin >= end:
        raise UnableToStart(
            "The window ends before it begins: swap the two times.", field="window_to"
        )
    if end - begin > MAX_WINDOW:
        raise UnableToStart(
            "A window is at most 24 hours: choose a shorter one.", field="window_to"
        )


def check_test(incident: Incident, test: Mapping[str, Any]) -> None:
    """Raises ``UnableToStart`` for a step that cannot be run again so."""
    attempt, number, arguments = incident.attempt, test.get("step", 0), test.get("arguments")
    if attempt is None:
        raise UnableToStart(
            "Only a step of a failed attempt can be tested, and this is not one.", field="test"
        )
    if attempt.steps_gone:
        raise UnableToStart(f"{attempt.steps_gone} None can be run again.")
    environment = attempt.run.environment
    if not environment.has_own_state:
        raise UnableToStart(
            f"{environment.name} cannot be brought back to its first state, "
            "so no step can be run again in it."
        )
    step = attempt.steps.filter(try_number=attempt.current_try, number=number).first()
    if step is None:
        raise UnableToStart(
            f"{attempt} has no step {number}: choose one of {attempt.step_count}.",
            field="test/step",
        )
    if not isinstance(arguments, dict):
        raise UnableToStart(
            'Write the arguments as a JSON object, such as {"id": "A-1"}.', field=ARGUMENTS
        )
    if nested_beyond(arguments) or whole_characters(arguments) != arguments:
        raise UnableToStart(
            f"The arguments are nested more than {DEEPEST} levels deep, or contain a NUL, half a "
            "character or a number such as NaN or infinity: leave it out.",
            field=ARGUMENTS,
        )
    if len(json.dumps(arguments)) > MAX_ARGUMENTS:
        raise UnableToStart(
            f"The arguments may be {MAX_ARGUMENTS:,} characters at most.", field=ARGUMENTS
        )
    if arguments == step.arguments:
        raise UnableToStart(
            "The step was called with these arguments: change at least one.", field=ARGUMENTS
        )


def budget_of(asked: Mapping[str, float]) -> dict[str, Any]:
    """Return the whole budget of an analysis, as it is stored, with what was asked for in it.

    Raises:
        UnableToStart: a name there is no limit of, or a number out of its bounds.
    """
    for name, value in asked.items():
        if name not in LIMITS:
            raise UnableToStart(
                f"{name} is no limit of an analysis: {', '.join(LIMITS)}.", field=name
            )
        if not 0 <= value <= LIMITS[name] or (name != "model_calls" and not value):
            raise UnableToStart(
                f"{name} must be between 1 and {LIMITS[name]}, not {value}.", field=name
            )
    plain: dict[str, Any] = serial.to_json(Budget())
    return plain | {name: type(plain[name])(value) for name, value in asked.items()}
