"""What one request did inside one service: an *invocation*, cut out of a trace.

Spans of a trace that follow each other inside one service are one invocation; it begins with the
span another service (or nobody) called. What it did is a set of features: the operations, the
calls to other services and the log statements seen in it. Spans without a usable parent begin an
invocation of their own, so orphans and cut traces are used as far as they go.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import repeat

import numpy as np
from numpy.typing import NDArray

from practice.domain.rootcause.telemetry import (
    Codes,
    Floats,
    Labels,
    LogTable,
    Mask,
    SpanTable,
    distinct,
)

Rows = NDArray[np.int64]
_VARIABLE = re.compile(
    r"\b[0-9a-fA-F]{8}-[0-9a-fA-F-]{27,}\b|\b(?=[a-fA-F]*[0-9])[0-9a-fA-F]{8,}\b|(?<![A-Za-z])\d+"
)
OPERATION, CALL, LOG, STATUS = "operation", "call", "log", "status"
# Between service and operation in the name of a kind: names of services may hold spaces.
TIE = "\x1f"
# What a span's status says where nothing went wrong: words, HTTP below 400, zero.
_WELL = re.compile(
    r"(status_?code_?)?(ok|okay|unset|success(ful)?|succeeded|none|null|nan|unspecified"
    r"|false)?"
    r"|[123]\d\d(\.0)?( .*)?|0(\.0)?",
    re.I,
)


@dataclass(frozen=True, slots=True)
class Invocations:
    """Columns, one row per invocation; ``parent`` is the calling invocation's row or −1.

    ``kind`` names service and operation; ``seen`` are (row, feature) pairs without repeats.
    ``self_time`` is the time in which no call to another service was running; ``client`` is how
    long the caller's own span around the call took (NaN where there is none).
    """

    kind: Labels
    service: Labels
    pod: Labels
    parent: Rows
    start: Floats
    duration: Floats
    self_time: Floats
    client: Floats
    failed: NDArray[np.bool_]
    trace: Codes
    seen_row: Rows
    seen_feature: Rows
    features: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.start)


def parent_rows(spans: SpanTable) -> Rows:
    """Row of each span's parent within its trace; −1 for roots, orphans and cycles."""
    size = len(spans)
    if not size:
        return np.zeros(0, dtype=np.int64)
    translate = _translated(spans.parent_id, spans.span_id)
    wanted = translate[spans.parent_id.codes]
    width = len(spans.span_id.names)
    own = spans.trace_id.codes.astype(np.int64) * width + spans.span_id.codes
    order = np.argsort(own, kind="stable")
    asked = spans.trace_id.codes.astype(np.int64) * width + wanted
    place = np.minimum(np.searchsorted(own[order], asked), size - 1)
    found = order[place]
    found[(own[found] != asked) | (wanted < 0) | (found == np.arange(size))] = -1
    return _without_cycles(found)


def _translated(names: Labels, into: Labels) -> Rows:
    """For each name its code in another column, -1 where that does not have it or it is empty."""
    known = dict(zip(into.names, range(len(into.names)), strict=True))
    known.pop("", None)
    codes = map(known.get, names.names, repeat(-1))
    return np.fromiter(codes, np.int64, len(names.names))


def _without_cycles(parent: Rows) -> Rows:
    """Cut every span that is its own ancestor loose from its parent."""
    jump = parent.copy()
    for _ in range(max(len(parent), 2).bit_length()):
        if not (jump >= 0).any():
            break
        jump = np.where(jump >= 0, jump[jump], -1)
    return np.where(jump >= 0, -1, parent)  # whoever still has an ancestor is in or below a cycle


def entry_rows(service: Codes, parent: Rows) -> Rows:
    """Row of the span that begins each span's invocation."""
    rows = np.arange(len(parent))
    above = np.maximum(parent, 0)
    root = np.where((parent >= 0) & (service[above] == service), parent, rows)
    while True:
        further = root[root]
        if np.array_equal(further, root):
            return root
        root = further


def generic(name: str) -> str:
    """An operation's name with ids and numbers masked."""
    return _VARIABLE.sub("*", name)


