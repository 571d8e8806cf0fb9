"""The same question about an agent: which step of a failed trajectory decided the failure?

Step = span, tool or agent = service, text = log, rejection = alert. Edges are data flow: a step
depends on an earlier one when it reuses what that one brought in. The recursion walks the data flow
backwards from the rejected claim; the decisive step is the earliest with a fault of its own.

A step *acts* when it runs something or states a result others build on; a brief that only sets the
task, and an observation that only answers an action, do not. Evidence for an own fault: an action
that the claim descends from, an action that failed, a value taken from nowhere, an assumption in
place of a look-up, a tool that admitted attempts of the same kind do not use there, and a call that
was made before and brings nothing new.
"""

from __future__ import annotations

import json
import re
from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from practice.domain.rootcause.telemetry import Modality
from practice.domain.rootcause.types import (
    Closing,
    Direction,
    Evidence,
    EvidenceKind,
    Outcome,
    Phase,
    Verdict,
    Visit,
)
from practice.domain.types import Trajectory

_TOKEN = re.compile(r"\d[\d,.]*\d|\d|[A-Za-z_][A-Za-z_']{3,}")
# Of a line, never over its end: a text of empty lines would be gone through for each of them.
_CODE = re.compile(r"```|^[^\S\n]*(?:import|from|def|SELECT|curl)\s", re.M)
_FAILED = re.compile(
    r"exit ?code: *[1-9]|execution failed|traceback \(most recent|\b\w*(?:Error|Exception)\b:"
)
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_ASSUMED = re.compile(
    r"\bassum|hypothetic|simulat|placeholder|sample data|mock|suppose|let's say|for the sake of",
    re.I,
)
_SUBSTANCE = 60
_REUSED = 0.1
# Shorter values are everywhere by chance; longer ones are composed.
_TELLING, _TOO_LONG = 3, 80
# What each kind of evidence adds to the case against a step. Ours.
_ACTS, _FAILS, _ASSUMES, _UNGROUNDED, _UNUSUAL, _REPEATS = 1.0, 0.25, 0.15, 0.75, 0.5, 0.5


@dataclass(frozen=True, slots=True)
class Action:
    """One step. ``output`` is what came back, where the step itself called something.

    ``observation`` marks a step that only reports what an earlier one's action returned. ``values``
    are what it passed on; those that appear nowhere before are from nowhere. ``given`` are the
    arguments of its call, in one writing.
    """

    index: int
    actor: str
    text: str
    output: str = ""
    observation: bool = False
    failed: bool = False
    values: tuple[str, ...] = ()
    calls: bool = False
    given: str = ""


@dataclass(frozen=True, slots=True)
class StepCause:
    """A ranked step. ``score`` is its share of the whole case against all steps, 0 to 1."""

    rank: int
    index: int
    actor: str
    score: float
    strength: float
    statement: str
    evidence: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TrajectoryAnalysis:
    """The decisive step first. ``flow`` are (from, to) indexes of data that went on.

    ``visits`` tell the walk backwards from the rejected claim; nodes are ``step:<index>``.
    """

    outcome: Outcome
    statement: str
    causes: tuple[StepCause, ...]
    evidence: tuple[Evidence, ...]
    visits: tuple[Visit, ...]
    flow: tuple[tuple[int, int], ...]


def tokens(text: str) -> frozenset[str]:
    """Numbers, names and longer words, lower-cased."""
    return frozenset(found.lower() for found in _TOKEN.findall(text))


def analyse_trajectory(
    actions: Sequence[Action], *, task: str = "", usual: Sequence[Sequence[str]] = ()
) -> TrajectoryAnalysis:
    """Rank the steps of a rejected trajectory.

    ``usual`` has the actors (tools) of admitted attempts at the same kind of task, in order.
    """
    if not actions:
        return TrajectoryAnalysis(Outcome.NONE, "There are no steps.", (), (), (), ())
    flow = _flow(actions, task)
    claim = _claim(actions)
    lineage = _lineage(flow, claim)
    evidence: list[Evidence] = []
    nowhere, again = _from_nowhere(actions, task), _again(actions)
    strengths = {
        place: _case(
            place, actions, usual, nowhere[place], place in again, place in lineage, evidence
        )
        for place in range(len(actions))
    }
    by_node: dict[str, list[Evidence]] = {}
    for item in evidence:
        by_node.setdefault(item.node, []).append(item)
    top = max(strengths.values(), default=0.0)
    # The earliest step with a case of its own decides; later faults may follow from it.
    order = sorted(strengths, key=lambda p: (strengths[p] < min(_ACTS, top), p))
    if top < _ACTS:
        order = sorted(strengths, key=lambda p: (-strengths[p], p))
    whole = sum(strengths.values()) or 1.0
    causes = tuple(
        StepCause(
            rank=rank,
            index=actions[place].index,
            actor=actions[place].actor,
            score=round(strengths[place] / whole, 4),
            strength=round(strengths[place], 4),
            statement=_said(place, actions, by_node),
            evidence=tuple(e.evidence_id for e in by_node.get(_node(actions, place), ())),
        )
        for rank, place in enumerate(order, start=1)
    )
    return TrajectoryAnalysis(
        outcome=Outcome.FOUND if top > 0 else Outcome.NONE,
        statement=causes[0].statement if top > 0 else "No step shows a fault of its own.",
        causes=causes,
        evidence=tuple(evidence),
        visits=_walk(actions, flow, claim, strengths, by_node, order[0] if top > 0 else None),
        flow=tuple((actions[a].index, actions[b].index) for a, b in flow),
    )


