"""Starting an experiment: held-out tasks with and without memory."""

from __future__ import annotations

from collections.abc import Collection
from decimal import Decimal
from typing import Any

from django.db import transaction

from memoryapp.domain.errors import UnableToStart
from memoryapp.domain.playbook import Playbook as PlaybookValue
from memoryapp.domain.playbook import fingerprint
from memoryapp.models import Playbook, Release
from memoryapp.services.releases import PRODUCTION
from practice.domain import experiments as domain
from practice.domain.rounds import RunKind
from practice.models import Arm, Environment, Experiment
from practice.orchestrator.frozen import freeze
from practice.services.runs import run_start

#: Which bullets are masked, besides a list of labels.
NONE, ALL = "none", "all"
TASKS = 20
MOST_ATTEMPTS = 5_000
DRAFT = "What is approved now"


def experiment_start(
    *,
    environment: Environment,
    playbook: Playbook,
    engine: str,
    by: Any,
    release: Release | None = None,
    tasks: int = TASKS,
    attempts: int = 1,
    masked: str | Collection[str] = NONE,
    step_limit: int = 50,
    parallel: int = 4,
    seed: int = 0,
    budget: Decimal | None = None,
    is_gate: bool = False,
) -> Experiment:
    """Freeze the arms and have the workers try held-out tasks under each of them.

    Args:
        release: what to measure; without one, the bullets that are approved now.
        tasks: held-out tasks; ``attempts`` at each of them under each arm.
        masked: ``none``, ``all``, or labels of bullets to leave out, one at a time.
        is_gate: whether the result decides if these bullets may be published; what ``production``
            serves is measured too then.

    Raises:
        UnableToStart: nothing to measure, a label that is not live, too many attempts, or what
            ``run_start`` refuses.
    """
    arms = planned_arms(playbook=playbook, release=release, masked=masked, is_gate=is_gate)
    total = tasks * attempts * len(arms)
    if total > MOST_ATTEMPTS:
        raise UnableToStart(
            f"{len(arms)} arms of {tasks} tasks would make {total:,} attempts, and "
            f"{MOST_ATTEMPTS:,} is the most. Mask fewer bullets or take fewer tasks.",
            # How many there are to mask is a matter of state, how many were named is not.
            field="" if isinstance(masked, str) else "bullets",
        )
    memory = next(arm for arm in arms if arm.role is domain.Role.MEMORY)
    with transaction.atomic():
        run = run_start(
            environment=environment,
            playbook=playbook,
            engine=engine,
            by=by,
            rounds=1,
            tasks=tasks,
            attempts=attempts,
            step_limit=step_limit,
            parallel=parallel,
            seed=seed,
            budget=budget,
        )
        run.kind = RunKind.EXPERIMENT.value
        run.save(update_fields=["kind"])
        Arm.objects.bulk_create(
            Arm(
                run=run,
                kind=_kind(arm, release),
                name=arm.name,
                masked=arm.masked,
                playbook=freeze(arm.playbook.bullets),
            )
            for arm in arms
        )
        return Experiment.objects.create(
            run=run,
            release=release,
            digest=fingerprint(memory.playbook),
            masked=[arm.masked for arm in arms if arm.masked],
            is_gate=is_gate,
        )


def planned_arms(
    *,
    playbook: Playbook,
    release: Release | None = None,
    masked: str | Collection[str] = NONE,
    is_gate: bool = False,
) -> tuple[domain.ArmSpec, ...]:
    """Return the arms an experiment would have; each is tried on every task.

    Raises:
        UnableToStart: nothing to measure, or a label that is not live.
    """
    if release is not None and release.playbook_id != playbook.pk:
        raise UnableToStart("That release belongs to another playbook.")
    measured = release.as_value() if release else playbook.as_value()
    if not measured.live:
        raise UnableToStart(
            "There is nothing to measure: no bullet is approved. Approve some in Review first."
        )
    return domain.plan_arms(
        measured,
        str(release) if release else DRAFT,
        production=_production(playbook) if is_gate else None,
        masked=_labels(measured, masked),
    )


def _labels(measured: PlaybookValue, masked: str | Collection[str]) -> frozenset[str]:
    live = frozenset(bullet.label for bullet in measured.live)
    if masked == ALL:
        return live
    asked = frozenset() if isinstance(masked, str) else frozenset(masked)
    if unknown := sorted(asked - live):
        raise UnableToStart(
            f"{', '.join(unknown)}: no live bullet has this label, so it cannot be masked."
        )
    return asked


def _production(playbook: Playbook) -> tuple[str, PlaybookValue] | None:
    """What agents that pull ``production`` are given now."""
    label = playbook.labels.select_related("release").filter(name=PRODUCTION).first()
    return (f"{label.release} in production", label.release.as_value()) if label else None


def _kind(arm: domain.ArmSpec, release: Release | None) -> Arm.Kind:
    match arm.role:
        case domain.Role.NONE:
            return Arm.Kind.NONE
        case domain.Role.PRODUCTION:
            return Arm.Kind.BEFORE
        case domain.Role.MASKED:
            return Arm.Kind.MASKED
        case domain.Role.MEMORY:
            return Arm.Kind.RELEASE if release else Arm.Kind.DRAFT
