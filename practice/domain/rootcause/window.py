"""Look at one window of telemetry once: cut the traces, run the detectors, keep what they found."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from practice.domain.rootcause.behavior import CHANGED, behavior, splits
from practice.domain.rootcause.contrast import apart, strongest
from practice.domain.rootcause.drain import statements
from practice.domain.rootcause.findings import Finding
from practice.domain.rootcause.hosts import host_deviations, usual_of_hosts
from practice.domain.rootcause.invocations import (
    Invocations,
    Rows,
    home_rows,
    invocations,
    parent_rows,
    placed,
)
from practice.domain.rootcause.latency import (
    EdgeSeries,
    Pair,
    Shift,
    edge_gaps,
    edge_series,
    gap_findings,
    own_time,
    span_gaps,
)
from practice.domain.rootcause.line_traces import (
    called_by_lines,
    fell_silent,
    lasted,
    line_invocations,
    traced,
)
from practice.domain.rootcause.logs import log_findings
from practice.domain.rootcause.metrics import asked, deviations, series, usual_values
from practice.domain.rootcause.silence import Answers, answers, stopped, unanswered
from practice.domain.rootcause.tallies import fallen
from practice.domain.rootcause.telemetry import (
    Floats,
    Labels,
    LogTable,
    Mask,
    Modality,
    SpanTable,
    Telemetry,
    distinct,
)
from practice.domain.rootcause.types import Alert, MetricSummary, TemplateSummary
from practice.domain.rootcause.waits import charged, silences

# Samples closer together than this share of the alert's interval are averaged.
_BIN = 0.25
_TELLING = 4
# Clocks that are kept in step differ by less, in seconds; and so soon a call that is waited for
# reaches who is called.
_SKEW, _LONG_AFTER = 0.1, 1.0


@dataclass(frozen=True, slots=True)
class Reference:
    """Fault-free telemetry of the system, looked at once and used for every alert."""

    telemetry: Telemetry
    statements: Labels
    invocations: Invocations
    by_lines: Invocations
    answers: Answers
    edges: EdgeSeries
    metrics: Mapping[tuple[str, str], Floats]
    hosts: Mapping[tuple[str, str], Floats]
    bin_seconds: float


def learn(telemetry: Telemetry, *, interval: float = 60.0) -> Reference:
    """Prepare fault-free telemetry; ``interval`` is how often alerts are evaluated, in seconds."""
    spans, logs = telemetry.spans, telemetry.logs
    names = statements(logs)
    width = interval * _BIN
    parent = parent_rows(spans)
    return Reference(
        telemetry=telemetry,
        statements=names,
        invocations=invocations(spans, logs, names, parent, home_rows(spans, logs)),
        by_lines=line_invocations(
            telemetry.logs, names, np.ones(len(telemetry.logs), dtype=np.bool_)
        ),
        answers=answers(telemetry.spans, parent),
        edges=edge_series(telemetry.edges),
        metrics=usual_values(telemetry.metrics, width),
        hosts=usual_of_hosts(telemetry, width),
        bin_seconds=width,
    )


@dataclass(frozen=True, slots=True)
class Window:
    """What was seen in the window of an alert. ``metrics`` are by service or host's id.

    ``by_lines`` is who calls whom by where their log lines lie.
    """

    begin: float
    end: float
    findings: tuple[Finding, ...]
    hosts: tuple[Finding, ...]
    invocations: Invocations
    reference: Invocations | None
    gaps: Mapping[Pair, Shift]
    metrics: Mapping[str, tuple[MetricSummary, ...]]
    templates: Mapping[str, Sequence[TemplateSummary]]
    seen: Mapping[str, frozenset[Modality]]
    traced: frozenset[str]
    by_lines: frozenset[tuple[str, str]]
    notes: tuple[str, ...]


def bounds(alert: Alert) -> tuple[float, float]:
    """When the fault may have begun at the earliest, and when the alert was raised.

    Without a word on the onset: two evaluations before the alert, the one that was still good and
    the one that was not yet.
    """
    begin = alert.at - 2.0 * alert.interval
    if alert.onset is not None:
        begin = alert.onset[0]
    elif alert.window is not None:
        begin = alert.window[0]
    return min(begin, alert.at), alert.at


def examine(telemetry: Telemetry, alert: Alert, reference: Reference | None) -> Window:
    """Run every detector that the telemetry allows."""
    begin, end = bounds(alert)
    cuts = splits(begin, max(end, begin + 1.0))
    width = alert.interval * _BIN
    names = statements(telemetry.logs)
    parent = parent_rows(telemetry.spans)
    home = home_rows(telemetry.spans, telemetry.logs)
    window = invocations(telemetry.spans, telemetry.logs, names, parent, home)
    samples = list(series(telemetry.metrics, width))
    usual = reference.invocations if reference is not None else None
    gaps = span_gaps(window, usual, cuts)
    sides = edge_gaps(telemetry.edges, reference.edges if reference is not None else {}, cuts)
    found = [
        *behavior(window, usual, cuts),
        *charged(own_time(window, usual, cuts), silences(window, usual, cuts)),
        *gap_findings(gaps, Modality.TRACES),
        *gap_findings(sides, Modality.EDGES),
        *unanswered(
            answers(telemetry.spans, parent), reference.answers if reference else None, cuts
        ),
        *stopped(samples, begin, _last(telemetry.metrics.ts)),
    ]
    metered, of_hosts = (reference.metrics, reference.hosts) if reference is not None else ({}, {})
    if reference is not None and reference.bin_seconds != width:
        metered = usual_values(reference.telemetry.metrics, width)
        of_hosts = usual_of_hosts(reference.telemetry, width)
    named, elsewhere, above = placed(telemetry.spans, telemetry.logs, home)
    loose = ~named
    by_lines = line_invocations(telemetry.logs, names, loose)
    usual_lines = reference.by_lines if reference is not None else None
    unseen = behavior(by_lines, usual_lines, cuts)
    still = asked(samples, begin) if unseen else {}
    found.extend(fell_silent(unseen, window, usual, by_lines, usual_lines, still))
    found.extend(lasted(by_lines, usual_lines, cuts))
    metrics, summaries = deviations(samples, metered, begin)
    hosts, more = host_deviations(samples, dict(telemetry.hosts), of_hosts, begin)
    free = loose & ~traced(telemetry.logs)
    lines, templates = log_findings(
        telemetry.logs,
        names,
        free | elsewhere,
        reference.telemetry.logs if reference is not None else None,
        reference.statements if reference is not None else None,
        begin,
    )
    # Lines by rate would say again what a service's recorded requests have said.
    told = {one.service for one in found if one.kind in CHANGED and not one.by_rate}
    behind = fallen(telemetry.logs, names, free, _untraced(reference), begin, width)
    found.extend(one for one in behind if one.service not in told)
    found.extend(strongest(apart(metrics, summaries)))
    found.extend(lines)
    return Window(
        begin=begin,
        end=end,
        findings=tuple(one for one in found if one.service),
        hosts=tuple(hosts),
        invocations=window,
        reference=usual,
        gaps=sides | gaps,
        metrics=_by_service([*summaries, *more]),
        templates=templates,
        seen=_seen(telemetry),
        traced=_traced(window, begin),
        by_lines=called_by_lines(by_lines) | above,
        notes=_notes(telemetry, parent, reference, begin),
    )


def _untraced(reference: Reference | None) -> tuple[LogTable, Labels, Mask] | None:
    """The reference's log lines, their statements, and which of them carry no trace id."""
    if reference is None:
        return None
    logs = reference.telemetry.logs
    return logs, reference.statements, ~traced(logs)


