"""What a reviewer is shown of an attempt: the cited steps and the verdict's scores."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from memoryapp.services.candidates import Source
from practice.domain.types import Trajectory
from practice.models import Attempt

EXCERPT_CHARS = 1_200


def sources_of(attempt: Attempt, trajectory: Trajectory, evidence: Sequence[int]) -> list[Source]:
    """The steps a lesson cites, each with a link to where it can be read whole."""
    cited = set(evidence)
    return [
        Source(
            link=f"{attempt.get_absolute_url()}#step-{step.number}",
            group=attempt.task.instruction,
            number=step.number,
            tool=step.tool,
            arguments=step.arguments,
            excerpt=step.observation[:EXCERPT_CHARS],
            is_error=step.is_error,
            duration_ms=step.duration_ms,
        )
        for step in trajectory.steps
        if step.number in cited
    ]


def scores_of(attempt: Attempt, engine: str) -> dict[str, Any]:
    """The verdict of the attempt a lesson was learned from."""
    return {
        "label": attempt.label,
        "feasibility": attempt.feasibility,
        "feasibility_reason": attempt.feasibility_reason,
        "completion": attempt.completion,
        "completion_reason": attempt.completion_reason,
        "confidence": attempt.confidence,
        "validator": attempt.validator,
        "engine": engine,
        "steps": attempt.step_count,
        "checks": attempt.checks,
    }
