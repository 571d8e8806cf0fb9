"""Experiments: their tasks, what their attempts add up to, and the list of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from decimal import Decimal
from typing import Any

from django.db.models import Count, F, Q, QuerySet, Sum

from memoryapp.domain.playbook import Bullet, Playbook, estimate_tokens, fingerprint
from memoryapp.models import Workspace
from memoryapp.queries.releases import heavy
from practice.domain import experiments as domain
from practice.domain.types import Category, Label, PracticeRecord, TaskSpec
from practice.models import Arm, Environment, Experiment, LedgerEntry, PracticeTask
from practice.queries.memory import PAST_LIMIT, newest_records

ROLES = {
    Arm.Kind.NONE: domain.Role.NONE,
    Arm.Kind.RELEASE: domain.Role.MEMORY,
    Arm.Kind.DRAFT: domain.Role.MEMORY,
    Arm.Kind.BEFORE: domain.Role.PRODUCTION,
    Arm.Kind.MASKED: domain.Role.MASKED,
}
#: what of a result a playbook's page shows; the rest stays with the experiment.
EVALUATED = ("tasks", "infeasible", "arms", "compared", "bullets", "verdict")


def held_out_tasks(environment: Environment, tools: Collection[str]) -> list[PracticeTask]:
    """The environment's held-out tasks that use allowed tools only, newest first, each once."""
    rows = PracticeTask.objects.filter(
        round__run__environment=environment, is_held_out=True, drop_reason="", record=None
    )
    seen: dict[str, PracticeTask] = {}
    for task in rows.order_by("-pk"):
        if set(task.intended_tools) <= set(tools):
            seen.setdefault(task.instruction, task)
    return list(seen.values())


def held_out_past(environment: Environment) -> list[PracticeRecord]:
    """Held-out tasks as novelty compares with: what is written next must differ.

    They are for selection only. A proposer that saw them could practise for the test.
    """
    rows = PracticeTask.objects.filter(round__run__environment=environment, is_held_out=True)
    return [as_past(task.as_spec()) for task in rows.order_by("pk")]


def as_past(task: TaskSpec) -> PracticeRecord:
    """A task nobody practised as a past one. Its category means nothing: selection ignores it."""
    return PracticeRecord(
        instruction=task.instruction,
        category=Category.TRIVIAL,
        intended_tools=task.intended_tools,
        goal=task.goal,
    )


def known_tasks(environment: Environment) -> list[PracticeRecord]:
    """What was practised and what is held out in an environment, oldest first each."""
    practised = newest_records(environment, limit=PAST_LIMIT)
    return [*practised, *held_out_past(environment)]


def arms_of(experiment: Experiment) -> list[domain.Arm]:
    """The arms of an experiment in the order they are shown."""
    return [
        domain.Arm(
            id=arm.pk,
            role=ROLES[Arm.Kind(arm.kind)],
            name=arm.name,
            masked=arm.masked,
            tokens=sum(estimate_tokens(bullet["content"]) for bullet in arm.playbook),
            digest=_digest(arm),
        )
        for arm in experiment.run.arms.all()
    ]


def _digest(arm: Arm) -> str:
    """The fingerprint of the memory an arm gives; what it keeps is live, every bullet of it."""
    told = (Bullet(row["label"], row["section"], row["content"]) for row in arm.playbook)
    return fingerprint(Playbook(tuple(told)))


def trials_of(experiment: Experiment) -> list[domain.Trial]:
    """Every attempt of an experiment; without a label where nothing judged it (yet)."""
    paid = _solver_usage(experiment)
    rows = experiment.run.attempts.exclude(arm=None).values_list(
        "pk", "arm_id", "task_id", "label", "step_count", "error_count", "duration_ms"
    )
    return [
        domain.Trial(
            arm=arm or 0,
            task=task,
            label=Label(label) if label else None,
            calls=calls,
            errors=errors,
            tokens=paid.get(pk, (0, Decimal(0)))[0],
            cost=paid.get(pk, (0, Decimal(0)))[1],
            seconds=milliseconds / 1000,
        )
        for pk, arm, task, label, calls, errors, milliseconds in rows.order_by("pk")
    ]


def _solver_usage(experiment: Experiment) -> Mapping[int, tuple[int, Decimal | None]]:
    """Attempt to what solving it used: tokens, and dollars where every call had a price."""
    rows = (
        LedgerEntry.objects.filter(run=experiment.run, unit__stage="solve")
        .order_by()
        .values_list("unit__target")
        .annotate(
            tokens=Sum(F("input_tokens") + F("output_tokens")),
            paid=Sum("cost"),
            unpriced=Count("pk", filter=Q(cost=None)),
        )
    )
    return {target: (tokens, None if unpriced else paid) for target, tokens, paid, unpriced in rows}


def computed(experiment: Experiment) -> dict[str, Any]:
    """What ``domain.experiments.result`` says of the attempts judged so far."""
    measured = experiment.run.arms.filter(kind__in=[Arm.Kind.RELEASE, Arm.Kind.DRAFT]).first()
    return domain.result(
        arms_of(experiment),
        trials_of(experiment),
        bullets={bullet["label"]: bullet["content"] for bullet in measured.playbook}
        if measured
        else {},
        is_gate=experiment.is_gate,
    )


def as_evaluation(result: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a result that a playbook's page shows."""
    return {name: result[name] for name in EVALUATED}


def experiments(
    workspace: Workspace, *, playbook: str = "", status: str = ""
) -> QuerySet[Experiment]:
    """The experiments of a workspace that match a filter, newest first, with attempts counted."""
    found = Experiment.objects.filter(run__workspace=workspace)
    if playbook:
        found = found.filter(run__playbook__slug=playbook)
    if status:
        found = found.filter(run__status=status)
    return (
        found.select_related("run__environment", "run__playbook", "run__started_by", "release")
        .defer(*heavy("release"))
        .annotate(
            attempts_total=Count("run__attempts"),
            attempts_judged=Count("run__attempts", filter=~Q(run__attempts__label="")),
        )
        .order_by("-run__number")
    )
