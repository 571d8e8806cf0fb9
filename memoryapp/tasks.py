"""Celery entry points. Each is dull: rows and buffers say what to do."""

from __future__ import annotations

from celery import shared_task
from celery.contrib.django.task import DjangoTask

from memoryapp.indexer import receipts


@shared_task(base=DjangoTask)
def flush_receipts() -> None:
    """Bring the receipts of pulls from Redis into the database."""
    receipts.flush()
