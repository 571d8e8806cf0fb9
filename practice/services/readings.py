"""Readings of files and sets that were sent in, as people steer them: begun anew, or ended."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils import timezone

from memoryapp.domain.errors import UnableToChange
from memoryapp.models import Workspace
from memoryapp.services.events import event_record
from practice.models import CaseSet, TelemetryFile

Sent = TelemetryFile | CaseSet
_STATE = ("status", "message", "percent", "tries", "ended_at")


def is_unread(row: Sent) -> bool:
    """Whether its reading ended without anything being read."""
    return row.status in _unread(row)


def reading_begin_anew(
    row: Sent, *, by: Any, kind: str, workspace: Workspace, fields: Mapping[str, Any], **about: Any
) -> None:
    """Have ``row`` wait to be read. The caller holds the transaction and rings for it.

    ``fields`` are columns of its own to set, ``about`` is said in the event besides.

    Raises:
        UnableToChange: it is read, or being read.
    """
    moved = type(row).objects.filter(pk=row.pk, status__in=_unread(row))
    if not moved.update(
        status=row.Status.WAITING,
        message="",
        tries=0,
        percent=0,
        ended_at=None,
        dispatched_at=timezone.now(),
        **fields,
    ):
        raise UnableToChange(f"{row} is read already, or being read.")
    _record(row, row.Status.WAITING, by, kind, workspace, about)
    row.refresh_from_db(fields=[*_STATE, *fields])


def reading_cancel(
    row: Sent, *, by: Any, kind: str, workspace: Workspace, fields: Mapping[str, Any], **about: Any
) -> None:
    """End the reading of ``row``. The caller holds the transaction; the rest as above.

    Raises:
        UnableToChange: its reading has ended.
    """
    moved = type(row).objects.open().filter(pk=row.pk)
    if not moved.update(
        status=row.Status.CANCELLED, ended_at=timezone.now(), message="Cancelled.", **fields
    ):
        raise UnableToChange(f"The reading of {row} has ended already.")
    _record(row, row.Status.CANCELLED, by, kind, workspace, about)
    row.refresh_from_db(fields=[*_STATE, *fields])


def _unread(row: Sent) -> tuple[str, str]:
    return row.Status.FAILED, row.Status.CANCELLED


def _record(
    row: Sent, now: str, by: Any, kind: str, workspace: Workspace, about: Mapping[str, Any]
) -> None:
    event_record(
        workspace=workspace,
        actor=by,
        kind=kind,
        subject=row,
        before={"status": row.status},
        after={"status": str(now)},
        **about,
    )
