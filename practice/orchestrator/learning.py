"""The second half of a round: admit, learn, and summarise the environment."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.utils import timezone

from memoryapp.queries import draft_playbook
from memoryapp.services import candidates
from memoryapp.services.counters import practice_tags_count
from practice.agents.ports import Engine
from practice.agents.rules.documents import failure
from practice.domain import validation
from practice.domain.rounds import Stage
from practice.domain.types import Category, Label, Reflection, Trajectory
from practice.models import Attempt, EnvironmentFact, PracticeRecord, PracticeTask, Round, Run, Unit
from practice.orchestrator.engines import engine_of
from practice.orchestrator.results import Result, queue
from practice.orchestrator.worlds import tools_of

EXCERPT_CHARS = 1_200


def admit(unit: Unit, run: Run) -> Result:
    """Judge each task over its attempts; every judged task updates proposer memory."""

    def store() -> None:
        learners: list[int] = []
        round_ = Round.objects.get(run=run, number=unit.round)
        for task in round_.tasks.filter(drop_reason="").prefetch_related("attempts"):
            judged = [a for a in task.attempts.all() if a.label]
            if judged:
                learners += _admit_task(run, task, judged)
        queue(run, unit.round, Stage.LEARN, learners)
        round_.ended_at = timezone.now()
        round_.save(update_fields=["ended_at"])

    return Result(store)


def _admit_task(run: Run, task: PracticeTask, judged: list[Attempt]) -> list[int]:
    """Store one task's category and record. Returns the attempt to learn from, if any."""
    category = validation.categorize([Label(a.label) for a in judged])
    task.category = category.value
    task.save(update_fields=["category"])
    values = [attempt.as_judged() for attempt in judged]
    policy = run.frozen.policy
    typical = judged[_place(values, validation.representative(values))]
    teacher = validation.representative(values, policy)
    for attempt in judged:
        admitted = validation.admissible(Label(attempt.label), policy)
        attempt.status = Attempt.Status.ADMITTED if admitted else Attempt.Status.NOT_ADMITTED
        attempt.is_representative = attempt is typical
        attempt.save(update_fields=["status", "is_representative"])
    steps = [step for value in values for step in value.trajectory.steps]
    PracticeRecord.objects.get_or_create(
        task=task,
        defaults={
            "environment": run.environment,
            "run": run,
            "category": category.value,
            "used_tools": list(dict.fromkeys(step.tool for step in steps)),
            "calls": [[step.tool, bool(failure(step))] for step in steps],
            "reason": _reason(typical, category),
        },
    )
    return [] if teacher is None else [judged[_place(values, teacher)].pk]


def _place(values: Sequence[validation.Judged], wanted: validation.Judged | None) -> int:
    """Where the very attempt stands: two attempts may be equal in every value."""
    return next(place for place, value in enumerate(values) if value is wanted)


def _reason(attempt: Attempt, category: Category) -> str:
    if category is Category.INFEASIBLE:
        return attempt.feasibility_reason
    return attempt.completion_reason


def learn(unit: Unit, run: Run) -> Result:
    """Reflect on one admitted trajectory and submit what the curator proposes."""
    attempt = Attempt.objects.select_related("task__round").get(pk=unit.target)
    engine, tools = engine_of(run), tools_of(run.environment, run.frozen)
    task, trajectory = attempt.task.as_spec(), attempt.as_trajectory()
    playbook = draft_playbook(run.playbook, origin_link=run.get_absolute_url())
    reflection = engine.reflector.reflect(task, Label(attempt.label), playbook, trajectory, tools)
    curation = engine.curator.curate(task, playbook, trajectory, reflection)

    def store() -> None:
        practice_tags_count(playbook=run.playbook, tags=reflection.tags)
        for delta in curation.deltas:
            candidates.candidate_submit(
                playbook_id=run.playbook_id,
                delta=delta,
                origin=candidates.Origin("run", run.get_absolute_url(), str(run)),
                sources=_sources(attempt, trajectory, delta.evidence),
                scores=_scores(attempt, engine),
            )
        attempt.reflection = _reflection_json(reflection)
        attempt.status = Attempt.Status.CURATED
        attempt.save(update_fields=["reflection", "status"])

    return Result(store, [reflection.usage, curation.usage])


def _sources(
    attempt: Attempt, trajectory: Trajectory, evidence: Sequence[int]
) -> list[candidates.Source]:
    cited = set(evidence)
    return [
        candidates.Source(
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


def _scores(attempt: Attempt, engine: Engine) -> dict[str, Any]:
    return {
        "label": attempt.label,
        "feasibility": attempt.feasibility,
        "feasibility_reason": attempt.feasibility_reason,
        "completion": attempt.completion,
        "completion_reason": attempt.completion_reason,
        "confidence": attempt.confidence,
        "validator": attempt.validator,
        "engine": engine.name,
        "steps": attempt.step_count,
        "checks": attempt.checks,
    }


def _reflection_json(reflection: Reflection) -> dict[str, Any]:
    return {
        "what_happened": reflection.what_happened,
        "root_cause": reflection.root_cause,
        "correct_approach": reflection.correct_approach,
        "key_insight": reflection.key_insight,
        "tags": dict(reflection.tags),
    }


def summarise(unit: Unit, run: Run) -> Result:
    """Keep what the trajectory showed of the environment as it was before."""
    attempt = Attempt.objects.select_related("task").get(
        task_id=unit.target, is_representative=True
    )
    summary = engine_of(run).summariser.summarise(
        attempt.task.as_spec(), attempt.as_trajectory(), tools_of(run.environment, run.frozen)
    )

    def store() -> None:
        known = set(run.environment.facts.values_list("text", flat=True))
        EnvironmentFact.objects.bulk_create(
            EnvironmentFact(
                environment=run.environment,
                run=run,
                task=attempt.task,
                text=fact.text,
                data=dict(fact.data),
            )
            for fact in summary.facts
            if fact.text not in known
        )

    return Result(store, [summary.usage])
