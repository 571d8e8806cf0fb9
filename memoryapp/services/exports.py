"""Asking for a whole workspace as a file, fetching it, and removing it before its time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO, Any

from django.db import IntegrityError, transaction

from memoryapp import tasks
from memoryapp.domain.errors import UnableToServe, UnableToStart
from memoryapp.models import Event, ExportPiece, Workspace, WorkspaceExport
from memoryapp.queries.transfer import workspace_export

Status = WorkspaceExport.Status
UNFINISHED = (Status.QUEUED, Status.RUNNING)


def export_start(*, workspace: Workspace, by: Any) -> WorkspaceExport:
    """Ask for the file of a workspace; a worker writes it.

    Raises:
        UnableToStart: one is being written already; ``extra`` names it.
    """
    try:
        with transaction.atomic():
            export = WorkspaceExport.objects.create(workspace=workspace, asked_by=by)
            _record(export, by, "export.asked", before={}, after={"status": export.status})
    except IntegrityError as error:
        rows = WorkspaceExport.objects.filter(workspace=workspace, status__in=UNFINISHED)
        raise UnableToStart(
            "An export of this workspace is being written already. Download that one when it is "
            "done, or stop it and start again.",
            extra={"export": rows.values_list("pk", flat=True).first()},
        ) from error
    tasks.write_export.delay_on_commit(export.pk)
    return export


def export_fetch(*, export: WorkspaceExport, by: Any) -> Iterator[bytes]:
    """The file, in pieces; that it was fetched is on record before the first.

    Raises:
        UnableToStart: it is still being written.
        UnableToServe: there is no file, or none any more.
    """
    if export.is_unfinished:
        raise UnableToStart("The file is still being written. Download it when it is done.")
    if not export.has_file:
        raise UnableToServe("This file no longer exists. Export the workspace again.")
    _record(export, by, "export.fetched", before={}, after={"bytes": export.size})
    numbers = list(export.pieces.values_list("number", flat=True))
    return (_piece(export, number) for number in numbers)


def workspace_fetch(*, workspace: Workspace, target: IO[bytes], by: Any) -> None:
    """Write a workspace into ``target`` at once, for a program that waits for it."""
    counts = workspace_export(workspace=workspace, target=target)
    Event.objects.record(
        workspace=workspace,
        actor=by,
        kind="workspace.exported",
        subject=workspace,
        before={},
        after={"rows": sum(counts.values())},
    )


def export_remove(*, export: WorkspaceExport, by: Any) -> None:
    """Remove the file now, or stop one that is not written yet."""
    with transaction.atomic():
        before = export.status
        moved = (
            WorkspaceExport.objects.filter(pk=export.pk)
            .exclude(status=Status.REMOVED)
            .update(status=Status.REMOVED)
        )
        if moved:
            export.pieces.all().delete()
            _record(
                export, by, "export.removed",
                before={"status": before}, after={"status": Status.REMOVED.value},
            )  # fmt: skip


def _piece(export: WorkspaceExport, number: int) -> bytes:
    return bytes(ExportPiece.objects.get(export=export, number=number).data)


def _record(export: WorkspaceExport, by: Any, kind: str, **data: Any) -> None:
    Event.objects.record(workspace=export.workspace, actor=by, kind=kind, subject=export, **data)
