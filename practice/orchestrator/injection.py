"""Free labels for the search of decisive steps, from the successes of a run."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from practice.agents.injecting import Trial, trials
from practice.agents.ports import EnvironmentUnavailable
from practice.agents.rules import build_engine
from practice.domain.rootcause.evaluation import figures
from practice.models import Attempt, Run
from practice.orchestrator.worlds import tools_of, world_of

#: After so many trials none of which could be made, the environment is taken to be away.
_GIVES_UP = 3


def injected(
    run: Run,
    *,
    seed: int,
    attempts: int = 10,
    faults: int = 5,
    told: Callable[[int, Trial], None] = lambda number, trial: None,
) -> dict[str, Any]:
    """Inject faults into the successes of ``run``; figures of how well the faulty step is found.

    Attempts that did the very same as an earlier one would only count its labels twice and are
    passed over. ``told`` hears of each trial, counted from 1. Figures are ``None`` where no fault
    was kept. Nothing is stored, no model is asked.

    Raises:
        EnvironmentUnavailable: the environment has no process that could be started, or it was
            away each time.
    """
    found: list[Trial] = []
    if run.environment.has_own_state:
        for trial in _trials(run, seed, attempts, faults):
            found.append(trial)
            told(len(found), trial)
            if len(found) == _GIVES_UP and all(one.label is None for one in found):
                break
    lost = [trial.lost for trial in found if trial.label is None]
    if lost and len(lost) == len(found):
        raise EnvironmentUnavailable(lost[0])
    kept = [trial for trial in found if trial.is_kept]
    by_kind: dict[str, list[int | None]] = defaultdict(list)
    for trial in kept:
        by_kind[trial.fault.kind].append(trial.rank)
    return {
        "injected": len(found),
        "lost": len(lost),
        "kept": len(kept),
        "figures": figures(trial.rank for trial in kept) if kept else None,
        "by_kind": {kind: figures(ranks) for kind, ranks in sorted(by_kind.items())},
        "trials": [
            {
                "what": t.fault.what,
                "step": t.fault.number,
                "label": t.label.value if t.label else "",
                "rank": t.rank,
            }
            for t in found
        ],
    }


def _trials(run: Run, seed: int, attempts: int, faults: int) -> Iterator[Trial]:
    environment = run.environment
    world = world_of(environment, run.frozen, run.snapshot)
    tools = tools_of(environment, run.frozen)
    validator = build_engine(run.seed).validator
    won = run.attempts.filter(label=Attempt.Label.SUCCESS).select_related("task")
    for attempt in _unlike(won.order_by("pk"), attempts):
        yield from trials(
            attempt.task.as_spec(),
            attempt.as_trajectory(),
            world=world,
            validator=validator,
            tools=tools,
            seed=seed,
            limit=faults,
        )


def _unlike(attempts: Iterable[Attempt], most: int) -> Iterator[Attempt]:
    """The first ``most`` attempts no two of which made the same calls at the same task."""
    seen: set[str] = set()
    for attempt in attempts:
        calls = [(step.tool, dict(step.arguments)) for step in attempt.as_trajectory().steps]
        key = json.dumps([attempt.task_id, calls], sort_keys=True)
        if key not in seen and len(seen) < most:
            seen.add(key)
            yield attempt
