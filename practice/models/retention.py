"""How long a workspace keeps what grows without end."""

from __future__ import annotations

from django.conf import settings
from django.db import models


class Retention(models.Model):
    """Days that things are kept; empty is for ever. Lessons, verdicts and costs always stay.

    Receipts of pulls are forgotten on all workspaces alike (``RECEIPT_DAYS``).
    """

    workspace = models.OneToOneField(
        "memoryapp.Workspace", models.CASCADE, related_name="retention"
    )
    #: counted from the end of the run, as is what models were asked.
    steps_days = models.PositiveIntegerField(null=True, blank=True)
    calls_days = models.PositiveIntegerField(null=True, blank=True)
    #: counted from when a file was sent.
    telemetry_days = models.PositiveIntegerField(null=True, blank=True)
    updated_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+"
    )
    updated_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return f"Retention of {self.workspace}"
