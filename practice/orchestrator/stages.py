"""The stages of a round: each loads rows, calls an agent, and says how to store the answer.

No stage holds a transaction while an agent works. ``Result.store`` runs inside the transaction
that ends the unit.
"""

from __future__ import annotations

from collections.abc import Callable

from django.db.models.functions import Coalesce
from django.utils import timezone

from practice.domain.rounds import Stage
from practice.models import Attempt, Run, Unit
from practice.orchestrator import consolidation, experiments, learning, rehearsal, trials
from practice.orchestrator.results import Result


def perform(unit: Unit) -> Result:
    """Do a claimed unit's work. Raises what its agents raise, and ``ClaimLost``."""
    stage, run = Stage(unit.stage), unit.run
    if stage is Stage.PROPOSE and run.kind == Run.Kind.EXPERIMENT:
        return experiments.prepare(unit, run)
    return _STAGES[stage](unit, run)


def postponed(unit: Unit, message: str) -> None:
    """Say on the attempt that it waits to be tried again."""
    if unit.stage == Stage.SOLVE:
        Attempt.objects.filter(pk=unit.target).update(
            status=Attempt.Status.INFRASTRUCTURE_ERROR, message=message
        )


def failed(unit: Unit, message: str) -> None:
    """Say on the attempt why it ended unjudged. It never reaches proposer memory."""
    if unit.stage == Stage.SOLVE:
        Attempt.objects.filter(pk=unit.target).update(
            status=Attempt.Status.INFRASTRUCTURE_ERROR, message=message, ended_at=timezone.now()
        )
    elif unit.stage == Stage.VALIDATE:
        Attempt.objects.filter(pk=unit.target, label="").update(
            status=Attempt.Status.INFRASTRUCTURE_ERROR,
            message=message,
            ended_at=Coalesce("ended_at", timezone.now()),
        )
    elif unit.stage == Stage.LEARN:
        Attempt.objects.filter(pk=unit.target).update(message=message)


_STAGES: dict[Stage, Callable[[Unit, Run], Result]] = {
    Stage.PROPOSE: rehearsal.propose,
    Stage.SOLVE: rehearsal.solve,
    Stage.VALIDATE: rehearsal.validate,
    Stage.ADMIT: learning.admit,
    Stage.LEARN: learning.learn,
    Stage.SETTLE: trials.settle,
    Stage.CONSOLIDATE: consolidation.consolidate,
    Stage.MEASURE: consolidation.measure,
    Stage.SUMMARISE: learning.summarise,
    Stage.REPORT: experiments.report,
}
