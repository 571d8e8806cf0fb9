"""Analyse one alert: look, recurse, rank, and say what it rests on."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

from practice.domain.rootcause import dependants, graph, hosts
from practice.domain.rootcause.clipping import covers
from practice.domain.rootcause.findings import Finding
from practice.domain.rootcause.memory import Recall, fingerprint, learned
from practice.domain.rootcause.naming import is_host, name_of, node_id
from practice.domain.rootcause.onset import dated
from practice.domain.rootcause.paths import causes_of
from practice.domain.rootcause.ranking import (
    FOUND,
    UNREACHED,
    UNRECORDED,
    inherited,
    standings,
)
from practice.domain.rootcause.recursion import Recursion, Subject
from practice.domain.rootcause.telemetry import Modality, Telemetry
from practice.domain.rootcause.types import (
    Alert,
    Analysis,
    Ask,
    Budget,
    Cause,
    Clock,
    Direction,
    Evidence,
    MemoryEntry,
    Outcome,
    Spent,
    Told,
    Verdict,
    Visit,
)
from practice.domain.rootcause.window import Reference, Window, examine, learn

_EVIDENCE_CAP = 400
_BLIND = (
    "No telemetry falls into the window, so nothing can be said of it. Send what covers it, or "
    "look again with another window."
)


def analyse(
    telemetry: Telemetry,
    alert: Alert,
    *,
    reference: Telemetry | Reference | None = None,
    memory: Sequence[MemoryEntry] = (),
    budget: Budget | None = None,
    asked: Ask | None = None,
    told: Told = lambda visit: None,
    should_stop: Callable[[], bool] = lambda: False,
    clock: Clock = time.monotonic,
    window: Window | None = None,
) -> Analysis:
    """Rank the root causes of ``alert`` in ``telemetry``; deterministic for the same input.

    ``reference`` is fault-free telemetry of the same system, or what ``learn`` made of it (quicker
    for many alerts). ``memory`` are entries that may be reused. ``asked`` answers open verdicts (a
    model); ``told`` hears of each visit as it is made. ``window`` is what ``examine`` saw, where
    several alerts share one window of telemetry.
    """
    began = clock()
    budget = budget or Budget()
    alert, since = dated(alert, telemetry)
    if isinstance(reference, Telemetry):
        reference = learn(reference, interval=alert.interval)
    window = window or examine(telemetry, alert, reference)
    calls = graph.calls(telemetry, window, alert.trace_id)
    where = hosts.placed(telemetry)
    orphans = frozenset(window.seen) - window.traced - calls.named() - {alert.entry}
    found = inherited(window.findings, calls.callees, window.traced, orphans)
    found = dependants.unrecorded(found, calls.callees, window.traced)
    findings = hosts.charged(
        dependants.charged(found, calls.callees, window.traced),
        window.hosts, where, calls.above, alert.interval,
    )  # fmt: skip
    named = {one.service for one in findings if is_host(one.service)}
    ways = graph.onto_hosts(calls, where, named)
    evidence = _evidence(findings)
    cases = standings(findings, window.traced)
    start, notes = _start(alert, calls, window)
    seen = {**window.seen, **dict.fromkeys(named, frozenset({Modality.METRICS}))}
    subject = Subject(alert, ways, cases, _by_service(evidence), seen)
    recall = Recall.of(alert, memory)
    run = Recursion(subject, recall, budget, clock, asked, told, should_stop)
    is_blind = bool(telemetry.present()) and not covers(telemetry, window.begin)
    run.run(() if is_blind else start)  # of what nobody looked at nothing is as usual
    strengths = _strengths(subject, start, is_mapped=bool(telemetry.topology))
    causes = causes_of(strengths, subject, run.visits, alert.interval)
    outcome, statement = (
        (Outcome.OUTSIDE, _BLIND) if is_blind else _answer(causes, run.visits, subject, start)
    )
    names = sorted((set(strengths) - named) | {n for pair in calls.live for n in pair})
    shown = graph.nodes(
        window, names, {name: case.strength for name, case in cases.items()}, telemetry.hosts
    )
    return Analysis(
        alert=alert,
        outcome=outcome,
        statement=statement,
        causes=causes,
        nodes=shown,
        edges=graph.edges(window, calls, shown, telemetry.hosts),
        evidence=tuple(evidence),
        visits=tuple(run.visits),
        hits=tuple(recall.hits),
        learned=_learned(alert, run.visits, subject),
        forgotten=tuple(recall.forgotten),
        missing=tuple(sorted(set(Modality) - telemetry.present())),
        notes=(*since, *notes, *window.notes),
        budget=budget,
        spent=Spent(
            visits=sum(not visit.hit for visit in run.visits),
            model_calls=run.model_calls,
            seconds=clock() - began,
        ),
    )


def _evidence(findings: Sequence[Finding]) -> list[Evidence]:
    """Findings numbered as evidence, weightiest first."""
    order = sorted(findings, key=lambda one: (-one.own, -one.total, one.service, one.statement))
    return [
        Evidence(
            evidence_id=f"e{number}",
            kind=one.kind,
            modality=one.modality,
            node=node_id(one.service),
            statement=one.statement,
            direction=one.direction,
            deviation=round(one.total, 4),
            weight=round(one.own, 4),
            edge=_edge_of(one),
            baseline=one.baseline,
            observed=one.observed,
            unit=one.unit,
            onset=one.onset,
            references=one.references,
        )
        for number, one in enumerate(order[:_EVIDENCE_CAP], start=1)
    ]


def _edge_of(one: Finding) -> str:
    if not one.toward:
        return ""
    inward = one.direction is Direction.UP and one.statement.startswith(f"calls {one.toward} ")
    ends = (one.toward, one.service) if inward else (one.service, one.toward)
    return graph.edge_id(*ends)


def _by_service(evidence: Sequence[Evidence]) -> Mapping[str, tuple[Evidence, ...]]:
    found: dict[str, list[Evidence]] = defaultdict(list)
    for one in evidence:
        found[name_of(one.node)].append(one)
    return {name: tuple(mine) for name, mine in found.items()}


def _start(
    alert: Alert, calls: graph.Calls, window: Window
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Where the recursion begins, and what to say when the alert does not tell."""
    called = {callee for callees in calls.callees.values() for callee in callees}
    roots = tuple(sorted(set(calls.callees) - called)) or tuple(sorted(window.seen))
    if alert.entry in window.seen or alert.entry in calls.callees or alert.entry in called:
        return (alert.entry,), ()
    if not alert.entry:
        return roots, ("The alert names no component: every entry of the system was looked at.",)
    return roots, (
        f"No telemetry speaks of “{alert.entry}”: every entry of the system was looked at.",
    )


