"""The words of root-cause analysis as values. Everything but telemetry turns into plain JSON.

``serial.to_json`` and ``serial.from_json`` carry any of these values to JSON and back. Times are
UTC epoch seconds, durations seconds, shares and scores 0 to 1. Telemetry itself is in
``telemetry.py``. Source: AMER-RCL (arXiv 2601.02732); ``docs/rootcause.md`` marks what is ours.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from practice.domain.rootcause.telemetry import Modality


class Outcome(StrEnum):
    """What an analysis may answer."""

    FOUND = "found"
    NONE = "none"
    OUTSIDE = "outside"


class Verdict(StrEnum):
    """What a visit says of a component. ``open`` is never read as ``normal``."""

    OWN = "own"
    INHERITED = "inherited"
    NORMAL = "normal"
    OPEN = "open"


class Closing(StrEnum):
    """Why the recursion went no further from a visit."""

    RECURSED = "recursed"
    LEAF = "leaf"
    NORMAL = "normal"
    REMEMBERED = "remembered"
    SEEN = "seen"
    BUDGET = "budget"
    CANCELLED = "cancelled"


class Phase(StrEnum):
    """Which pass made a visit: breadth over traces, depth into one branch, challenge of rivals."""

    BREADTH = "breadth"
    DEPTH = "depth"
    CHALLENGE = "challenge"


class NodeKind(StrEnum):
    SERVICE = "service"
    POD = "pod"
    HOST = "host"


class EdgeKind(StrEnum):
    CALLS = "calls"
    INSTANCE_OF = "instance_of"
    RUNS_ON = "runs_on"


class EvidenceKind(StrEnum):
    """Which typed detector made a claim."""

    RESOURCE = "resource"
    NETWORK_GAP = "network_gap"
    SELF_TIME = "self_time"
    LATENCY = "latency"
    OWN_ERROR = "own_error"
    ERROR = "error"
    MISSING_STEP = "missing_step"
    MISSING_CALL = "missing_call"
    WORKLOAD = "workload"
    CHANGE = "change"
    SILENCE = "silence"
    METRIC = "metric"
    MODEL = "model"


class Direction(StrEnum):
    UP = "up"
    DOWN = "down"
    NEW = "new"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Alert:
    """What made somebody look.

    ``at`` is when it was raised; the fault began within ``onset``, if the source knows. ``entry``
    is the component that is in trouble, empty if unknown; ``span_id`` or ``metric`` say more.
    """

    alert_id: str
    at: float
    entry: str = ""
    onset: tuple[float, float] | None = None
    window: tuple[float, float] | None = None
    interval: float = 60.0
    severity: str = ""
    signal: str = ""
    span_id: str = ""
    trace_id: str = ""
    metric: str = ""
    system: str = ""


@dataclass(frozen=True, slots=True)
class Evidence:
    """One claim, checkable: what was measured where, and how far from what is usual.

    ``deviation`` is in robust standard deviations or, for counts, in decibans; never negative.
    ``references`` name traces, spans, metrics or log templates an operator can open.
    """

    evidence_id: str
    kind: EvidenceKind
    modality: Modality
    node: str
    statement: str
    direction: Direction
    deviation: float
    weight: float
    edge: str = ""
    baseline: float | None = None
    observed: float | None = None
    unit: str = ""
    onset: float | None = None
    references: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MetricSummary:
    """One metric of one node: the usual (median, MAD) against the window."""

    metric: str
    pod: str
    baseline_median: float
    baseline_mad: float
    window_median: float
    window_extreme: float
    deviation: float
    direction: Direction
    onset: float | None = None
    evidence_id: str = ""


@dataclass(frozen=True, slots=True)
class TemplateSummary:
    """One log template of one node: how often now and how often usually (same span of time)."""

    template: str
    level: str
    count: int
    expected: float
    first_seen: float | None = None
    last_seen: float | None = None
    source: str = ""
    evidence_id: str = ""


@dataclass(frozen=True, slots=True)
class Node:
    """A component of the causal graph. ``node_id`` is ``<kind>:<name>``."""

    node_id: str
    kind: NodeKind
    name: str
    service: str = ""
    anomaly: float = 0.0
    operations: tuple[str, ...] = ()
    modalities: tuple[Modality, ...] = ()
    metrics: tuple[MetricSummary, ...] = ()
    templates: tuple[TemplateSummary, ...] = ()


@dataclass(frozen=True, slots=True)
class Edge:
    """A dependency. Durations are seconds; NaN-free: what was not measured is ``None``.

    ``gap`` is the caller's view minus the callee's; ``missing_ratio`` is the share of usual calls
    that did not happen, per call of the source.
    """

    edge_id: str
    kind: EdgeKind
    source: str
    target: str
    calls: int = 0
    baseline_calls: int = 0
    error_share: float | None = None
    caller_p50: float | None = None
    caller_p95: float | None = None
    callee_p50: float | None = None
    callee_p95: float | None = None
    gap: float | None = None
    baseline_gap: float | None = None
    baseline_caller_p50: float | None = None
    baseline_callee_p50: float | None = None
    missing_ratio: float | None = None


@dataclass(frozen=True, slots=True)
class Visit:
    """One step of the recursion: a hop to a node, its verdict, and why it went no further.

    ``parent`` is the visit it came from, ``None`` for the start. ``hit`` names the memory entry
    that answered. ``inherited_from`` are node ids.
    """

    visit_id: str
    parent: str | None
    depth: int
    node: str
    phase: Phase
    verdict: Verdict
    closing: Closing
    confidence: float
    reason: str
    evidence: tuple[str, ...] = ()
    inherited_from: tuple[str, ...] = ()
    edge: str = ""
    hit: str = ""


@dataclass(frozen=True, slots=True)
class Hop:
    """One hop of a path from the alert to a cause, and what of it could be verified.

    ``structure``: the call was seen. ``deviation``: both ends deviate. ``order``: the callee did
    not start to deviate after the caller; ``None`` where no onset is known.
    """

    source: str
    target: str
    structure: bool
    deviation: bool
    order: bool | None
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Cause:
    """A ranked answer. ``score`` is the calibrated chance that this is the root cause."""

    rank: int
    node: str
    service: str
    pod: str
    kind: EvidenceKind
    score: float
    strength: float
    verified: bool
    path: tuple[Hop, ...]
    evidence: tuple[str, ...]
    statement: str


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What a component looked like: (kind, direction, decile) facts and a hash of its callees."""

    facts: tuple[tuple[str, str, int], ...]
    callees: str


