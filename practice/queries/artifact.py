"""Practice records as entries of the artifact's ``proposer_memory.json``; two queries."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from practice.domain import faithful
from practice.domain.faithful import Entry, Judgement
from practice.domain.plans import Plan
from practice.models import Attempt, Environment, PracticeRecord


def entries_of(environment: Environment) -> list[Entry]:
    """Every record, oldest first: imported ones as they came, ours as the artifact counts them."""
    rows = environment.practice_records.filter(task__is_held_out=False)
    records = list(rows.select_related("task__round", "run").order_by("pk"))
    judged = _judged([record.task_id for record in records if not record.imported])
    return [
        _imported(record) if record.imported else _own(record, judged[record.task_id])
        for record in records
    ]


def _imported(record: PracticeRecord) -> Entry:
    kept: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in record.imported.items()
    }
    return Entry(**kept)


def _judged(tasks: Sequence[int]) -> dict[int, list[Judgement]]:
    """Practice attempts by task in their order; what an experiment tried is no practice."""
    found: dict[int, list[Judgement]] = defaultdict(list)
    rows = Attempt.objects.filter(task__in=tasks, arm=None).exclude(label="").order_by("number")
    values = ("feasibility", "completion", "feasibility_reason", "completion_reason")
    for task, feasibility, completion, *reasons in rows.values_list("task_id", *values):
        found[task].append(Judgement(feasibility or 1, completion or 1, *reasons))
    return found


def _own(record: PracticeRecord, attempts: Sequence[Judgement]) -> Entry:
    """A record of ours. Used tools are those of executed calls, never of text."""
    plan = Plan.from_json(record.run.plan)
    used = tuple(dict.fromkeys(call[0] for call in record.calls))
    base = Entry(
        cycle=record.task.round.number,
        synthetic_task_index=record.task.number - 1,
        instruction=record.task.instruction,
        involved_apps=_apps(record.task.intended_tools),
        involved_apis=tuple(record.task.intended_tools),
        used_apps=_apps(used),
        used_apis=used,
    )
    return base if not attempts else _counted(base, attempts, plan)


def _counted(base: Entry, attempts: Sequence[Judgement], plan: Plan) -> Entry:
    found = faithful.diagnose(attempts, planned=plan.attempts, policy=plan.policy)
    return replace(
        base,
        diagnostic_mode=found.mode,
        execution_mode=found.mode,
        success_count=found.successes,
        failure_count=found.failures,
        invalid_count=found.invalid,
        aggregate_pass=found.passed,
        task_generation_category=found.category,
        aggregate_fail_reasons=found.fail_reasons,
        failure_reasons=faithful.failure_reasons(attempts),
        feasibility_reasons=faithful.feasibility_reasons(attempts),
    )


def _apps(tools: Sequence[str]) -> tuple[str, ...]:
    """What stands before a tool's dot: the artifact's app."""
    return tuple(dict.fromkeys(tool.split(".", 1)[0] for tool in tools if "." in tool))
