"""A whole workspace as a file: somebody asked for it, a job writes it, and later it goes."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.db import models
from django.utils import timezone

#: how often a file is begun again after its worker died; then something in it kills workers.
MAX_TRIES = 3


class WorkspaceExportQuerySet(models.QuerySet["WorkspaceExport"]):
    def due(self, now: datetime, lease: timedelta) -> WorkspaceExportQuerySet:
        """Asked for and not begun, or begun by a worker that has been silent for ``lease``."""
        # One without a heartbeat was begun by the release before, whose workers are gone.
        silent = models.Q(heartbeat_at=None) | models.Q(heartbeat_at__lt=now - lease)
        return self.filter(models.Q(status="queued") | models.Q(silent, status="running"))

    def held(self, export: WorkspaceExport) -> WorkspaceExportQuerySet:
        """The row while the claim ``export`` was read with still stands."""
        return self.filter(pk=export.pk, status="running", claimed_at=export.claimed_at)


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
    heartbeat_at = models.DateTimeField(null=True, blank=True)
    tries = models.PositiveIntegerField(default=0, db_default=0)
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

    @property
    def file_name(self) -> str:
        return f"{self.workspace.slug}-{self.created_at:%Y-%m-%d}.zip"

    def claim(self, now: datetime, lease: timedelta) -> bool:
        """Begin to write. False when another worker was faster, or the one before still lives."""
        rows = type(self).objects.due(now, lease).filter(pk=self.pk, claimed_at=self.claimed_at)
        moved = rows.update(
            status=self.Status.RUNNING,
            claimed_at=now,
            heartbeat_at=now,
            tries=models.F("tries") + 1,
        )
        if moved:
            self.status, self.claimed_at, self.tries = self.Status.RUNNING, now, self.tries + 1
        return bool(moved)

    def put_back(self, message: str) -> bool:
        """Have it written anew. False when it was taken over meanwhile."""
        rows = type(self).objects.held(self)
        return bool(rows.update(status=self.Status.QUEUED, message=message))

    def end(self, status: str, **values: object) -> bool:
        """End under the claim that was made. False when it was taken over meanwhile."""
        rows = type(self).objects.held(self)
        return bool(rows.update(status=status, ended_at=timezone.now(), **values))


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
