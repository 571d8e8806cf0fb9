"""Pieces of work that one worker does at a time and that survive its death."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from practice.domain.reading import whole_text

if TYPE_CHECKING:
    from typing import Self

Piece = TypeVar("Piece", bound="Work")

#: How often a piece is tried whose worker died; then something in it kills workers.
MAX_TRIES = 3


class WorkQuerySet(models.QuerySet[Piece], Generic[Piece]):
    def open(self) -> Self:
        """What waits or is worked at."""
        return self.filter(status__in=Work.OPEN)

    def free(self, now: datetime, lease: timedelta) -> Self:
        """What may be claimed: waiting, or held by a worker that fell silent."""
        waiting = Q(status=Work.Status.WAITING) & (Q(not_before=None) | Q(not_before__lte=now))
        silent = Q(status=Work.Status.RUNNING, heartbeat_at__lt=now - lease)
        return self.filter(waiting | silent)

    def due(self, now: datetime, lease: timedelta) -> Self:
        """What may be claimed and nobody was rung for within a lease: bells are lost with Redis."""
        forgotten = Q(dispatched_at=None) | Q(dispatched_at__lt=now - lease)
        # The last bell was answered: whoever did has fallen silent since.
        answered = Q(status=Work.Status.RUNNING, dispatched_at__lt=F("heartbeat_at"))
        return self.free(now, lease).filter(forgotten | answered)

    def claim(self, pk: int, *, now: datetime, lease: timedelta) -> Piece | None:
        """Take a piece, or ``None`` when it is not ours. One conditional update decides.

        The token it writes is what a result must show to be saved.
        """
        taken = self.free(now, lease).filter(pk=pk).take(now)
        return self.get(pk=pk) if taken else None

    def take(self, now: datetime) -> bool:
        """Write one token on all that is free here; whether anything was."""
        return bool(
            self.update(
                status=Work.Status.RUNNING,
                claim=uuid.uuid4(),
                heartbeat_at=now,
                tries=F("tries") + 1,
            )
        )

    def held(self, piece: Work) -> Self:
        """The piece's row while our claim on it still stands."""
        return self.filter(pk=piece.pk, claim=piece.claim, status=Work.Status.RUNNING)


class Work(models.Model):
    """What a claim, a lease and a retry need. The row is the truth; the broker rings for it."""

    class Status(models.TextChoices):
        WAITING = "waiting", "Waiting"
        RUNNING = "running", "Running"
        DONE = "done", "Done"
        FAILED = "failed", "Failed"
        CANCELLED = "cancelled", "Cancelled"

    OPEN = (Status.WAITING, Status.RUNNING)

    status = models.CharField(max_length=10, choices=Status.choices, default=Status.WAITING)
    tries = models.PositiveIntegerField(default=0)
    claim = models.UUIDField(null=True, blank=True)
    heartbeat_at = models.DateTimeField(null=True, blank=True)
    dispatched_at = models.DateTimeField(null=True, blank=True)
    not_before = models.DateTimeField(null=True, blank=True)
    message = models.TextField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        abstract = True

    @property
    def is_open(self) -> bool:
        return self.status in self.OPEN

    def end(self, status: str, *, at: datetime, message: str = "", **columns: Any) -> bool:
        """End the piece if our claim still stands; False when another worker has taken it."""
        rows = type(self)._default_manager.filter(
            pk=self.pk, claim=self.claim, status=self.Status.RUNNING
        )
        said = whole_text(message)  # an error may quote what no database holds
        return bool(rows.update(status=status, message=said, ended_at=at, **columns))

    def put_back(self, message: str) -> bool:
        """Have the next sweep ring for it anew, if our claim still stands."""
        rows = type(self)._default_manager.filter(
            pk=self.pk, claim=self.claim, status=self.Status.RUNNING
        )
        return bool(rows.update(status=self.Status.WAITING, message=message, dispatched_at=None))


class Reading(Work):
    """Something that was sent in, to be read by a worker; ``percent`` is how much of it was."""

    # The release before reads what it is sent in the request: its rows have been read.
    status = models.CharField(
        max_length=10,
        choices=Work.Status.choices,
        default=Work.Status.WAITING,
        db_default=Work.Status.DONE.value,
    )
    tries = models.PositiveIntegerField(default=0, db_default=0)
    message = models.TextField(blank=True, default="", db_default="")
    percent = models.PositiveSmallIntegerField(default=0, db_default=100)
    notes = models.JSONField(default=list)
    sent_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+"
    )

    class Meta:
        abstract = True
