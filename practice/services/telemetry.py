"""Telemetry sources, their column mapping, and files that are sent in."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from django.db import transaction
from django.utils.text import slugify

from memoryapp.domain.errors import UnableToChange, UnableToStart
from memoryapp.models import Workspace
from memoryapp.services.events import event_record
from practice.models import Incident, TelemetryFile, TelemetrySource
from practice.orchestrator.telemetry import COLUMNS as KNOWN_COLUMNS
from practice.orchestrator.telemetry import UnreadableTelemetry, columns, read

#: What one file may be as it is sent.
MAX_BYTES = 64 << 20
#: Columns per kind: those it needs, and those it may have.
COLUMNS = KNOWN_COLUMNS
TIME_UNIT = "time_unit"
UNITS = ("", "s", "ms", "us", "ns")


class UnableToRead(UnableToStart):
    """A sent file cannot be used; nothing of it was stored."""

    status = 422


def source_create(
    *, workspace: Workspace, name: str, by: Any, is_sample: bool = False
) -> TelemetrySource:
    """Add a source under a name of its own.

    Raises:
        UnableToChange: no name, or one that is taken.
    """
    name = name.strip()[:100]
    slug = slugify(name)[:64]
    if not slug:
        raise UnableToChange("A source needs a name with letters or digits.")
    with transaction.atomic():
        source, is_new = TelemetrySource.objects.get_or_create(
            workspace=workspace, slug=slug, defaults={"name": name, "is_sample": is_sample}
        )
        if not is_new:
            raise UnableToChange(f"There is a source named {source.name} already. Use it.")
        event_record(
            workspace=workspace,
            actor=by,
            kind="telemetry.source_added",
            subject=source,
            before={},
            after={"name": source.name},
        )
    return source


def mapping_save(
    *, source: TelemetrySource, kind: str, mapping: Mapping[str, str], by: Any
) -> TelemetrySource:
    """Say what the columns of one kind of file are called in a source. Empty names are ours.

    Raises:
        UnableToChange: an unknown kind, column or time unit.
    """
    if kind not in COLUMNS:
        raise UnableToChange(f"The kind is one of: {', '.join(COLUMNS)}.")
    known = {*COLUMNS[kind][0], *COLUMNS[kind][1], TIME_UNIT}
    strange = sorted(set(mapping) - known)
    if strange:
        raise UnableToChange(f"{kind} has no column {', '.join(strange)}.")
    if mapping.get(TIME_UNIT, "") not in UNITS:
        raise UnableToChange("The time unit is s, ms, us or ns.")
    kept = {ours: theirs.strip()[:200] for ours, theirs in mapping.items() if theirs.strip()}
    with transaction.atomic():
        source = TelemetrySource.objects.select_for_update(no_key=True).get(pk=source.pk)
        was = source.mapping.get(kind, {})
        source.mapping = {**source.mapping, kind: kept}
        source.save(update_fields=["mapping"])
        event_record(
            workspace=source.workspace,
            actor=by,
            kind="telemetry.mapping_saved",
            subject=source,
            of=kind,
            before=was,
            after=kept,
        )
    return source


def file_send(
    *,
    source: TelemetrySource,
    kind: str,
    name: str,
    data: bytes,
    by: Any,
    incident: Incident | None = None,
    is_reference: bool = False,
) -> TelemetryFile:
    """Store one file of telemetry; the same bytes sent twice are stored once.

    Raises:
        UnableToRead: too large, or nothing in it can be used. The message says what to do.
    """
    if kind not in COLUMNS:
        raise UnableToRead(f"The kind is one of: {', '.join(COLUMNS)}.")
    if len(data) > MAX_BYTES:
        raise UnableToRead(f"{name} has more than {MAX_BYTES >> 20} MB: split it by time.")
    try:
        found = read(data, name=name, kind=kind, mapping=source.mapping.get(kind, {}))
    except UnreadableTelemetry as error:
        raise UnableToRead(f"{error}. Nothing was stored.") from error
    with transaction.atomic():
        row, is_new = TelemetryFile.objects.get_or_create(
            source=source,
            incident=incident,
            kind=kind,
            is_reference=is_reference,
            digest=found.digest,
            defaults={
                "name": name[:200],
                "original": found.original,
                "content": found.content,
                "size": len(data),
                "rows": found.rows,
                "first_at": _moment(found.first),
                "last_at": _moment(found.last),
                "services": list(found.services),
                "notes": list(found.notes),
                "sent_by": by if getattr(by, "pk", None) else None,
            },
        )
        if is_new:
            event_record(
                workspace=source.workspace,
                actor=by,
                kind="telemetry.file_sent",
                subject=row,
                source=source.slug,
                of=kind,
                before={},
                after={"rows": found.rows, "digest": row.digest},
            )
    return row


def file_columns(*, name: str, data: bytes) -> list[str]:
    """What a file's columns are called.

    Raises:
        UnableToRead: it cannot be read at all.
    """
    try:
        return columns(data, name=name)
    except UnreadableTelemetry as error:
        raise UnableToRead(f"{error}.") from error


def file_delete(*, row: TelemetryFile, by: Any) -> None:
    """Delete a file that was sent. What analyses found in it stays."""
    with transaction.atomic():
        event_record(
            workspace=row.source.workspace,
            actor=by,
            kind="telemetry.file_deleted",
            subject=row,
            source=row.source.slug,
            before={"rows": row.rows, "digest": row.digest},
            after={},
        )
        row.delete()


def _moment(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
