"""Receipts of pulls, from their buffer into the database."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from memoryapp.clients import receipts
from memoryapp.indexer.locks import alone
from memoryapp.models import IdempotentRequest, PullReceipt, ReceiptSource

#: any number nobody else locks; only one worker flushes receipts at a time.
FLUSH_LOCK = 7_261_034
ANSWERS_KEPT = timedelta(days=1)


#: One statement, so that what is stored is counted and what was stored before is not.
STORE = """
WITH given AS (
  SELECT DISTINCT ON (source, number) *
  FROM unnest(%s::uuid[], %s::bigint[], %s::bigint[], %s::bigint[], %s::text[], %s::text[],
              %s::text[], %s::boolean[], %s::timestamptz[])
    AS row (source, number, release_id, key_id, agent, label, form, unchanged, pulled_at)
), stored AS (
  INSERT INTO memoryapp_pullreceipt
    (source, number, release_id, key_id, agent, label, form, unchanged, pulled_at)
  SELECT given.source, given.number, release.id, key.id, given.agent, given.label, given.form,
         given.unchanged, given.pulled_at
  FROM given JOIN memoryapp_release AS release ON release.id = given.release_id
       LEFT JOIN memoryapp_apikey AS key ON key.id = given.key_id
  ON CONFLICT DO NOTHING
  RETURNING source, number, release_id, label, unchanged, pulled_at
), counted AS (
  INSERT INTO memoryapp_pullcount AS held (release_id, label, day, pulls, unchanged)
  SELECT release_id, label, (pulled_at AT TIME ZONE %s)::date AS day, count(*),
         count(*) FILTER (WHERE unchanged)
  FROM stored GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
  ON CONFLICT (release_id, label, day) DO UPDATE
    SET pulls = held.pulls + excluded.pulls, unchanged = held.unchanged + excluded.unchanged
)
INSERT INTO memoryapp_receiptsource AS held (source, highest, stored, last_at)
SELECT given.source, max(given.number),
       count(*) FILTER (WHERE stored.number IS NOT NULL OR release.id IS NULL), max(given.pulled_at)
FROM given LEFT JOIN stored USING (source, number)
     LEFT JOIN memoryapp_release AS release ON release.id = given.release_id
GROUP BY given.source ORDER BY given.source
ON CONFLICT (source) DO UPDATE SET
  highest = greatest(held.highest, excluded.highest),
  stored = held.stored + excluded.stored,
  last_at = greatest(held.last_at, excluded.last_at)
"""
FORGET_BATCH = 20_000


def store_receipts(rows: Sequence[Sequence[Any]]) -> None:
    """Store receipts as ``clients.receipts`` describes them; what is stored already stays once.

    A receipt of a release or key that is gone meanwhile is not kept, or kept without its key.
    """
    columns = [list(column) for column in zip(*rows, strict=True)]
    columns[8] = [datetime.fromtimestamp(at, UTC) for at in columns[8]]
    with connection.cursor() as cursor:
        cursor.execute(STORE, [*columns, settings.TIME_ZONE])


def forget_receipts() -> int:
    """Forget receipts older than ``RECEIPT_DAYS``. Returns how many.

    What was pulled how often stays in ``PullCount``. In batches, so that nothing waits for long.
    """
    if not settings.RECEIPT_DAYS:
        return 0
    before = timezone.now() - timedelta(days=settings.RECEIPT_DAYS)
    old = PullReceipt.objects.filter(pulled_at__lt=before)
    forgotten = 0
    while True:
        batch = old.order_by().values("pk")[:FORGET_BATCH]
        gone = PullReceipt.objects.filter(pk__in=batch)._raw_delete(using="default")
        forgotten += gone
        if gone < FORGET_BATCH:
            break
    ReceiptSource.objects.filter(last_at__lt=before).delete()
    return forgotten


def flush() -> int:
    """Bring the buffered receipts into the database. Returns how many were looked at.

    Safe at any time: what was taken is forgotten only after it is committed.
    """
    if not receipts.waiting():
        return 0
    flushed = 0
    with alone(FLUSH_LOCK) as is_alone:
        while is_alone and (rows := receipts.take()):
            with transaction.atomic():
                store_receipts(rows)
            receipts.done()
            flushed += len(rows)
    return flushed


def forget_answers() -> int:
    """Forget what was answered to requests with an Idempotency-Key long ago. Returns how many."""
    old = IdempotentRequest.objects.filter(created_at__lt=timezone.now() - ANSWERS_KEPT)
    return old._raw_delete(using="default")
