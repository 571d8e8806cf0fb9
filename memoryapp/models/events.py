"""The audit log: one append-only row per change, written with the change."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models


class EventQuerySet(models.QuerySet["Event"]):
    def record(
        self, *, workspace: Any, actor: Any, kind: str, subject: models.Model, **data: Any
    ) -> Event:
        """Write down what happened to ``subject``. ``actor`` is ``None`` for a job."""
        return self.create(
            workspace=workspace,
            actor=actor if getattr(actor, "pk", None) else None,
            kind=kind,
            subject_type=subject._meta.model_name or "",
            subject_id=str(subject.pk),
            subject_name=str(subject)[:200],
            data=data,
        )


class Event(models.Model):
    workspace = models.ForeignKey("memoryapp.Workspace", models.CASCADE, related_name="events")
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+"
    )
    kind = models.CharField(max_length=60)
    subject_type = models.CharField(max_length=60)
    subject_id = models.CharField(max_length=60)
    subject_name = models.CharField(max_length=200)
    data = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = EventQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-pk"]
        indexes = [models.Index(fields=["workspace", "-created_at"])]

    def __str__(self) -> str:
        return f"{self.kind} {self.subject_name}"
