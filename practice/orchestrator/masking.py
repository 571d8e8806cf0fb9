"""The door to storage: what agents made of an environment, with secrets masked.

Tools' answers are masked where they arrive and models' words where they come back
(``practice.agents.masking``). What an engine puts together of both passes here before it is a row.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from memoryapp.domain.masking import redact, redact_value
from practice.domain.types import Fact, Json, TaskSpec
from practice.models import Environment, PracticeTask, Round


def masked(environment: Environment, text: str) -> str:
    """Return a text as it is stored. In a pack a value is no secret for its name alone."""
    return redact(text, named=not environment.is_made_up)


def masked_value(environment: Environment, value: Json) -> dict[str, Any]:
    """Return a JSON object as it is stored."""
    found: Mapping[str, Any] = redact_value(value, named=not environment.is_made_up)
    return dict(found)


def masked_fact(environment: Environment, fact: Fact) -> Fact:
    """Return a fact as it is stored: every proposer to come may be shown it."""
    return replace(
        fact, text=masked(environment, fact.text), data=masked_value(environment, fact.data)
    )


def task_row(
    environment: Environment,
    round_: Round,
    number: int,
    spec: TaskSpec,
    *,
    drop_reason: str = "",
    is_held_out: bool = False,
) -> PracticeTask:
    """Return a task as a row, not stored yet."""
    return PracticeTask(
        round=round_,
        number=number,
        instruction=masked(environment, spec.instruction),
        kind=spec.kind,
        intended_tools=list(spec.intended_tools),
        entities=[masked(environment, entity) for entity in spec.entities],
        rationale=masked(environment, spec.rationale),
        goal=masked_value(environment, spec.goal),
        drop_reason=drop_reason,
        is_held_out=is_held_out,
    )
