"""Incidents: what made somebody look, the analyses of it, and the verdicts kept for later ones."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Max
from django.urls import reverse

from practice.domain.rootcause import serial
from practice.domain.rootcause import types as domain
from practice.models.work import Work, WorkQuerySet


class IncidentQuerySet(models.QuerySet["Incident"]):
    def create_numbered(self, *, workspace: Any, **columns: Any) -> Incident:
        """Create an incident with its workspace's next number. Call it inside a transaction."""
        # The row lock keeps two callers from taking one number, and two alerts from one storm.
        type(workspace).objects.select_for_update(no_key=True).get(pk=workspace.pk)
        newest = self.filter(workspace=workspace).aggregate(newest=Max("number"))["newest"] or 0
        return self.create(workspace=workspace, number=newest + 1, **columns)


class Incident(models.Model):
    """Trouble that a person looks into. ``cause`` is a person's word once there is one.

    ``outcome``, ``top_cause``, ``top_score`` and ``signature`` repeat the analysis that answers it,
    for lists and for finding similar ones.
    """

    class Kind(models.TextChoices):
        SERVICE = "service", "Services"
        TRAJECTORY = "trajectory", "Trajectory"

    class Status(models.TextChoices):
        OPEN = "open", "Not confirmed"
        CONFIRMED = "confirmed", "Confirmed"
        CORRECTED = "corrected", "Corrected"
        DISMISSED = "dismissed", "Dismissed"

    class Outcome(models.TextChoices):
        FOUND = domain.Outcome.FOUND.value, "Cause found"
        NONE = domain.Outcome.NONE.value, "No cause found"
        OUTSIDE = domain.Outcome.OUTSIDE.value, "Outside what can be seen"

    workspace = models.ForeignKey("memoryapp.Workspace", models.CASCADE, related_name="incidents")
    number = models.PositiveIntegerField()
    kind = models.CharField(max_length=10, choices=Kind.choices, default=Kind.SERVICE)
    source = models.ForeignKey(
        "practice.TelemetrySource", models.PROTECT, null=True, blank=True, related_name="incidents"
    )
    attempt = models.ForeignKey(
        "practice.Attempt", models.CASCADE, null=True, blank=True, related_name="incidents"
    )
    title = models.CharField(max_length=200)
    system = models.CharField(max_length=100, blank=True)
    entry = models.CharField(max_length=200, blank=True)
    severity = models.CharField(max_length=40, blank=True)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.OPEN)
    begins_at = models.DateTimeField(help_text="The first alert.")
    ends_at = models.DateTimeField(help_text="The newest alert.")
    cause = models.CharField(max_length=200, blank=True, help_text="The node a person named.")
    cause_reason = models.CharField(max_length=1_000, blank=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+"
    )
    decided_at = models.DateTimeField(null=True, blank=True)
    outcome = models.CharField(max_length=10, blank=True, choices=Outcome.choices)
    top_cause = models.CharField(max_length=200, blank=True)
    top_score = models.FloatField(null=True, blank=True)
    signature = models.JSONField(default=list)
    is_sample = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = IncidentQuerySet.as_manager()

    class Meta:
        ordering = ["-number"]
        indexes = [models.Index(fields=["workspace", "status", "-begins_at"])]
        constraints = [
            models.UniqueConstraint(fields=["workspace", "number"], name="one_incident_number")
        ]

    def __str__(self) -> str:
        return f"Incident {self.number}"

    def get_absolute_url(self) -> str:
        return reverse("incident-detail", args=[self.number])

    @property
    def is_open(self) -> bool:
        return self.status == self.Status.OPEN

    def decide(self, to: str, *, by: Any, at: datetime | None, cause: str, reason: str) -> bool:
        """Store a person's word. False when another person spoke since this row was read."""
        rows = type(self).objects.filter(
            pk=self.pk, status=self.status, cause=self.cause, decided_at=self.decided_at
        )
        moved = rows.update(
            status=to, cause=cause, cause_reason=reason, decided_by=by, decided_at=at
        )
        if moved:
            self.refresh_from_db()
        return bool(moved)


class IncidentAlert(models.Model):
    """One alert of an incident, as it was sent."""

    incident = models.ForeignKey(Incident, models.CASCADE, related_name="alerts", db_index=False)
    external_id = models.CharField(max_length=200)
    at = models.DateTimeField()
    resolved_at = models.DateTimeField(null=True, blank=True)
    entry = models.CharField(max_length=200, blank=True)
    severity = models.CharField(max_length=40, blank=True)
    signal = models.CharField(max_length=300, blank=True)
    metric = models.CharField(max_length=200, blank=True)
    trace_id = models.CharField(max_length=64, blank=True)
    span_id = models.CharField(max_length=64, blank=True)
    onset_from = models.DateTimeField(null=True, blank=True)
    onset_to = models.DateTimeField(null=True, blank=True)
    labels = models.JSONField(default=dict)
    count = models.PositiveIntegerField(default=1, help_text="How often it was sent.")
    received_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["at", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["incident", "external_id"], name="one_row_per_alert_of_incident"
            )
        ]

    def __str__(self) -> str:
        return self.signal or self.external_id

    def as_value(self, window: tuple[float, float] | None = None, system: str = "") -> domain.Alert:
        onset = None
        if self.onset_from and self.onset_to:
            onset = (self.onset_from.timestamp(), self.onset_to.timestamp())
        return domain.Alert(
            alert_id=self.external_id,
            at=self.at.timestamp(),
            entry=self.entry,
            onset=onset,
            window=window,
            severity=self.severity,
            signal=self.signal,
            span_id=self.span_id,
            trace_id=self.trace_id,
            metric=self.metric,
            system=system,
        )


