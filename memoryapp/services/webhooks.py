"""Making, changing and removing webhooks, and telling them something again."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from memoryapp.clients.webhooks import SETTING
from memoryapp.domain.addresses import url_problem
from memoryapp.domain.errors import UnableToChange
from memoryapp.domain.webhooks import KINDS, SECRET_BYTES, message, written_secret
from memoryapp.models import Delivery, DeliveryTry, Event, Webhook, Workspace
from memoryapp.models.webhooks import queued
from memoryapp.services.seen import check_seen

MOST = 20
#: How long the old secret still signs after a change.
OVERLAP = timedelta(hours=24)
TEST = "webhook.test"
REMOVED = "This webhook was removed meanwhile."
_HOLD_MESSAGES = """
SELECT count(*) FROM (
    SELECT FROM memoryapp_delivery WHERE webhook_id = %s FOR NO KEY UPDATE
) AS held
"""


def webhook_create(
    *, workspace: Workspace, url: str, kinds: Sequence[str], by: Any
) -> tuple[Webhook, str]:
    """Make a webhook. Returns the row and its secret, which is never shown again.

    Raises:
        UnableToChange: an address that may not be called, no kind, an unknown one, or too many.
    """
    url = _checked(url.strip(" "))
    _check_kinds(kinds)
    secret = secrets.token_bytes(SECRET_BYTES)
    with transaction.atomic():
        Workspace.objects.select_for_update(no_key=True).get(pk=workspace.pk)
        if workspace.webhooks.count() >= MOST:
            raise UnableToChange(f"A workspace has at most {MOST} webhooks. Remove one first.")
        row = Webhook(workspace=workspace, url=url, kinds=list(kinds), created_by=by)
        row.keep_secret(secret)
        row.save()
        _record(row, by, "webhook.created", before={}, after=_facts(row))
    return row, written_secret(secret)


def webhook_change(
    *,
    webhook: Webhook,
    by: Any,
    kinds: Sequence[str] | None = None,
    is_active: bool | None = None,
    seen: str | None = None,
) -> Webhook:
    """Change what a webhook is told, or turn it on or off.

    ``seen`` is the digest of ``told_of`` that was read.

    Raises:
        ChangedMeanwhile: it was changed since, or went off.
        UnableToChange: no kind, an unknown one, or the webhook was removed meanwhile.
    """
    if kinds is not None:
        _check_kinds(kinds)
    with transaction.atomic():
        webhook = _locked(webhook)
        before = told_of(webhook)
        if kinds is not None:
            webhook.kinds = list(kinds)
        if is_active is not None:
            webhook.is_active, webhook.message = is_active, ""
        after = told_of(webhook)
        check_seen(seen, before, after)
        if after != before:
            webhook.save(update_fields=["kinds", "is_active", "message"])
            _record(webhook, by, "webhook.changed", before=before, after=after)
    return webhook


def told_of(webhook: Webhook) -> dict[str, Any]:
    """What a webhook is told, and whether it is; ``domain.seen.shown`` of it is ``seen``."""
    return {"kinds": list(webhook.kinds), "is_active": webhook.is_active}


def webhook_rotate(*, webhook: Webhook, by: Any) -> str:
    """Make a new secret; the old one still signs for a day. Returns the new one, shown once.

    Raises:
        UnableToChange: the webhook was removed meanwhile.
    """
    secret = secrets.token_bytes(SECRET_BYTES)
    with transaction.atomic():
        webhook = _locked(webhook)
        was = webhook.previous_until
        webhook.sealed_previous = webhook.sealed_secret
        webhook.previous_until = timezone.now() + OVERLAP
        webhook.keep_secret(secret)
        webhook.save(update_fields=["sealed_previous", "previous_until", "sealed_secret"])
        _record(
            webhook,
            by,
            "webhook.rotated",
            before={"old secret until": was.isoformat() if was else "none"},
            after={"old secret until": webhook.previous_until.isoformat()},
        )
    return written_secret(secret)


def webhook_remove(*, webhook: Webhook, by: Any) -> None:
    """Remove a webhook with its log.

    Raises:
        UnableToChange: it was removed meanwhile.
    """
    with transaction.atomic():
        # First: from here on nobody writes a message for it.
        if not Webhook.objects.filter(pk=webhook.pk)._raw_delete(using="default"):
            raise UnableToChange(REMOVED)
        with connection.cursor() as cursor:
            # A worker that hears of a try holds its message while it writes that down.
            cursor.execute(_HOLD_MESSAGES, [webhook.pk])
        # Its messages are of three months: loaded by Django and deleted by the hundred, a hundred
        # thousand of them take longer than a request may.
        DeliveryTry.objects.filter(delivery__webhook=webhook)._raw_delete(using="default")
        Delivery.objects.filter(webhook=webhook)._raw_delete(using="default")
        _record(webhook, by, "webhook.removed", before=_facts(webhook), after={})


def webhook_test(*, webhook: Webhook, by: Any) -> Delivery:
    """Send a message that says nothing but that it arrived.

    Raises:
        UnableToChange: the webhook is off, or was removed meanwhile.
    """
    said = {"workspace": webhook.workspace.slug, "message": "It works."}
    payload = message(TEST, timezone.now(), said)
    with transaction.atomic():
        webhook = _active(webhook)
        made = Delivery.objects.create(webhook=webhook, kind=TEST, payload=payload)
        _record(webhook, by, "webhook.tested", before={}, after={"message_id": str(made.pk)})
        queued.send(sender=Delivery)
    return made


def delivery_replay(*, delivery: Delivery, by: Any) -> Delivery:
    """Send a message again, as it was, under its own id: a receiver knows what it had already.

    Raises:
        UnableToChange: it is waiting anyway, or the webhook is off or was removed meanwhile.
    """
    with transaction.atomic():
        webhook = _active(delivery.webhook)
        was = Delivery.objects.select_for_update(no_key=True).get(pk=delivery.pk).status
        moved = (
            Delivery.objects.filter(pk=delivery.pk)
            .exclude(status=Delivery.Status.WAITING)
            .update(status=Delivery.Status.WAITING, tries=0, next_try_at=timezone.now())
        )
        if not moved:
            raise UnableToChange("It is waiting to be sent already.")
        _record(
            webhook,
            by,
            "webhook.replayed",
            message_id=str(delivery.pk),
            before={"status": was},
            after={"status": Delivery.Status.WAITING.value},
        )
        queued.send(sender=Delivery)
    delivery.refresh_from_db()
    return delivery


def _locked(webhook: Webhook) -> Webhook:
    """The webhook as it is: a receiver that is gone turns it off while somebody looks at it."""
    rows = Webhook.objects.select_for_update(no_key=True, of=("self",))
    found = rows.select_related("workspace").filter(pk=webhook.pk).first()
    if found is None:
        raise UnableToChange(REMOVED)
    return found


def _facts(webhook: Webhook) -> dict[str, Any]:
    """What a webhook is told, as the log keeps it: nothing of its secret, not all its address."""
    return {"url": str(webhook), **told_of(webhook)}


def _checked(url: str) -> str:
    problem = url_problem(url, private_allowed=settings.WEBHOOK_PRIVATE_ADDRESSES, setting=SETTING)
    if problem:
        raise UnableToChange(problem, field="url")
    parts = urlsplit(url)
    if parts.username or parts.password:
        raise UnableToChange(
            "Leave the password out of the address: messages are signed instead.", field="url"
        )
    return url


def _check_kinds(kinds: Sequence[str]) -> None:
    if not kinds or set(kinds) - set(KINDS):
        raise UnableToChange(f"Choose at least one of: {', '.join(KINDS)}.", field="kinds")


def _active(webhook: Webhook) -> Webhook:
    """The webhook as it is, if it is on; it stays so and is not removed before the end."""
    webhook = _locked(webhook)
    if not webhook.is_active:
        raise UnableToChange("The webhook is off. Turn it on first.")
    return webhook


def _record(webhook: Webhook, by: Any, kind: str, **data: Any) -> None:
    Event.objects.record(workspace=webhook.workspace, actor=by, kind=kind, subject=webhook, **data)
