"""Telemetry sources, their column mapping, and files that are sent in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.text import slugify

from memoryapp.domain.errors import UnableToChange, UnableToRead
from memoryapp.models import Workspace
from memoryapp.services.events import event_record
from memoryapp.services.seen import check_seen
from practice.models import Incident, TelemetryFile, TelemetrySource
from practice.orchestrator import readings
from practice.orchestrator import telemetry as known
from practice.orchestrator.telemetry import UnreadableTelemetry, columns, kept
from practice.services.held import held
from practice.services.naming import MOST, check_free, spaced
from practice.services.readings import is_unread, reading_begin_anew, reading_cancel
from practice.tasks import analyse_incident, read_telemetry

#: What one file may be as it is sent.
MAX_BYTES = 64 << 20
#: Columns per kind: those it needs, and those it may have.
COLUMNS = known.COLUMNS
TIME_UNIT, DURATION_UNIT = known.TIME_UNIT, known.DURATION_UNIT
UNITS = ("", *known.UNITS)


def source_create(
    *, workspace: Workspace, name: str, by: Any, is_sample: bool = False
) -> TelemetrySource:
    """Add a source under a name of its own.

    Raises:
        UnableToChange: no name that can be used, or one that is taken.
    """
    name = spaced(name.strip()[:MOST])
    slug = slugify(name)[:64]
    if not slug:
        raise UnableToChange("A source needs a name with letters or digits.", field="name")
    with transaction.atomic():
        check_free(workspace, name)
        source = TelemetrySource.objects.create(
            workspace=workspace, slug=slug, name=name, is_sample=is_sample
        )
        event_record(
            workspace=workspace,
            actor=by,
            kind="telemetry.source_added",
            subject=source,
            before={},
            after={"name": source.name},
        )
    return source


def mapping_of(source: TelemetrySource, kind: str) -> dict[str, str]:
    """What each column of a kind is called; ``domain.seen.shown`` of it is ``seen``."""
    kept = source.mapping.get(kind, {})
    return {name: kept.get(name, "") for name in mapped(kind)}


def mapped(kind: str) -> tuple[str, ...]:
    """What may be said of files of a kind: what each column is called, and units."""
    units = (TIME_UNIT, DURATION_UNIT) if kind in known.DURATION else (TIME_UNIT,)
    return (*COLUMNS[kind][0], *COLUMNS[kind][1], *units)


def mapping_save(
    *,
    source: TelemetrySource,
    kind: str,
    mapping: Mapping[str, str],
    by: Any,
    seen: str | None = None,
) -> TelemetrySource:
    """Say what the columns of one kind of file are called in a source. Empty names are ours.

    ``seen`` is the digest of ``mapping_of`` that was read.

    Raises:
        UnableToFind: the source was deleted meanwhile.
        ChangedMeanwhile: they were saved since.
        UnableToChange: an unknown kind, column or time unit.
    """
    if kind not in COLUMNS:
        raise UnableToChange(f"The kind must be one of: {', '.join(COLUMNS)}.", field="kind")
    strange = sorted(set(mapping) - {*mapped(kind)})
    if strange:
        raise UnableToChange(f"{kind} has no column {', '.join(strange)}.", field="columns")
    for name, what in ((TIME_UNIT, "time"), (DURATION_UNIT, "duration")):
        if mapping.get(name, "") not in UNITS:
            raise UnableToChange(f"The {what} unit must be s, ms, us or ns.", field="columns")
    kept = {ours: theirs.strip()[:200] for ours, theirs in mapping.items() if theirs.strip()}
    with transaction.atomic():
        source = held(TelemetrySource.objects.all(), source)
        was = mapping_of(source, kind)
        check_seen(seen, was, {name: kept.get(name, "") for name in was})
        source.mapping = {**source.mapping, kind: kept}
        source.save(update_fields=["mapping"])
        event_record(
            workspace=source.workspace,
            actor=by,
            kind="telemetry.mapping_saved",
            subject=source,
            of=kind,
            before=was,
            after=mapping_of(source, kind),
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
    """Store one file of telemetry and have a worker read it.

    The same bytes sent twice are stored once; sent again after a reading that failed or was
    cancelled, they are read again.

    Raises:
        UnableToFind: the source was deleted meanwhile.
        UnableToRead: too large, or its size or first row tell that nothing in it can be used. The
            message says what to do.
    """
    if kind not in COLUMNS:
        raise UnableToRead(f"The kind must be one of: {', '.join(COLUMNS)}.")
    if len(data) > MAX_BYTES:
        raise UnableToRead(f"{name} has more than {MAX_BYTES >> 20} MB: split it by time.")
    try:
        original, digest = kept(data, name=name, kind=kind, mapping=source.mapping.get(kind, {}))
    except UnreadableTelemetry as error:
        raise UnableToRead(f"{error}. Nothing was stored.") from error
    with transaction.atomic():
        held(TelemetrySource.objects.only("pk"), source)
        row, is_new = TelemetryFile.objects.get_or_create(
            source=source,
            incident=incident,
            kind=kind,
            is_reference=is_reference,
            digest=digest,
            defaults={
                "name": name[:200],
                "original": original,
                "size": len(data),
                "dispatched_at": timezone.now(),
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
                after={"size": len(data), "digest": digest},
            )
            read_telemetry.delay_on_commit(row.pk)
        elif is_unread(row):
            file_read_again(row=row, by=by)
    return row


def file_read_again(*, row: TelemetryFile, by: Any) -> TelemetryFile:
    """Have a file read anew whose reading failed or was cancelled: its columns may be named now.

    Raises:
        UnableToChange: it is read, or being read.
    """
    with transaction.atomic():
        reading_begin_anew(row, by=by, kind="telemetry.file_read_again", **_of(row))
        read_telemetry.delay_on_commit(row.pk)
    return row


def file_cancel(*, row: TelemetryFile, by: Any) -> TelemetryFile:
    """End the reading of a file. It stays as it was sent and can be read later.

    Raises:
        UnableToChange: its reading has ended.
    """
    with transaction.atomic():
        reading_cancel(row, by=by, kind="telemetry.file_cancelled", **_of(row))
        for analysis_id in readings.waiting_for(row):
            analyse_incident.delay_on_commit(analysis_id)
    return row


def _of(row: TelemetryFile) -> dict[str, Any]:
    """What a reading of a file has besides: its source, and a count of rows that begins anew."""
    source = row.source
    return {"workspace": source.workspace, "source": source.slug, "fields": {"rows": 0}}


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
    """Delete a file that was sent. What analyses found in it stays.

    Raises:
        UnableToFind: it was deleted meanwhile.
    """
    with transaction.atomic():
        held(TelemetryFile.objects.only("pk"), row)
        event_record(
            workspace=row.source.workspace,
            actor=by,
            kind="telemetry.file_deleted",
            subject=row,
            source=row.source.slug,
            before={"rows": row.rows, "digest": row.digest},
            after={},
        )
        waiting = readings.waiting_for(row) if row.is_open else []
        row.delete()
        for analysis_id in waiting:
            analyse_incident.delay_on_commit(analysis_id)