def _last(ts: Floats) -> float:
    good = ts[np.isfinite(ts)]
    return float(good.max()) if len(good) else 0.0


def _by_service(
    summaries: Sequence[tuple[str, MetricSummary]],
) -> Mapping[str, tuple[MetricSummary, ...]]:
    found: dict[str, list[MetricSummary]] = defaultdict(list)
    for service, summary in summaries:
        found[service].append(summary)
    return {
        service: tuple(sorted(mine, key=lambda s: (-s.deviation, s.metric, s.pod)))
        for service, mine in found.items()
    }


def _traced(table: Invocations, begin: float) -> frozenset[str]:
    """Services of which enough requests in the window were recorded to tell their times."""
    counts = np.bincount(table.service.codes[table.start >= begin], minlength=1)
    return frozenset(
        table.service.names[code] for code in np.flatnonzero(counts >= _TELLING).tolist()
    )


def _seen(telemetry: Telemetry) -> Mapping[str, frozenset[Modality]]:
    found: dict[str, set[Modality]] = defaultdict(set)
    tables = (
        (Modality.METRICS, telemetry.metrics.service),
        (Modality.TRACES, telemetry.spans.service),
        (Modality.LOGS, telemetry.logs.service),
        (Modality.EDGES, telemetry.edges.source),
        (Modality.EDGES, telemetry.edges.target),
    )
    for modality, labels in tables:
        for code in distinct(labels.codes).tolist():
            if labels.names[code]:
                found[labels.names[code]].add(modality)
    return {name: frozenset(modalities) for name, modalities in found.items()}


