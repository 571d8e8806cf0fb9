"""Free labels for the search of decisive steps, from the successes of a run."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from practice.agents.injecting import Trial, trials
from practice.agents.rules import build_engine
from practice.domain.rootcause.evaluation import figures
from practice.models import Attempt, Run
from practice.orchestrator.decisive import RESETS
from practice.orchestrator.worlds import tools_of, world_of


def injected(run: Run, *, seed: int, attempts: int = 10, faults: int = 5) -> dict[str, Any]:
    """Inject faults into the successes of ``run``; figures of how well the faulty step is found.

    Figures are ``None`` where no fault was kept. Nothing is stored, no model is asked.

    Raises:
        EnvironmentUnavailable: the environment cannot be reached or reset.
    """
    environment = run.environment
    found: list[Trial] = []
    if environment.transport in RESETS:
        world, tools = (
            world_of(environment, run.frozen, run.snapshot),
            tools_of(environment, run.frozen),
        )
        won = run.attempts.filter(label=Attempt.Label.SUCCESS).select_related("task")
        for attempt in won.order_by("pk")[:attempts]:
            found += trials(
                attempt.task.as_spec(),
                attempt.as_trajectory(),
                world=world,
                validator=build_engine(run.seed).validator,
                tools=tools,
                seed=seed,
                limit=faults,
            )
    kept = [trial for trial in found if trial.is_kept]
    by_kind: dict[str, list[int | None]] = defaultdict(list)
    for trial in kept:
        by_kind[trial.fault.kind].append(trial.rank)
    return {
        "injected": len(found),
        "kept": len(kept),
        "figures": figures(trial.rank for trial in kept) if kept else None,
        "by_kind": {kind: figures(ranks) for kind, ranks in sorted(by_kind.items())},
        "trials": [
            {"what": t.fault.what, "step": t.fault.number, "label": t.label.value, "rank": t.rank}
            for t in found
        ],
    }
