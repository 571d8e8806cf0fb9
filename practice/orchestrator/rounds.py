"""Driving a run: look at its rows, decide, store; claim a unit, do it, save it under its claim.

Nothing here enqueues: ``drive`` returns the units to ring for and the task layer rings
(docs/architecture.md#how-a-run-survives-anything). A worker may die between any two lines: what it
held is claimed again after the lease, and a late twin cannot save because its claim is gone.
"""

from __future__ import annotations

import logging
import random
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import OperationalError, transaction
from django.db.models import Exists, Max, OuterRef, Q
from django.utils import timezone

from memoryapp.domain import context
from memoryapp.queries import database
from memoryapp.services import events
from practice.agents.ports import (
    AgentError,
    EnvironmentUnavailable,
    MalformedReply,
    NoLongerWanted,
    ProviderUnavailable,
)
from practice.domain import rounds as domain
from practice.domain import stopping
from practice.domain.reading import whole_text
from practice.models import (
    LedgerEntry,
    Lesson,
    ObservationUnreadable,
    PracticeTask,
    Run,
    Unit,
)
from practice.orchestrator import ending, progress, silence, stages
from practice.orchestrator.leases import DatabaseAway, heartbeat, lease
from practice.orchestrator.results import ClaimLost, Result

logger = logging.getLogger(__name__)

RETRIED = (
    ProviderUnavailable,
    EnvironmentUnavailable,
    MalformedReply,
    ObservationUnreadable,
)
BACK_OFF_SECONDS = 2.0
BACK_OFF_CAP = 120.0
#: The longest that we wait, however long a provider asks for.
TOLD_CAP = 600.0


def drive(run_id: str | UUID) -> list[int]:
    """Decide what a run needs now and store it. Returns the units to ring for."""
    while True:
        with transaction.atomic():
            run = Run.objects.select_for_update(no_key=True).filter(pk=run_id).first()
            if run is None:
                return []
            if run.status in domain.ENDED:
                # A worker came back after the end; what it queued is not to be waited for.
                ending.wind_up(run)
                return []
            now = timezone.now()
            decision = domain.decide(_state(run), now)
            for new in decision.create:
                Unit.objects.get_or_create(
                    run=run, stage=new.stage.value, round=new.round, target=new.target
                )
            Unit.objects.filter(pk__in=decision.dispatch).update(dispatched_at=now)
        if decision.end is not None:
            left = progress.unlearned(run) if decision.end is domain.RunStatus.FINISHED else ""
            _end(run, decision.end, f"{decision.message} {left}".strip())
            return []
        if not decision.create:
            return list(decision.dispatch)


def _state(run: Run) -> domain.RunState:
    """What ``decide`` looks at. Only the newest round's rows: a run may have thousands."""
    plan = run.frozen
    newest = run.units.aggregate(newest=Max("round"))["newest"] or 0
    units = [unit.as_value() for unit in run.units.filter(round=newest)]
    at_barrier = bool(units) and not any(unit.is_open for unit in units)
    practised = run.attempts.filter(arm=None, task__round__number=newest)
    failed = run.units.filter(status=Unit.Status.FAILED).order_by("-ended_at").first()
    spent = run.spent() if run.budget is not None else Decimal(0)
    uncounted = run.uncounted_model() if run.budget is not None else ""
    broke = run.budget is not None and (spent >= run.budget or bool(uncounted))
    quiet, given_up = silence.quiet(run)
    return domain.RunState(
        plan=plan,
        status=domain.RunStatus(run.status),
        kind=domain.RunKind(run.kind),
        units=units,
        spent=spent,
        uncounted=uncounted,
        budget=run.budget,
        lease=lease(),
        representatives=tuple(
            practised.filter(is_representative=True).values_list("task_id", flat=True)
        )
        if at_barrier
        else (),
        judged=practised.exclude(label="").count() if at_barrier else 0,
        testing=run.lessons.filter(round=newest, status=Lesson.Status.TESTING).count()
        if at_barrier
        else 0,
        stop=stopping.stop_reason(progress.rounds_of(run), plan.patience)
        if at_barrier and plan.patience
        else "",
        **(_emptiness(run, newest) if at_barrier and not practised.exists() else {}),
        missed=progress.missed(run) if at_barrier and plan.focus else "",
        last_error=failed.message if failed else "",
        has_verdicts=not broke or run.attempts.exclude(label="").exists(),
        quiet=quiet,
        given_up=given_up,
    )


def _emptiness(run: Run, newest: int) -> dict[str, Any]:
    """What ``decide`` wants to know of a round in which nothing was tried."""
    ideas = PracticeTask.objects.filter(round__run=run, round__number=newest).order_by("number")
    reasons = list(ideas.values_list("drop_reason", flat=True))
    tried = run.attempts.filter(arm=None)
    last = tried.aggregate(last=Max("task__round__number"))["last"] or 0
    all_of = f"All {len(reasons)} ideas were" if len(reasons) > 1 else "The only idea was"
    return {
        "dropped": f"{all_of} left out. The first: {reasons[0]}" if reasons else "",
        "empty": newest - last,
        "practised": last > 0,
    }


