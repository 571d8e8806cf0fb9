"""What is older than a workspace wants to keep it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import QuerySet, Sum

from practice.models import ModelCall, Retention, Run, TelemetryFile


@dataclass(frozen=True, slots=True)
class Due:
    """Rows that would go now. ``steps`` is of the tries that counted."""

    steps: int
    calls: int
    files: int

    @property
    def is_nothing(self) -> bool:
        return not (self.steps or self.calls or self.files)


def due(policy: Retention, now: datetime) -> Due:
    """Count what a policy would drop, saved or not."""
    calls = ModelCall.objects.filter(run__in=runs_with_calls(policy, now))
    steps = runs_with_steps(policy, now).aggregate(steps=Sum("attempts__step_count"))["steps"]
    texts = calls.count() + calls_of_no_run(policy, now).count()
    return Due(steps or 0, texts, telemetry_files(policy, now).count())


def runs_with_steps(policy: Retention, now: datetime) -> QuerySet[Run]:
    """Runs that ended long enough ago and still have their steps."""
    return _ended(policy, policy.steps_days, now).filter(steps_dropped_at=None)


def runs_with_calls(policy: Retention, now: datetime) -> QuerySet[Run]:
    """Runs that ended long enough ago and still have what models were asked and answered."""
    return _ended(policy, policy.calls_days, now).filter(calls_dropped_at=None)


def calls_of_no_run(policy: Retention, now: datetime) -> QuerySet[ModelCall]:
    """Calls of dry runs and of analyses made long enough ago that still have their texts."""
    if policy.calls_days is None:
        return ModelCall.objects.none()
    made = ModelCall.objects.filter(
        workspace=policy.workspace,
        run=None,
        created_at__lt=now - timedelta(days=policy.calls_days),
    )
    return made.exclude(request=[], reply=[])


def telemetry_files(policy: Retention, now: datetime) -> QuerySet[TelemetryFile]:
    """Files sent long enough ago that have been read.

    What says how a system is built and what is usual in it stays: it is of no time.
    """
    if policy.telemetry_days is None:
        return TelemetryFile.objects.none()
    sent = TelemetryFile.objects.filter(
        source__workspace=policy.workspace,
        is_reference=False,
        created_at__lt=now - timedelta(days=policy.telemetry_days),
    )
    read = sent.exclude(status__in=TelemetryFile.OPEN)
    return read.exclude(kind=TelemetryFile.Kind.TOPOLOGY)


def _ended(policy: Retention, days: int | None, now: datetime) -> QuerySet[Run]:
    if days is None:
        return Run.objects.none()
    return Run.objects.filter(
        workspace=policy.workspace, ended_at__lt=now - timedelta(days=days)
    ).order_by("ended_at")
