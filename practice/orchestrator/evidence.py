"""What a reviewer is shown of an attempt: the cited steps and the verdict's scores."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from memoryapp.domain.provenance import is_suspicious
from memoryapp.services.candidates import Origin, Source, Steps
from practice.domain.types import Trajectory
from practice.models import Attempt, Run

EXCERPT_CHARS = 1_200
#: An uncited step is one line of the page.
LINE_CHARS = 160


def origin_of(run: Run, trajectory: Trajectory | None) -> Origin:
    """The run as the origin of a lesson, and whether anything the attempt saw was suspicious."""
    return Origin(
        kind="run",
        link=run.get_absolute_url(),
        name=str(run),
        environment=run.environment.name,
        is_outside=run.kind == Run.Kind.ONLINE,
        is_suspicious=trajectory is not None
        and any(is_suspicious(step.observation) for step in trajectory.steps),
    )


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


def trail_of(attempt: Attempt, trajectory: Trajectory) -> Steps:
    """Every step as one line, so that a reviewer sees what was left uncited between the cited."""
    return Steps(
        link=attempt.get_absolute_url(),
        lines=[
            {
                "number": step.number,
                "tool": step.tool,
                "arguments": _line(", ".join(f"{k}: {v}" for k, v in step.arguments.items())),
                "said": _line(step.observation),
                "is_error": step.is_error,
                "started_ms": step.started_ms,
                "duration_ms": step.duration_ms,
                "tokens": step.input_tokens + step.output_tokens,
                **({} if step.cost is None else {"cost": str(step.cost)}),
            }
            for step in trajectory.steps
        ],
    )


def _line(text: str) -> str:
    return " ".join(text[: 4 * LINE_CHARS].split())[:LINE_CHARS]


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
