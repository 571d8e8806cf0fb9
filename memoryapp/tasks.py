"""Celery entry points. Each is dull: rows and buffers say what to do."""

from __future__ import annotations

import logging
from typing import Any

from celery import shared_task
from celery.contrib.django.task import DjangoTask
from kombu.exceptions import OperationalError

from memoryapp import deliveries
from memoryapp.clients import pulse, store
from memoryapp.clients.embeddings import EmbeddingsUnavailable
from memoryapp.indexer import exports, forgetting, receipts, vectors
from memoryapp.indexer.watching import unusual_use_record

logger = logging.getLogger(__name__)


class Bell(DjangoTask):  # type: ignore[type-arg]  # no class can be asked at run time
    """A task whose work rows tell. While Redis is away nobody is rung: beat does so later."""

    def delay(self, *args: Any, **kwargs: Any) -> Any:
        # Asked first, with little patience and then not for a moment: Celery tries four times, and
        # a Redis that hangs would have everybody who has something to do wait for each of them.
        if not store.softly(lambda r: r.ping()):
            return None
        try:
            return super().delay(*args, **kwargs)
        except OperationalError as error:
            logger.warning("Redis does not answer; beat rings for %s later. %s", self.name, error)
            return None


@shared_task(base=Bell)
def leave_pulse() -> None:
    """Show that beat rings and a worker comes."""
    pulse.leave()


@shared_task(base=Bell)
def flush_receipts() -> None:
    """Bring the receipts of pulls from Redis into the database."""
    receipts.flush()


@shared_task(base=Bell)
def index_vectors() -> None:
    """Embed a batch of what has no vector yet, and go on while there is more."""
    try:
        has_more = vectors.index_batch()
    except EmbeddingsUnavailable as error:
        logger.warning("Vectors wait; beat tries again. %s", error)
        return
    if has_more:
        index_vectors.delay()


@shared_task(base=Bell)
def forget_answers() -> None:
    """Forget answers to requests with an Idempotency-Key after a day."""
    receipts.forget_answers()


@shared_task(base=Bell)
def forget_receipts() -> None:
    """Forget receipts of pulls after RECEIPT_DAYS; their counts stay."""
    receipts.forget_receipts()


@shared_task(base=Bell)
def forget_sessions() -> None:
    """Remove sessions that have run out."""
    forgetting.forget_sessions()


@shared_task(base=Bell)
def forget_deliveries() -> None:
    """Forget old messages to webhooks."""
    forgetting.forget_deliveries()


@shared_task(base=Bell)
def forget_recalls() -> None:
    """Forget old traces of searches."""
    forgetting.forget_recalls()


@shared_task(base=Bell)
def write_exports() -> None:
    """Ring for every export that waits; beat's safety net."""
    for export_id in exports.due():
        write_export.delay(export_id)


@shared_task(base=Bell)
def write_export(export_id: int) -> None:
    exports.write(export_id)


@shared_task(base=Bell)
def forget_exports() -> None:
    """Remove the files of exports after EXPORT_HOURS."""
    exports.forget()


@shared_task(base=Bell)
def send_webhooks() -> None:
    """Ring for every delivery that is due; beat's safety net, and rung when one is written."""
    for delivery_id in deliveries.due():
        deliver_webhook.delay(str(delivery_id))


@shared_task(base=Bell)
def deliver_webhook(delivery_id: str) -> None:
    deliveries.deliver(delivery_id)


@shared_task(base=Bell)
def watch_use() -> None:
    """Write down who did unusually much in the last hour."""
    unusual_use_record()
