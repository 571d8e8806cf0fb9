"""What is stored of an attempt, in the words of the role a dry run asked."""

from __future__ import annotations

from typing import Any

from memoryapp.queries.origins import evidence_from
from practice.models import Attempt, EnvironmentFact, Lesson, PromptTrial


def stored_side(trial: PromptTrial) -> dict[str, Any]:
    """What the role said when the attempt was made, in the shape of ``PromptTrial.result``."""
    attempt = trial.attempt
    if attempt is None:
        return {}
    match trial.role:
        case "validator":
            return _verdict(attempt)
        case "reflector":
            return dict(attempt.reflection)
        case "curator":
            return {"changes": _changes(trial, attempt)}
        case "consolidator":
            return {"changes": _consolidations(attempt)}
        case "summariser":
            facts = EnvironmentFact.objects.filter(task=attempt.task, run=attempt.run)
            return {"facts": list(facts.values_list("text", flat=True))}
        case "proposer":
            tasks = attempt.task.round.tasks.filter(drop_reason="").order_by("number")
            columns = ("instruction", "kind", "intended_tools", "rationale")
            return {"tasks": list(tasks.values(*columns))}
        case "solver":
            return _solved(attempt)
        case _:
            return _longest(attempt)


def _verdict(attempt: Attempt) -> dict[str, Any]:
    return {
        "feasibility": attempt.feasibility,
        "feasibility_reason": attempt.feasibility_reason,
        "completion": attempt.completion,
        "completion_reason": attempt.completion_reason,
    }


def _changes(trial: PromptTrial, attempt: Attempt) -> list[dict[str, Any]]:
    evidence = evidence_from(trial.environment.workspace, attempt.get_absolute_url())
    candidates = {row.candidate_id: row.candidate for row in evidence}
    return [
        {
            "op": candidate.op,
            "section": candidate.section,
            "content": candidate.content,
            "targets": [],
            "reason": candidate.reason,
        }
        for candidate in candidates.values()
    ]


def _consolidations(attempt: Attempt) -> list[dict[str, Any]]:
    """What the attempt's run proposed to merge, reword and retire, kept or not."""
    lessons = attempt.run.lessons.filter(kind=Lesson.Kind.CONSOLIDATION)
    return [
        {
            "op": lesson.op,
            "section": lesson.section,
            "content": lesson.content,
            "targets": lesson.targets,
            "reason": lesson.reason,
        }
        for lesson in lessons
    ]


def _solved(attempt: Attempt) -> dict[str, Any]:
    steps = attempt.steps.filter(try_number=attempt.current_try)
    return {
        "answer": attempt.answer,
        "outcome": attempt.outcome,
        "steps": list(steps.values("number", "tool", "arguments", "is_error")),
    }


def _longest(attempt: Attempt) -> dict[str, Any]:
    steps = attempt.steps.filter(try_number=attempt.current_try)
    step = max(steps, key=lambda step: len(step.observation), default=None)
    if step is None:
        return {}
    return {"step": step.number, "tool": step.tool, "summary": step.observation}
