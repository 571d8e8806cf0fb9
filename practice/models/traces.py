"""Spans that agents' telemetry sends, kept until their trace is whole and becomes a trajectory."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import models


class SentTraceQuerySet(models.QuerySet["SentTrace"]):
    def settled(self, now: datetime, quiet: timedelta, patience: timedelta) -> SentTraceQuerySet:
        """Open traces that are whole: their root came and ``quiet`` passed, or all patience did."""
        whole = models.Q(has_root=True, last_seen_at__lt=now - quiet)
        return self.filter(
            whole | models.Q(last_seen_at__lt=now - patience), status=SentTrace.Status.OPEN
        )


class SentTrace(models.Model):
    """One trace of a deployed agent. Its id makes it the same trace however often it is sent."""

    class Status(models.TextChoices):
        OPEN = "open", "Spans are coming in"
        SENT = "sent", "Taken as a trajectory"
        REFUSED = "refused", "Cannot be read as a trajectory"

    environment = models.ForeignKey("practice.Environment", models.CASCADE, related_name="+")
    playbook = models.ForeignKey("memoryapp.Playbook", models.CASCADE, related_name="+")
    trace_id = models.CharField(max_length=32)
    span_count = models.PositiveIntegerField(default=0)
    has_root = models.BooleanField(default=False)
    status = models.CharField(max_length=8, choices=Status.choices, default=Status.OPEN)
    #: why it was refused, or what is to be said of it, for whoever sent it.
    message = models.CharField(max_length=300, blank=True)
    first_seen_at = models.DateTimeField(auto_now_add=True)
    #: by our clock: a sender's clock may be anywhere.
    last_seen_at = models.DateTimeField()

    objects = SentTraceQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["playbook", "environment", "trace_id"], name="one_row_per_trace"
            )
        ]
        indexes = [
            models.Index(
                fields=["last_seen_at"], condition=models.Q(status="open"), name="open_traces"
            )
        ]

    def __str__(self) -> str:
        return self.trace_id


class SentSpan(models.Model):
    """One span of an open trace; gone once the trace is a trajectory.

    No foreign key constraint: spans come in by COPY, many thousands a second, and are deleted with
    their trace by the code that assembles it.
    """

    trace = models.ForeignKey(
        SentTrace, models.CASCADE, related_name="spans", db_constraint=False, db_index=False
    )
    span_id = models.CharField(max_length=16)
    parent_id = models.CharField(max_length=16)
    name = models.CharField(max_length=200)
    started = models.BigIntegerField(help_text="Nanoseconds by the sender's clock.")
    ended = models.BigIntegerField()
    failed = models.BooleanField()
    attributes = models.JSONField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["trace", "span_id"], name="one_row_per_span")
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.span_id}"
