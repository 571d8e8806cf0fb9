"""The stages of a round: each loads rows, calls an agent, and says how to store the answer.

No stage holds a transaction while an agent works. ``Result.store`` runs inside the transaction
that ends the unit.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from django.db import connections
from django.utils import timezone

from memoryapp.domain.playbook import Bullet, BulletStatus, Playbook
from memoryapp.queries import draft_playbook
from memoryapp.services import candidates
from memoryapp.services.counters import practice_tags_count
from practice.agents.ports import Engine, SolverLimits
from practice.domain import novelty, validation
from practice.domain.rounds import Stage
from practice.domain.types import (
    Briefing,
    Category,
    Label,
    Reflection,
    Step,
    TaskSpec,
    Trajectory,
    Usage,
)
from practice.models import (
    Attempt,
    EnvironmentFact,
    PracticeRecord,
    PracticeTask,
    Round,
    Run,
    Unit,
)
from practice.models import Step as StepRow
from practice.orchestrator.engines import engine_of
from practice.orchestrator.worlds import tools_of, world_of

FACT_LIMIT = 40
HISTORY_LIMIT = 1_000
EXCERPT_CHARS = 1_200


class ClaimLost(Exception):
    """Another worker took the unit over; what we have is worth nothing."""


@dataclass(frozen=True, slots=True)
class Result:
    """How to store what a stage made, and what it cost."""

    store: Callable[[], None]
    usages: Sequence[Usage] = field(default_factory=tuple)


def perform(unit: Unit) -> Result:
    """Do a claimed unit's work. Raises what its agents raise, and ``ClaimLost``."""
    return _STAGES[Stage(unit.stage)](unit, unit.run)


def postponed(unit: Unit, message: str) -> None:
    """Say on the attempt that it waits to be tried again."""
    if unit.stage == Stage.SOLVE:
        Attempt.objects.filter(pk=unit.target).update(
            status=Attempt.Status.INFRASTRUCTURE_ERROR, message=f"{message} It is tried again."
        )


def failed(unit: Unit, message: str) -> None:
    """Say on the attempt why it ended unjudged. It never reaches proposer memory."""
    if unit.stage == Stage.SOLVE:
        Attempt.objects.filter(pk=unit.target).update(
            status=Attempt.Status.INFRASTRUCTURE_ERROR, message=message, ended_at=timezone.now()
        )
    elif unit.stage in {Stage.VALIDATE, Stage.LEARN}:
        Attempt.objects.filter(pk=unit.target).update(message=message)


def _propose(unit: Unit, run: Run) -> Result:
    plan, tools = run.frozen, tools_of(run.environment, run.frozen)
    records = run.environment.practice_records.select_related("task__round").order_by("-pk")
    history = tuple(record.as_value() for record in records[:HISTORY_LIMIT])[::-1]
    facts = run.environment.facts.select_related("task")[:FACT_LIMIT]
    proposal = engine_of(run).proposer.propose(
        Briefing(
            tools=tools,
            facts=tuple(fact.as_value() for fact in facts),
            history=history,
            count=plan.candidates,
            seed=run.seed * 1_000 + unit.round,
        )
    )
    chosen = novelty.select(
        proposal.candidates, history, plan.tasks, seed=run.seed * 1_000 + unit.round
    )

    def store() -> None:
        playbook = draft_playbook(run.playbook, origin_link=run.get_absolute_url())
        round_, _ = Round.objects.get_or_create(
            run=run,
            number=unit.round,
            defaults={"playbook": [_frozen(bullet) for bullet in playbook.bullets]},
        )
        pairs = [(task, "") for task in chosen.selected] + list(chosen.dropped)
        rows = [_task_row(round_, n, spec, why) for n, (spec, why) in enumerate(pairs, start=1)]
        PracticeTask.objects.bulk_create(rows)
        attempts = Attempt.objects.bulk_create(
            Attempt(task=task, run=run, number=number)
            for task in rows
            if not task.drop_reason
            for number in range(1, plan.attempts + 1)
        )
        _queue(run, unit.round, Stage.SOLVE, [attempt.pk for attempt in attempts])

    return Result(store, [proposal.usage])


def _task_row(round_: Round, number: int, spec: TaskSpec, why: str) -> PracticeTask:
    return PracticeTask(
        round=round_,
        number=number,
        instruction=spec.instruction,
        kind=spec.kind,
        intended_tools=list(spec.intended_tools),
        entities=list(spec.entities),
        rationale=spec.rationale,
        goal=dict(spec.goal),
        drop_reason=why,
    )


