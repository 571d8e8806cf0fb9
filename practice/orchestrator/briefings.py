"""From rows to what a proposer is shown, and from its candidates to what is practised.

Seven queries, however long the history: counts come from SQL, the newest records as values.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from memoryapp.domain.playbook import Playbook
from practice.domain import briefing as domain
from practice.domain import faithful, novelty, selection
from practice.domain.likeness import Embed
from practice.domain.memory import choose_facts, wanted
from practice.domain.novelty import Selection
from practice.domain.plans import Plan
from practice.domain.types import (
    Briefing,
    Fact,
    PracticeRecord,
    Proposal,
    Steering,
    TaskSpec,
    ToolSpec,
)
from practice.models import Environment, PracticeTask, Run
from practice.models import Steering as Wish
from practice.orchestrator.masking import masked
from practice.queries import memory
from practice.queries.experiments import held_out_past

#: the newest records a proposer is given in full; older ones are in the counts.
HISTORY_LIMIT = 1_000
#: facts a proposer is given; a model reads the first ten, the rules engine looks values up in all.
FACT_LIMIT = 40

#: what helps a tool that no task of a round uses.
REPEAT_IT = "A seed task for it under Proposer memory is practised even where it repeats another."
NAME_IT = (
    "Write a seed task under Proposer memory that names the parameter and, in double quotes, its "
    "value."
)
NO_IDEA = "the proposer wrote no task for it. Give it a seed task under Proposer memory."
LEFT_ALONE = (
    "since this run began somebody asked to leave it alone. End that wish under Proposer memory to "
    "have it practised."
)

NOT_WRITTEN = "The proposer wrote no task for it. It is asked for again in the next round."

Difficulty = Literal["", "easier", "harder"]


@dataclass(frozen=True, slots=True)
class Prepared:
    """A briefing with the records novelty compares with, and the run's way of choosing."""

    briefing: Briefing
    past: tuple[PracticeRecord, ...]
    plan: Plan
    #: tasks kept for experiments: nothing like them is practised, and no proposer sees them.
    held_out: tuple[PracticeRecord, ...] = ()

    @property
    def shown(self) -> dict[str, Any]:
        """What is kept with the round of what its proposer is shown."""
        return domain.as_json(self.briefing, domain.compose(self.briefing))

    def select(self, candidates: Sequence[TaskSpec], embed: Embed | None = None) -> Selection:
        """Choose what is practised; every dropped candidate keeps its reason.

        What was practised with an earlier version of a tool bars nothing: it is a new tool now.
        The paper knows no versions.
        """
        harmless, orders = selection.without_orders(candidates, self.briefing.steering)
        fit, repeated = novelty.without_repeats(harmless, self.held_out)
        chosen = selection.choose(
            fit,
            [record for record in self.past if self.plan.faithful or not record.outdated],
            self.plan.tasks,
            steering=self.briefing.steering,
            seed=self.briefing.seed,
            faithful=self.plan.faithful,
            embed=embed,
        )
        return replace(chosen, dropped=(*orders, *repeated, *chosen.dropped))

    @property
    def stored(self) -> tuple[str, ...]:
        """The instructions candidates are compared with, which are rows already."""
        return tuple(record.instruction for record in self.past)


def prepare(
    run: Run,
    number: int,
    tools: tuple[ToolSpec, ...],
    *,
    difficulty: Difficulty = "",
    revise: Sequence[str] = (),
) -> Prepared:
    """Load what the proposer of round ``number`` is shown.

    ``revise`` are instructions of the run's own that the round begins from again, like seed tasks.
    """
    plan, environment = run.frozen, run.environment
    past = memory.newest_records(environment, limit=memory.PAST_LIMIT)
    counted = memory.history_counts(environment)
    asked = _steering(environment, plan, difficulty, revise)
    briefing = Briefing(
        tools=tools,
        history=past[-HISTORY_LIMIT:],
        count=plan.candidates,
        seed=run.seed * 1_000 + number,
        steering=asked,
        counts=counted,
        faithful=plan.faithful,
        off=_off(environment, plan) if asked.seed_tasks else (),
    )
    facts = _facts(environment)
    if plan.faithful:
        shown = faithful.sample_facts(facts, seed=run.seed, cycle=number)
    else:
        weights = wanted(tools, counted.tools, asked)
        shown = choose_facts(facts, tools, weights, limit=FACT_LIMIT)
    held_out = tuple(held_out_past(environment))
    return Prepared(replace(briefing, facts=tuple(shown)), past, plan, held_out)


