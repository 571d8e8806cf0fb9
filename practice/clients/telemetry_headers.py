"""Which column of a file is which of ours: by our name or a collector's, and in which unit."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

#: Seconds of one of each unit.
UNITS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}
# How names of columns end that say their unit.
_ENDINGS = {
    "": "", **{unit: unit for unit in UNITS}, "sec": "s", "seconds": "s", "millis": "ms",
    "milliseconds": "ms", "micros": "us", "microseconds": "us", "nano": "ns", "nanos": "ns",
    "nanoseconds": "ns", "unixnano": "ns",
}  # fmt: skip
# Other names that collectors give to our columns, without the unit.
_ALIASES: Mapping[str, tuple[str, ...]] = {
    "ts": ("timestamp", "time"),
    "start": ("starttime", "startts", "timestamp", "ts"),
    "duration": ("elapsed", "dur"),
    "end": ("endtime", "endts", "finish", "finishtime"),
    "p50": ("latency", "median"),
    "service": ("servicename",),
    "pod": ("podname", "instance", "container"),
    "host": ("hostname", "node", "nodename"),
    "traceid": ("trace",),
    "spanid": ("span",),
    "parentid": ("parentspanid", "parent", "parentspan"),
    "operation": ("operationname", "spanname", "name"),
    "status": (
        "statuscode", "otelstatuscode", "httpstatuscode", "httpresponsestatuscode",
        "rpcgrpcstatuscode", "grpcstatuscode", "error", "iserror",
    ),
    "metric": ("metricname", "name", "kpi"),
    "level": ("severity", "severitytext", "loglevel"),
    "message": ("body", "msg", "log"),
    "source": ("caller",),
    "target": ("callee", "destination"),
}  # fmt: skip


def plain(name: str) -> str:
    """A name as it is compared: its letters and digits, in lower case."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


def places(header: Sequence[str], asked: Iterable[str]) -> dict[str, tuple[int | None, str]]:
    """Where each column is: under our name, under it with another unit, or under another name.

    With it comes the unit that the name it was found under says, empty where it says none.
    """
    exact = {name.strip().lstrip("\ufeff"): place for place, name in reversed([*enumerate(header)])}
    known = {plain(name): place for name, place in reversed(exact.items())}
    wanted = list(asked)
    mine = {exact[name] for name in wanted if name in exact}
    found: dict[str, tuple[int | None, str]] = {}
    for name in wanted:
        stem, _ = stem_and_unit(name)
        if name in exact:
            found[name] = exact[name], unit_said(name)
            continue
        aliases = (plain(stem), *_ALIASES.get(plain(stem), ()))
        tried = [
            (known.get(alias + ending), unit)
            for alias in aliases
            for ending, unit in _ENDINGS.items()
        ]
        place, theirs = next(
            ((p, unit) for p, unit in tried if p is not None and p not in mine), (None, "")
        )
        found[name] = place, theirs
        mine |= {place} if place is not None else set()
    return found


def unit_said(name: str) -> str:
    """The unit a column's name ends in, empty where it says none."""
    stem, unit = stem_and_unit(name)
    return unit if stem != name else ""


def stem_and_unit(name: str) -> tuple[str, str]:
    """A column's name without its unit, and the unit; seconds where it has none."""
    stem, _, unit = name.rpartition("_")
    return (stem, unit) if stem and unit in UNITS else (name, "s")
