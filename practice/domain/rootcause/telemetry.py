"""Telemetry as columns: metric samples, log lines, spans and call-edge latencies of one window.

A column of names is stored once per name (``Labels``), so a million rows stay a few arrays. Times
are UTC epoch seconds as floats; an absent number is NaN and an absent name is the empty string.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Codes = NDArray[np.int32]
Mask = NDArray[np.bool_]
Whole = TypeVar("Whole", bound=np.integer[Any])


class Modality(StrEnum):
    """A kind of telemetry. Any may be missing, which is stated and never guessed."""

    METRICS = "metrics"
    TRACES = "traces"
    LOGS = "logs"
    EDGES = "edges"


@dataclass(frozen=True, slots=True)
class Labels:
    """A column of names: ``names[codes[i]]`` is the name in row ``i``."""

    codes: Codes
    names: tuple[str, ...]

    @classmethod
    def of(cls, values: Iterable[str]) -> Labels:
        column = values if isinstance(values, list | tuple) else list(values)
        names = tuple(dict.fromkeys(column))
        codes = {name: code for code, name in enumerate(names)}
        return cls(np.fromiter(map(codes.__getitem__, column), np.int32, len(column)), names)

    def __len__(self) -> int:
        return len(self.codes)

    def __getitem__(self, row: int) -> str:
        return self.names[int(self.codes[row])]

    def taken(self, rows: Mask | NDArray[np.intp]) -> Labels:
        return Labels(self.codes[rows], self.names)

    def is_name(self, name: str) -> Mask:
        if name not in self.names:
            return np.zeros(len(self.codes), dtype=np.bool_)
        return np.asarray(self.codes == self.names.index(name), dtype=np.bool_)


def distinct(values: NDArray[Whole]) -> NDArray[Whole]:
    """The distinct numbers of a long column, ascending.

    ``np.unique`` looks each up in a hash table, which no longer fits into the processor's caches
    where the column is long: for a million numbers that takes forty times as long.
    """
    ordered = np.sort(values)
    is_new = np.ones(len(ordered), dtype=np.bool_)
    np.not_equal(ordered[1:], ordered[:-1], out=is_new[1:])
    return ordered[is_new]


def floats(values: Iterable[float] = ()) -> Floats:
    return np.fromiter(values, dtype=np.float64)


def no_labels() -> Labels:
    return Labels.of(())


#: When, the codes of the service and the pod, the name of the metric, the value.
Sample = tuple[float, int, int, str, float]


@dataclass(frozen=True, slots=True)
class MetricTable:
    """Samples. ``service`` may be empty with a ``pod`` and the other way round.

    A sample of a host has no service, and the host as its ``pod``.
    """

    ts: Floats = field(default_factory=floats)
    service: Labels = field(default_factory=no_labels)
    pod: Labels = field(default_factory=no_labels)
    metric: Labels = field(default_factory=no_labels)
    value: Floats = field(default_factory=floats)

    def __len__(self) -> int:
        return len(self.ts)

    def taken(self, rows: Mask) -> MetricTable:
        return MetricTable(
            self.ts[rows],
            self.service.taken(rows),
            self.pod.taken(rows),
            self.metric.taken(rows),
            self.value[rows],
        )

    def exchanged(self, rows: Mask, found: Sequence[Sample]) -> MetricTable:
        """The table with ``found`` in the place of ``rows``, whose services and pods they name."""
        others = self.taken(~rows)
        if not found:
            return others
        at, service, pod, metric, value = zip(*found, strict=True)
        made = MetricTable(
            np.array(at),
            Labels(np.array(service, np.int32), self.service.names),
            Labels(np.array(pod, np.int32), self.pod.names),
            Labels.of(metric),
            np.array(value),
        )
        return joined([others, made])


@dataclass(frozen=True, slots=True)
class SpanTable:
    """Spans. ``start`` and ``duration`` are seconds; a span that never ended has a NaN duration.

    ``status`` is ``error``, ``ok`` or empty where the source does not say.
    """

    trace_id: Labels = field(default_factory=no_labels)
    span_id: Labels = field(default_factory=no_labels)
    parent_id: Labels = field(default_factory=no_labels)
    service: Labels = field(default_factory=no_labels)
    pod: Labels = field(default_factory=no_labels)
    operation: Labels = field(default_factory=no_labels)
    start: Floats = field(default_factory=floats)
    duration: Floats = field(default_factory=floats)
    status: Labels = field(default_factory=no_labels)

    def __len__(self) -> int:
        return len(self.start)

    def taken(self, rows: Mask) -> SpanTable:
        return SpanTable(
            trace_id=self.trace_id.taken(rows),
            span_id=self.span_id.taken(rows),
            parent_id=self.parent_id.taken(rows),
            service=self.service.taken(rows),
            pod=self.pod.taken(rows),
            operation=self.operation.taken(rows),
            start=self.start[rows],
            duration=self.duration[rows],
            status=self.status.taken(rows),
        )


@dataclass(frozen=True, slots=True)
class LogTable:
    """Log lines. ``source`` is the logger or code line where the collector knows it."""

    ts: Floats = field(default_factory=floats)
    service: Labels = field(default_factory=no_labels)
    pod: Labels = field(default_factory=no_labels)
    level: Labels = field(default_factory=no_labels)
    source: Labels = field(default_factory=no_labels)
    trace_id: Labels = field(default_factory=no_labels)
    span_id: Labels = field(default_factory=no_labels)
    message: Sequence[str] = ()

    def __len__(self) -> int:
        return len(self.ts)


@dataclass(frozen=True, slots=True)
class EdgeTable:
    """Latency of calls as each side measures it: ``side`` is ``caller`` or ``callee``, seconds."""

    ts: Floats = field(default_factory=floats)
    source: Labels = field(default_factory=no_labels)
    target: Labels = field(default_factory=no_labels)
    side: Labels = field(default_factory=no_labels)
    latency: Floats = field(default_factory=floats)

    def __len__(self) -> int:
        return len(self.ts)


Table = TypeVar("Table", MetricTable, SpanTable, LogTable, EdgeTable)


def joined(tables: Sequence[Table]) -> Table:
    """One table with the rows of all; there is one at least."""
    if len(tables) == 1:
        return tables[0]
    parts = [[getattr(one, column.name) for one in tables] for column in fields(tables[0])]
    return type(tables[0])(*map(_end_to_end, parts))


def _end_to_end(parts: Sequence[Any]) -> Any:
    if isinstance(parts[0], Labels):
        names = {name: code for code, name in enumerate(
            dict.fromkeys(name for part in parts for name in part.names)
        )}  # fmt: skip
        own = [np.array([names[name] for name in part.names], np.int32) for part in parts]
        codes = [to[part.codes] for to, part in zip(own, parts, strict=True) if len(part)]
        return Labels(np.concatenate([np.zeros(0, np.int32), *codes]), tuple(names))
    if isinstance(parts[0], np.ndarray):
        return np.concatenate(parts)
    return [one for part in parts for one in part]


@dataclass(frozen=True, slots=True)
class Telemetry:
    """All that is known of one window.

    ``topology`` has caller → callee pairs of services, ``hosts`` what runs where: pod (or service,
    where no pod is named) → host.
    """

    metrics: MetricTable = field(default_factory=MetricTable)
    spans: SpanTable = field(default_factory=SpanTable)
    logs: LogTable = field(default_factory=LogTable)
    edges: EdgeTable = field(default_factory=EdgeTable)
    topology: tuple[tuple[str, str], ...] = ()
    hosts: tuple[tuple[str, str], ...] = ()

    def present(self) -> frozenset[Modality]:
        sizes = {
            Modality.METRICS: len(self.metrics),
            Modality.TRACES: len(self.spans),
            Modality.LOGS: len(self.logs),
            Modality.EDGES: len(self.edges),
        }
        return frozenset(modality for modality, size in sizes.items() if size)
