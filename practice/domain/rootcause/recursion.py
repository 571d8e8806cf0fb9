"""The recursion: from the troubled component down its calls, own or inherited at every hop.

Breadth first over the calls, depth along what deviates, then a challenge: whoever has a case as
good as the best one found is looked at even if no call leads there. A normal component closes its
branch only if nothing below it deviates, for a caller may swallow its callee's trouble. Every
branch ends with a reason; what the budget cut off is open, never normal.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from practice.domain.rootcause.findings import Finding
from practice.domain.rootcause.graph import Calls, edge_id
from practice.domain.rootcause.memory import Recall
from practice.domain.rootcause.naming import name_of, node_id
from practice.domain.rootcause.ranking import OWN, Standing, worth
from practice.domain.rootcause.telemetry import Modality
from practice.domain.rootcause.types import (
    Alert,
    Ask,
    Budget,
    Clock,
    Closing,
    Evidence,
    EvidenceKind,
    NotAsked,
    Phase,
    Question,
    Told,
    Verdict,
    Visit,
)

# A rival is looked at when its case is at least this part of the best.
_RIVAL = 0.5


@dataclass(frozen=True, slots=True)
class Subject:
    """What the recursion reads: calls, each service's case, evidence, what was seen of whom."""

    alert: Alert
    calls: Calls
    standings: Mapping[str, Standing]
    evidence: Mapping[str, tuple[Evidence, ...]]
    seen: Mapping[str, frozenset[Modality]]