def invocations(
    spans: SpanTable, logs: LogTable, statements: Labels, parent: Rows, home: Rows
) -> Invocations:
    """Cut spans into invocations; ``statements`` names the template of each log line.

    ``parent`` has the row of each span's parent, ``home`` that of each line's span.
    """
    entry = entry_rows(spans.service.codes, parent)
    begins = np.flatnonzero(entry == np.arange(len(entry)))
    number = np.full(len(spans), -1, dtype=np.int64)
    number[begins] = np.arange(len(begins))
    member = number[entry]
    above = parent[begins]
    calling = np.where(above >= 0, member[np.maximum(above, 0)], -1)
    operation = _generic_labels(spans.operation)
    kind = _joined(spans.service.taken(begins), operation.taken(begins))
    rows, features, names = _features(
        kind, calling, member, operation, entry, logs, statements, spans, home
    )
    duration = spans.duration[begins]
    # The caller's own span around the call, unless that is all of the caller.
    around = np.maximum(above, 0)
    own_view = (above >= 0) & (entry[around] != around)
    view = (
        np.where(own_view, spans.start[around], spans.start[begins]),
        np.where(own_view, spans.duration[around], duration),
    )
    failed = np.zeros(len(begins), dtype=np.bool_)
    failed[member[_ill(spans.status)]] = True
    return Invocations(
        kind=kind,
        service=spans.service.taken(begins),
        pod=spans.pod.taken(begins),
        parent=calling,
        start=spans.start[begins],
        duration=duration,
        self_time=own_duration(spans.start[begins], duration, calling, *view),
        client=np.where(own_view, view[1], np.nan),
        failed=failed,
        trace=spans.trace_id.codes[begins],
        seen_row=rows,
        seen_feature=features,
        features=names,
    )


def is_ill(status: str) -> bool:
    """Whether a span's status, in whatever vocabulary, says that something went wrong.

    A number that could mean either (a bare 1) counts as ill: only what changes is ever used.
    """
    return _WELL.fullmatch(status.strip()) is None


def _ill(status: Labels) -> Mask:
    ill = np.array([is_ill(name) for name in status.names], dtype=np.bool_)
    return ill[status.codes] if len(status) else np.zeros(0, dtype=np.bool_)


def _generic_labels(labels: Labels) -> Labels:
    masked = [generic(name) for name in labels.names]
    short = Labels.of(masked)
    codes = short.codes[labels.codes] if len(labels) else labels.codes
    return Labels(codes, short.names)


def _joined(left: Labels, right: Labels) -> Labels:
    width = max(len(right.names), 1)
    both, codes = np.unique(left.codes.astype(np.int64) * width + right.codes, return_inverse=True)
    names = tuple(f"{left.names[b // width]}{TIE}{right.names[b % width]}" for b in both)
    return Labels(codes.astype(np.int32), names)


def _features(
    kind: Labels,
    calling: Rows,
    member: Rows,
    operation: Labels,
    entry: Rows,
    logs: LogTable,
    statements: Labels,
    spans: SpanTable,
    home: Rows,
) -> tuple[Rows, Rows, tuple[str, ...]]:
    inner = np.flatnonzero(entry != np.arange(len(entry)))
    called = np.flatnonzero(calling >= 0)
    line = np.flatnonzero((home >= 0) & ~foreign(spans, logs, home))
    first_call = len(operation.names)
    first_log = first_call + len(kind.names)
    first_status = first_log + len(statements.names)
    ill = np.flatnonzero(_ill(spans.status))
    names = (
        *(f"{OPERATION}:{name}" for name in operation.names),
        *(f"{CALL}:{name}" for name in kind.names),
        *(f"{LOG}:{name}" for name in statements.names),
        *(f"{STATUS}:{name}" for name in spans.status.names),
    )
    row = np.concatenate([member[inner], calling[called], member[home[line]], member[ill]])
    feature = np.concatenate(
        [
            operation.codes[inner].astype(np.int64),
            kind.codes[called].astype(np.int64) + first_call,
            statements.codes[line].astype(np.int64) + first_log,
            spans.status.codes[ill].astype(np.int64) + first_status,
        ]
    )
    pairs = distinct(row * max(len(names), 1) + feature)
    return pairs // max(len(names), 1), pairs % max(len(names), 1), names