@dataclass(frozen=True, slots=True)
class MemoryKey:
    system: str
    component: str
    operation: str
    symptom: str


class Confirmed(StrEnum):
    """What became of a remembered verdict."""

    UNKNOWN = "unknown"
    CONFIRMED = "confirmed"
    CORRECTED = "corrected"


@dataclass(frozen=True, slots=True)
class MemoryEntry:
    """A verdict kept for later alerts. ``confidence`` decays from ``at`` until ``until``."""

    entry_id: str
    key: MemoryKey
    fingerprint: Fingerprint
    verdict: Verdict
    inherited_from: tuple[str, ...]
    confidence: float
    at: float
    until: float
    alert_id: str
    evidence: tuple[str, ...] = ()
    outcome: Confirmed = Confirmed.UNKNOWN


@dataclass(frozen=True, slots=True)
class MemoryHit:
    """A remembered verdict that was used, or that a cheap check contradicted (then forgotten)."""

    entry_id: str
    node: str
    similarity: float
    confidence: float
    upheld: bool
    check: str


@dataclass(frozen=True, slots=True)
class Budget:
    """Limits of one analysis. ``seconds`` is wall time, read from the clock passed in."""

    depth: int = 10
    visits: int = 200
    model_calls: int = 6
    seconds: float = 60.0


@dataclass(frozen=True, slots=True)
class Spent:
    visits: int = 0
    model_calls: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Analysis:
    """The answer to an alert, with everything it rests on.

    ``causes`` ranks every component that was considered, best first, also when ``outcome`` is not
    ``found``: then they are what to look at next, not an answer. ``learned`` and ``forgotten`` are
    what the caller should add to and delete from memory. ``notes`` are sentences for the operator
    about what was missing or could not be used.
    """

    alert: Alert
    outcome: Outcome
    statement: str
    causes: tuple[Cause, ...]
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    evidence: tuple[Evidence, ...]
    visits: tuple[Visit, ...]
    hits: tuple[MemoryHit, ...] = ()
    learned: tuple[MemoryEntry, ...] = ()
    forgotten: tuple[str, ...] = ()
    missing: tuple[Modality, ...] = ()
    notes: tuple[str, ...] = ()
    budget: Budget = field(default_factory=Budget)
    spent: Spent = field(default_factory=Spent)

    @property
    def open_visits(self) -> tuple[Visit, ...]:
        return tuple(visit for visit in self.visits if visit.verdict is Verdict.OPEN)


@dataclass(frozen=True, slots=True)
class Question:
    """What a model is asked of one component: the deterministic verdict is open."""

    alert: Alert
    node: str
    callees: tuple[str, ...]
    evidence: tuple[Evidence, ...]
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Opinion:
    """A model's checked answer: a verdict with its reason, names only from the graph.

    ``calls`` is how many requests it took, an open verdict that took some included.
    """

    verdict: Verdict
    reason: str
    inherited_from: tuple[str, ...] = ()
    evidence: tuple[str, ...] = ()
    calls: int = 1


class NotAsked(Exception):
    """Raised by an ``Ask`` that sent nothing: the question costs no call of the budget."""


Ask = Callable[[Question], Opinion | None]
Told = Callable[[Visit], None]
Clock = Callable[[], float]
