"""Writing the audit log for jobs of other apps."""

from __future__ import annotations

from typing import Any

from django.db import models

from memoryapp.models import Event


def event_record(
    *, workspace: Any, actor: Any, kind: str, subject: models.Model, **data: Any
) -> Event:
    """Write one audit row in the caller's transaction."""
    return Event.objects.record(
        workspace=workspace, actor=actor, kind=kind, subject=subject, **data
    )