def _notes(
    telemetry: Telemetry, parent: Rows, reference: Reference | None, begin: float
) -> tuple[str, ...]:
    """Sentences about what was missing or could not be used."""
    found = []
    if reference is None:
        found.append("There is no fault-free reference: only the time before was compared with.")
    spans, metrics = telemetry.spans, telemetry.metrics
    unfinished = int((~np.isfinite(spans.duration)).sum())
    if unfinished:
        found.append(f"{unfinished} spans never ended: used as calls, not as times.")
    backward = int((spans.duration < 0).sum())
    if backward:
        found.append(f"{backward} spans end before they begin: a clock jumped; not used as times.")
    found.extend(_notes_on_callers(spans, parent))
    nameless = int((~np.isfinite(metrics.value)).sum())
    if nameless:
        found.append(f"{nameless} metric samples are not numbers and were left out.")
    tables = (
        (Modality.METRICS, metrics.ts),
        (Modality.TRACES, spans.start),
        (Modality.LOGS, telemetry.logs.ts),
    )
    found.extend(
        f"No {modality.value} fall into the window."
        for modality, ts in tables
        if len(ts) and not (ts >= begin).any()
    )
    return tuple(found)


def _notes_on_callers(spans: SpanTable, parent: Rows) -> list[str]:
    """Sentences about spans whose caller is not there, or ran at another time than they."""
    found = []
    names = spans.parent_id.names
    is_named = np.fromiter(map(bool, names), np.bool_, len(names))
    lost = int((is_named[spans.parent_id.codes] & (parent < 0)).sum()) if len(spans) else 0
    if lost:
        found.append(
            f"{lost} of {len(spans)} spans name a caller that cannot be found: each was taken for "
            "the beginning of a request."
        )
    below = np.flatnonzero(parent >= 0)
    above = parent[below]
    early = spans.start[above] - spans.start[below]
    behind = early > _SKEW
    if behind.any():
        found.append(
            f"{int(behind.sum())} spans begin before their caller does, by "
            f"{float(np.median(early[behind])):.1f} s as a rule: clocks differ."
        )
    late = spans.start[below] - (spans.start[above] + np.maximum(spans.duration[above], 0.0))
    ahead = late > _LONG_AFTER
    if ahead.any():
        found.append(
            f"{int(ahead.sum())} spans begin {float(np.median(late[ahead])):.0f} s after their "
            "caller ended, as a rule: clocks differ, or the calls waited."
        )
    return found
