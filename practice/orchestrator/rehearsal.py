"""The first half of a round: propose tasks, solve attempts, validate them."""

from __future__ import annotations

import threading
import time
from dataclasses import asdict, replace
from functools import partial

from django.conf import settings
from django.db import connections
from django.utils import timezone

from memoryapp.queries.playbooks import draft_playbook
from practice.agents.ports import Oracle, SolverLimits
from practice.clients.discovery import Drift, LiveSession
from practice.domain import stopping, validation
from practice.domain.rounds import Stage
from practice.domain.types import Outcome, Step, Trajectory
from practice.models import Attempt, Environment, PracticeTask, Round, Run, Unit
from practice.models import Step as StepRow
from practice.orchestrator import alike, briefings, drift, observations, progress, resets, trials
from practice.orchestrator.engines import engine_of
from practice.orchestrator.frozen import freeze
from practice.orchestrator.masking import masked, masked_value, task_row
from practice.orchestrator.results import ClaimLost, Result, queue
from practice.orchestrator.worlds import tools_of, world_of

LATE = (
    "It was stopped after {} because an attempt may take no longer than ATTEMPT_SECONDS, and is "
    "judged by what it did until then."
)
#: sentences about an environment that an attempt keeps.
REMARK_LIMIT = 5


def propose(unit: Unit, run: Run) -> Result:
    """Write candidates and keep the novel ones; every dropped one keeps its reason."""
    plan, tools = run.frozen, tools_of(run.environment, run.frozen)
    wanted = stopping.difficulty(progress.rounds_of(run), plan.band) if plan.band else ""
    lost = trials.too_hard(run, unit.round - 1) if plan.verify else []
    prepared = briefings.prepare(
        run, unit.round, tools, difficulty="easier" if lost else wanted, revise=lost
    )
    proposal = engine_of(unit).proposer.propose(prepared.briefing)
    compared = alike.told(partial(prepared.select, proposal.candidates), unit, prepared.stored)
    chosen = compared.found
    asked = prepared.briefing.steering
    why_not = briefings.not_practised(plan, asked, proposal, chosen)
    missed = {tool: masked(run.environment, why) for tool, why in why_not.items()}
    more = {"not_practised": missed, "compared": compared.shown}

    def store() -> None:
        draft = draft_playbook(run.playbook, origin_link=run.get_absolute_url())
        playbook = briefings.ordered(draft, plan)
        round_, _ = Round.objects.get_or_create(
            run=run,
            number=unit.round,
            defaults={
                "playbook": freeze(playbook.bullets),
                "briefing": prepared.shown | {name: said for name, said in more.items() if said},
            },
        )
        pairs = [(task, "") for task in chosen.selected] + list(chosen.dropped)
        rows = [
            task_row(run.environment, round_, number, spec, drop_reason=why)
            for number, (spec, why) in enumerate(pairs, start=1)
        ]
        PracticeTask.objects.bulk_create(rows)
        if asked.seed_tasks:
            round_.seeds = briefings.seeds_taken(
                run.environment,
                rows,
                [spec for spec, _ in pairs],
                asked=asked.seed_tasks,
                unmet=dict(proposal.unmet),
            )
            round_.save(update_fields=["seeds"])
        attempts = Attempt.objects.bulk_create(
            Attempt(task=task, run=run, number=number)
            for task in rows
            if not task.drop_reason
            for number in range(1, plan.attempts + 1)
        )
        queue(run, unit.round, Stage.SOLVE, [attempt.pk for attempt in attempts])

    return Result(store, [proposal.usage])