def _strengths(subject: Subject, start: Sequence[str], *, is_mapped: bool) -> dict[str, float]:
    """Strength of every service seen; less where the alert's calls never lead.

    What no call leads to is discounted only if the calls of the start are recorded at all, and by
    less where no topology is known and no call of it is recorded: then nobody knows who calls it.
    """
    calls, cases = subject.calls, subject.standings
    reached = calls.reached(start)
    speaks = any(name in calls.callees for name in start)
    known = calls.named()

    def reach(name: str) -> float:
        if not speaks or name in reached:
            return 1.0
        return UNREACHED if name in known or is_mapped else UNRECORDED

    return {
        name: (cases[name].strength if name in cases else 0.0) * reach(name)
        for name in dict.fromkeys([*subject.seen, *sorted(known - set(subject.seen))])
    }


def _answer(
    causes: Sequence[Cause], visits: Sequence[Visit], subject: Subject, start: Sequence[str]
) -> tuple[Outcome, str]:
    if causes and causes[0].strength >= FOUND:
        return Outcome.FOUND, causes[0].statement
    unseen = [v for v in visits if not subject.seen.get(name_of(v.node))]
    # Whose trouble is that of somebody who was seen leads nowhere else.
    accounted = {v.parent for v in visits if v.evidence and v.verdict is not Verdict.NORMAL}
    troubled = [
        v for v in visits
        if v.evidence and v.visit_id not in accounted and not v.inherited_from
        and (v.depth == 0 or v.verdict is Verdict.OPEN)
    ]  # fmt: skip
    for visit in unseen:
        name = name_of(visit.node)
        callers = [v for v in troubled if v.visit_id == visit.parent]
        if callers:
            said = callers[0].reason.rstrip(".")
            return Outcome.OUTSIDE, f"{said}. It leads to {name}, of which no telemetry speaks."
    if not any(name in subject.seen for name in start):
        return Outcome.OUTSIDE, "None of the components the alert is about can be seen."
    return Outcome.NONE, "No component deviates from what is usual by more than chance allows."


def _learned(alert: Alert, visits: Sequence[Visit], subject: Subject) -> tuple[MemoryEntry, ...]:
    names = [name_of(visit.node) for visit in visits]
    cases = [subject.standings.get(name) for name in names]
    return learned(
        alert,
        visits,
        names,
        [
            fingerprint(case, subject.calls.callees.get(name, ()))
            for name, case in zip(names, cases, strict=True)
        ],
        [case.top.kind.value if case and case.top else "none" for case in cases],
    )