def _solve(unit: Unit, run: Run) -> Result:
    attempt = Attempt.objects.select_related("task__round").get(pk=unit.target)
    attempt.current_try = unit.tries
    Attempt.objects.filter(pk=attempt.pk).update(
        status=Attempt.Status.RUNNING, current_try=unit.tries, message=""
    )
    engine, plan = engine_of(run), run.frozen
    owner = threading.get_ident()

    def on_step(step: Step) -> None:
        try:
            if not Unit.objects.held(unit).exists():
                raise ClaimLost
            _store_step(attempt, unit.tries, step)
        finally:
            # An agent library may call back from a helper thread whose connection nobody closes.
            if threading.get_ident() != owner:
                connections.close_all()

    def should_stop() -> bool:
        return not Unit.objects.held(unit).exists()

    with world_of(run.environment, plan).open() as session:
        trajectory = engine.solver.solve(
            attempt.task.as_spec(),
            _thawed(attempt.task.round),
            session,
            SolverLimits(steps=plan.step_limit, on_step=on_step, should_stop=should_stop),
        )
        drift = session.drift()
    note = f"The server's tools are not what they were when the run began. {drift}" if drift else ""

    def store() -> None:
        _store_trajectory(attempt, trajectory, note)
        _queue(run, unit.round, Stage.VALIDATE, [attempt.pk])

    return Result(store, [trajectory.usage])


def _store_step(attempt: Attempt, try_number: int, step: Step) -> None:
    StepRow.objects.create(
        attempt=attempt,
        try_number=try_number,
        number=step.number,
        thought=step.thought,
        tool=step.tool[:200],
        arguments=dict(step.arguments),
        observation=step.observation.replace("\x00", ""),
        is_error=step.is_error,
        started_ms=step.started_ms,
        duration_ms=step.duration_ms,
        input_tokens=step.input_tokens,
        output_tokens=step.output_tokens,
    )


def _store_trajectory(attempt: Attempt, trajectory: Trajectory, note: str) -> None:
    steps = trajectory.steps
    attempt.status = trajectory.outcome.value
    attempt.outcome = trajectory.outcome.value
    attempt.answer = trajectory.answer.replace("\x00", "")
    attempt.message = note
    attempt.step_count = len(steps)
    attempt.error_count = sum(step.is_error for step in steps)
    attempt.duration_ms = max((s.started_ms + s.duration_ms for s in steps), default=0)
    attempt.ended_at = timezone.now()
    attempt.save()


def _validate(unit: Unit, run: Run) -> Result:
    attempt = Attempt.objects.select_related("task").get(pk=unit.target)
    verdict = engine_of(run).validator.validate(
        attempt.task.as_spec(), attempt.as_trajectory(), tools_of(run.environment, run.frozen)
    )

    def store() -> None:
        attempt.status = Attempt.Status.VALIDATED
        attempt.label = validation.label(verdict).value
        attempt.feasibility = verdict.feasibility
        attempt.feasibility_reason = verdict.feasibility_reason
        attempt.completion = verdict.completion
        attempt.completion_reason = verdict.completion_reason
        attempt.confidence = verdict.confidence
        attempt.checks = [asdict(check) for check in verdict.checks]
        attempt.validator = verdict.validator[:100]
        attempt.save()

    return Result(store, [verdict.usage])


def _admit(unit: Unit, run: Run) -> Result:
    """Judge each task over its attempts; every judged task updates proposer memory."""

    def store() -> None:
        learners: list[int] = []
        round_ = Round.objects.get(run=run, number=unit.round)
        for task in round_.tasks.filter(drop_reason="").prefetch_related("attempts"):
            judged = [a for a in task.attempts.all() if a.label]
            if judged:
                learners += _admit_task(run, task, judged)
        _queue(run, unit.round, Stage.LEARN, learners)
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
            "calls": [[step.tool, step.is_error] for step in steps],
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


def _learn(unit: Unit, run: Run) -> Result:
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


def _summarise(unit: Unit, run: Run) -> Result:
    attempt = Attempt.objects.select_related("task").get(
        task_id=unit.target, is_representative=True
    )
    summary = engine_of(run).summariser.summarise(
        attempt.task.as_spec(), attempt.as_trajectory(), tools_of(run.environment, run.frozen)
    )

    def store() -> None:
        EnvironmentFact.objects.bulk_create(
            EnvironmentFact(
                environment=run.environment,
                run=run,
                task=attempt.task,
                text=fact.text,
                data=dict(fact.data),
            )
            for fact in summary.facts
        )

    return Result(store, [summary.usage])


def _queue(run: Run, number: int, stage: Stage, targets: Sequence[int]) -> None:
    Unit.objects.bulk_create(
        [Unit(run=run, stage=stage.value, round=number, target=target) for target in targets],
        ignore_conflicts=True,
    )


def _frozen(bullet: Bullet) -> dict[str, Any]:
    return {**asdict(bullet), "status": bullet.status.value}


def _thawed(round_: Round) -> Playbook:
    return Playbook(
        bullets=tuple(
            Bullet(**{**stored, "status": BulletStatus(stored["status"])})
            for stored in round_.playbook
        )
    )


_STAGES: dict[Stage, Callable[[Unit, Run], Result]] = {
    Stage.PROPOSE: _propose,
    Stage.SOLVE: _solve,
    Stage.VALIDATE: _validate,
    Stage.ADMIT: _admit,
    Stage.LEARN: _learn,
    Stage.SUMMARISE: _summarise,
}
