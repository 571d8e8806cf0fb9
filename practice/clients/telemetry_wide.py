"""Metric samples in other shapes than one row each: wide tables, and one file per metric or pod.

A wide table has a column per metric, or per service and metric (``cart_cpu``). What a row or a
column does not say of itself, the file's name does.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from practice.clients.telemetry_columns import Holds, UnreadableTelemetry, located
from practice.clients.telemetry_headers import plain
from practice.clients.telemetry_mapping import OF_TIME
from practice.clients.telemetry_names import parted
from practice.clients.telemetry_tables import added, columns, header_of
from practice.domain.rootcause.telemetry import Labels

_IDS = {"service": Holds.NAMES, "pod": Holds.NAMES, "host": Holds.NAMES}
_LONG = {"ts": Holds.NUMBERS, "metric": Holds.NAMES, "value": Holds.NUMBERS}


def samples(path: Path) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The samples of a file as columns ts, service, pod, host, metric and value, and notes.

    Raises:
        UnreadableTelemetry: it has neither the columns of long form nor a time with numbers.
    """
    about = added(path, "metrics")
    try:
        found, notes = columns(path, _LONG, optional=_IDS)
    except UnreadableTelemetry as error:
        found, notes = _otherwise(path, about, error)
    if any(found["service"].names) or any(found["pod"].names) or any(found["host"].names):
        return found, notes
    pairs = parted(found["metric"].names)
    return found | {
        "service": _of(found["metric"], [service or about for service, _ in pairs]),
        "metric": _of(found["metric"], [metric for _, metric in pairs]),
    }, notes


def _of(labels: Labels, names: list[str]) -> Labels:
    short = Labels.of(names)
    return Labels(short.codes[labels.codes], short.names)


def _otherwise(
    path: Path, about: str, error: UnreadableTelemetry
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """One metric per file, or a column per metric."""
    if about:
        try:
            found, notes = columns(
                path, {"ts": Holds.NUMBERS, "value": Holds.NUMBERS}, optional=_IDS
            )
            rows = np.zeros(len(found["ts"]), np.int32)
            return found | {"metric": Labels(rows, (about,))}, notes
        except UnreadableTelemetry:
            pass
    header = header_of(path)
    places = located(header, {"ts": Holds.NUMBERS, **_IDS}).values()
    measured = [name for place, name in enumerate(header)
                if place not in places and not OF_TIME.fullmatch(plain(name))]  # fmt: skip
    asked: Mapping[str, Holds] = {"ts": Holds.NUMBERS, **dict.fromkeys(measured, Holds.NUMBERS)}
    try:
        found, notes = columns(path, asked, optional=_IDS)
    except UnreadableTelemetry:
        raise error from None
    measured = [name for name in dict.fromkeys(measured) if np.isfinite(found[name]).any()]
    if not measured:
        raise error
    return _melted(found, measured), notes


def _melted(found: Mapping[str, Any], measured: list[str]) -> dict[str, Any]:
    size, width = len(found["ts"]), len(measured)
    values = np.concatenate([found[name] for name in measured])
    kept = np.isfinite(values)
    row = np.tile(np.arange(size), width)[kept]
    column = np.repeat(np.arange(width, dtype=np.int32), size)[kept]
    ids = {name: found[name].taken(row) for name in _IDS}
    return {
        **ids, "ts": found["ts"][row], "value": values[kept],
        "metric": Labels(column, tuple(measured)),
    }  # fmt: skip
