"""Practice in this process, with no database: what one seed of the rules engine does and learns.

Rounds follow Preping (arXiv 2605.13880) §3: propose, select for novelty, solve from a reset world,
validate, admit, reflect and curate into a working playbook, remember, summarise.
"""

from __future__ import annotations

import random
import sys
from collections import Counter
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Protocol

from memoryapp.domain.playbook import DeltaRefused, Playbook, apply
from practice.agents.ports import Engine, EnvironmentSession, SolverLimits
from practice.agents.rules.documents import failure
from practice.domain import metrics, novelty
from practice.domain.types import (
    Briefing,
    Fact,
    PracticeRecord,
    TaskSpec,
    ToolSpec,
    Trajectory,
    Verdict,
)
from practice.domain.validation import admissible, categorize, label

FIGURES = ("unique_tools", "entropy_bits", "weighted_recall", "infeasible_share")
REPEATS = "near_duplicate_share"
FACTS_SHOWN = 10
MAX_CANDIDATES = 50


class World(Protocol):
    """Where a campaign practises; every opening starts from the same state."""

    tools: tuple[ToolSpec, ...]

    def open(self) -> AbstractContextManager[EnvironmentSession]: ...


@dataclass(frozen=True, slots=True)
class Variant:
    """What a campaign goes without, and the paper's figures for it, in the order of ``FIGURES``."""

    name: str
    peers: tuple[float, ...] = ()
    history: bool = True
    facts: bool = True
    gate: bool = True

    def peer(self, figure: str) -> float | None:
        """Return the paper's figure, ``None`` where it states none."""
        return dict(zip(FIGURES, self.peers, strict=False)).get(figure)


FULL = Variant("none", (105, 6.095, 0.846, 0.04))


@dataclass(slots=True)
class Campaign:
    """Everything one seed learns."""

    engine: Engine
    world: World
    seed: int
    variant: Variant = FULL
    playbook: Playbook = field(default_factory=Playbook)
    facts: list[Fact] = field(default_factory=list)
    history: list[PracticeRecord] = field(default_factory=list)
    attempts: list[tuple[TaskSpec, Trajectory, Verdict]] = field(default_factory=list)
    repeats: int = 0
    plain_repeats: int = 0

    def round(self, number: int, tasks: int, *, last: bool) -> None:
        """Run one round of ``tasks`` tasks, one attempt each."""
        attempts = [self._attempt(task) for task in self._select(number, tasks)]
        self.attempts += attempts
        for task, trajectory, verdict in attempts:
            self._learn(task, trajectory, verdict)
            self.history.append(_record(task, trajectory, verdict, number))
        if not last:
            for task, trajectory, _ in attempts:
                summary = self.engine.summariser.summarise(task, trajectory, self.world.tools)
                self.facts += summary.facts

    def _select(self, number: int, tasks: int) -> tuple[TaskSpec, ...]:
        shown = (
            list({fact.text: fact for fact in self.facts}.values()) if self.variant.facts else []
        )
        past = self.history if self.variant.history else []
        rng = random.Random(f"{self.seed}:{number}")
        briefing = Briefing(
            tools=self.world.tools,
            facts=tuple(rng.sample(shown, min(FACTS_SHOWN, len(shown)))),
            history=tuple(past),
            count=min(3 * tasks, MAX_CANDIDATES),
            seed=self.seed * 1000 + number,
        )
        proposal = self.engine.proposer.propose(briefing)
        chosen = novelty.select(proposal.candidates, past, tasks, seed=self.seed).selected
        plain = novelty.farthest_first(proposal.candidates, past, tasks).selected
        self.repeats += novelty.near_duplicates(chosen, self.history)
        self.plain_repeats += novelty.near_duplicates(plain, self.history)
        return chosen

    def _attempt(self, task: TaskSpec) -> tuple[TaskSpec, Trajectory, Verdict]:
        with self.world.open() as session:
            trajectory = self.engine.solver.solve(task, self.playbook, session, SolverLimits())
        # As in a run: the validator knows which calls the memory puts before others.
        rules = tuple(bullet.rule for bullet in self.playbook.live if bullet.rule)
        tools = self.world.tools
        return task, trajectory, self.engine.validator.validate(task, trajectory, tools, rules)

    def _learn(self, task: TaskSpec, trajectory: Trajectory, verdict: Verdict) -> None:
        judged = label(verdict)
        if self.variant.gate and not admissible(judged):
            return
        reflection = self.engine.reflector.reflect(
            task, judged, self.playbook, trajectory, self.world.tools
        )
        curation = self.engine.curator.curate(task, self.playbook, trajectory, reflection)
        for delta in curation.deltas:
            try:
                self.playbook = apply(self.playbook, delta)
            except DeltaRefused as refused:
                sys.stderr.write(f"{refused}\n")

    def move(self, world: World) -> None:
        """Go on in another world. What is known about the old one is forgotten with it."""
        self.world = world
        self.facts = []

    def figures(self, targets: Counter[str]) -> dict[str, float]:
        """Return the construction metrics and the share of repeated tasks.

        ``targets`` counts the calls recall is weighted by, per tool.
        """
        return {
            "unique_tools": metrics.unique_tools(self.history),
            "entropy_bits": metrics.entropy_bits(metrics.invocations(self.history)),
            "weighted_recall": metrics.weighted_recall(
                metrics.practised_tools(self.history), targets
            ),
            "infeasible_share": metrics.infeasible_share(self.history),
            REPEATS: self.repeats / max(1, len(self.history)),
        }


def _record(
    task: TaskSpec, trajectory: Trajectory, verdict: Verdict, number: int
) -> PracticeRecord:
    feasible = verdict.feasibility == 5
    return PracticeRecord(
        instruction=task.instruction,
        category=categorize([label(verdict)]),
        intended_tools=task.intended_tools,
        used_tools=trajectory.used_tools,
        reason=verdict.completion_reason if feasible else verdict.feasibility_reason,
        round=number,
        calls=tuple((s.tool, bool(failure(s))) for s in trajectory.steps),
        goal=task.goal,
    )
