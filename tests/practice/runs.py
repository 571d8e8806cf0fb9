"""A run driven to its end in this process: the same orchestrator, no worker and no broker."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from practice.models import Environment, ModelSilence, Run, Unit
from practice.orchestrator import environment_checks, rounds
from practice.services.runs import run_start
from tests.factories import AttemptFactory, PlaybookFactory

MAX_PASSES = 400


def connected(environment: Environment) -> Environment:
    """List the environment's tools as a worker would."""
    environment_checks.check(environment.pk)
    environment.refresh_from_db()
    return environment


def started(environment: Environment, by: Any, **asked: Any) -> Run:
    given: dict[str, Any] = {"engine": "rules", "rounds": 1, "tasks": 2} | asked
    playbook = given.pop("playbook", None) or PlaybookFactory(workspace=environment.workspace)
    return run_start(environment=environment, playbook=playbook, by=by, **given)


def driven(run: Run) -> Run:
    """Work until the run has ended. Back-off is not waited for."""
    for _ in range(MAX_PASSES):
        Unit.objects.filter(run=run).update(not_before=None)
        ModelSilence.objects.update(probe_at=timezone.now())
        waiting = rounds.drive(run.pk)
        for unit_id in waiting:
            rounds.work(unit_id)
        if not waiting:
            break
    run.refresh_from_db()
    return run


def judged(round_: Any, label: str, **more: Any) -> Any:
    """An attempt of a round that the validator was sure of."""
    given = {"validator": "rules-2", "confidence": 0.95} | more
    return AttemptFactory(task__round=round_, label=label, **given)
