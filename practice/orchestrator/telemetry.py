"""Stored telemetry as the engine reads it: the files of a window, joined per kind."""

from __future__ import annotations

import csv
import gzip
import io
import tempfile
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path

from practice.clients import telemetry as neutral
from practice.clients import telemetry_files
from practice.clients.telemetry import UnreadableTelemetry
from practice.clients.telemetry_files import COLUMNS, Read, header
from practice.domain.rootcause.telemetry import Telemetry
from practice.models import Incident, TelemetryFile

__all__ = ["COLUMNS", "Read", "UnreadableTelemetry", "columns", "gathered", "read", "reference"]


def read(data: bytes, *, name: str, kind: str, mapping: Mapping[str, str]) -> Read:
    """One sent file in the neutral layout.

    Raises:
        UnreadableTelemetry: it cannot be used; one line that says what to do.
    """
    return telemetry_files.read(data, name=name, kind=kind, mapping=mapping)


def columns(data: bytes, *, name: str) -> list[str]:
    """What the columns of a file are called.

    Raises:
        UnreadableTelemetry: it is empty or of an unknown form.
    """
    return header(data, name=name)


def gathered(
    incident: Incident, begin: datetime, end: datetime
) -> tuple[Telemetry, tuple[str, ...]]:
    """What is known of a window: the incident's own files, else its source's. Notes on damage."""
    own = incident.files.filter(is_reference=False)
    files: Iterable[TelemetryFile] = own
    if incident.source is not None and not own.exists():
        files = incident.source.files.filter(incident=None, is_reference=False).within(begin, end)
    return _joined(files)


def reference(incident: Incident) -> Telemetry | None:
    """Fault-free telemetry of the same system, ``None`` where nobody sent any."""
    files = list(incident.files.filter(is_reference=True))
    if not files and incident.source is not None:
        files = list(incident.source.files.filter(incident=None, is_reference=True))
    return _joined(files)[0] if files else None


def _joined(files: Iterable[TelemetryFile]) -> tuple[Telemetry, tuple[str, ...]]:
    """Files of one kind become one table; the header of each is the same by construction."""
    notes: dict[str, None] = {}
    with tempfile.TemporaryDirectory(prefix="greenroom-telemetry-") as name:
        folder = Path(name)
        for kept in sorted(files, key=lambda f: f.pk):
            notes |= dict.fromkeys(kept.notes)
            path = folder / f"{kept.kind}.csv"
            _append(path, gzip.decompress(bytes(kept.content)), kept.kind)
        pairs = neutral.topology(folder)
        found, said = neutral.telemetry(folder, pairs)
    return found, (*notes, *said)


def _append(path: Path, text: bytes, kind: str) -> None:
    """Add a file's rows. One stored before a column was known gets it, empty."""
    head, _, rows = text.partition(b"\n")
    columns = ",".join((*COLUMNS[kind][0], *COLUMNS[kind][1])).encode()
    lacking = columns.count(b",") - head.count(b",")
    if lacking > 0 and columns.startswith(head):
        with path.open("ab") as target, io.TextIOWrapper(target, "utf-8", newline="") as out:
            writer = csv.writer(out, lineterminator="\n")
            if not path.stat().st_size:
                writer.writerow(columns.decode().split(","))
            for row in csv.reader(io.StringIO(rows.decode(), newline="")):
                writer.writerow([*row, *[""] * lacking])
        return
    with path.open("ab") as target:
        target.write(rows if target.tell() else text)