@dataclass(slots=True)
class Recursion:
    """One run. ``visits`` are in the order they were made."""

    subject: Subject
    recall: Recall
    budget: Budget
    clock: Clock
    asked: Ask | None = None
    told: Told = lambda visit: None
    should_stop: Callable[[], bool] = lambda: False
    visits: list[Visit] = field(default_factory=list)
    model_calls: int = 0
    _began: float = 0.0
    _at: dict[str, Visit] = field(default_factory=dict)

    def run(self, start: Sequence[str]) -> None:
        self._began = self.clock()
        deviating = [n for n in self.subject.standings if self._deviates(n)]
        leads = self.subject.calls.above(deviating)
        self._walk(deque((name, None, 0, "") for name in start), leads, None)
        best = max((self._strength(name) for name in self._at), default=0.0)
        rivals = [
            name
            for name in sorted(deviating, key=lambda n: (-self._strength(n), n))
            if name not in self._at and self._strength(name) >= max(OWN, _RIVAL * best)
        ]
        self._walk(deque((name, None, 0, "") for name in rivals), leads, Phase.CHALLENGE)

    def _walk(
        self,
        waiting: deque[tuple[str, str | None, int, str]],
        leads: frozenset[str],
        phase: Phase | None,
    ) -> None:
        while waiting:
            name, parent, depth, edge = waiting.popleft()
            if name in self._at:
                continue
            cut = self._cut(depth)
            if cut is not None:
                self._keep(self._open(name, parent, depth, edge, cut))
                continue
            here = phase or (Phase.BREADTH if depth <= 1 else Phase.DEPTH)
            visit, further = self._visit(name, parent, depth, edge, here, leads)
            self._keep(visit)
            waiting.extend(
                (callee, visit.visit_id, depth + 1, edge_id(name, callee)) for callee in further
            )

    def _cut(self, depth: int) -> tuple[Closing, str] | None:
        if self.should_stop():
            return Closing.CANCELLED, "the analysis was cancelled before this was looked at"
        if depth > self.budget.depth:
            return Closing.BUDGET, f"deeper than the {self.budget.depth} hops of the budget"
        if sum(not visit.hit for visit in self.visits) >= self.budget.visits:
            return Closing.BUDGET, f"the budget of {self.budget.visits} visits was spent"
        if self.clock() - self._began >= self.budget.seconds:
            return Closing.BUDGET, f"the budget of {self.budget.seconds:g} s was spent"
        return None

    def _open(
        self, name: str, parent: str | None, depth: int, edge: str, cut: tuple[Closing, str]
    ) -> Visit:
        closing, reason = cut
        return Visit(
            self._next(), parent, depth, node_id(name), Phase.BREADTH, Verdict.OPEN, closing,
            0.0, reason, edge=edge,
        )  # fmt: skip

    def _next(self) -> str:
        return f"v{len(self.visits) + 1}"

    def _keep(self, visit: Visit) -> None:
        self.visits.append(visit)
        self._at[name_of(visit.node)] = visit
        self.told(visit)

    def _visit(
        self,
        name: str,
        parent: str | None,
        depth: int,
        edge: str,
        phase: Phase,
        leads: frozenset[str],
    ) -> tuple[Visit, Sequence[str]]:
        callees = self.subject.calls.callees.get(name, ())
        remembered = self.recall.answer(name, self.subject.standings.get(name), callees)
        if remembered is not None:
            entry, hit = remembered
            visit = Visit(
                self._next(), parent, depth, node_id(name), phase, entry.verdict,
                Closing.REMEMBERED, hit.confidence, f"as in {entry.alert_id}: {hit.check}",
                inherited_from=entry.inherited_from, edge=edge, hit=entry.entry_id,
            )  # fmt: skip
            known = {name_of(node) for node in entry.inherited_from}
            return visit, [callee for callee in callees if callee in known]
        verdict, sure, reason, sources = self._judged(name, callees)
        further: Sequence[str] = callees
        if depth > 0 and verdict in (Verdict.NORMAL, Verdict.OWN):
            further = [callee for callee in callees if callee in leads] and callees
        closing = Closing.RECURSED if further else Closing.LEAF
        if not further and verdict is Verdict.NORMAL:
            closing = Closing.NORMAL
        visit = Visit(
            self._next(), parent, depth, node_id(name), phase, verdict, closing, sure, reason,
            evidence=tuple(one.evidence_id for one in self.subject.evidence.get(name, ())[:8]),
            inherited_from=tuple(node_id(source) for source in sources),
            edge=edge,
        )  # fmt: skip
        return visit, further

    def _judged(
        self, name: str, callees: Sequence[str]
    ) -> tuple[Verdict, float, str, Sequence[str]]:
        """Verdict, confidence, reason and the callees it is inherited from."""
        standing = self.subject.standings.get(name)
        strength = self._strength(name)
        sources = [callee for callee in callees if self._deviates(callee)]
        if standing is not None and standing.top is not None and strength >= OWN:
            return Verdict.OWN, _sure(strength), standing.top.statement, ()
        if self._deviates(name) and sources:
            what = self._loudest(name)
            return Verdict.INHERITED, 0.8, f"{what}; what it calls deviates itself", sources
        if not self.subject.seen.get(name):
            return self._asked(name, callees, "nothing was measured here")
        if self._deviates(name):
            said = f"{self._loudest(name)}; neither its own doing nor that of what it calls"
            return self._asked(name, callees, said)
        seen = ", ".join(sorted(self.subject.seen[name]))
        said = f"as usual in {seen}" if not standing else _as_asked(standing, seen)
        return Verdict.NORMAL, 0.8, said, ()

    def _asked(
        self, name: str, callees: Sequence[str], reason: str
    ) -> tuple[Verdict, float, str, Sequence[str]]:
        """An open verdict, put to a model where there is one and the budget allows."""
        if self.asked is None or self.model_calls >= self.budget.model_calls:
            return Verdict.OPEN, 0.0, reason, ()
        question = Question(
            alert=self.subject.alert,
            node=node_id(name),
            callees=tuple(node_id(callee) for callee in callees),
            evidence=self.subject.evidence.get(name, ()),
            names=tuple(node_id(one) for one in sorted(self.subject.seen)),
        )
        try:
            opinion = self.asked(question)
        except NotAsked:
            return Verdict.OPEN, 0.0, reason, ()
        self.model_calls += opinion.calls if opinion is not None else 1
        if opinion is None or opinion.verdict is Verdict.OPEN:
            return Verdict.OPEN, 0.0, reason, ()
        sources = [name_of(node) for node in opinion.inherited_from]
        return opinion.verdict, 0.5, f"{reason}; a model said: {opinion.reason}", sources

    def _strength(self, name: str) -> float:
        standing = self.subject.standings.get(name)
        return standing.strength if standing else 0.0

    def _deviates(self, name: str) -> bool:
        """Whether something is otherwise than usual, but for how much others ask of it.

        That comes down from its callers, so nothing it calls accounts for it.
        """
        standing = self.subject.standings.get(name)
        return standing is not None and any(map(_is_trouble, standing.best))

    def _loudest(self, name: str) -> str:
        troubles = filter(_is_trouble, self.subject.standings[name].best)
        return max(troubles, key=lambda one: one.total).statement


def _is_trouble(one: Finding) -> bool:
    return one.kind is not EvidenceKind.WORKLOAD and worth(one.total) >= OWN


def _as_asked(standing: Standing, seen: str) -> str:
    """What is said of a service that does as it is asked, also where it is asked otherwise."""
    asked = [one for one in standing.best if worth(one.total) >= OWN]
    return f"as it is asked in {seen}: {asked[0].statement}" if asked else f"as usual in {seen}"


def _sure(strength: float) -> float:
    return round(strength / (strength + OWN), 4)