def _node(actions: Sequence[Action], place: int) -> str:
    return f"step:{actions[place].index}"


def _flow(actions: Sequence[Action], task: str) -> list[tuple[int, int]]:
    """(earlier, later) places where the later reuses a notable part of what the earlier brought."""
    known = tokens(task)
    bringer: dict[str, int] = {}
    brought: list[int] = []
    flow: list[tuple[int, int]] = []
    for late, one in enumerate(actions):
        said = tokens(f"{one.text}\n{one.output}") - known
        reused = Counter(bringer[word] for word in said if word in bringer)
        flow += [
            (early, late)
            for early, count in sorted(reused.items())
            if count >= max(1.0, _REUSED * brought[early])
        ]
        new = [word for word in said if word not in bringer]
        bringer.update(dict.fromkeys(new, late))  # who says a word first brings it
        brought.append(len(new))
    return flow


def _claim(actions: Sequence[Action]) -> int:
    """The place of the last step that states anything."""
    for place in range(len(actions) - 1, -1, -1):
        if not actions[place].observation and len(actions[place].text) >= _SUBSTANCE:
            return place
    return len(actions) - 1


def _lineage(flow: Sequence[tuple[int, int]], claim: int) -> frozenset[int]:
    found = {claim}
    for early, late in sorted(flow, key=lambda pair: -pair[1]):
        if late in found:
            found.add(early)
    return frozenset(found)


def _case(
    place: int,
    actions: Sequence[Action],
    usual: Sequence[Sequence[str]],
    nowhere: Sequence[str],
    again: bool,
    descends: bool,
    evidence: list[Evidence],
) -> float:
    """The strength of the case against a step; its evidence is appended.

    ``nowhere`` are values it passes on from nowhere, ``again`` that it made an earlier call again.
    """
    one = actions[place]
    if one.observation or (len(one.text) < _SUBSTANCE and not one.calls):
        return 0.0
    acts = one.calls or bool(_CODE.search(one.text))
    follower = actions[place + 1] if place + 1 < len(actions) else None
    failed = one.failed or bool(_FAILED.search(one.output))
    if follower is not None and follower.observation:
        failed = failed or follower.failed or bool(_FAILED.search(follower.text))
    unusual = bool(usual) and one.calls and all(one.actor not in tools for tools in usual)
    found = (
        (acts, _ACTS, EvidenceKind.CHANGE, "acts, and later steps build on it"),
        (acts and failed, _FAILS, EvidenceKind.OWN_ERROR, "its action failed"),
        (bool(_ASSUMED.search(one.text)), _ASSUMES, EvidenceKind.SELF_TIME, "assumes"),
        (bool(nowhere), _UNGROUNDED, EvidenceKind.MISSING_STEP, _passed(nowhere)),
        (unusual, _UNUSUAL, EvidenceKind.CHANGE, "no admitted attempt takes this step"),
        (
            one.calls and again and not failed,
            _REPEATS,
            EvidenceKind.CHANGE,
            "makes an earlier call again and learns nothing new",
        ),
    )
    strength = 0.0
    for holds, weight, kind, what in found:
        if holds:
            strength += weight
            evidence.append(_evidence(place, actions, kind, what, weight, len(evidence) + 1))
    if not acts and not nowhere and place > 0:
        # Only words: a claim still counts for something, more if the last one descends from it.
        strength += 0.3 if descends else 0.1
    return strength


def _again(actions: Sequence[Action]) -> frozenset[int]:
    """Places whose step made an earlier call again and read the same answer; none without one."""
    made: set[tuple[str, str, str]] = set()
    found: set[int] = set()
    for place, one in enumerate(actions):
        call = (one.actor, one.given, one.output)
        if one.output and call in made:
            found.add(place)
        made.add(call)
    return frozenset(found)


