"""Rows of an experiment as a run leaves them, without running one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from practice.domain.plans import Plan
from practice.models import Arm, Experiment, Run
from tests.factories import AttemptFactory, RoundFactory, RunFactory, TaskFactory

BULLET = {
    "id": "",
    "label": "pitfalls-001",
    "section": "pitfalls",
    "content": "Write dates YYYY-MM-DD.",
    "status": "approved",
    "helpful": 0,
    "harmful": 0,
    "rule": None,
}


def experiment(
    workspace: Any,
    *,
    without: Sequence[str] = ("success", "failure"),
    with_it: Sequence[str] = ("success", "success"),
    masked: Sequence[str] = (),
    masked_errors: int = 0,
    **more: Any,
) -> Experiment:
    """An experiment whose tasks have these labels, one attempt each; an empty one is unjudged.

    ``masked`` labels of bullets get an arm each, which solves all with ``masked_errors`` failed
    calls on the way.
    """
    fields = {name: more.pop(name) for name in ("is_gate", "digest", "release") if name in more}
    plan = Plan(rounds=1, tasks=len(without), tools={"get_thing": "0"}, model="rules")
    run = RunFactory(workspace=workspace, kind=Run.Kind.EXPERIMENT, plan=plan.to_json(), **more)
    none = Arm.objects.create(run=run, kind=Arm.Kind.NONE, name="No memory")
    memory = Arm.objects.create(
        run=run, kind=Arm.Kind.DRAFT, name="What is approved now", playbook=[BULLET]
    )
    others = [
        Arm.objects.create(run=run, kind=Arm.Kind.MASKED, name=f"Without {label}", masked=label)
        for label in masked
    ]
    round_ = RoundFactory(run=run, number=1)
    for number, labels in enumerate(zip(without, with_it, strict=True), start=1):
        task = TaskFactory(round=round_, number=number, is_held_out=True)
        for arm, label in zip((none, memory), labels, strict=True):
            status = "validated" if label else "queued"
            AttemptFactory(task=task, arm=arm, label=label, status=status)
        for arm in others:
            AttemptFactory(task=task, arm=arm, label="success", error_count=masked_errors)
    return Experiment.objects.create(run=run, masked=list(masked), **fields)
