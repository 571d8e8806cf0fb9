"""Drop what a workspace does not want to keep, in batches that lock little and can be repeated."""

from __future__ import annotations

from datetime import datetime

from django.db.models import QuerySet
from django.utils import timezone

from practice.models import ModelCall, Retention, Run, SentTrajectory, Step, TelemetryFile
from practice.queries.retention import (
    calls_of_no_run,
    runs_with_calls,
    runs_with_steps,
    telemetry_files,
)

BATCH = 5_000
#: Files of telemetry that go in one statement; each may have many megabytes.
FILES = 50
#: Statements of one task; then it rings for the next, so that no worker is taken for hours.
STATEMENTS = 40


def drop() -> bool:
    """Drop what is due in every workspace, a bounded amount. Returns whether there is more.

    Safe at any time and from many workers: every statement deletes or blanks what is still there.
    """
    now, left = timezone.now(), STATEMENTS
    for policy in Retention.objects.select_related("workspace"):
        left = _drop_of(policy, now, left)
        if left <= 0:
            return True
    return False


def _drop_of(policy: Retention, now: datetime, left: int) -> int:
    """Spend up to ``left`` statements on one workspace; returns how many are left."""
    for run in runs_with_steps(policy, now)[:left]:
        left = _until_none(Step.objects.filter(attempt__run=run), left)
        if left > 0:
            left -= _sent_of(run)
            left -= Run.objects.filter(pk=run.pk).update(steps_dropped_at=now)
    for run in runs_with_calls(policy, now)[: max(left, 0)]:
        # The row stays: tokens and costs are counted from it.
        ModelCall.objects.filter(run=run).update(request=[], reply=[])
        left -= 1 + Run.objects.filter(pk=run.pk).update(calls_dropped_at=now)
    if left > 0 and policy.calls_days is not None:
        some = calls_of_no_run(policy, now).order_by("pk").values("pk")[:BATCH]
        blanked = ModelCall.objects.filter(pk__in=some).update(request=[], reply=[])
        left = 0 if blanked == BATCH else left - bool(blanked)
    if left > 0 and policy.telemetry_days is not None:
        # Analyses keep what their pages draw of a file.
        few = telemetry_files(policy, now).order_by("pk").values("pk")[:FILES]
        gone = TelemetryFile.objects.filter(pk__in=few)._raw_delete(using="default")
        left = 0 if gone == FILES else left - bool(gone)
    return left


def _sent_of(run: Run) -> int:
    """Blank the steps of a run as agents sent them: they are the same. Returns the statements.

    What was not judged keeps them, to be judged by a later run.
    """
    if run.kind != Run.Kind.ONLINE:
        return 0
    taken = SentTrajectory.Status.TAKEN
    SentTrajectory.objects.filter(attempt__run=run, status=taken).update(steps=[])
    return 1


def _until_none(steps: QuerySet[Step], left: int) -> int:
    """Delete until none is left or ``left`` is spent. Nothing refers to a step: no cascade."""
    while left > 0:
        batch = steps.order_by("pk").values("pk")[:BATCH]
        left -= 1
        if not Step.objects.filter(pk__in=batch)._raw_delete(using="default"):
            break
    return left
