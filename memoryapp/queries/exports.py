"""What the page of exports shows."""

from __future__ import annotations

from dataclasses import dataclass

from memoryapp.clients import export_progress
from memoryapp.models import Workspace, WorkspaceExport

SHOWN = 20


@dataclass(frozen=True, slots=True)
class ShownExport:
    """An export and how many rows of its file are written, of how many; zeros while unknown."""

    export: WorkspaceExport
    done: int
    total: int


def exports_shown(workspace: Workspace) -> list[ShownExport]:
    """The newest exports of a workspace."""
    rows = WorkspaceExport.objects.filter(workspace=workspace).select_related("asked_by")[:SHOWN]
    return [shown_export(row) for row in rows]


def shown_export(row: WorkspaceExport) -> ShownExport:
    """One export with how far it is."""
    return ShownExport(row, *(export_progress.told(row.pk) if row.is_unfinished else (0, 0)))
