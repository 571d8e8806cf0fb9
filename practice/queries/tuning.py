"""Practice attempts as lines of files for fine-tuning, read in batches: memory stays flat."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Any

from django.db.models import F, Prefetch, QuerySet
from django.db.models.functions import Coalesce

from memoryapp.models import Workspace
from practice.domain.tuning import Example, dpo_line, pairs, sft_line
from practice.domain.types import Outcome, ToolSpec, Trajectory
from practice.models import Attempt, EnvironmentTool, ObservationMissing, Step
from practice.queries.overrules import standing_label

BATCH = 100
FORMS = ("sft", "dpo")


def tuning_lines(
    workspace: Workspace, form: str, *, environment: str = "", confirmed: bool = False
) -> Iterator[str]:
    """One line for each approved attempt (``sft``) or pair of attempts at a task (``dpo``).

    The label that stands decides: a person's word, else the validator's. ``confirmed`` takes only
    attempts a person spoke about. Held-out tasks, trials, attempts without an answer and those
    whose steps were dropped or lost are not in it. The same rows give the same bytes.

    Raises:
        ObservationUnreadable: a step is an object, and its store cannot be reached.
    """
    rows = _judged(workspace, environment, confirmed=confirmed)
    tools: dict[int, list[ToolSpec]] = {}
    if form == "sft":
        rows = rows.filter(stands=Attempt.Label.SUCCESS)
    for _, attempts in groupby(rows.iterator(chunk_size=BATCH), key=lambda row: row.task_id):
        examples = ((row, _example(row)) for row in attempts)
        found = [(row, example) for row, example in examples if example and example.is_whole]
        if not found:
            continue
        key = found[0][0].run.environment_id
        if key not in tools:
            tools[key] = _usable(key)
        if form == "sft":
            yield from (sft_line(example, tools[key]) for _, example in found)
            continue
        accepted, rejected = (
            [example for row, example in found if row.stands == label]
            for label in (Attempt.Label.SUCCESS, Attempt.Label.FAILURE)
        )
        yield from (dpo_line(good, bad, tools[key]) for good, bad in pairs(accepted, rejected))


def _judged(workspace: Workspace, environment: str, *, confirmed: bool) -> QuerySet[Any]:
    rows = Attempt.objects.filter(
        run__workspace=workspace,
        run__steps_dropped_at=None,
        arm=None,
        task__is_held_out=False,
    ).annotate(spoken=standing_label())
    if environment:
        rows = rows.filter(run__environment__slug=environment)
    if confirmed:
        rows = rows.exclude(spoken=None)
    steps = Step.objects.filter(try_number=F("attempt__current_try"))
    steps = steps.select_related("text").order_by("number")
    return (
        rows.annotate(stands=Coalesce("spoken", "label"))
        .filter(stands__in=(Attempt.Label.SUCCESS, Attempt.Label.FAILURE))
        .select_related("task", "run")
        .prefetch_related(Prefetch("steps", queryset=steps))
        .order_by("task_id", "pk")
    )


def _example(attempt: Attempt) -> Example | None:
    """The attempt as an example; none where the text of a step is gone."""
    try:
        steps = tuple(step.as_value() for step in attempt.steps.all())
    except ObservationMissing:
        return None
    trajectory = Trajectory(
        steps=steps,
        answer=attempt.answer,
        outcome=Outcome(attempt.outcome or Outcome.FINISHED),
    )
    return Example(attempt.task.instruction, trajectory)


def _usable(environment: int) -> list[ToolSpec]:
    rows = EnvironmentTool.objects.filter(environment=environment).usable()
    return [row.as_spec() for row in rows.order_by("name")]
