"""Practise on the BFCL v3 tool world with the rules engine and print the construction metrics.

Rounds follow Preping (arXiv 2605.13880) §3: propose, select for novelty, solve from a reset world,
validate, admit, reflect and curate into a working playbook, remember, summarise. The ground truth
is read once, after practice, for scoring.

    python -m benchmarks.practice_bfcl [--rounds 10] [--tasks 10] [--seeds 1 2 3] [--check]
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import time_machine

from benchmarks.bfcl_world import BfclEnvironment, target_calls
from memoryapp.domain.playbook import DeltaRefused, Playbook, apply
from practice.agents.ports import Engine, SolverLimits
from practice.agents.rules import build_engine
from practice.agents.rules.documents import failure
from practice.domain import metrics, novelty
from practice.domain.types import (
    Briefing,
    Fact,
    PracticeRecord,
    TaskSpec,
    Trajectory,
    Verdict,
)
from practice.domain.validation import admissible, categorize, label

PEERS = {
    "unique_tools": 105,
    "entropy_bits": 6.095,
    "weighted_recall": 0.846,
    "infeasible_share": 0.04,
}
FACTS_SHOWN = 10
MAX_CANDIDATES = 50
CLOCK = datetime(2024, 9, 1, 10, 30, tzinfo=UTC)


@dataclass(slots=True)
class Campaign:
    """Everything one seed learns."""

    engine: Engine
    world: BfclEnvironment
    seed: int
    playbook: Playbook = field(default_factory=Playbook)
    facts: list[Fact] = field(default_factory=list)
    history: list[PracticeRecord] = field(default_factory=list)
    attempts: list[tuple[TaskSpec, Trajectory, Verdict]] = field(default_factory=list)

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
        shown = list({fact.text: fact for fact in self.facts}.values())
        rng = random.Random(f"{self.seed}:{number}")
        briefing = Briefing(
            tools=self.world.tools,
            facts=tuple(rng.sample(shown, min(FACTS_SHOWN, len(shown)))),
            history=tuple(self.history),
            count=min(3 * tasks, MAX_CANDIDATES),
            seed=self.seed * 1000 + number,
        )
        proposal = self.engine.proposer.propose(briefing)
        chosen = novelty.select(proposal.candidates, self.history, tasks, seed=self.seed)
        return chosen.selected

    def _attempt(self, task: TaskSpec) -> tuple[TaskSpec, Trajectory, Verdict]:
        with self.world.open() as session:
            trajectory = self.engine.solver.solve(task, self.playbook, session, SolverLimits())
        return task, trajectory, self.engine.validator.validate(task, trajectory, self.world.tools)

    def _learn(self, task: TaskSpec, trajectory: Trajectory, verdict: Verdict) -> None:
        judged = label(verdict)
        if not admissible(judged):
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


def practise(seed: int, rounds: int, tasks: int, *, accounts: bool = True) -> Campaign:
    """Run a campaign of ``rounds`` × ``tasks`` × one attempt and return what it learned."""
    world = BfclEnvironment(seed, accounts=accounts)
    campaign = Campaign(engine=build_engine(seed), world=world, seed=seed)
    for number in range(1, rounds + 1):
        campaign.round(number, tasks, last=number == rounds)
    return campaign


def check(seed: int) -> None:
    """Check that each opening is a fresh copy and that errors come back as errors.

    Raises:
        RuntimeError: the world does not do what the figures rest on.
    """
    world = BfclEnvironment(seed)
    with world.open() as session:
        made = session.call("mkdir", {"dir_name": "rehearsal_check"})
        kept = session.call("ls", {}).text
        wrong = session.call("cd", {"folder": "no_such_folder"})
        unknown = session.call("no_such_tool", {})
    with world.open() as session:
        fresh = session.call("ls", {}).text
    if made.is_error or "rehearsal_check" not in kept or "rehearsal_check" in fresh:
        raise RuntimeError("A newly opened world is not a fresh copy.")
    if not (wrong.is_error and unknown.is_error):
        raise RuntimeError("An error of a backend is not an error observation.")
    if len(world.tools) != len({tool.name for tool in world.tools}):
        raise RuntimeError("Two tools of the world have one name.")
    sys.stdout.write(f"The world opens fresh and reports errors; {len(world.tools)} tools.\n")


def figures(campaign: Campaign) -> dict[str, float]:
    """Return the four construction metrics of a finished campaign."""
    history = campaign.history
    return {
        "unique_tools": metrics.unique_tools(history),
        "entropy_bits": metrics.entropy_bits(metrics.invocations(history)),
        "weighted_recall": metrics.weighted_recall(
            metrics.practised_tools(history), target_calls()
        ),
        "infeasible_share": metrics.infeasible_share(history),
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


def main(arguments: Sequence[str] | None = None) -> None:
    """Print one JSON line per figure and seed, then the mean of each figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--tasks", type=int, default=10)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--no-accounts", action="store_true", help="give no practice accounts")
    parser.add_argument("--json", type=Path, help="also write the playbooks and records here")
    parser.add_argument("--check", action="store_true", help="only check that the world works")
    options = parser.parse_args(arguments)
    if options.check:
        check(options.seeds[0])
        return
    found: dict[str, list[float]] = {name: [] for name in PEERS}
    details: list[dict[str, Any]] = []
    for seed in options.seeds:
        # Two backends look at the clock; a seed must give the same figures at any hour.
        with time_machine.travel(CLOCK, tick=False):
            campaign = practise(
                seed, options.rounds, options.tasks, accounts=not options.no_accounts
            )
        for name, value in figures(campaign).items():
            found[name].append(value)
            _line(name, value, seed)
        details.append(_detail(campaign))
    for name, values in found.items():
        _line(name, statistics.fmean(values), "mean")
    if options.json:
        options.json.write_text(json.dumps(details, indent=1, ensure_ascii=False), "utf-8")


def _line(name: str, value: float, seed: int | str) -> None:
    line = {"figure": name, "value": round(value, 4), "peer": PEERS[name], "seed": seed}
    sys.stdout.write(f"{json.dumps(line)}\n")
    sys.stdout.flush()


def _detail(campaign: Campaign) -> dict[str, Any]:
    return {
        "seed": campaign.seed,
        "bullets": [
            {"label": b.label, "content": b.content, "rule": b.rule} for b in campaign.playbook.live
        ],
        "tasks": [
            {
                "instruction": task.instruction,
                "label": label(verdict),
                "feasibility": verdict.feasibility_reason,
                "completion": verdict.completion_reason,
                "answer": trajectory.answer,
                "calls": [
                    [s.tool, dict(s.arguments), s.observation[:200], bool(failure(s))]
                    for s in trajectory.steps
                ],
            }
            for task, trajectory, verdict in campaign.attempts
        ],
    }


if __name__ == "__main__":
    main()
