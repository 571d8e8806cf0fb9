"""What a run that ends in the middle leaves behind: nothing that still seems to go on.

A cancelled run and one whose budget is spent end between any two units. What no worker holds is
ended with it, and lessons whose trials are not over go to review as untested.
"""

from __future__ import annotations

from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Coalesce
from django.utils import timezone

from practice.domain.rounds import Stage
from practice.models import Attempt, Run, SentTrajectory, Unit
from practice.orchestrator import trials

UNJUDGED = "The run ended before this was judged."


def wind_up(run: Run) -> None:
    """End everything of an ended run but what a worker is at. The caller holds the transaction.

    Safe to call again: when a worker comes back with a result, once more.
    """
    now = timezone.now()
    run.units.filter(status=Unit.Status.WAITING).update(status=Unit.Status.CANCELLED)
    of_it = run.units.filter(target=OuterRef("pk"), stage__in=(Stage.SOLVE, Stage.VALIDATE))
    settled = Q(status=Unit.Status.RUNNING) | Q(status=Unit.Status.FAILED)
    left = run.attempts.filter(~Exists(of_it.filter(settled)), label="").exclude(
        status=Attempt.Status.CANCELLED
    )
    left.filter(ended_at=None).update(message=UNJUDGED)
    left.update(status=Attempt.Status.CANCELLED, ended_at=Coalesce("ended_at", now))
    _give_back(run)
    if not run.units.filter(status=Unit.Status.RUNNING).exists():
        trials.settle_open(run.lessons.all(), "the run ended before the others")


def _give_back(run: Run) -> None:
    """Mark what agents sent and nobody judged: what they met must not be lost with the run.

    It waits for a person's word: a run of its own accord would spend beyond the budget.
    """
    sent = SentTrajectory.objects.filter(attempt__run=run)
    sent.filter(attempt__label="").update(status=SentTrajectory.Status.UNJUDGED)
    # A worker that was at it when the run ended may have brought the verdict since.
    late = sent.filter(status=SentTrajectory.Status.UNJUDGED).exclude(attempt__label="")
    late.update(status=SentTrajectory.Status.TAKEN)
