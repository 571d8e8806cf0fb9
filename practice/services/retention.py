"""How long a workspace keeps steps, what models were asked, and telemetry."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from memoryapp.domain.errors import UnableToChange
from memoryapp.models import Workspace
from memoryapp.services.events import event_record
from memoryapp.services.seen import check_seen
from practice.models import Retention

#: A hundred years: longer is for ever, which is an empty field.
LONGEST_DAYS = 36_500
FIELDS = ("steps_days", "calls_days", "telemetry_days")
FOR_EVER = "for ever"


def retention_of(workspace: Workspace) -> Retention:
    """The policy of a workspace; one that keeps everything where none was set."""
    return Retention.objects.filter(workspace=workspace).first() or Retention(workspace=workspace)


def retention_set(
    *,
    workspace: Workspace,
    steps_days: int | None,
    calls_days: int | None,
    telemetry_days: int | None,
    by: Any,
    seen: str | None = None,
) -> Retention:
    """Set how many days things are kept; ``None`` is for ever. The next sweep drops what is older.

    ``seen`` is the digest of ``retention_said`` that was read.

    Raises:
        ChangedMeanwhile: it was set since.
        UnableToChange: a number of days that cannot be.
    """
    asked = dict(zip(FIELDS, (steps_days, calls_days, telemetry_days), strict=True))
    for days in asked.values():
        if days is not None and not 1 <= days <= LONGEST_DAYS:
            raise UnableToChange(f"Keep things from 1 to {LONGEST_DAYS:,} days, or for ever.")
    with transaction.atomic():
        Workspace.objects.select_for_update(no_key=True).get(pk=workspace.pk)
        earlier = retention_said(retention_of(workspace))
        check_seen(seen, earlier, retention_said(Retention(workspace=workspace, **asked)))
        policy, _ = Retention.objects.update_or_create(
            workspace=workspace, defaults={**asked, "updated_by": by}
        )
        event_record(
            workspace=workspace,
            actor=by,
            kind="retention.set",
            subject=policy,
            before=earlier,
            after=retention_said(policy),
        )
    return policy


def retention_said(policy: Retention) -> dict[str, int | str]:
    """How long each thing is kept, as the audit log says it."""
    return {field: getattr(policy, field) or FOR_EVER for field in FIELDS}
