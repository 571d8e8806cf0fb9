"""Consolidation and held-out scores: what a round does beyond the paper once it has learned."""

from __future__ import annotations

import re
from collections.abc import Collection

from memoryapp.domain.playbook import Delta, Playbook
from memoryapp.queries.playbooks import draft_playbook
from memoryapp.services.candidates import is_settled
from practice.domain.rounds import Stage
from practice.domain.types import Category
from practice.models import Arm, Attempt, Lesson, PracticeTask, Run, Unit
from practice.orchestrator import experiments, trials
from practice.orchestrator.engines import engine_of
from practice.orchestrator.frozen import freeze
from practice.orchestrator.results import Result, queue
from practice.orchestrator.worlds import tools_of
from practice.queries.experiments import held_out_tasks

#: tasks a change is tried on; half of them held out, where there are any.
SAMPLE = 4
#: practised tasks looked at for those that touch a bullet's tools.
LOOKED_AT = 200


def consolidate(unit: Unit, run: Run) -> Result:
    """Propose changes to what is approved, and try each on tasks that touch it."""
    playbook = run.playbook.as_value()
    curation = engine_of(unit).consolidator.consolidate(playbook, findings(run))

    def store() -> None:
        for delta in curation.deltas:
            if _is_known(run, delta):
                continue
            tasks = _sample(run, _tools_named(playbook, delta, run.frozen.tools))
            trials.propose_change(run, unit.round, playbook, delta, tasks)

    return Result(store, [curation.usage])


def _is_known(run: Run, delta: Delta) -> bool:
    """Whether a change was tried in this run already, or is with the reviewers: no more trials."""
    tried = run.lessons.filter(
        kind=Lesson.Kind.CONSOLIDATION, op=delta.op.value, targets=list(delta.targets)
    )
    return tried.exists() or is_settled(run.playbook, delta)


def findings(run: Run) -> list[Delta]:
    """What practice found lately: lessons this run kept, and what waits for a person."""
    kept = run.lessons.filter(kind=Lesson.Kind.LEARNED, status=Lesson.Status.KEPT)
    waiting = run.playbook.candidates.pending()
    return [*(lesson.as_delta() for lesson in kept), *(c.as_delta() for c in waiting)]


def _tools_named(playbook: Playbook, delta: Delta, tools: Collection[str]) -> set[str]:
    """The tools that the bullets of a change speak of."""
    texts = [b.content + str(b.rule or "") for b in playbook.live if b.label in delta.targets]
    said = " ".join([*texts, delta.content])
    return {tool for tool in tools if re.search(rf"(?<!\w){re.escape(tool)}(?!\w)", said)}


def _sample(run: Run, tools: set[str]) -> list[PracticeTask]:
    """Feasible practised tasks that use the tools, and held-out ones; the newest of each."""
    kept = [
        task
        for task in held_out_tasks(run.environment, run.frozen.tools)
        if not tools or tools & set(task.intended_tools)
    ][: SAMPLE // 2]
    rows = PracticeTask.objects.filter(
        record__environment=run.environment, record__imported={}
    ).exclude(category=Category.INFEASIBLE.value)
    practised = [
        task
        for task in rows.order_by("-pk")[:LOOKED_AT]
        if not tools or tools & set(task.intended_tools)
    ]
    return [*kept, *practised[: SAMPLE - len(kept)]]


def measure(unit: Unit, run: Run) -> Result:
    """Try held-out tasks with the playbook as the round left it: the score of the round."""
    tools = tools_of(run.environment, run.frozen)
    kept, written, usages = experiments.chosen(unit, tools, run.frozen.held_out)
    playbook = draft_playbook(run.playbook, origin_link=run.get_absolute_url())

    def store() -> None:
        round_ = run.rounds.get(number=unit.round)
        new = experiments.keep(round_, written, after=round_.tasks.count())
        arm = Arm.objects.create(
            run=run,
            kind=Arm.Kind.HELD_OUT,
            name=f"Held-out tasks after round {unit.round}",
            playbook=freeze(playbook.live),
        )
        made = Attempt.objects.bulk_create(
            Attempt(task=task, run=run, arm=arm, number=1) for task in [*kept, *new]
        )
        queue(run, unit.round, Stage.SOLVE, [attempt.pk for attempt in made])

    return Result(store, usages)
