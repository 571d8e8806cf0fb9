"""Reading one sent file of telemetry: claim, turn it into the neutral layout, save under the claim.

Nothing here enqueues: ``due`` and ``work`` return what to ring for and the task layer rings. A
worker may die between any two lines; the file as it was sent is in the row, so the next begins
anew.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from memoryapp.services.events import event_record
from practice.clients.telemetry_files import Read, read
from practice.models import Analysis, TelemetryFile
from practice.orchestrator.leases import lease, telling
from practice.orchestrator.pieces import Failing, carry_out, rung

logger = logging.getLogger(__name__)


def due() -> list[int]:
    """Files to ring for, marked as rung. Safe at any time, any number of times."""
    now = timezone.now()
    return rung(TelemetryFile.objects.due(now, lease()), now)


def work(file_id: int) -> list[int]:
    """Claim a file and read it; the analyses that waited for it.

    Nothing happens, and none is returned, when it is not ours to read.
    """
    row = TelemetryFile.objects.claim(file_id, now=timezone.now(), lease=lease())
    if row is None:
        return []
    is_ended = carry_out(
        row,
        lambda: TelemetryFile.objects.held(row),
        lambda: _read(row),
        lambda found: _save(row, found),
        Failing(
            lambda message: _fail(row, message),
            died="Its worker died each time it was tried. Split it by time.",
        ),
    )
    return waiting_for(row) if is_ended else []


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
