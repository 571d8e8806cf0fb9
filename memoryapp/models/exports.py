"""A whole workspace as a file: somebody asked for it, a job writes it, and later it goes."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.db import models
from django.utils import timezone

#: after this long a claim is taken over: its worker is gone, or will find its own claim gone.
LEASE = timedelta(hours=1)


class WorkspaceExportQuerySet(models.QuerySet["WorkspaceExport"]):
    def due(self, now: datetime) -> WorkspaceExportQuerySet:
        """Asked for and not begun, or begun by a worker that came to nothing."""
        stale = models.Q(status="running", claimed_at__lt=now - LEASE)
        return self.filter(models.Q(status="queued") | stale)


class WorkspaceExport(models.Model):
    """One file of a workspace. The row stays as history when the file has gone."""

    class Status(models.TextChoices):
        QUEUED = "queued", "Queued"
        RUNNING = "running", "Running"
        DONE = "done", "Done"
        FAILED = "failed", "Failed"
        REMOVED = "removed", "Removed"

    workspace = models.ForeignKey("memoryapp.Workspace", models.CASCADE, related_name="exports")
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.QUEUED)
    #: why there is no file.
    message = models.CharField(max_length=500, blank=True)
    rows = models.PositiveBigIntegerField(default=0)
    size = models.PositiveBigIntegerField(default=0, help_text="bytes")
    digest = models.CharField(max_length=64, blank=True, help_text="SHA-256 of the file")
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    claimed_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)

    objects = WorkspaceExportQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["workspace"],
                condition=models.Q(status__in=["queued", "running"]),
                name="one_export_at_a_time",
            )
        ]

    def __str__(self) -> str:
        return f"export {self.pk}"

    @property
    def is_unfinished(self) -> bool:
        return self.status in {self.Status.QUEUED, self.Status.RUNNING}

    @property
    def has_file(self) -> bool:
        """Whether the file can be fetched now."""
        expires = self.expires_at
        return self.status == self.Status.DONE and expires is not None and expires > timezone.now()

    def claim(self, now: datetime) -> bool:
        """Begin to write. False when another worker was faster."""
        moved = (
            type(self)
            .objects.filter(pk=self.pk, status=self.status, claimed_at=self.claimed_at)
            .update(status=self.Status.RUNNING, claimed_at=now)
        )
        if moved:
            self.status, self.claimed_at = self.Status.RUNNING, now
        return bool(moved)

    def end(self, status: str, **values: object) -> bool:
        """End under the claim that was made. False when it was taken over meanwhile."""
        moved = (
            type(self)
            .objects.filter(pk=self.pk, status=self.Status.RUNNING, claimed_at=self.claimed_at)
            .update(status=status, ended_at=timezone.now(), **values)
        )
        return bool(moved)


class ExportPiece(models.Model):
    """A part of the file: web and worker share no folder, only the database."""

    export = models.ForeignKey(WorkspaceExport, models.CASCADE, related_name="pieces")
    number = models.PositiveIntegerField()
    data = models.BinaryField()

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["export", "number"], name="one_piece_per_number")
        ]

    def __str__(self) -> str:
        return f"{self.export_id}: {self.number}"
