"""The step that decided a failed trajectory, as a root cause; and how to put it to the test. Pure.

Step = component, data flow = call, rejection by the validator = alert: the recursion of AMER-RCL
(arXiv 2601.02732) on a trajectory (docs/rootcause.md#from-findings-to-an-answer).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from memoryapp.domain.playbook import Delta, Op
from practice.domain.carrying import others
from practice.domain.rootcause.trajectories import Action, StepCause, TrajectoryAnalysis
from practice.domain.rootcause.types import (
    Alert,
    Analysis,
    Cause,
    Edge,
    EdgeKind,
    EvidenceKind,
    Hop,
    Node,
    NodeKind,
    Spent,
    Verdict,
    Visit,
)
from practice.domain.types import Label, Step, Trajectory

CONFIRMED, REFUTED, UNTESTED = "confirmed", "refuted", "untested"
SHOWN_CHARS = 200
#: strength of the case against a step that did no more than call something.
BARE_ACT = 1.0


def as_analysis(told: TrajectoryAnalysis, actions: Sequence[Action], alert: Alert) -> Analysis:
    """What was found about steps in the words of incidents; a node is ``step:<index> <tool>``."""
    names = {f"step:{one.index}": f"step:{one.index} {one.actor}" for one in actions}

    def named(node: str) -> str:
        return names.get(node, node)

    visits = tuple(
        replace(
            visit,
            node=named(visit.node),
            inherited_from=tuple(named(node) for node in visit.inherited_from),
        )
        for visit in told.visits
    )
    evidence = tuple(replace(item, node=named(item.node)) for item in told.evidence)
    kinds = {item.evidence_id: item.kind for item in evidence}
    causes = ranked(told)
    chances = sorted((cause.score for cause in causes), reverse=True)
    return Analysis(
        alert=alert,
        outcome=told.outcome,
        statement=causes[0].statement if causes else told.statement,
        causes=tuple(
            Cause(
                rank=rank,
                node=named(f"step:{cause.index}"),
                service=cause.actor,
                pod="",
                kind=kinds[cause.evidence[0]] if cause.evidence else EvidenceKind.SELF_TIME,
                # The order is by when, not by strength: who leads it is the likeliest.
                score=chance,
                strength=cause.strength,
                verified=False,
                path=_path(named(f"step:{cause.index}"), visits),
                evidence=cause.evidence,
                statement=cause.statement,
            )
            for rank, (cause, chance) in enumerate(zip(causes, chances, strict=True), start=1)
        ),
        nodes=tuple(
            Node(node, NodeKind.SERVICE, node.partition(":")[2]) for node in names.values()
        ),
        edges=tuple(
            # Drawn as the walk goes: from the claim back to what it was made of.
            Edge(
                f"{late}>{early}",
                EdgeKind.CALLS,
                named(f"step:{late}"),
                named(f"step:{early}"),
                calls=1,
            )
            for early, late in told.flow
        ),
        evidence=evidence,
        visits=visits,
        spent=Spent(visits=len(visits)),
    )


def ranked(told: TrajectoryAnalysis) -> list[StepCause]:
    """Steps with a fault of their own first, the earliest of them leading; then the others.

    Every call of a tool acts, so acting alone says nothing of it (in a talk between agents it does,
    which is what the engine's own order is for).
    """
    return sorted(told.causes, key=lambda cause: (cause.strength <= BARE_ACT, cause.index))


def put_first(found: Analysis, node: str) -> Analysis:
    """The analysis with the step that stood its test in front, its path verified."""
    order = sorted(found.causes, key=lambda cause: (cause.node != node, cause.rank))
    chances = sorted((cause.score for cause in order), reverse=True)
    causes = tuple(
        replace(cause, rank=rank, score=chance, verified=cause.node == node)
        for rank, (cause, chance) in enumerate(zip(order, chances, strict=True), start=1)
    )
    return replace(found, causes=causes, statement=causes[0].statement)


def _path(node: str, visits: Sequence[Visit]) -> tuple[Hop, ...]:
    """Hops from the rejected claim back to a step, over the visits that led there."""
    by_id = {visit.visit_id: visit for visit in visits}
    visit = next((v for v in visits if v.node == node), None)
    hops: list[Hop] = []
    while visit is not None and visit.parent in by_id:
        source = by_id[visit.parent]
        both = visit.verdict is not Verdict.NORMAL and source.verdict is not Verdict.NORMAL
        hops.insert(0, Hop(source.node, visit.node, True, both, True, visit.evidence))
        visit = source
    return tuple(hops)


@dataclass(frozen=True, slots=True)
class Counterfactual:
    """Two ways to go on from the state before a step, alike but for that step.

    ``prefix`` are the steps before it. ``corrected`` goes on with the successful attempt's step,
    ``control`` with the step as it was; both then follow the successful attempt to its ``answer``.
    """

    prefix: tuple[Step, ...]
    corrected: tuple[Step, ...]
    control: tuple[Step, ...]
    answer: str

    @property
    def step(self) -> Step:
        """The step as it was."""
        return self.control[0]

    @property
    def right(self) -> Step:
        """The step that takes its place."""
        return self.corrected[0]


def counterfactual(failed: Trajectory, won: Trajectory, number: int) -> Counterfactual | None:
    """The test of step ``number`` by an attempt that succeeded; ``None`` where it has no such call.

    The successful attempt's step is the one with the same tool that lies nearest; a step it made
    in the very same words teaches nothing.
    """
    place = next((i for i, step in enumerate(failed.steps) if step.number == number), None)
    if place is None:
        return None
    wrong = failed.steps[place]
    twins = [
        i
        for i, step in enumerate(won.steps)
        if step.tool == wrong.tool and dict(step.arguments) != dict(wrong.arguments)
    ]
    if not twins:
        return None
    at = min(twins, key=lambda i: (abs(i - place), i))
    return Counterfactual(
        prefix=failed.steps[:place],
        corrected=won.steps[at:],
        control=(wrong, *won.steps[at + 1 :]),
        answer=won.answer,
    )


def by_hand(failed: Trajectory, number: int, arguments: Mapping[str, Any]) -> Counterfactual | None:
    """The test of step ``number`` with a person's values, or ``None`` where there is no such step.

    No success is needed: both ways go on as the failed attempt did.
    """
    place = next((i for i, step in enumerate(failed.steps) if step.number == number), None)
    if place is None:
        return None
    wrong, *later = failed.steps[place:]
    return Counterfactual(
        prefix=failed.steps[:place],
        corrected=(replace(wrong, arguments=dict(arguments)), *later),
        control=(wrong, *later),
        answer=failed.answer,
    )


def at_hand(failed: Trajectory, number: int) -> Iterator[dict[str, Any]]:
    """Other arguments for step ``number``: each value in turn replaced by one read beside it."""
    place = next((i for i, step in enumerate(failed.steps) if step.number == number), None)
    if place is None:
        return
    step, read = failed.steps[place], [one.observation for one in failed.steps[:place]]
    for name, value in step.arguments.items():
        if isinstance(value, str | int | float) and not isinstance(value, bool):
            for other in others(name, value, read):
                yield {**step.arguments, name: other}


def judged(corrected: Label, control: Label, *, is_known: bool = True) -> tuple[str, str]:
    """What two re-runs say of a step: a verdict and the sentence an operator reads.

    ``is_known`` says that the values come from a success, so that they are right for certain.
    """
    if corrected is not Label.SUCCESS and not is_known:
        return REFUTED, (
            "With these values the task still failed: others are right, or another step decided."
        )
    if corrected is not Label.SUCCESS:
        return REFUTED, "With the step put right the task still failed: the fault lies before it."
    if control is Label.SUCCESS:
        return REFUTED, "The task succeeds with the step as it was: it did not decide the failure."
    return CONFIRMED, "With the step put right the task succeeded; as it was, the task failed."


def lesson(test: Mapping[str, Any], *, instruction: str, name: str) -> Delta:
    """ADD the bullet that a tested step teaches."""
    tool, wrong, right = test["tool"], test["was"], test["right"]
    changed = ", ".join(
        f"`{key}` as `{right.get(key)}`, not `{wrong.get(key)}`"
        for key in sorted({*wrong, *right})
        if wrong.get(key) != right.get(key)
    )
    task = instruction.strip().rstrip(".")[:SHOWN_CHARS]
    return Delta(
        op=Op.ADD,
        section="pitfalls",
        content=f"For a task such as “{task}”, call `{tool}` with {changed}: "
        "with the wrong value the task failed, with the right one it succeeded.",
        reason=f"{name} was tested by re-running from step {test['step']}.",
    )
