"""Receipts of pulls, from their buffer into the database."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from memoryapp.clients import receipts
from memoryapp.models import ApiKey, IdempotentRequest, PullReceipt, Release

#: any number nobody else locks; only one worker flushes receipts at a time.
FLUSH_LOCK = 7_261_034
ANSWERS_KEPT = timedelta(days=1)


def store_receipts(rows: Sequence[Sequence[Any]]) -> None:
    """Store receipts as ``clients.receipts`` describes them; what is stored already stays once.

    A receipt of a release or key that is gone meanwhile is not kept, or kept without its key.
    """
    releases = set(
        Release.objects.filter(pk__in={row[2] for row in rows}).values_list("pk", flat=True)
    )
    keys = set(ApiKey.objects.filter(pk__in={row[3] for row in rows}).values_list("pk", flat=True))
    PullReceipt.objects.bulk_create(
        [
            PullReceipt(
                source=source,
                number=number,
                release_id=release,
                key_id=key if key in keys else None,
                agent=agent,
                label=label,
                form=form,
                unchanged=unchanged,
                pulled_at=datetime.fromtimestamp(at, UTC),
            )
            for source, number, release, key, agent, label, form, unchanged, at in rows
            if release in releases
        ],
        ignore_conflicts=True,
    )


def flush() -> int:
    """Bring the buffered receipts into the database. Returns how many were looked at.

    Safe at any time: what was taken is forgotten only after it is committed.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [FLUSH_LOCK])
        if not cursor.fetchone()[0]:
            return 0
    flushed = 0
    try:
        while rows := receipts.take():
            with transaction.atomic():
                store_receipts(rows)
            receipts.done()
            flushed += len(rows)
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [FLUSH_LOCK])
    return flushed


def forget_answers() -> int:
    """Forget what was answered to requests with an Idempotency-Key long ago. Returns how many."""
    old = IdempotentRequest.objects.filter(created_at__lt=timezone.now() - ANSWERS_KEPT)
    return old._raw_delete(using="default")
