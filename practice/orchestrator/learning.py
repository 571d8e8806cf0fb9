"""The second half of a round: admit, learn, and summarise the environment."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.utils import timezone

from memoryapp.queries.playbooks import draft_playbook
from memoryapp.services import candidates
from memoryapp.services.counters import deployment_tags_count, practice_tags_count
from practice.agents.rules.documents import failure
from practice.domain import validation
from practice.domain.rounds import Stage
from practice.domain.types import Category, Label, Reflection
from practice.models import Attempt, PracticeRecord, PracticeTask, Round, Run, Unit
from practice.orchestrator import admission, drift, facts, trials
from practice.orchestrator.engines import engine_of
from practice.orchestrator.evidence import origin_of, scores_of, sources_of, trail_of
from practice.orchestrator.results import Result, queue
from practice.orchestrator.worlds import tools_of


def admit(unit: Unit, run: Run) -> Result:
    """Judge each task over its attempts; every judged task updates proposer memory."""

    def store() -> None:
        learners: list[int] = []
        round_ = Round.objects.get(run=run, number=unit.round)
        for task in round_.tasks.filter(drop_reason="").prefetch_related("attempts"):
            judged = [a for a in task.attempts.all() if a.label and a.arm_id is None]
            if judged:
                learners += _admit_task(run, task, judged)
        queue(run, unit.round, Stage.LEARN, learners)
        round_.ended_at = timezone.now()
        round_.save(update_fields=["ended_at"])

    return Result(store)


def _admit_task(run: Run, task: PracticeTask, judged: list[Attempt]) -> list[int]:
    """Store one task's category and record. Returns the attempt to learn from, if any."""
    values = [attempt.as_judged() for attempt in judged]
    policy = run.frozen.policy
    if run.frozen.faithful:
        category, typical, teacher = admission.as_the_paper(run.frozen, judged)
    else:
        category = validation.categorize([Label(a.label) for a in judged])
        typical = judged[_place(values, validation.representative(values))]
        best = validation.representative(values, policy)
        teacher = None if best is None else judged[_place(values, best)]
    task.category = category.value
    task.save(update_fields=["category"])
    for attempt in judged:
        admitted = teacher is not None and validation.admissible(Label(attempt.label), policy)
        attempt.status = Attempt.Status.ADMITTED if admitted else Attempt.Status.NOT_ADMITTED
        attempt.is_representative = attempt is typical
        attempt.save(update_fields=["status", "is_representative"])
    # What a model made up was never called, and no tool of that name was practised.
    known = run.frozen.tools
    calls = [
        [step.tool, bool(failure(step)), attempt.number]
        for attempt, value in zip(judged, values, strict=True)
        for step in value.trajectory.steps
        if step.tool in known or run.kind == Run.Kind.ONLINE
    ]
    # What users ask of deployed agents never reaches the proposer (Preping §3.1).
    if run.kind != Run.Kind.ONLINE:
        PracticeRecord.objects.get_or_create(
            task=task,
            defaults={
                "environment": run.environment,
                "run": run,
                "category": category.value,
                "used_tools": list(dict.fromkeys(tool for tool, _, _ in calls)),
                "calls": calls,
                "reason": _reason(typical, category),
            },
        )
        drift.practised(run.environment, calls)
    # A seed task is done once it was practised.
    task.seeded_by.standing().update(ended_at=timezone.now())
    return [] if teacher is None else [teacher.pk]


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
    engine, tools = engine_of(unit), tools_of(run.environment, run.frozen)
    task, trajectory = attempt.task.as_spec(), attempt.as_trajectory()
    playbook = draft_playbook(run.playbook, origin_link=run.get_absolute_url())
    reflection = _reflected_before(attempt)
    if reflection is None:
        label = Label(attempt.label)
        reflection = engine.reflector.reflect(task, label, playbook, trajectory, tools)
        if reflection.usage.requests and Unit.objects.held(unit).exists():
            # Kept between tries: a curator that cannot be read must not pay for it again.
            Attempt.objects.filter(pk=attempt.pk).update(reflection=_reflection_json(reflection))
    curation = engine.curator.curate(task, playbook, trajectory, reflection)

    def store() -> None:
        deployed = run.kind == Run.Kind.ONLINE
        count = deployment_tags_count if deployed else practice_tags_count
        count(playbook=run.playbook, tags=reflection.tags)
        again = admission.reinforced(run.frozen, playbook, curation.deltas)
        count(playbook=run.playbook, tags=again)
        drift.reverified(run, attempt, trajectory, reflection.tags)
        deltas = admission.allowed(run.frozen, curation.deltas)
        if run.frozen.verify:
            trials.put_to_test(run, attempt, playbook, deltas, engine.name)
        else:
            for delta in deltas:
                candidates.candidate_submit(
                    playbook_id=run.playbook_id,
                    delta=delta,
                    origin=origin_of(run, trajectory),
                    sources=sources_of(attempt, trajectory, delta.evidence),
                    scores=scores_of(attempt, engine.name),
                    trails=[trail_of(attempt, trajectory)],
                )
        attempt.reflection = _reflection_json(reflection)
        attempt.status = Attempt.Status.CURATED
        attempt.save(update_fields=["reflection", "status"])

    return Result(store, [reflection.usage, curation.usage])


def _reflected_before(attempt: Attempt) -> Reflection | None:
    """What an earlier try of the unit asked and kept."""
    return Reflection(**attempt.reflection) if attempt.reflection else None


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
    summary = engine_of(unit).summariser.summarise(
        attempt.task.as_spec(), attempt.as_trajectory(), tools_of(run.environment, run.frozen)
    )

    def store() -> None:
        facts.remember(run, attempt.task, attempt.as_trajectory(), summary.facts)

    return Result(store, [summary.usage])
