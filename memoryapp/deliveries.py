"""Making the tries that are due: claim the row, call, record what came back."""

from __future__ import annotations

from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from memoryapp.clients.webhooks import Told, tell
from memoryapp.domain.masking import redact
from memoryapp.domain.sealing import Unreadable
from memoryapp.domain.webhooks import body_of, next_try, signature
from memoryapp.models import Delivery, DeliveryTry, Event, Webhook

GONE = 410
ANSWERED = "The receiver answered 410 Gone"
AGENT = "Greenroom-Webhooks/1"


def due(limit: int = 200) -> list[UUID]:
    """The deliveries to try now, the oldest first."""
    rows = Delivery.objects.due(timezone.now()).order_by("next_try_at")
    return list(rows.values_list("pk", flat=True)[:limit])


def deliver(delivery_id: UUID | str) -> None:
    """Try one delivery once. Twins and late calls find nothing to do."""
    now = timezone.now()
    delivery = Delivery.objects.due(now).select_related("webhook").filter(pk=delivery_id).first()
    if delivery is None or not delivery.claim(now):
        return
    webhook = delivery.webhook
    try:
        secrets = webhook.secrets(now)
    except Unreadable as error:
        told = Told(None, str(error), 0)
    else:
        body = body_of(delivery.payload)
        stamp = int(now.timestamp())
        headers = {
            "Content-Type": "application/json",
            "User-Agent": AGENT,
            "webhook-id": str(delivery.pk),
            "webhook-timestamp": str(stamp),
            "webhook-signature": signature(secrets, str(delivery.pk), stamp, body),
        }
        allowed = settings.WEBHOOK_PRIVATE_ADDRESSES
        told = tell(webhook.url, body, headers, private_allowed=allowed)
    with transaction.atomic():
        _write_down(delivery, told)


def _write_down(delivery: Delivery, told: Told) -> None:
    """Keep what came back. After the lease it settles nothing except that it was heard."""
    now = timezone.now()
    if told.status == GONE:
        # Before its message, as whoever removes it does, or each would wait for the other.
        Webhook.objects.select_for_update(no_key=True).filter(pk=delivery.webhook_id).first()
    held = Delivery.objects.select_for_update(no_key=True).filter(pk=delivery.pk).first()
    if held is None:
        return  # removed with its webhook meanwhile
    DeliveryTry.objects.create(
        delivery=held,
        number=delivery.tries,
        status_code=told.status,
        message=_words(told),
        duration_ms=told.duration_ms,
    )
    if told.status == GONE:
        _turn_off(held.webhook_id)
    if held.status != Delivery.Status.WAITING:
        return
    if told.is_heard:
        held.status, held.delivered_at = Delivery.Status.DELIVERED, now
    elif held.tries != delivery.tries:
        return  # another worker is at the next try, and what that one hears counts
    else:
        again = next_try(held.tries, now, asked=told.retry_after)
        if again is None or told.status == GONE:
            held.status = Delivery.Status.FAILED
        else:
            held.next_try_at = again
    held.save(update_fields=["status", "delivered_at", "next_try_at"])


def _turn_off(webhook_id: int) -> None:
    """A receiver that is gone wants to hear no more (Standard Webhooks)."""
    was_on = Webhook.objects.filter(pk=webhook_id, is_active=True)
    if not was_on.update(is_active=False, message=f"{ANSWERED}, so nothing more is sent to it."):
        return
    webhook = Webhook.objects.select_related("workspace").get(pk=webhook_id)
    Event.objects.record(
        workspace=webhook.workspace,
        actor=None,
        kind="webhook.changed",
        subject=webhook,
        through=ANSWERED,
        before={"is_active": True},
        after={"is_active": False},
    )


def _words(told: Told) -> str:
    said = redact(told.message).replace("\x00", "").strip()
    return said[:500] or ("" if told.status else "No answer.")
