"""Which column of a sent file is which of ours, and what makes our units of its numbers.

What a source says of its columns comes first. What it does not say is found as in a labelled set
(``telemetry_headers``): by our names, by those of other collectors, in the unit a name says.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from practice.clients.telemetry_columns import UnreadableTelemetry, moment, text_of
from practice.clients.telemetry_headers import UNITS, places, plain, unit_said
from practice.clients.telemetry_names import parted

#: Columns of the neutral layout per kind; the first group must be there.
COLUMNS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "metrics": (("ts", "metric", "value"), ("service", "pod", "host")),
    "traces": (
        ("trace_id", "span_id", "parent_id", "service", "start_us", "duration_us"),
        ("pod", "operation", "status", "host"),
    ),
    "logs": (
        ("ts_us", "service", "message"),
        ("pod", "level", "source", "trace_id", "span_id"),
    ),
    "edges": (("ts", "source", "target", "side", "p50_s"), ()),
    "topology": (("source", "target"), ()),
}
TIME = {"metrics": "ts", "traces": "start_us", "logs": "ts_us", "edges": "ts"}
#: What says how long something took.
DURATION = {"traces": "duration_us", "edges": "p50_s"}
TIME_UNIT, DURATION_UNIT = "time_unit", "duration_unit"
_OWNERS = ("service", "pod", "host")
_TOLD = 300
# Another writing of the time, or the number of a row.
OF_TIME = re.compile(r"(date)?(time)?(stamp)?(utc|unix)?(s|ms|us|ns|\d)?|ts|index|unnamed\d+")


def unit_of(column: str) -> float:
    """Seconds of one in a column of ours: its name says."""
    return 1e-6 if column.endswith("_us") else 1.0


@dataclass(slots=True)
class Columns:
    """How records of one file become rows. ``notes`` are complete once all have passed."""

    name: str
    kind: str
    header: Sequence[str]
    theirs: Mapping[str, str]
    scales: Mapping[str, float]
    #: columns of a wide table, each a metric; none where there is a row per sample.
    measured: tuple[str, ...] = ()
    #: ours to theirs, of those that were named and no record has had.
    absent: dict[str, str] = field(default_factory=dict)
    _is_owned: bool = False
    _metrics: dict[str, None] = field(default_factory=dict)

    @classmethod
    def of(
        cls, header: Sequence[str], *, name: str, kind: str, mapping: Mapping[str, str]
    ) -> Columns:
        """Find the columns of ``kind`` in the names a file's first record has.

        Raises:
            UnreadableTelemetry: one that is needed is not there; says which there are.
        """
        needed, more = COLUMNS[kind]
        said = {ours: mapping[ours] for ours in (*needed, *more) if mapping.get(ours)}
        free = [column for column in header if column not in said.values()]
        found = places(free, [ours for ours in (*needed, *more) if ours not in said])
        placed = {o: free[place] for o, (place, _) in found.items() if place is not None}
        # Of JSON, later records may have what the first has not.
        theirs = {ours: ours for ours in more} | placed | said
        lacking = [ours for ours in needed if theirs.get(ours) not in header]
        measured: tuple[str, ...] = ()
        if kind == "metrics" and lacking == ["metric", "value"] and not {*lacking} & {*said}:
            measured = _measured(header, theirs)
        if lacking and not measured:
            absent = ", ".join(said.get(ours, ours) for ours in lacking)
            raise UnreadableTelemetry(
                f"{name} has no column {absent}: it has {_listed(header)}. "
                "Say on the source's page what its columns are called"
            )
        units = {ours: unit for ours, (_, unit) in found.items()}
        units |= {ours: unit_said(column) for ours, column in said.items()}
        return cls(
            name,
            kind,
            header,
            theirs,
            _scales(kind, mapping, units),
            measured,
            {ours: column for ours, column in said.items() if column not in header},
        )

    def rows(self, record: Mapping[str, Any]) -> Iterator[dict[str, str]]:
        """One record as a row under our names, in our units; of a wide table a row per metric."""
        if self.absent:
            self.absent = {o: column for o, column in self.absent.items() if column not in record}
        row = {ours: text_of(record.get(column)) for ours, column in self.theirs.items()}
        for column, scale in self.scales.items():
            row[column] = _scaled(row.get(column, ""), scale)
        if self.kind in TIME:
            _set_time(row, TIME[self.kind])
        self._is_owned = self._is_owned or any(row.get(owner) for owner in _OWNERS)
        if not self.measured:
            if not self._is_owned and len(self._metrics) < _TOLD:
                self._metrics.setdefault(row.get("metric", ""))
            yield row
            return
        for column in self.measured:
            value = text_of(record.get(column))
            if math.isfinite(number_of(value)):
                yield {**row, "metric": column, "value": value}

    def notes(self) -> list[str]:
        """What was not found, once all records have passed."""
        if self.absent:
            columns, ours = ", ".join(self.absent.values()), ", ".join(self.absent)
            return [
                f"{self.name} has no column {columns}, as the source calls {ours}: it has "
                f"{_listed(self.header)}"
            ]
        if self._is_owned or "service" not in sum(COLUMNS[self.kind], ()):
            return []
        if any(service for service, _ in parted(self.measured or tuple(self._metrics))):
            return []  # named by service and metric in one, like cart_cpu
        return [
            f"No row of {self.name} says what it is of: it has {_listed(self.header)}. Say on the "
            "source's page which column is the service."
        ]


def _measured(header: Sequence[str], theirs: Mapping[str, str]) -> tuple[str, ...]:
    """The columns of a wide table that may each be a metric."""
    about = {*theirs.values()}
    return tuple(c for c in header if c not in about and not OF_TIME.fullmatch(plain(c)))


def _listed(header: Sequence[str]) -> str:
    return ", ".join(map(str, header))[:_TOLD]


def _scales(kind: str, mapping: Mapping[str, str], units: Mapping[str, str]) -> dict[str, float]:
    """What the numbers of each column must be multiplied by: only those that are not ours.

    A unit that was said is believed. Else a name that says one; and what takes long is measured as
    the time is, where nothing says otherwise.
    """
    time, lasting = TIME.get(kind), DURATION.get(kind)
    said = mapping.get(TIME_UNIT, "")
    unit = {time: said or units.get(time or "", "")}
    if lasting is not None:
        as_time = said if kind == "traces" else ""  # a latency in seconds says so
        unit[lasting] = mapping.get(DURATION_UNIT, "") or units.get(lasting, "") or as_time
    return {
        column: scale
        for column, one in unit.items()
        if column is not None and one in UNITS and (scale := UNITS[one] / unit_of(column)) != 1.0
    }


def _set_time(row: dict[str, str], column: str) -> None:
    """Write a time that is no number as one."""
    if not math.isfinite(number_of(row.get(column, ""))):
        seconds = moment(row.get(column, ""))
        row[column] = repr(round(seconds / unit_of(column), 6)) if math.isfinite(seconds) else ""


def _scaled(value: str, scale: float) -> str:
    number = number_of(value)
    return repr(round(number * scale, 6)) if math.isfinite(number) else value


def number_of(value: str) -> float:
    try:
        return float(value)
    except ValueError:
        return math.nan
