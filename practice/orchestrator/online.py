"""Online continuation: batches of sent trajectories become runs that only judge and learn.

One run at a time per environment and playbook; what arrives meanwhile waits for the next. The
engine is the one the operator chose for the newest practice run there, and without one the rules.
Until the tools of its environment were listed once, what was sent waits: nobody could say yet that
a tool is missing there.
What a run leaves unjudged is marked and waits for a person (``practice.orchestrator.ending``).
"""

from __future__ import annotations

from collections.abc import Collection
from decimal import Decimal
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from memoryapp.services.events import event_record
from practice.domain.deployment import began_at
from practice.domain.plans import Plan
from practice.domain.remarks import tools_there
from practice.domain.rounds import Stage
from practice.domain.traces.counts import LONGEST
from practice.models import (
    Attempt,
    Environment,
    PracticeTask,
    Round,
    Run,
    SentTrajectory,
    Step,
)
from practice.orchestrator.engines import RULES, unpriced_models
from practice.orchestrator.results import queue

BATCH = 50


def take() -> list[UUID]:
    """Begin a run for every environment and playbook with something waiting. Returns the runs."""
    waiting = SentTrajectory.objects.filter(
        status=SentTrajectory.Status.WAITING, environment__in=Environment.objects.listed()
    ).order_by()
    pairs = waiting.values_list("environment", "playbook").distinct()
    begun = [_take(environment, playbook) for environment, playbook in pairs]
    return [run for run in begun if run is not None]


def _take(environment_id: int, playbook_id: int) -> UUID | None:
    with transaction.atomic():
        # The lock is what makes two workers agree on who begins.
        environment = Environment.objects.select_for_update(no_key=True).get(pk=environment_id)
        under_way = Run.objects.unfinished().filter(
            kind=Run.Kind.ONLINE, environment=environment, playbook=playbook_id
        )
        if under_way.exists():
            return None
        sent = list(
            SentTrajectory.objects.filter(
                environment=environment,
                playbook=playbook_id,
                status=SentTrajectory.Status.WAITING,
            ).order_by("pk")[:BATCH]
        )
        if not sent or unpriced(environment, playbook_id):
            return None
        run = _run(environment, playbook_id, len(sent))
        round_ = Round.objects.create(run=run, number=1)
        tools = environment.as_place().tools
        attempts = [_attempt(round_, place, row, tools) for place, row in enumerate(sent, start=1)]
        queue(run, 1, Stage.VALIDATE, [attempt.pk for attempt in attempts])
        return run.pk


def unpriced(environment: Environment, playbook_id: int) -> list[str]:
    """The models whose price nobody knows, where a run would ask them: it could not be bounded."""
    names = unpriced_models(environment.workspace_id)
    chosen = _chosen(environment, playbook_id) if names else None
    return names if chosen is not None and chosen.engine != RULES else []


def _chosen(environment: Environment, playbook_id: int) -> Run | None:
    """The newest practice run there: its engine and prompts are what the operator wants."""
    practised = Run.objects.practised().filter(environment=environment, playbook=playbook_id)
    return practised.order_by("-number").first()


def _run(environment: Environment, playbook_id: int, count: int) -> Run:
    chosen = _chosen(environment, playbook_id)
    engine = chosen.engine if chosen else RULES
    tools = {tool.name: tool.schema_hash for tool in environment.tools.filter(is_present=True)}
    plan = Plan(
        rounds=1,
        tasks=count,
        tools=tools,
        model=settings.LLM_MODEL if engine != RULES else RULES,
        prompts=chosen.frozen.prompts if chosen else {},
    )
    run = Run.objects.create_numbered(
        kind=Run.Kind.ONLINE,
        environment=environment,
        playbook_id=playbook_id,
        engine=engine,
        plan=plan.to_json(),
        # Nobody pressed a button for this run: it may not spend more than the operator said.
        budget=None if engine == RULES else Decimal(str(settings.ONLINE_RUN_BUDGET)),
    )
    event_record(
        workspace=run.workspace,
        actor=None,
        kind="run.started",
        subject=run,
        before={},
        after={"trajectories": count},
    )
    return run


def _attempt(round_: Round, place: int, sent: SentTrajectory, there: Collection[str]) -> Attempt:
    """Store a sent trajectory as a finished attempt, exactly as a solver's would be.

    ``there`` are the tools of the environment, which the agent may know by their server as well.
    """
    names = tools_there((step["tool"] for step in sent.steps), there)
    steps = [{**step, "tool": names[step["tool"]]} for step in sent.steps]
    tools = list(dict.fromkeys(step["tool"] for step in steps))
    task = PracticeTask.objects.create(
        round=round_,
        number=place,
        instruction=sent.instruction,
        kind="query",
        intended_tools=tools,
        rationale="Sent by a deployed agent.",
        # What marks it for a validator (``practice.agents.rules.goals``).
        goal={"sent": True, "outcome": sent.outcome},
    )
    began = began_at(steps)
    ended = max(
        (at + step["duration_ms"] for at, step in zip(began, steps, strict=True)), default=0
    )
    attempt = Attempt.objects.create(
        task=task,
        run=round_.run,
        current_try=1,
        status=Attempt.Status.FINISHED,
        outcome=Attempt.Status.FINISHED,
        answer=sent.answer,
        # Whoever reads it is to know what of it is not here.
        message=sent.remark,
        cost=sent.cost,
        step_count=len(sent.steps),
        error_count=sum(step["is_error"] for step in sent.steps),
        duration_ms=min(ended, LONGEST),
        ended_at=timezone.now(),
    )
    Step.objects.bulk_create(
        Step(attempt=attempt, try_number=1, number=number, **{**step, "started_ms": at})
        for number, (at, step) in enumerate(zip(began, steps, strict=True), start=1)
    )
    sent.status, sent.attempt = SentTrajectory.Status.TAKEN, attempt
    sent.save(update_fields=["status", "attempt"])
    return attempt
