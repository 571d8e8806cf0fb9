"""Writing the file of an export that was asked for, and forgetting files that have expired."""

from __future__ import annotations

import hashlib
import logging
import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import IO

from django.conf import settings
from django.db import OperationalError, connections, transaction
from django.utils import timezone

from memoryapp.clients import export_progress
from memoryapp.domain.beating import beating
from memoryapp.models import Event, ExportPiece, WorkspaceExport
from memoryapp.models.exports import MAX_TRIES
from memoryapp.queries import database
from memoryapp.queries.transfer import workspace_export

logger = logging.getLogger(__name__)

PIECE = 4 * 2**20

Status = WorkspaceExport.Status


class Stopped(Exception):
    """The export was stopped, or another worker took it over."""


def due() -> list[int]:
    """The exports that wait for a worker."""
    rows = WorkspaceExport.objects.due(timezone.now(), _lease())
    return list(rows.values_list("pk", flat=True))


def write(export_id: int) -> None:
    """Write one file once. Twins and late calls find nothing to do."""
    now = timezone.now()
    found = WorkspaceExport.objects.due(now, _lease()).select_related("workspace")
    export = found.filter(pk=export_id).first()
    if export is None or not export.claim(now, _lease()):
        return
    if export.tries > MAX_TRIES:
        export.end(
            Status.FAILED,
            message=export.message
            or f"It was started {MAX_TRIES} times, and each time its worker died or the database "
            "went away. Check their memory and disk space.",
        )
        return
    try:
        with _beating(export) as is_ours:
            _write(export, is_ours)
    except Stopped:
        logger.info("Export %s was stopped, or is written by another worker.", export.pk)
    except OSError as error:
        logger.warning("Export %s could not be written: %s", export.pk, error)
        export.end(Status.FAILED, message=f"The file could not be written: {error.strerror}.")
    except OperationalError as error:
        logger.warning("Export %s is started again. %s", export.pk, error)
        database.connect_anew()
        export.put_back("The database could not go on.")
    except Exception:
        export.end(Status.FAILED, message="The file could not be written; the log says why.")
        raise


def _lease() -> timedelta:
    return timedelta(seconds=settings.UNIT_LEASE_SECONDS)


def _beating(export: WorkspaceExport) -> AbstractContextManager[Callable[[], bool]]:
    held = WorkspaceExport.objects.held(export)
    return beating(
        lambda: bool(held.update(heartbeat_at=timezone.now())),
        every=settings.UNIT_LEASE_SECONDS / 4,
        at_end=connections.close_all,
    )


def _write(export: WorkspaceExport, is_ours: Callable[[], bool]) -> None:
    def told(done: int, total: int) -> None:
        if not is_ours():
            raise Stopped
        export_progress.tell(export.pk, done, total)

    # Closed is gone: a file that was not finished is left nowhere.
    with tempfile.TemporaryFile() as file:
        counts = workspace_export(workspace=export.workspace, target=file, told=told)
        _keep(export, file, sum(counts.values()))


def forget() -> None:
    """Remove the files that have expired; that they were made stays on record."""
    gone = WorkspaceExport.objects.filter(status=Status.DONE, expires_at__lte=timezone.now())
    for export in gone:
        with transaction.atomic():
            export.pieces.all().delete()
            type(export).objects.filter(pk=export.pk).update(status=Status.REMOVED)


def _keep(export: WorkspaceExport, file: IO[bytes], rows: int) -> None:
    size, digest = file.tell(), hashlib.sha256()
    file.seek(0)
    with transaction.atomic():
        for number, data in enumerate(iter(lambda: file.read(PIECE), b"")):
            digest.update(data)
            ExportPiece.objects.create(export=export, number=number, data=data)
        kept = export.end(
            Status.DONE,
            message="",
            rows=rows,
            size=size,
            digest=digest.hexdigest(),
            expires_at=timezone.now() + timedelta(hours=settings.EXPORT_HOURS),
        )
        if not kept:
            # Somebody else's claim by now; the pieces go with this transaction.
            transaction.set_rollback(True)
            return
        Event.objects.record(
            workspace=export.workspace,
            actor=None,
            kind="export.written",
            subject=export,
            before={},
            after={"rows": rows, "bytes": size},
        )
