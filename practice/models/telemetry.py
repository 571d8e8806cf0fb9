"""Telemetry that operators send in: sources with their column mapping, and stored files."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import models
from django.db.models import Q
from django.urls import reverse

from practice.domain.rootcause.telemetry import Modality
from practice.models.work import Reading, Work, WorkQuerySet


class TelemetrySource(models.Model):
    """Where telemetry of one system comes from, and what its columns are called there.

    ``mapping`` is modality to ``{our column: their column}``; ``time_unit`` and ``duration_unit``
    stand beside them.
    """

    workspace = models.ForeignKey(
        "memoryapp.Workspace", models.CASCADE, related_name="telemetry_sources"
    )
    name = models.CharField(max_length=100)
    slug = models.SlugField(max_length=64)
    mapping = models.JSONField(default=dict, blank=True)
    is_sample = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(
                fields=["workspace", "slug"], name="one_telemetry_source_per_slug"
            )
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("telemetry-source", args=[self.slug])


class TelemetryFileQuerySet(WorkQuerySet["TelemetryFile"]):
    def light(self) -> TelemetryFileQuerySet:
        """Without the bytes, for lists."""
        return self.defer("original", "content")

    def within(self, begin: datetime, end: datetime) -> TelemetryFileQuerySet:
        """Files that hold a row of a window, and those whose rows carry no time."""
        overlapping = Q(first_at__lte=end, last_at__gte=begin)
        return self.filter(overlapping | Q(first_at=None))

    def read(self) -> TelemetryFileQuerySet:
        """Files the engine can use, without what they were made of."""
        return self.filter(status=Work.Status.DONE).defer("original")


class TelemetryFile(Reading):
    """One file as it was sent (``original``) and as the engine reads it (``content``), gzipped.

    ``content`` is CSV with the columns of the neutral layout, ``services`` the components it names.
    A file of an incident is read for that incident only; one without is read for every alert of its
    source whose window it touches.
    """

    class Kind(models.TextChoices):
        METRICS = Modality.METRICS.value, "Metrics"
        TRACES = Modality.TRACES.value, "Traces"
        LOGS = Modality.LOGS.value, "Logs"
        EDGES = Modality.EDGES.value, "Call latencies"
        TOPOLOGY = "topology", "Topology"

    source = models.ForeignKey(TelemetrySource, models.CASCADE, related_name="files")
    incident = models.ForeignKey(
        "practice.Incident", models.CASCADE, null=True, blank=True, related_name="files"
    )
    kind = models.CharField(max_length=10, choices=Kind.choices)
    is_reference = models.BooleanField(
        default=False, help_text="Fault-free telemetry that says what is usual."
    )
    name = models.CharField(max_length=200)
    digest = models.CharField(max_length=64)
    original = models.BinaryField()
    content = models.BinaryField(default=b"")
    size = models.PositiveBigIntegerField(help_text="Bytes as sent.")
    rows = models.PositiveIntegerField(default=0)
    first_at = models.DateTimeField(null=True, blank=True)
    last_at = models.DateTimeField(null=True, blank=True)
    services = models.JSONField(default=list)

    objects = TelemetryFileQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        indexes = [
            models.Index(fields=["source", "kind", "first_at"]),
            models.Index(
                fields=["dispatched_at"],
                condition=Q(status__in=["waiting", "running"]),
                name="telemetry_files_to_read",
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["source", "incident", "kind", "is_reference", "digest"],
                name="one_row_per_telemetry_file",
                nulls_distinct=False,
            )
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return self.source.get_absolute_url()

    @property
    def window(self) -> tuple[Any, Any] | None:
        return (self.first_at, self.last_at) if self.first_at else None
