"""The columns of one file of a neutral layout, in any form the product takes as an upload."""

from __future__ import annotations

import csv
import itertools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from practice.clients import telemetry_columns, telemetry_otlp
from practice.clients.telemetry_columns import Holds
from practice.clients.telemetry_records import Unpacked, records

#: Forms of a file, the first that is there is read.
FORMS = (".csv.gz", ".csv", ".parquet", ".jsonl.gz", ".jsonl", ".json.gz", ".json")


def file_of(folder: Path, kind: str) -> Path | None:
    """The file of one kind in a folder, whatever its form."""
    return next((path for form in FORMS if (path := folder / f"{kind}{form}").exists()), None)


def files_of(folder: Path, kind: str) -> list[Path]:
    """The files of one kind in a folder.

    One that is named after the kind; else all whose names begin with it (``metrics_cpu.csv``) or
    that lie in a folder of its name (``metrics/cpu.csv``).
    """
    if whole := file_of(folder, kind):
        return [whole]
    parts = [*folder.glob(f"{kind}[_.-]*"), *(folder / kind).glob("*")]
    return sorted(path for path in parts if path.name.endswith(FORMS) and path.is_file())


def added(path: Path, kind: str) -> str:
    """What the name of a file of one kind says beside that: ``cpu`` of ``metrics_cpu.csv``."""
    stem = path.name.removesuffix(next(form for form in FORMS if path.name.endswith(form)))
    return stem[len(kind) + 1 :] if stem.startswith(kind) else stem


def header_of(path: Path) -> list[str]:
    """The names of a file's columns; none where it has no row.

    Raises:
        UnreadableTelemetry: it cannot be opened, or not read as what its name says.
    """
    if ".csv" in path.suffixes:
        with telemetry_columns.opened(path, telemetry_columns.UNPACKED_CAP) as text:
            first = text.readline().lstrip("\ufeff")
        row = next(csv.reader([first], delimiter=telemetry_columns.delimiter_of(first)), [])
        return [name.strip() for name in row]
    rows = records(Unpacked(path.read_bytes(), path.name, []), path.name, [])
    return list(next(rows, {}))


def columns(
    path: Path, wanted: Mapping[str, Holds], *, optional: Mapping[str, Holds] | None = None
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The named columns of a file, and notes on what could not be used.

    CSV may have 1 GiB unpacked; other forms, OTLP in JSON among them, what an upload may have.

    Raises:
        UnreadableTelemetry: a wanted column is missing, it unpacks to too much, or it is Parquet
            and the extra for it is missing.
    """
    if ".csv" in path.suffixes:
        return telemetry_columns.columns(path, wanted, optional=optional)
    # A part of a kind is named after it, or lies in a folder of its name.
    kind = next(
        (
            one
            for one in telemetry_otlp.SIGNALS
            if path.name.startswith(one) or path.parent.name == one
        ),
        None,
    )
    notes: list[str] = []
    try:
        data = path.read_bytes()
    except OSError as error:
        raise telemetry_columns.cannot_open(path, error) from error
    rows = records(Unpacked(data, path.name, notes), path.name, notes)
    first = next(rows, None)
    if first is not None:
        rows = itertools.chain([first], rows)
        if kind is not None and telemetry_otlp.SIGNALS[kind] in first:
            rows = telemetry_otlp.rows(kind, rows)
    taken = telemetry_columns.columns_of(rows, path.name, wanted, optional=optional or {})
    return taken, tuple(notes)
