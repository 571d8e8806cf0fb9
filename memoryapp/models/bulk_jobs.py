"""What bulk decisions and bulk changes have in common: one act on many rows, continued at will."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models


class BulkJob(models.Model):
    """One act on all that a filter matched, carried out row by row.

    It covers what matched when it was asked for. ``done_until`` of each kind says how far it has
    come, so that it can be continued after any interruption.
    """

    workspace: models.ForeignKey[Any, Any]
    action: models.CharField[Any, Any]
    reason = models.CharField(max_length=300, blank=True)
    total = models.PositiveIntegerField()
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        abstract = True
        ordering = ["-created_at"]

    def facts(self) -> dict[str, Any]:
        """What it is, as the audit log says it."""
        said = {"reason": self.reason} if self.reason else {}
        return {"action": self.action, "total": self.total, **said}


class RowOutcome(models.Model):
    """The outcome of a job for one row."""

    done = models.BooleanField()
    #: why it was not done; the row is as it was.
    message = models.CharField(max_length=500, blank=True)

    class Meta:
        abstract = True
        ordering = ["pk"]
