"""Telemetry as the engine reads it: what is sent, and the stored files of a window, joined."""

from __future__ import annotations

import csv
import gzip
import io
import math
import re
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path

from django.db.models import Q, QuerySet

from practice.clients import telemetry as neutral
from practice.clients import telemetry_files
from practice.clients.telemetry import UnreadableTelemetry
from practice.clients.telemetry_headers import UNITS
from practice.clients.telemetry_mapping import COLUMNS, DURATION, DURATION_UNIT, TIME_UNIT
from practice.domain.rootcause.clipping import timely, trimmed
from practice.domain.rootcause.combining import together
from practice.domain.rootcause.telemetry import Telemetry
from practice.models import Analysis, Incident, TelemetryFile
from practice.models.telemetry import TelemetryFileQuerySet

__all__ = [
    "COLUMNS",
    "DURATION",
    "DURATION_UNIT",
    "TIME_UNIT",
    "UNITS",
    "UnreadableTelemetry",
    "columns",
    "gathered",
    "kept",
    "reference",
    "unread",
]


def kept(data: bytes, *, name: str, kind: str, mapping: Mapping[str, str]) -> tuple[bytes, str]:
    """A sent file as it is stored until a worker reads it, and its digest.

    Raises:
        UnreadableTelemetry: its size or its first row tell that it cannot be used; one line that
            says what to do.
    """
    telemetry_files.glance(data, name=name, kind=kind, mapping=mapping)
    return telemetry_files.packed(data), telemetry_files.digest(data)


def columns(data: bytes, *, name: str) -> list[str]:
    """What the columns of a file are called.

    Raises:
        UnreadableTelemetry: it is empty or of an unknown form.
    """
    return telemetry_files.header(data, name=name)


def unread(analysis: Analysis) -> QuerySet[TelemetryFile]:
    """Files sent before an analysis was asked for that are still to be read for it."""
    return _files(analysis.incident).open().filter(created_at__lte=analysis.created_at)


def _files(incident: Incident) -> TelemetryFileQuerySet:
    """An incident's own files, and those its source keeps for every incident."""
    about = Q(incident=incident)
    if incident.source_id is not None:
        about |= Q(source=incident.source_id, incident=None)
    return TelemetryFile.objects.filter(about)


def gathered(
    incident: Incident, begin: datetime, end: datetime
) -> tuple[Telemetry, tuple[str, ...]]:
    """What is known of a window: the incident's own files and its source's. Notes on damage."""
    own, shared = _halves(incident, is_reference=False, within=(begin, end))
    mine, notes = _joined(own)
    theirs, more = _joined(shared)
    # A file may go on for hours; what comes after the window is of other incidents.
    theirs, late = timely(theirs, end.timestamp())
    theirs = trimmed(theirs, -math.inf, end.timestamp())
    mine, later = timely(mine, end.timestamp())
    lost = _files(incident).filter(status=TelemetryFile.Status.FAILED, created_at__gte=begin)
    said = [f"{row.name} was left out. {row.message}" for row in lost.light()]
    return together(mine, theirs), (*notes, *more, *later, *late, *said)


def reference(incident: Incident) -> Telemetry | None:
    """Fault-free telemetry of the same system, ``None`` where nobody sent any."""
    own, shared = _halves(incident, is_reference=True)
    if not own and not shared:
        return None
    return together(_joined(own)[0], _joined(shared)[0])


def _halves(
    incident: Incident, *, is_reference: bool, within: tuple[datetime, datetime] | None = None
) -> tuple[list[TelemetryFile], list[TelemetryFile]]:
    """An incident's own files, and what its source has besides: the same bytes are read once."""
    own = list(incident.files.read().filter(is_reference=is_reference))
    if incident.source is None:
        return own, []
    rows = incident.source.files.read().filter(incident=None, is_reference=is_reference)
    known = {(row.kind, row.digest) for row in own}
    shared = rows.within(*within) if within else rows
    return own, [row for row in shared if (row.kind, row.digest) not in known]


def _joined(files: Iterable[TelemetryFile]) -> tuple[Telemetry, tuple[str, ...]]:
    """Files of one kind become one table; the header of each is the same by construction.

    Notes speak of the files that were sent, not of the one they were put together in.
    """
    notes: dict[str, None] = {}
    called: dict[str, list[str]] = {}
    with tempfile.TemporaryDirectory(prefix="greenroom-telemetry-") as name:
        folder = Path(name)
        for kept in sorted(files, key=lambda f: f.pk):
            notes |= dict.fromkeys(kept.notes)
            path = folder / f"{kept.kind}.csv"
            called.setdefault(path.name, []).append(kept.name)
            _append(path, bytes(kept.content), kept.kind)
        pairs = neutral.topology(folder)
        try:
            found, said = neutral.telemetry(folder, pairs)
        except UnreadableTelemetry as error:
            raise UnreadableTelemetry(_as_sent(str(error), called)) from error
    return found, (*notes, *(_as_sent(note, called) for note in said))


def _as_sent(note: str, called: Mapping[str, list[str]]) -> str:
    """A note with the names of sent files in place of that of their table."""
    if not called:
        return note
    known = "|".join(map(re.escape, called))
    return re.sub(rf"(?<!\S)({known})(?![\w.])", lambda found: _listed(called[found[1]]), note)


def _listed(names: list[str]) -> str:
    more = len(names) - 1
    return f"{names[0]} and {more} more" if more else names[0]


def _append(path: Path, content: bytes, kind: str) -> None:
    """Add a file's rows. One stored before a column was known gets it, empty."""
    columns = (*COLUMNS[kind][0], *COLUMNS[kind][1])
    with gzip.open(io.BytesIO(content)) as rows, path.open("ab") as target:
        is_first, head = not target.tell(), rows.readline()
        lacking = len(columns) - 1 - head.count(b",")
        if lacking > 0 and ",".join(columns).encode().startswith(head.rstrip()):
            text = io.TextIOWrapper(target, "utf-8", newline="")
            writer = csv.writer(text, lineterminator="\n")
            if is_first:
                writer.writerow(columns)
            for row in csv.reader(io.TextIOWrapper(rows, "utf-8", newline="")):
                writer.writerow([*row, *[""] * lacking])
            text.flush()
            return
        if is_first:
            target.write(head)
        shutil.copyfileobj(rows, target, 1 << 20)
