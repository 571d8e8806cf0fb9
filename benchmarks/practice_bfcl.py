"""Practise on the BFCL v3 tool world with the rules engine and print the construction metrics.

The ground truth is read once, after practice, for scoring. ``--ablations`` also leaves out what the
paper's table of ablations leaves out, and the admission gate; the peers are that table's.

The peer of the near-duplicate share is plain greedy farthest-first over the same candidates in the
same run.

    python -m benchmarks.practice_bfcl [--rounds 10] [--tasks 10] [--seeds 1 2 3] [--ablations]
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import time_machine

from benchmarks.bfcl_world import BfclEnvironment, target_calls
from benchmarks.campaign import FULL, REPEATS, Campaign, Variant
from practice.agents.rules import build_engine
from practice.agents.rules.documents import failure
from practice.domain.validation import label

ABLATIONS = (
    Variant("no history", (50, 5.022, 0.591, 0.06), history=False),
    Variant("no facts", (118, 6.028, 0.968, 0.19), facts=False),
    Variant("no gate", gate=False),
    Variant("validator only", (45, 5.015, 0.505, 0.09), history=False, facts=False),
)
CLOCK = datetime(2024, 9, 1, 10, 30, tzinfo=UTC)


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
        for name, value in campaign.figures(target_calls()).items():
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