class AnalysisQuerySet(WorkQuerySet["Analysis"]):
    def light(self) -> AnalysisQuerySet:
        """Without what was found and drawn, for lists and for whoever only asks how it stands."""
        return self.defer("result", "panels")

    def answers(self) -> AnalysisQuerySet:
        """Looks that have ended and may answer their incident; the first one of it does."""
        return self.filter(status=Work.Status.DONE, is_aside=False)


class Analysis(Work):
    """One look at an incident: a piece of work, what it found, and what it rests on.

    ``result`` is ``domain.Analysis`` as JSON. ``panels`` are the series, logs and spans the page
    draws, cut out of the telemetry once. ``progress`` is what a reader sees while it works.
    """

    incident = models.ForeignKey(Incident, models.CASCADE, related_name="analyses")
    number = models.PositiveIntegerField()
    window_from = models.DateTimeField(null=True, blank=True)
    window_to = models.DateTimeField(null=True, blank=True)
    budget = models.JSONField(default=dict)
    followed = models.CharField(
        max_length=200,
        blank=True,
        default="",
        db_default="",
        help_text="The lesson that put its first cause there, by its entry in memory.",
    )
    uses_memory = models.BooleanField(default=True)
    #: of a trajectory: the step a person wants tested, ``{"step": 3, "arguments": {…}}``.
    test = models.JSONField(default=dict, db_default={})
    progress = models.JSONField(default=dict)
    is_aside = models.BooleanField(
        default=False,
        db_default=False,
        help_text="It looked where nothing is: an earlier one stays its incident's answer.",
    )
    outcome = models.CharField(max_length=10, blank=True)
    statement = models.TextField(blank=True)
    result = models.JSONField(null=True, blank=True)
    panels = models.JSONField(default=dict)
    alerts_seen = models.PositiveIntegerField(default=0)
    started_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+"
    )

    objects = AnalysisQuerySet.as_manager()

    class Meta:
        ordering = ["-number"]
        indexes = [models.Index(fields=["status", "dispatched_at"])]
        constraints = [
            models.UniqueConstraint(fields=["incident", "number"], name="one_analysis_number"),
            models.UniqueConstraint(
                fields=["incident"],
                condition=models.Q(status__in=["waiting", "running"]),
                name="one_open_analysis_per_incident",
            ),
        ]

    def __str__(self) -> str:
        return f"Analysis {self.number}"

    def as_value(self) -> domain.Analysis | None:
        """What was found, or ``None`` while nothing was."""
        return serial.from_json(domain.Analysis, self.result) if self.result else None


class KeptVerdictQuerySet(models.QuerySet["KeptVerdict"]):
    def standing(self) -> KeptVerdictQuerySet:
        return self.filter(forgotten_at=None)


class KeptVerdict(models.Model):
    """A verdict of one analysis, kept for the alerts that follow: the window cache.

    A verdict that was contradicted or corrected is forgotten, not deleted, and can come back.
    """

    workspace = models.ForeignKey(
        "memoryapp.Workspace", models.CASCADE, related_name="kept_verdicts"
    )
    analysis = models.ForeignKey(
        Analysis, models.CASCADE, null=True, blank=True, related_name="verdicts"
    )
    entry_id = models.CharField(max_length=120)
    system = models.CharField(max_length=100, blank=True)
    component = models.CharField(max_length=200)
    value = models.JSONField(help_text="domain.MemoryEntry as JSON.")
    at = models.DateTimeField()
    until = models.DateTimeField()
    hits = models.PositiveIntegerField(default=0)
    contradictions = models.PositiveIntegerField(default=0)
    forgotten_at = models.DateTimeField(null=True, blank=True)
    forgotten_why = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = KeptVerdictQuerySet.as_manager()

    class Meta:
        ordering = ["-at", "-pk"]
        indexes = [models.Index(fields=["workspace", "system", "until"])]
        constraints = [
            models.UniqueConstraint(fields=["workspace", "entry_id"], name="one_kept_verdict")
        ]

    def __str__(self) -> str:
        return f"{self.component} {self.value.get('verdict', '')}"

    def as_value(self) -> domain.MemoryEntry:
        return serial.from_json(domain.MemoryEntry, self.value)
