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


#: What files of a kind are called, in whatever case.
_CALLED = {
    "metrics": ("metrics", "metric"),
    "traces": ("traces", "trace", "spans", "span"),
    "logs": ("logs", "log"),
    "edges": ("edges", "edge"),
}


def inside(folder: Path) -> list[Path]:
    """What lies in a folder, in order of name, without what a system keeps there for itself."""
    hidden = (".", "__")
    return sorted(path for path in folder.iterdir() if not path.name.startswith(hidden))


def lying(folder: Path, name: str) -> Path:
    """The path of a name in a folder: in other case where only that is there."""
    if (folder / name).exists() or not folder.is_dir():
        return folder / name
    same = (path for path in inside(folder) if path.name.lower() == name)
    return next(same, folder / name)


def has_form(path: Path) -> bool:
    return path.name.lower().endswith(FORMS) and path.is_file()


def files_of(folder: Path, kind: str) -> list[Path]:
    """The files of one kind in a folder.

    One that is named after the kind; else all whose names begin with it (``metrics_cpu.csv``) or
    that lie in a folder of its name (``metrics/cpu.csv``).
    """
    if not folder.is_dir():
        return []
    names = _CALLED[kind]
    known = {path.name.lower(): path for path in reversed(inside(folder))}
    for name in names:
        for form in FORMS:
            if (path := known.get(f"{name}{form}")) is not None:
                return [path]
    parts = [
        path for name, path in known.items()
        if any(name.startswith(f"{one}{sign}") for one in names for sign in "_.-")
    ]  # fmt: skip
    for name in names:
        if name in known and known[name].is_dir():
            parts.extend(inside(known[name]))
    return sorted(filter(has_form, parts))


def added(path: Path, kind: str) -> str:
    """What the name of a file of one kind says beside that: ``cpu`` of ``metrics_cpu.csv``."""
    stem = path.name[: -len(next(f for f in FORMS if path.name.lower().endswith(f)))]
    called = next((one for one in _CALLED[kind] if stem.lower().startswith(one)), "")
    return stem[len(called) + 1 :] if called else stem


def _kind(path: Path) -> str:
    """The kind a file is of, by its own name or that of the folder it is a part in."""
    for name in (path.name.lower(), path.parent.name.lower()):
        for kind, called in _CALLED.items():
            if name.startswith(called):
                return kind
    return ""


def _is_csv(path: Path) -> bool:
    return path.name.lower().endswith((".csv", ".csv.gz"))


def header_of(path: Path) -> list[str]:
    """The names of a file's columns; none where it has no row.

    Raises:
        UnreadableTelemetry: it cannot be opened, or not read as what its name says.
    """
    if _is_csv(path):
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
    if _is_csv(path):
        return telemetry_columns.columns(path, wanted, optional=optional)
    kind = _kind(path)
    notes: list[str] = []
    try:
        data = path.read_bytes()
    except OSError as error:
        raise telemetry_columns.cannot_open(path, error) from error
    rows = records(Unpacked(data, path.name, notes), path.name, notes)
    first = next(rows, None)
    if first is not None:
        rows = itertools.chain([first], rows)
        if telemetry_otlp.SIGNALS.get(kind, "") in first:
            rows = telemetry_otlp.rows(kind, rows)
    taken = telemetry_columns.columns_of(rows, path.name, wanted, optional=optional or {})
    return taken, tuple(notes)
