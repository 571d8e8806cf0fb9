"""Webhooks, the messages for them, and every try to deliver one. The outbox is a table.

A delivery is written in the transaction of the change it reports, so nothing is reported that did
not happen and nothing that happened is lost.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.dispatch import Signal
from django.utils import timezone

from memoryapp.domain.sealing import Seal
from memoryapp.domain.webhooks import KINDS, message

PURPOSE = "webhook"
#: While a try is under way nobody else tries. One that never came back counts as over after this,
#: three times as long as a receiver is waited for.
LEASE = timedelta(seconds=30)
#: A webhook is not removed while others write messages for it, and one that is being removed is
#: passed over: whoever wrote for it would be refused at the end of all they did.
_WANTING_HELD = """
SELECT id FROM memoryapp_webhook
WHERE workspace_id = %s AND is_active AND kinds @> ARRAY[%s]::varchar(40)[]
ORDER BY id FOR KEY SHARE SKIP LOCKED
"""
#: Sent when deliveries were written, so that the doorbell is rung; tasks listen.
queued = Signal()


class WebhookQuerySet(models.QuerySet["Webhook"]):
    def wanting(self, workspace: Any, kind: str) -> WebhookQuerySet:
        return self.filter(workspace=workspace, is_active=True, kinds__contains=[kind])

    def wanting_held(self, workspace: Any, kind: str) -> Iterable[Webhook]:
        """The same by their ids alone, held until the transaction ends."""
        return self.raw(_WANTING_HELD, [workspace.pk, kind])


class Webhook(models.Model):
    """An address that is told what happens in a workspace. The secret is sealed."""

    workspace = models.ForeignKey("memoryapp.Workspace", models.CASCADE, related_name="webhooks")
    url = models.URLField(max_length=500)
    kinds = ArrayField(models.CharField(max_length=40, choices=KINDS.items()))
    is_active = models.BooleanField(default=True)
    #: why it is off, where it was not a person who turned it off.
    message = models.CharField(max_length=300, blank=True)
    sealed_secret = models.TextField()
    #: still signs until then, so that a receiver can change over.
    sealed_previous = models.TextField(blank=True)
    previous_until = models.DateTimeField(null=True, blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    objects = WebhookQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-pk"]

    def __str__(self) -> str:
        """The address as all members may read it, in lists and in the audit log.

        Chat tools and ticket systems take whoever knows the rest of theirs for their own.
        """
        parts = urlsplit(self.url)
        more = "/…" if parts.path.strip("/") or parts.query else ""
        return f"{parts.scheme}://{parts.netloc}{more}"

    def keep_secret(self, secret: bytes) -> None:
        self.sealed_secret = Seal(settings.SEALING_KEYS, PURPOSE).close(secret)

    def secrets(self, now: datetime) -> list[bytes]:
        """The secrets that sign now, the newest first."""
        sealed = [self.sealed_secret]
        if self.sealed_previous and self.previous_until and self.previous_until > now:
            sealed.append(self.sealed_previous)
        return [Seal(settings.SEALING_KEYS, PURPOSE).open(one) for one in sealed]


class DeliveryQuerySet(models.QuerySet["Delivery"]):
    def queue(
        self, *, workspace: Any, kind: str, data: Mapping[str, Any], collapse: str = ""
    ) -> None:
        """Write one delivery for each webhook of the workspace that wants this kind.

        With ``collapse``, one that is not tried yet under the same word takes the newer message.
        """
        payload = message(kind, timezone.now(), data)
        for webhook in Webhook.objects.wanting_held(workspace, kind):
            waiting = self.filter(webhook=webhook, collapse=collapse, tries=0) if collapse else None
            if waiting is None or not waiting.update(payload=payload):
                self.create(webhook=webhook, kind=kind, payload=payload, collapse=collapse)
                queued.send(sender=Delivery)

    def due(self, now: datetime) -> DeliveryQuerySet:
        return self.filter(
            status=Delivery.Status.WAITING, next_try_at__lte=now, webhook__is_active=True
        )


class Delivery(models.Model):
    """One message to one webhook. Its id is the same in every try, so that a receiver knows it."""

    class Status(models.TextChoices):
        WAITING = "waiting", "Waiting"
        DELIVERED = "delivered", "Delivered"
        FAILED = "failed", "Failed"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    webhook = models.ForeignKey(Webhook, models.CASCADE, related_name="deliveries", db_index=False)
    kind = models.CharField(max_length=40)
    payload = models.JSONField()
    collapse = models.CharField(max_length=120, blank=True)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.WAITING)
    tries = models.PositiveSmallIntegerField(default=0)
    next_try_at = models.DateTimeField(default=timezone.now)
    created_at = models.DateTimeField(auto_now_add=True)
    delivered_at = models.DateTimeField(null=True, blank=True)

    objects = DeliveryQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-pk"]
        indexes = [
            models.Index(fields=["webhook", "-created_at"]),
            models.Index(
                fields=["next_try_at"], condition=models.Q(status="waiting"), name="due_deliveries"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"

    def claim(self, now: datetime) -> bool:
        """Begin the next try. False when another worker was faster or it is not due any more."""
        moved = (
            type(self)
            .objects.filter(pk=self.pk, status=self.Status.WAITING, tries=self.tries)
            .update(tries=self.tries + 1, next_try_at=now + LEASE)
        )
        if moved:
            self.refresh_from_db()
        return bool(moved)


class DeliveryTry(models.Model):
    """One request that was made, and what came back. Written once."""

    delivery = models.ForeignKey(Delivery, models.CASCADE, related_name="attempts")
    number = models.PositiveSmallIntegerField()
    status_code = models.PositiveSmallIntegerField(null=True, blank=True)
    #: what went wrong, or the beginning of what the receiver said; secrets masked.
    message = models.CharField(max_length=500, blank=True)
    duration_ms = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["number", "pk"]

    def __str__(self) -> str:
        return f"{self.delivery} try {self.number}"