def _from_nowhere(actions: Sequence[Action], task: str) -> list[list[str]]:
    """Of each step the values it passes on that neither the task nor any step before it holds."""
    known = task.lower()
    numbers = {float(one) for one in _NUMBER.findall(known)}
    found: list[list[str]] = []
    for one in actions:
        strange = [
            value
            for value in one.values
            if not (
                _NUMBER.fullmatch(value) and float(value) in numbers
            )  # 120.00 is the task's 120
            and value.lower() not in known
        ]
        found.append(strange[:3])
        said = f"{one.text}\n{one.output}\n{' '.join(one.values)}".lower()
        numbers.update(float(number) for number in _NUMBER.findall(said))
        known += f"\n{said}"
    return found


def _passed(values: Sequence[str]) -> str:
    return "passes on what nothing before it says: " + ", ".join(f"“{one}”" for one in values)


def _evidence(
    place: int,
    actions: Sequence[Action],
    kind: EvidenceKind,
    what: str,
    weight: float,
    number: int,
) -> Evidence:
    one = actions[place]
    return Evidence(
        evidence_id=f"e{number}",
        kind=kind,
        modality=Modality.TRACES,
        node=_node(actions, place),
        statement=f"Step {one.index} ({one.actor}): {what}",
        direction=Direction.NEW,
        deviation=weight,
        weight=weight,
        references=(one.text[:200],),
    )


def _said(place: int, actions: Sequence[Action], by_node: Mapping[str, Sequence[Evidence]]) -> str:
    mine = [e.statement for e in by_node.get(_node(actions, place), ())]
    if mine:
        return "; ".join([mine[0], *(said.partition(": ")[2] for said in mine[1:])]) + "."
    return f"Step {actions[place].index} ({actions[place].actor}): no fault of its own seen."


def _walk(
    actions: Sequence[Action],
    flow: Sequence[tuple[int, int]],
    claim: int,
    strengths: dict[int, float],
    by_node: Mapping[str, Sequence[Evidence]],
    first: int | None,
) -> tuple[Visit, ...]:
    """The recursion backwards from the claim: own, inherited from what it reuses, or normal.

    Own is a step with a fault, and the ``first`` of the ranking. That a step acts is none: all do.
    """
    above: dict[int, list[int]] = {}
    for early, late in flow:
        above.setdefault(late, []).append(early)
    faulty = {place for place in strengths if place == first or _has_fault(actions, place, by_node)}
    tainted: set[int] = set()
    for place in sorted(strengths):  # what a step reuses came before it
        if place in faulty or tainted.intersection(above.get(place, ())):
            tainted.add(place)
    visits: list[Visit] = []
    at: dict[int, Visit] = {}
    waiting: deque[tuple[int, str | None, int]] = deque([(claim, None, 0)])
    while waiting:
        place, parent, depth = waiting.popleft()
        if place in at:
            continue
        sources = above.get(place, [])
        own = place in faulty
        guilty = [source for source in sources if source in tainted]
        verdict = Verdict.OWN if own else Verdict.INHERITED if guilty else Verdict.NORMAL
        visit = Visit(
            visit_id=f"v{len(visits) + 1}",
            parent=parent,
            depth=depth,
            node=_node(actions, place),
            phase=Phase.BREADTH if depth <= 1 else Phase.DEPTH,
            verdict=verdict,
            closing=Closing.RECURSED if sources else Closing.LEAF,
            confidence=round(min(strengths[place], 1.0), 4) if own else 0.5,
            reason=_said(place, actions, by_node),
            evidence=tuple(e.evidence_id for e in by_node.get(_node(actions, place), ())),
            inherited_from=tuple(_node(actions, source) for source in guilty) if not own else (),
        )
        visits.append(visit)
        at[place] = visit
        waiting.extend((source, visit.visit_id, depth + 1) for source in sources)
    return tuple(visits)


def _has_fault(
    actions: Sequence[Action], place: int, by_node: Mapping[str, Sequence[Evidence]]
) -> bool:
    """Whether anything is held against a step but that it acts."""
    return any(one.weight != _ACTS for one in by_node.get(_node(actions, place), ()))


def actions_of(trajectory: Trajectory) -> tuple[Action, ...]:
    """A practice or imported trajectory: every step calls a tool; the answer is the claim."""
    found = [
        Action(
            index=step.number,
            actor=step.tool,
            text=f"{step.thought}\n{json.dumps(step.arguments, default=str)}",
            output=step.observation,
            failed=step.is_error,
            values=tuple(_leaves(step.arguments)),
            calls=True,
            given=json.dumps(step.arguments, default=str, sort_keys=True),
        )
        for step in trajectory.steps
    ]
    if trajectory.answer:
        found.append(Action(len(found) + 1, "answer", trajectory.answer))
    return tuple(found)


def _leaves(value: object) -> Iterator[str]:
    """Texts and numbers of arguments, long enough to be recognized elsewhere."""
    if isinstance(value, Mapping):
        for item in value.values():
            yield from _leaves(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _leaves(item)
    elif isinstance(value, str | int | float) and not isinstance(value, bool):
        text = str(value)
        if _TELLING <= len(text) <= _TOO_LONG:
            yield text
