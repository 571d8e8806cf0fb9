"""The audit log: one append-only row per change, written with the change."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any

from django.conf import settings
from django.db import models

from memoryapp.domain.webhooks import TOLD_BY_EVENT
from memoryapp.models.webhooks import Delivery

#: What the person of this request acts through, e.g. an API key; a request begins with none.
acting_through: ContextVar[str] = ContextVar("acting_through", default="")


class EventQuerySet(models.QuerySet["Event"]):
    def record(
        self,
        *,
        workspace: Any,
        actor: Any,
        kind: str,
        subject: models.Model,
        through: str = "",
        **data: Any,
    ) -> Event:
        """Write down what happened to ``subject``. ``actor`` is ``None`` for a job.

        ``before`` and ``after`` in ``data`` are what it was changed from and to.
        """
        event = self.create(
            workspace=workspace,
            actor=actor if getattr(actor, "pk", None) else None,
            kind=kind,
            through=(through or acting_through.get())[:120],
            subject_type=subject._meta.model_name or "",
            subject_id=str(subject.pk),
            subject_name=str(subject)[:200],
            data=data,
        )
        if kind in TOLD_BY_EVENT:
            told = {"event": kind, "subject": event.subject_name, "link": _link(subject), **data}
            Delivery.objects.queue(workspace=workspace, kind=TOLD_BY_EVENT[kind], data=told)
        return event

    def record_in(
        self, playbook: Any, *, actor: Any, kind: str, subject: models.Model, **data: Any
    ) -> Event:
        """``record`` what happened in a playbook, by which the log can be narrowed."""
        return self.record(
            workspace=playbook.workspace,
            actor=actor,
            kind=kind,
            subject=subject,
            playbook=playbook.slug,
            **data,
        )


def _link(subject: models.Model) -> str:
    """The page of what happened, for whoever is told of it; the host only where it is known."""
    path = subject.get_absolute_url() if hasattr(subject, "get_absolute_url") else ""
    return f"{settings.PUBLIC_URL}{path}" if path else ""


class Event(models.Model):
    workspace = models.ForeignKey(
        "memoryapp.Workspace", models.CASCADE, related_name="events", db_index=False
    )
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+"
    )
    kind = models.CharField(max_length=60)
    #: what acted for the person or instead of one: a key, a policy, a run.
    through = models.CharField(max_length=120, blank=True)
    subject_type = models.CharField(max_length=60)
    subject_id = models.CharField(max_length=60)
    subject_name = models.CharField(max_length=200)
    data = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = EventQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-pk"]
        indexes = [
            models.Index(fields=["workspace", "-created_at"]),
            models.Index(fields=["workspace", "kind", "-created_at"], name="events_of_kind"),
            models.Index(fields=["workspace", "subject_id"], name="events_of_subject"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.subject_name}"