def placed(
    spans: SpanTable, logs: LogTable, home: Rows
) -> tuple[Mask, Mask, frozenset[tuple[str, str]]]:
    """Which log lines name a span of the table; which of these another service wrote.

    With them come (caller, callee) pairs: a service without spans writes under its caller's.
    ``home`` has the row of each line's span, or −1.
    """
    elsewhere = foreign(spans, logs, home)
    line = np.flatnonzero(elsewhere)
    width = max(len(logs.service.names), 1)
    caller = spans.service.codes[home[line]].astype(np.int64) if len(line) else line
    pairs = frozenset(
        (spans.service.names[code // width], logs.service.names[code % width])
        for code in distinct(caller * width + logs.service.codes[line]).tolist()
    )
    return np.asarray(home >= 0, dtype=np.bool_), elsewhere, pairs


def foreign(spans: SpanTable, logs: LogTable, home: Rows) -> Mask:
    """Which lines were written by another service than that of the span they name.

    A service that keeps no spans logs under the span that called it. Its lines are its own, not
    the caller's, unless lines and spans have no name of a service in common. ``home`` has the row
    of each line's span, or −1.
    """
    if not len(logs) or not len(spans):
        return np.zeros(len(logs), dtype=np.bool_)
    codes = {name: code for code, name in enumerate(spans.service.names)}
    writer = np.array([codes.get(name, -1) for name in logs.service.names], np.int64)
    writer = writer[logs.service.codes]
    elsewhere = (home >= 0) & (writer != spans.service.codes[home]) & ~logs.service.is_name("")
    return np.asarray(elsewhere & bool((writer >= 0).any()), dtype=np.bool_)


def home_rows(spans: SpanTable, logs: LogTable) -> Rows:
    """The row of the span each log line names, or −1."""
    if not len(logs) or not len(spans):
        return np.full(len(logs), -1, dtype=np.int64)
    trace = _translated(logs.trace_id, spans.trace_id)
    span = _translated(logs.span_id, spans.span_id)
    width = len(spans.span_id.names)
    own = spans.trace_id.codes.astype(np.int64) * width + spans.span_id.codes
    order = np.argsort(own, kind="stable")
    at_trace, at_span = trace[logs.trace_id.codes], span[logs.span_id.codes]
    asked = at_trace * width + at_span
    place = order[np.minimum(np.searchsorted(own[order], asked), len(own) - 1)]
    return np.where((own[place] == asked) & (at_trace >= 0) & (at_span >= 0), place, -1)


def own_duration(
    start: Floats, duration: Floats, calling: Rows, view_start: Floats, view_duration: Floats
) -> Floats:
    """Duration less the time spent waiting for calls; overlapping calls count once.

    The time of a call is the caller's view of it, clipped to the caller.
    """
    # Counted from the caller's beginning: a clock that is off by years must not take from all
    # others what a float can still tell apart.
    begun = np.where(calling >= 0, view_start - start[calling], np.nan)
    child = np.flatnonzero(np.isfinite(begun))
    if not len(child):
        return duration
    child = child[np.lexsort((view_start[child], calling[child]))]
    caller = calling[child]
    length = _lengths(duration[caller])
    low = np.clip(begun[child], 0.0, length)
    high = np.clip(begun[child] + _lengths(view_duration[child]), 0.0, length)
    # A running maximum of ends within each caller: shift callers apart so one pass does all.
    step = 1.0 + float(max(length.max(), 0.0))
    shift = np.cumsum(np.diff(caller, prepend=caller[:1]) != 0) * step
    reached = np.maximum.accumulate(high + shift)
    before = np.concatenate([[-np.inf], reached[:-1]]) - shift
    covered = np.maximum(high - np.maximum(low, before), 0.0)
    busy = np.bincount(caller, weights=covered, minlength=len(start))
    return np.maximum(duration - busy, 0.0)


def _lengths(durations: Floats) -> Floats:
    """Durations, 0.0 where a span never ended."""
    return np.nan_to_num(durations, posinf=0.0, neginf=0.0)
