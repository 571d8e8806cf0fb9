"""Labelled sets: taking one in and having it read."""

from __future__ import annotations

import hashlib
import re
from typing import Any

from django.db import transaction
from django.utils import timezone

from memoryapp.domain.errors import UnableToRead
from memoryapp.models import Workspace
from memoryapp.services.events import event_record
from practice.models import CaseSet
from practice.orchestrator.case_sets import UnreadableTelemetry, look
from practice.services.readings import is_unread, reading_begin_anew, reading_cancel
from practice.services.telemetry import MAX_BYTES
from practice.tasks import read_case_set

_ARCHIVE = re.compile(r"\.(zip|tar|tgz|tar\.gz)$", re.I)


def case_set_send(
    *, workspace: Workspace, name: str, data: bytes, by: Any, is_named: bool = False
) -> CaseSet:
    """Store a labelled set that comes as one archive, and have a worker unpack and read it.

    ``name`` is what the set is called where ``is_named``; else that of its file, until the folder
    in it is known.
    The same bytes sent twice are stored once; sent again after a reading that failed or was
    cancelled, they are read again.

    Raises:
        UnableToRead: no archive, cut off, locked, or too large as sent or unpacked. The message
            says what to do.
    """
    if len(data) > MAX_BYTES:
        raise UnableToRead(f"{name} has more than {MAX_BYTES >> 20} MB: send its sets one by one.")
    try:
        look(data)
    except UnreadableTelemetry as error:
        raise UnableToRead(f"{error}. Nothing was stored.") from error
    with transaction.atomic():
        row, is_new = CaseSet.objects.get_or_create(
            workspace=workspace,
            digest=hashlib.sha256(data).hexdigest(),
            defaults={
                "name": _called(name) if is_named else name.partition(".")[0][:100] or "set",
                "is_named": is_named,
                "archive": data,
                "size": len(data),
                "dispatched_at": timezone.now(),
                "sent_by": by if getattr(by, "pk", None) else None,
            },
        )
        if is_new:
            event_record(
                workspace=workspace,
                actor=by,
                kind="case_set.sent",
                subject=row,
                before={},
                after={"size": row.size, "digest": row.digest},
            )
            read_case_set.delay_on_commit(row.pk)
        elif is_unread(row):
            case_set_read_again(case_set=row, by=by)
    return row


def _called(name: str) -> str:
    """A name as it was given; many give that of the archive."""
    return _ARCHIVE.sub("", name.strip())[:100] or "set"


def case_set_read_again(*, case_set: CaseSet, by: Any) -> CaseSet:
    """Have a set read anew whose reading failed or was cancelled.

    Raises:
        UnableToChange: it is read, or being read.
    """
    with transaction.atomic():
        reading_begin_anew(
            case_set, by=by, kind="case_set.read_again", workspace=case_set.workspace, fields={}
        )
        read_case_set.delay_on_commit(case_set.pk)
    return case_set


def case_set_cancel(*, case_set: CaseSet, by: Any) -> CaseSet:
    """End the reading of a set. It stays as it was sent and can be read later.

    Raises:
        UnableToChange: its reading has ended.
    """
    with transaction.atomic():
        reading_cancel(
            case_set, by=by, kind="case_set.cancelled", workspace=case_set.workspace, fields={}
        )
    return case_set