def _off(environment: Environment, plan: Plan) -> tuple[str, ...]:
    offered = environment.tools.filter(is_present=True).exclude(name__in=plan.tools)
    return tuple(offered.values_list("name", flat=True))


def ordered(playbook: Playbook, plan: Plan) -> Playbook:
    """The playbook as attempts are given it, in the paper's order where the run is faithful."""
    if not plan.faithful:
        return playbook
    return replace(playbook, bullets=faithful.ranked(playbook.bullets))


def not_practised(
    plan: Plan, steering: Steering, proposal: Proposal, chosen: Selection
) -> dict[str, str]:
    """Say per tool that is to be practised first why no chosen task uses it, and what helps.

    The run may ask for it, or a wish under Proposer memory.
    """
    if plan.faithful:
        return {}
    used = {tool for task in chosen.selected for tool in task.intended_tools}
    known = dict(proposal.untried)
    return {
        tool: LEFT_ALONE if tool in steering.avoid else _why_not(tool, known, chosen)
        for tool in _named([*plan.focus, *steering.focus])
        if tool in plan.tools and tool not in used
    }


def _why_not(tool: str, known: Mapping[str, str], chosen: Selection) -> str:
    reasons = [why for task, why in chosen.dropped if tool in task.intended_tools]
    if reasons:
        all_of = f"all {len(reasons)} ideas were" if len(reasons) > 1 else "the only idea was"
        return f"{all_of} left out. The first: {reasons[0]} {REPEAT_IT}"
    return f"{known[tool]} {NAME_IT}" if tool in known else NO_IDEA


def seeds_taken(
    environment: Environment,
    rows: Sequence[PracticeTask],
    specs: Sequence[TaskSpec],
    *,
    asked: Sequence[str],
    unmet: Mapping[str, str],
) -> list[dict[str, Any]]:
    """Remember which seed tasks the stored tasks of a round practise.

    Returns what became of each operator's wish among those ``asked``, as ``Round.seeds`` keeps it.
    """
    wishes = environment.steering.standing().filter(kind=Wish.Kind.SEED_TASK, instruction__in=asked)
    made = {spec.seed_task: (row, spec) for row, spec in reversed([*zip(rows, specs, strict=True)])}
    told = []
    for wish in wishes:
        row, spec = made.get(wish.instruction, (None, None))
        practised = row is not None and not row.drop_reason
        if practised:
            environment.steering.filter(pk=wish.pk).update(task=row)
        reason = unmet.get(wish.instruction, "") or (row.drop_reason if row else NOT_WRITTEN)
        told.append(
            {
                "asked": wish.instruction,
                "task": row.instruction if row is not None and practised else "",
                "unused": [masked(environment, word) for word in (spec.unused if spec else ())],
                "added": list(spec.added) if spec else [],
                "reason": "" if practised else masked(environment, reason),
            }
        )
    return told


def _steering(
    environment: Environment, plan: Plan, difficulty: Difficulty, revise: Sequence[str]
) -> Steering:
    """What operators ask, and the run itself.

    A faithful run knows no steering; only what must be left alone is left alone there too.
    """
    wishes = list(memory.open_steering(environment).values_list("kind", "tool", "instruction"))
    avoid = _named(tool for kind, tool, _ in wishes if kind == Wish.Kind.AVOID)
    if plan.faithful:
        return Steering(avoid=avoid)
    focus = _named([*plan.focus, *(tool for kind, tool, _ in wishes if kind == Wish.Kind.FOCUS)])
    return Steering(
        focus=tuple(tool for tool in focus if tool in plan.tools and tool not in avoid),
        avoid=avoid,
        seed_tasks=_named(
            [*(text for kind, _, text in wishes if kind == Wish.Kind.SEED_TASK), *revise]
        ),
        difficulty=difficulty,
    )


def _named(words: Any) -> tuple[str, ...]:
    return tuple(dict.fromkeys(words))


def _facts(environment: Environment) -> list[Fact]:
    starts = memory.round_starts(environment)
    rows = memory.facts_in_use(environment)[: memory.FACTS_WEIGHED]
    return [memory.as_fact(row, starts) for row in rows if not row.orders]
