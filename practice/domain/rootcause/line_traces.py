"""Invocations from log lines alone, for requests whose spans nobody kept.

Lines that carry a trace id but lie in no known span are grouped by trace, service and span id. The
first statement names the kind of request. A group that begins and ends while another service of
the same trace is busy was called by the innermost such one: a service logs before and after it
calls. The time between its first and last line is the least it can have taken.

A call is seen here only by what the callee writes: one that is gone was not made, or was made and
the callee wrote nothing. Where spans of other requests show that the caller still calls, or the
callee counts clearly more requests than its lines tell of, it is the callee that fell silent.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from practice.domain.rootcause.findings import Finding
from practice.domain.rootcause.invocations import (
    CALL,
    LOG,
    TIE,
    Invocations,
    Rows,
    own_duration,
)
from practice.domain.rootcause.latency import own_time
from practice.domain.rootcause.robust import log_ratio
from practice.domain.rootcause.telemetry import (
    Codes,
    Floats,
    Labels,
    LogTable,
    Mask,
    Modality,
    distinct,
)
from practice.domain.rootcause.types import EvidenceKind
from practice.domain.rootcause.waits import charged, silences

# A call is still made when it is made at least this part as often as usual.
_STILL = 0.5
# A service is called by another when this part of its requests begin and end inside one of it.
_OFTEN = 0.2


def line_invocations(logs: LogTable, statements: Labels, loose: Mask) -> Invocations:
    """The invocations of the ``loose`` lines that have a trace id and a time."""
    lines = np.flatnonzero(loose & traced(logs) & np.isfinite(logs.ts))
    trace = logs.trace_id.codes[lines].astype(np.int64)
    services, spans = max(len(logs.service.names), 1), max(len(logs.span_id.names), 1)
    key = (trace * services + logs.service.codes[lines]) * spans + logs.span_id.codes[lines]
    order = np.lexsort((logs.ts[lines], key))
    lines, key = lines[order], key[order]
    _, first, group = np.unique(key, return_index=True, return_inverse=True)
    last = np.append(first[1:], len(lines)) - 1 if len(first) else first
    head = lines[first]
    start, end = logs.ts[head], logs.ts[lines[last]] if len(first) else logs.ts[head]
    kind = _kinds(logs, statements, head)
    parent = _enclosing(logs.trace_id.codes[head], logs.service.codes[head], start, end)
    called = np.flatnonzero(parent >= 0)
    names = (*(f"{CALL}:{n}" for n in kind.names), *(f"{LOG}:{n}" for n in statements.names))
    row = np.concatenate([parent[called], group])
    feature = np.concatenate(
        [
            kind.codes[called].astype(np.int64),
            statements.codes[lines].astype(np.int64) + len(kind.names),
        ]
    )
    pairs = distinct(row * max(len(names), 1) + feature)
    took = end - start
    return Invocations(
        kind=kind,
        service=logs.service.taken(head),
        pod=logs.pod.taken(head),
        parent=parent,
        start=start,
        duration=took,
        self_time=own_duration(start, took, parent, start, took),
        client=np.full(len(head), np.nan),
        failed=np.zeros(len(head), dtype=np.bool_),
        trace=logs.trace_id.codes[head],
        seen_row=pairs // max(len(names), 1),
        seen_feature=pairs % max(len(names), 1),
        features=names,
    )


def traced(logs: LogTable) -> Mask:
    """Which lines carry a trace id."""
    named = np.array([bool(name) for name in logs.trace_id.names], dtype=np.bool_)
    return named[logs.trace_id.codes] if len(logs) else np.zeros(0, dtype=np.bool_)


def _kinds(logs: LogTable, statements: Labels, head: Rows) -> Labels:
    return Labels.of(
        f"{logs.service[int(line)]}{TIE}after “{statements[int(line)]}”" for line in head
    )


def _enclosing(trace: Codes, service: Codes, start: Floats, end: Floats) -> Rows:
    """For each group the innermost one of another service in its trace that spans it, or −1."""
    found = np.full(len(trace), -1, dtype=np.int64)
    open_groups: list[int] = []
    current = -1
    for group in np.lexsort((-end, start, trace)).tolist():
        if trace[group] != current:
            open_groups, current = [], int(trace[group])
        while open_groups and end[open_groups[-1]] < end[group]:
            open_groups.pop()
        for above in reversed(open_groups):
            if service[above] != service[group]:
                found[group] = above
                break
        open_groups.append(group)
    return found


def lasted(window: Invocations, reference: Invocations | None, cuts: Floats) -> list[Finding]:
    """Services whose requests take longer from their first line to their last.

    Where a caller waits and where a callee works before its first line looks alike in lines: what
    a callee shows as well is charged to it, as a latency that nobody saw from both sides.
    """
    slow = charged(own_time(window, reference, cuts), silences(window, reference, cuts))
    return [
        replace(
            one, kind=EvidenceKind.LATENCY, modality=Modality.LOGS, change=_change(one),
            statement=one.statement.replace("in the service itself", "in it by its lines"),
        )
        if one.kind is EvidenceKind.SELF_TIME else replace(one, modality=Modality.LOGS)
        for one in slow
    ]  # fmt: skip


def _change(one: Finding) -> float:
    return log_ratio(one.observed or 0.0, one.baseline or 0.0)


def called_by_lines(table: Invocations) -> frozenset[tuple[str, str]]:
    """Who calls whom, as far as most requests of the called show it by their lines."""
    child = np.flatnonzero(table.parent >= 0)
    width = max(len(table.service.names), 1)
    caller = table.service.codes[table.parent[child]].astype(np.int64)
    pair, often = np.unique(caller * width + table.service.codes[child], return_counts=True)
    total = np.bincount(table.service.codes, minlength=width)
    names = table.service.names
    return frozenset(
        (names[code // width], names[code % width])
        for code, number in zip(pair.tolist(), often.tolist(), strict=True)
        if number >= _OFTEN * total[code % width]
    )


def fell_silent(
    findings: Sequence[Finding],
    spans: Invocations,
    reference: Invocations | None,
    lines: Invocations,
    usual_lines: Invocations | None,
    asked: Mapping[str, float],
) -> list[Finding]:
    """Findings of lines alone; calls they miss that are still made are charged to the callee.

    That a call is made is seen in ``spans`` of other requests, or told by how many requests each
    service counts: ``asked`` is the logarithm of now to usual.
    """
    return [
        _silence(one)
        if one.kind is EvidenceKind.MISSING_CALL
        and one.onset is not None
        and (
            _is_seen(one, one.onset, spans, reference)
            or _is_counted(one, one.onset, lines, usual_lines, asked)
        )
        else one
        for one in findings
    ]


def _is_seen(one: Finding, onset: float, spans: Invocations, reference: Invocations | None) -> bool:
    (calls, requests), (before, among) = _now_and_usually(one, onset, spans, reference, _calls)
    return calls > 0 and calls * max(among, 1) >= _STILL * before * requests


def _is_counted(
    one: Finding,
    onset: float,
    lines: Invocations,
    usual_lines: Invocations | None,
    asked: Mapping[str, float],
) -> bool:
    """Whether the callee counts clearly more requests than its lines tell of, whoever calls it.

    Both per request of the caller and of what is usual, so that neither more load nor other callers
    who take over pass for silence. Half way from as many as are told of to as many as ever is
    clear: health checks and others that no line tells of may be as many again.
    """
    if one.toward not in asked:
        return False
    (told, requests), (before, among) = _now_and_usually(one, onset, lines, usual_lines, _told)
    if not before or not requests:
        return False
    left = told / requests / (before / among)
    change = asked[one.toward] - asked.get(one.service, 0.0)
    return left <= _STILL and math.exp(change) > (1.0 + left) / 2.0


def _now_and_usually(
    one: Finding,
    onset: float,
    table: Invocations,
    reference: Invocations | None,
    counted: Callable[[Invocations, str, str, Mask], tuple[int, int]],
) -> tuple[tuple[int, int], tuple[int, int]]:
    """What is ``counted`` of caller and callee since the onset, and what is usual."""
    late = table.start >= onset
    before, among = counted(table, one.service, one.toward, ~late)
    if reference is not None:
        every = np.ones(len(reference), dtype=np.bool_)
        more, besides = counted(reference, one.service, one.toward, every)
        before, among = before + more, among + besides
    return counted(table, one.service, one.toward, late), (before, among)


def _told(table: Invocations, caller: str, callee: str, rows: Mask) -> tuple[int, int]:
    """How many chosen requests to the callee there are, and how many to the caller."""
    asked, asking = (rows & table.service.is_name(name) for name in (callee, caller))
    return int(asked.sum()), int(asking.sum())


def _calls(table: Invocations, caller: str, callee: str, rows: Mask) -> tuple[int, int]:
    """How many of a service's chosen requests called another one, and how many there are."""
    asking = rows & table.service.is_name(caller)
    child = np.flatnonzero((table.parent >= 0) & table.service.is_name(callee))
    above = distinct(table.parent[child])
    return int(asking[above].sum()), int(asking.sum())


def _silence(one: Finding) -> Finding:
    return replace(
        one,
        service=one.toward,
        kind=EvidenceKind.MISSING_STEP,
        statement=f"still called, but {one.service} {one.statement}",
        pod="",
        toward="",
    )
