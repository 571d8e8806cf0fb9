"""Observations that are too large for their rows: written, swept, and moved in and out.

The object is written before the row that refers to it, so that a crash between the two leaves an
object nobody refers to, and never a row without its object. ``StoredText`` is what a writer and a
sweep agree by: the writer says first that it is used, and the sweep deletes under a lock what was
not used for a day.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.db import transaction
from django.db.models import Exists, F, Func, IntegerField, OuterRef, Q
from django.utils import timezone

from practice.models import ObservationUnreadable, Step, StoredText

logger = logging.getLogger(__name__)

#: what stays in the row of a text that is an object: what lists and pages show of it.
HEAD_CHARS = 1_000
UNUSED = timedelta(days=1)
#: objects deleted by one task, and steps read at a time where all are moved.
BATCH = 500


@dataclass(frozen=True, slots=True)
class Kept:
    """The columns of a step that say where its observation stands."""

    observation: str
    text: StoredText | None = None
    is_head: bool = False


def keep(workspace_id: int, observation: str, whole: str = "") -> Kept:
    """Store what a row is not to hold; ``whole`` is all of an answer the agent read a part of.

    Both are masked already. Where the store cannot be written, the row keeps what the agent read,
    and what was cut off is lost, as it is without a store: no attempt fails for it.
    """
    observation, whole = observation.replace("\x00", ""), whole.replace("\x00", "")
    whole = "" if whole == observation else whole
    if not settings.OBSERVATION_OBJECT_KB or not (whole or _is_large(observation)):
        return Kept(observation)
    try:
        text = _stored(workspace_id, whole or observation)
    except OSError as error:
        logger.warning("A large observation stays in its row: the object store says %s", error)
        return Kept(observation)
    return Kept(observation, text) if whole else Kept(observation[:HEAD_CHARS], text, is_head=True)


def _is_large(text: str) -> bool:
    return len(text.encode()) > settings.OBSERVATION_OBJECT_KB * 1024


def _stored(workspace_id: int, text: str) -> StoredText:
    """The row of an object that is there and will not be swept before a step refers to it."""
    content, now = text.encode(), timezone.now()
    key = {"workspace_id": workspace_id, "digest": hashlib.sha256(content).hexdigest()}
    if not StoredText.objects.filter(**key).update(used_at=now):
        StoredText.objects.get_or_create(**key, defaults={"size": len(content), "used_at": now})
    row = StoredText.objects.get(**key)
    if row.stored_at is None:
        storages["observations"].save(row.name, ContentFile(content))
        StoredText.objects.filter(pk=row.pk).update(stored_at=now)
    return row


def sweep() -> bool:
    """Delete objects nobody refers to and nobody used for a day. Returns whether there are more.

    Steps go by retention and with their runs and workspaces; their objects go here.
    """
    due = StoredText.objects.filter(used_at__lt=timezone.now() - UNUSED).filter(_unreferenced())
    found = list(due.order_by("used_at").values_list("pk", flat=True)[:BATCH])
    for pk in found:
        try:
            _delete(pk)
        except OSError as error:
            logger.warning("Objects nobody needs stay for now: the object store says %s", error)
            return False
    return len(found) == BATCH


def _unreferenced() -> Q:
    return ~Q(Exists(Step.objects.filter(text=OuterRef("pk"))))


def _delete(pk: int) -> None:
    """One object and its row. The lock makes a writer of the same text wait and write it anew."""
    with transaction.atomic():
        unused = StoredText.objects.filter(pk=pk, used_at__lt=timezone.now() - UNUSED)
        free = unused.filter(_unreferenced()).select_for_update(no_key=True, skip_locked=True)
        row = free.first()
        if row is not None:
            storages["observations"].delete(row.name)
            row.delete()


def move_out() -> Iterator[int]:
    """Move large observations of rows into the store; yields 1 for each that was moved.

    Safe to stop and to run again: what was moved is not found again.

    Raises:
        OSError: the store cannot be written.
    """
    size = Func(F("observation"), function="octet_length", output_field=IntegerField())
    large = Step.objects.filter(text=None).alias(size=size)
    rows = large.filter(size__gt=settings.OBSERVATION_OBJECT_KB * 1024)
    rows = rows.annotate(workspace_id=F("attempt__run__workspace_id"))
    for step in rows.order_by("pk").iterator(chunk_size=100):
        text = _stored(step.workspace_id, step.observation)
        yield Step.objects.filter(pk=step.pk, text=None).update(
            text=text, is_head=True, observation=step.observation[:HEAD_CHARS]
        )


def move_in() -> Iterator[int]:
    """Move observations of the store back into their rows; yields 1 for each that was moved.

    What an agent read a part of stays an object: no row ever held all of it. Safe to stop and to
    run again. The objects go with the sweep of the day after.

    Raises:
        ObservationUnreadable: an object is missing, or the store cannot be reached.
    """
    rows = Step.objects.filter(is_head=True).select_related("text").order_by("pk")
    for step in rows.iterator(chunk_size=100):
        try:
            read = step.read()
        except ObservationUnreadable as error:
            raise type(error)(f"Step {step.pk}: {error}") from error
        yield Step.objects.filter(pk=step.pk, is_head=True).update(
            observation=read, text=None, is_head=False
        )


def answers_kept() -> int:
    """Steps whose whole answer is an object, and what the agent read of it a row."""
    return Step.objects.filter(text__isnull=False, is_head=False).count()