def solve(unit: Unit, run: Run) -> Result:
    """One attempt, one freshly reset environment, steps stored as they happen."""
    attempt = Attempt.objects.select_related("task__round", "arm").get(pk=unit.target)
    attempt.current_try = unit.tries
    Attempt.objects.filter(pk=attempt.pk).update(
        status=Attempt.Status.RUNNING, current_try=unit.tries, message=""
    )
    engine, plan = engine_of(unit), run.frozen
    watch = _Watch(unit, attempt)
    with world_of(run.environment, plan, run.snapshot).open() as session:
        trajectory = engine.solver.solve(
            attempt.task.as_spec(),
            trials.memory_of(attempt),
            session,
            SolverLimits(
                steps=plan.step_limit, on_step=watch.on_step, should_stop=watch.should_stop
            ),
        )
        changed = session.drift()
        note = _remarks(session, changed)
        if watch.is_late:
            trajectory = replace(trajectory, outcome=Outcome.STEP_LIMIT)
            made = f"{len(trajectory.steps)} call{'' if len(trajectory.steps) == 1 else 's'}"
            note = f"{LATE.format(made)} {note}".strip()
        if isinstance(session, Oracle):
            attempt.truth = session.truth(attempt.task.as_spec())

    unlike = resets.noticed(run, attempt, trajectory)
    if unlike:
        note = " ".join(filter(None, [resets.remark(unlike), note]))

    def store() -> None:
        _store_trajectory(run.environment, attempt, trajectory, note)
        if unlike:
            resets.keep(run.environment, unlike)
        if changed:
            drift.ask_for_check(run)
        queue(run, unit.round, Stage.VALIDATE, [attempt.pk])

    return Result(store, [trajectory.usage])


class _Watch:
    """What goes on beside a solver: its steps are stored, and it is told when to stop."""

    def __init__(self, unit: Unit, attempt: Attempt) -> None:
        self._unit, self._attempt = unit, attempt
        self._owner, self._began = threading.get_ident(), time.monotonic()

    def on_step(self, step: Step) -> None:
        """Store a step as it happens.

        Raises:
            ClaimLost: another worker has taken the unit over.
        """
        try:
            if not Unit.objects.held(self._unit).exists():
                raise ClaimLost
            environment = self._unit.run.environment
            _store_step(environment, self._attempt, self._unit.tries, step)
        finally:
            # An agent library may call back from a helper thread whose connection nobody closes.
            if threading.get_ident() != self._owner:
                connections.close_all()

    @property
    def is_late(self) -> bool:
        return bool(time.monotonic() - self._began > settings.ATTEMPT_SECONDS)

    def should_stop(self) -> bool:
        return self.is_late or not Unit.objects.held(self._unit).exists()


def _remarks(session: LiveSession, changed: Drift) -> str:
    """What an operator should know of the environment beside what the agent did in it."""
    told = f"The server's tools are not what they were when the run began. {changed}"
    return " ".join([*([told] if changed else []), *session.remarks()[:REMARK_LIMIT]])


def _store_step(environment: Environment, attempt: Attempt, try_number: int, step: Step) -> None:
    kept = observations.keep(environment.workspace_id, step.observation, step.whole)
    StepRow.objects.create(
        attempt=attempt,
        try_number=try_number,
        number=step.number,
        thought=masked(environment, step.thought),
        tool=step.tool[:200],
        arguments=masked_value(environment, step.arguments),
        observation=kept.observation,
        text=kept.text,
        is_head=kept.is_head,
        is_error=step.is_error,
        started_ms=step.started_ms,
        duration_ms=step.duration_ms,
        input_tokens=step.input_tokens,
        output_tokens=step.output_tokens,
        cost=step.cost,
    )


def _store_trajectory(
    environment: Environment, attempt: Attempt, trajectory: Trajectory, note: str
) -> None:
    steps = trajectory.steps
    attempt.status = trajectory.outcome.value
    attempt.outcome = trajectory.outcome.value
    attempt.answer = masked(environment, trajectory.answer.replace("\x00", ""))
    attempt.message = note
    attempt.step_count = len(steps)
    attempt.error_count = sum(step.is_error for step in steps)
    attempt.duration_ms = max((s.started_ms + s.duration_ms for s in steps), default=0)
    attempt.ended_at = timezone.now()
    attempt.save()


def validate(unit: Unit, run: Run) -> Result:
    """Judge the attempt on its trajectory, and by what the memory it was given asks for."""
    attempt = Attempt.objects.select_related("task", "arm__lesson").get(pk=unit.target)
    verdict = engine_of(unit).validator.validate(
        attempt.task.as_spec(),
        attempt.as_trajectory(),
        tools_of(run.environment, run.frozen),
        () if run.frozen.faithful else trials.rules_of(attempt),
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
        attempt.votes = [asdict(vote) for vote in verdict.votes]
        attempt.save()
        trials.judged(attempt)

    return Result(store, [verdict.usage])
