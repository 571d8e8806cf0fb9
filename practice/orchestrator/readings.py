"""Reading one sent file of telemetry: claim, turn it into the neutral layout, save under the claim.

Nothing here enqueues: ``due`` and ``work`` return what to ring for and the task layer rings. A
worker may die between any two lines; the file as it was sent is in the row, so the next begins
anew.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime

from django.db import DatabaseError, OperationalError, transaction
from django.db.models import Q
from django.utils import timezone

from memoryapp.services.events import event_record
from practice.clients.telemetry import UnreadableTelemetry
from practice.clients.telemetry_files import Read, read
from practice.models import Analysis, TelemetryFile
from practice.models.work import MAX_TRIES
from practice.orchestrator.leases import (
    Stopped,
    heartbeat,
    lease,
    put_back,
    telling,
    unsaved,
)

logger = logging.getLogger(__name__)


def due() -> list[int]:
    """Files to ring for, marked as rung. Safe at any time, any number of times."""
    now = timezone.now()
    with transaction.atomic():
        rows = TelemetryFile.objects.due(now, lease())
        found = list(
            rows.select_for_update(skip_locked=True, no_key=True).values_list("pk", flat=True)
        )
        TelemetryFile.objects.filter(pk__in=found).update(dispatched_at=now)
    return found


def work(file_id: int) -> list[int]:
    """Claim a file and read it; the analyses that waited for it.

    Nothing happens, and none is returned, when it is not ours to read.
    """
    row = TelemetryFile.objects.claim(file_id, now=timezone.now(), lease=lease())
    if row is None:
        return []
    if row.tries > MAX_TRIES:
        _fail(row, row.message or "Its worker died each time it was tried. Split it by time.")
    else:
        try:
            with heartbeat(lambda: TelemetryFile.objects.held(row)):
                found = _read(row)
        except Stopped:
            return []
        except UnreadableTelemetry as error:
            _fail(row, f"{error}.")
        except OperationalError as error:
            put_back(row, error)
        except Exception as error:
            logger.exception("telemetry file %s was not read", row.pk)
            _fail(row, f"An internal error stopped the reading: {type(error).__name__}: {error}")
        else:
            _store(row, found)
    return waiting_for(row)


def waiting_for(row: TelemetryFile) -> list[int]:
    """Analyses that wait and may have waited for a file."""
    about = Q(incident=row.incident_id) if row.incident_id else Q(incident__source=row.source_id)
    rows = Analysis.objects.filter(about, status=Analysis.Status.WAITING)
    return list(rows.filter(created_at__gte=row.created_at).values_list("pk", flat=True))


def _read(row: TelemetryFile) -> Read:
    mapping = row.source.mapping.get(row.kind, {})
    sent = bytes(row.original)
    told = telling(lambda: TelemetryFile.objects.held(row))
    return read(
        sent,
        name=row.name,
        kind=row.kind,
        mapping=mapping,
        told=lambda rows, share: told(share, rows=rows),
    )


def _store(row: TelemetryFile, found: Read) -> None:
    """Save, or say on the row why nothing of it was kept."""
    try:
        _save(row, found)
    except OperationalError as error:
        put_back(row, error)
    except (DatabaseError, UnicodeError) as error:
        logger.exception("telemetry file %s could not be saved", row.pk)
        _fail(row, unsaved(error))


def _save(row: TelemetryFile, found: Read) -> None:
    with transaction.atomic():
        ended = row.end(
            TelemetryFile.Status.DONE,
            at=timezone.now(),
            content=found.content,
            rows=found.rows,
            percent=100,
            first_at=_moment(found.first),
            last_at=_moment(found.last),
            services=list(found.services),
            notes=list(found.notes),
        )
        if not ended:
            logger.warning("telemetry file %s lost its claim before saving", row.pk)
            return
        event_record(
            workspace=row.source.workspace,
            actor=None,
            kind="telemetry.file_read",
            subject=row,
            source=row.source.slug,
            before={},
            after={"rows": found.rows, "digest": row.digest},
        )


def _fail(row: TelemetryFile, message: str) -> None:
    row.end(TelemetryFile.Status.FAILED, at=timezone.now(), message=message, rows=0)


def _moment(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
