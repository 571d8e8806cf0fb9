"""Practise on the BFCL v3 tool world with the rules engine and print the construction metrics.

Rounds follow Preping (arXiv 2605.13880) §3: propose, select for novelty, solve from a reset world,
validate, admit, reflect and curate into a working playbook, remember, summarise. The ground truth
is read once, after practice, for scoring. ``--ablations`` also leaves out what the paper's table of
ablations leaves out, and the admission gate; the peers are that table's.

The peer of the near-duplicate share is plain greedy farthest-first over the same candidates in the
same run.

    python -m benchmarks.practice_bfcl [--rounds 10] [--tasks 10] [--seeds 1 2 3] [--ablations]
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

FIGURES = ("unique_tools", "entropy_bits", "weighted_recall", "infeasible_share")
REPEATS = "near_duplicate_share"


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
ABLATIONS = (
    Variant("no history", (50, 5.022, 0.591, 0.06), history=False),
    Variant("no facts", (118, 6.028, 0.968, 0.19), facts=False),
    Variant("no gate", gate=False),
    Variant("validator only", (45, 5.015, 0.505, 0.09), history=False, facts=False),
)
FACTS_SHOWN = 10
MAX_CANDIDATES = 50
CLOCK = datetime(2024, 9, 1, 10, 30, tzinfo=UTC)


@dataclass(slots=True)
class Campaign:
    """Everything one seed learns."""

    engine: Engine
    world: BfclEnvironment
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
        return task, trajectory, self.engine.validator.validate(task, trajectory, self.world.tools)

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


def practise(
    seed: int, rounds: int, tasks: int, *, accounts: bool = True, variant: Variant = FULL
) -> Campaign:
    """Run a campaign of ``rounds`` × ``tasks`` × one attempt and return what it learned."""
    world = BfclEnvironment(seed, accounts=accounts)
    campaign = Campaign(engine=build_engine(seed), world=world, seed=seed, variant=variant)
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
    """Return the construction metrics of a finished campaign and its share of repeated tasks."""
    history = campaign.history
    return {
        "unique_tools": metrics.unique_tools(history),
        "entropy_bits": metrics.entropy_bits(metrics.invocations(history)),
        "weighted_recall": metrics.weighted_recall(
            metrics.practised_tools(history), target_calls()
        ),
        "infeasible_share": metrics.infeasible_share(history),
        REPEATS: campaign.repeats / max(1, len(history)),
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
    parser.add_argument("--ablations", action="store_true", help="also run with parts left out")
    parser.add_argument("--json", type=Path, help="also write the playbooks and records here")
    parser.add_argument("--check", action="store_true", help="only check that the world works")
    options = parser.parse_args(arguments)
    if options.check:
        check(options.seeds[0])
        return
    details: list[dict[str, Any]] = []
    for variant in (FULL, *ABLATIONS) if options.ablations else (FULL,):
        details += _series(variant, options)
    if options.json:
        options.json.write_text(json.dumps(details, indent=1, ensure_ascii=False), "utf-8")


def _series(variant: Variant, options: argparse.Namespace) -> list[dict[str, Any]]:
    """Run every seed of one variant, print its lines and return what each campaign did."""
    found: dict[str, list[tuple[float, float | None]]] = {}
    details = []
    for seed in options.seeds:
        # Two backends look at the clock; a seed must give the same figures at any hour.
        with time_machine.travel(CLOCK, tick=False):
            campaign = practise(
                seed,
                options.rounds,
                options.tasks,
                accounts=not options.no_accounts,
                variant=variant,
            )
        for name, value in figures(campaign).items():
            plain = campaign.plain_repeats / max(1, len(campaign.history))
            peer = plain if name == REPEATS else variant.peer(name)
            found.setdefault(name, []).append((value, peer))
            _line(name, value, peer, seed, variant)
        details.append(_detail(campaign))
    for name, pairs in found.items():
        peers = [peer for _, peer in pairs if peer is not None]
        mean = statistics.fmean(peers) if peers else None
        _line(name, statistics.fmean(value for value, _ in pairs), mean, "mean", variant)
    return details


def _line(name: str, value: float, peer: float | None, seed: int | str, variant: Variant) -> None:
    line = {
        "figure": name,
        "value": round(value, 4),
        "peer": None if peer is None else round(peer, 4),
        "seed": seed,
        "ablation": variant.name,
    }
    sys.stdout.write(f"{json.dumps(line)}\n")
    sys.stdout.flush()


def _detail(campaign: Campaign) -> dict[str, Any]:
    return {
        "seed": campaign.seed,
        "ablation": campaign.variant.name,
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
