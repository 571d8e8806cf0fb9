"""An experiment as work: choose held-out tasks, and compare the arms once all is judged.

The attempts in between are ordinary SOLVE and VALIDATE units; their arm says which memory they
are given.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from memoryapp.services.evaluations import evaluation_record
from practice.domain import novelty
from practice.domain.likeness import Embed
from practice.domain.rounds import Stage
from practice.domain.types import Briefing, PracticeRecord, TaskSpec, ToolSpec, Usage
from practice.models import Attempt, Experiment, PracticeTask, Round, Run, Unit
from practice.orchestrator import alike
from practice.orchestrator.engines import engine_of
from practice.orchestrator.masking import task_row
from practice.orchestrator.results import Result, queue
from practice.orchestrator.worlds import tools_of
from practice.queries import experiments as queries

FACT_LIMIT = 40
#: how often the proposer is asked for more before an experiment makes do with what it has.
PROPOSALS = 4
ASKED_AT_ONCE = 50


def prepare(unit: Unit, run: Run) -> Result:
    """Choose held-out tasks, write new ones where too few are kept, and queue every attempt.

    A task is usable when nobody practised it and every tool it means to use is still allowed. New
    ones are novel against all that was practised or held out, drawn by the run's seed from what
    the proposer wrote, and kept for later experiments.
    """
    plan, tools = run.frozen, tools_of(run.environment, run.frozen)
    kept, written, usages = chosen(unit, tools, plan.tasks)

    def store() -> None:
        round_, _ = Round.objects.get_or_create(run=run, number=unit.round)
        new = keep(round_, written)
        # Task by task and not arm by arm: what a spent budget leaves is still made of pairs.
        attempts = Attempt.objects.bulk_create(
            Attempt(task=task, run=run, arm=arm, number=number)
            for task in [*kept, *new]
            for number in range(1, plan.attempts + 1)
            for arm in run.arms.all()
        )
        queue(run, unit.round, Stage.SOLVE, [attempt.pk for attempt in attempts])

    return Result(store, usages)


def chosen(
    unit: Unit, tools: Sequence[ToolSpec], count: int
) -> tuple[list[PracticeTask], list[TaskSpec], list[Usage]]:
    """Return up to ``count`` held-out tasks: those kept from before, and new ones to keep."""
    run = unit.run
    kept = queries.held_out_tasks(run.environment, run.frozen.tools)[:count]
    written, usages = _written(unit, tools, count - len(kept))
    return kept, written, usages


def keep(round_: Round, written: Sequence[TaskSpec], *, after: int = 0) -> list[PracticeTask]:
    """Store new held-out tasks with a round that has ``after`` tasks already."""
    return PracticeTask.objects.bulk_create(
        task_row(round_.run.environment, round_, number, spec, is_held_out=True)
        for number, spec in enumerate(written, start=after + 1)
    )


def _written(
    unit: Unit, tools: Sequence[ToolSpec], missing: int
) -> tuple[list[TaskSpec], list[Usage]]:
    """Ask the proposer for ``missing`` new tasks; fewer come back where it has no more ideas.

    It is shown what the environment looks like and no history: the tasks should meet the tools as
    users would, and not the gaps in practice first.
    """
    run = unit.run
    rng = random.Random(f"held out {run.seed} {run.number}")
    past = queries.known_tasks(run.environment)
    facts = run.environment.facts.filter(is_excluded=False).select_related("task")[:FACT_LIMIT]
    proposer = engine_of(unit).proposer
    found: list[TaskSpec] = []
    usages: list[Usage] = []
    for turn in range(PROPOSALS):
        if len(found) >= missing:
            break
        seed = rng.randrange(2**31)
        proposal = proposer.propose(
            Briefing(
                tools=tuple(tools),
                facts=tuple(fact.as_value() for fact in facts),
                count=min(ASKED_AT_ONCE, 3 * missing * (turn + 1)),
                seed=seed,
            )
        )
        usages.append(proposal.usage)
        novel = _novel(unit, proposal.candidates, past, seed)
        taken = rng.sample(novel, min(len(novel), missing - len(found)))
        found += taken
        past += [queries.as_past(task) for task in taken]
    return found, usages


def _novel(
    unit: Unit,
    candidates: Sequence[TaskSpec],
    past: Sequence[PracticeRecord],
    seed: int,
) -> tuple[TaskSpec, ...]:
    """The candidates that repeat neither a known task nor each other."""

    def choose(embed: Embed | None) -> novelty.Selection:
        return novelty.select(candidates, past, len(candidates), seed=seed, embed=embed)

    stored = [record.instruction for record in past]
    return alike.told(choose, unit, stored).found.selected


def report(unit: Unit, run: Run) -> Result:
    """Compare the arms, store the result and report it to the playbook that was measured."""
    experiment = Experiment.objects.select_related("release").get(run=run)
    found = queries.computed(experiment)
    decided = found["gate"] if experiment.is_gate else None

    def store() -> None:
        experiment.result = found
        experiment.passed = decided["passed"] if decided else None
        experiment.save(update_fields=["result", "passed"])
        evaluation_record(
            playbook=run.playbook,
            release=experiment.release,
            digest=experiment.digest,
            name=str(run),
            link=experiment.get_absolute_url(),
            passed=experiment.passed,
            message=" ".join(filter(None, [found["verdict"], decided and decided["message"]])),
            figures=queries.as_evaluation(found),
        )

    return Result(store)