def _end(run: Run, status: domain.RunStatus, message: str) -> None:
    """The terminal transition, alone and once."""
    with transaction.atomic():
        ended = run.move(
            to=status.value, frm={Run.Status.RUNNING}, message=message, at=timezone.now()
        )
        if ended:
            ending.wind_up(run)
            events.event_record(
                workspace=run.workspace,
                actor=None,
                kind=f"run.{status.value}",
                subject=run,
                before={"status": Run.Status.RUNNING.value},
                after={"status": status.value},
                **({"message": message} if message else {}),
            )


def sharing(run_id: UUID) -> list[UUID]:
    """Other runs that wait for what this one may have freed, in random order to be fair.

    That is a slot of its environment, or a worker's place to wait for a model.
    """
    waiting = Unit.objects.filter(
        run=OuterRef("pk"), status=Unit.Status.WAITING, dispatched_at=None
    )
    freed = Run.objects.filter(pk=run_id)
    asked = freed.filter(engine=silence.MODEL)
    slot = Q(environment__in=freed.values("environment")) & Exists(
        waiting.filter(stage=domain.Stage.SOLVE)
    )
    place = Q(engine=silence.MODEL) & Exists(asked) & Exists(waiting)
    others = Run.objects.filter(slot | place, status=Run.Status.RUNNING).exclude(pk=run_id)
    return list(others.order_by("?").values_list("pk", flat=True))


def work(unit_id: int) -> UUID | None:
    """Claim a unit and do it. Returns its run's id, or ``None`` when it was not ours to do."""
    with silence.asking(silence.asked_by(unit_id)) as may:
        if may:
            return _worked(unit_id)
        # To be rung for again when its model is worth another try, or a place is free.
        Unit.objects.filter(pk=unit_id, status=Unit.Status.WAITING).update(dispatched_at=None)
    return None


def _worked(unit_id: int) -> UUID | None:
    unit = Unit.objects.claim(unit_id, now=timezone.now(), lease=lease())
    if unit is None:
        return None
    context.bind(run=str(unit.run_id), unit=str(unit.pk))
    if unit.tries > domain.MAX_TRIES:
        _fail(unit, unit.message or "Its worker died each time it was tried.")
        return unit.run_id
    try:
        with heartbeat(lambda: Unit.objects.held(unit)):
            result = stages.perform(unit)
    except ClaimLost:
        logger.warning("unit %s was taken over by another worker; this result is dropped", unit.pk)
        return None
    except RETRIED as error:
        _postpone(unit, error)
    except OperationalError as error:
        _postpone(unit, DatabaseAway(error))
    except NoLongerWanted as error:
        unit.end(Unit.Status.CANCELLED, at=timezone.now(), message=str(error))
    except AgentError as error:
        _fail(unit, str(error))
    except Exception as error:
        logger.exception("unit %s failed", unit.pk)
        _fail(unit, f"An internal error stopped this step: {type(error).__name__}: {error}")
    else:
        _store(unit, result)
    return unit.run_id


def _store(unit: Unit, result: Result) -> None:
    """Save, or say on the row why nothing of it was kept."""
    try:
        _save(unit, result)
    except OperationalError as error:
        logger.warning("unit %s could not be saved and is done again: %s", unit.pk, error)
        _postpone(unit, DatabaseAway(error))
    except Exception as error:
        logger.exception("unit %s could not be saved", unit.pk)
        _fail(unit, f"The result could not be saved: {type(error).__name__}: {error}")


def _save(unit: Unit, result: Result) -> None:
    """Store a result and end its unit, if the claim that made it still stands."""
    with transaction.atomic():
        held = Unit.objects.held(unit).select_for_update(no_key=True).first()
        if held is None:
            logger.warning("unit %s lost its claim before saving; its result is dropped", unit.pk)
            return
        result.store()
        LedgerEntry.objects.bulk_create(
            # What was asked of a model is in the ledger already, call by call.
            [LedgerEntry.from_usage(unit, u) for u in result.usages if not u.requests]
        )
        held.status = Unit.Status.DONE
        held.message = ""
        held.ended_at = timezone.now()
        held.save(update_fields=["status", "message", "ended_at"])


def _postpone(unit: Unit, error: Exception) -> None:
    """Put a unit back with back-off and jitter, or give up after ``MAX_TRIES``."""
    database.connect_anew()
    said = whole_text(str(error))
    if unit.tries >= domain.MAX_TRIES:
        _fail(unit, f"{said} Tried {unit.tries} times.")
        return
    wait = min(BACK_OFF_CAP, BACK_OFF_SECONDS * 2 ** (unit.tries - 1)) * random.uniform(0.5, 1.5)
    told, again = getattr(error, "retry_after", None), ""
    if told is not None:
        wait = max(wait, min(float(told), TOLD_CAP))
        again = f" It is tried again {wait:.0f} s later."
    with transaction.atomic():
        moved = Unit.objects.held(unit).update(
            status=Unit.Status.WAITING,
            message=f"{said}{again}",
            not_before=timezone.now() + timedelta(seconds=wait),
            dispatched_at=None,
        )
        if moved:
            stages.postponed(unit, f"{said}{again or ' It is tried again.'}")


def _fail(unit: Unit, message: str) -> None:
    message = whole_text(message)  # it goes to the attempt as well
    with transaction.atomic():
        if unit.end(Unit.Status.FAILED, at=timezone.now(), message=message):
            stages.failed(unit, message)
