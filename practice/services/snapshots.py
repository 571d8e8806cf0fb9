"""Snapshots: an environment as it was, to practise in again whatever happens to its seed folder."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import Max

from memoryapp.domain.errors import UnableToConnect, UnableToStart
from memoryapp.services.events import event_record
from practice.agents.ports import EnvironmentUnavailable
from practice.models import Environment, EnvironmentSnapshot
from practice.orchestrator import keeping

#: what a check found out is not part of an environment.
_FOUND = frozenset({"reset_check"})


def snapshot_take(*, environment: Environment, by: Any, name: str = "") -> EnvironmentSnapshot:
    """Keep the seed folder, the tools and the options as they are now.

    The same seed is stored once, however often it is kept.

    Raises:
        UnableToConnect: the environment is not connected, or its seed cannot be copied.
    """
    if environment.status != Environment.Status.CONNECTED:
        raise UnableToConnect(
            f"{environment.name} is {environment.get_status_display().lower()}. "
            "Check it until its tools are listed, then take a snapshot."
        )
    with transaction.atomic():
        held = Environment.objects.select_for_update(no_key=True).get(pk=environment.pk)
        try:
            digest, size = keeping.keep_seed(held)
        except EnvironmentUnavailable as error:
            raise UnableToConnect(str(error)) from error
        newest = held.snapshots.aggregate(newest=Max("number"))["newest"] or 0
        snapshot = EnvironmentSnapshot.objects.create(
            environment=held,
            number=newest + 1,
            name=name.strip()[:100],
            seed_digest=digest,
            size_bytes=size,
            tools={tool.name: tool.schema_hash for tool in held.tools.filter(is_present=True)},
            options={key: value for key, value in held.options.items() if key not in _FOUND},
            created_by=by,
        )
        event_record(
            workspace=held.workspace,
            actor=by,
            kind="snapshot.taken",
            subject=held,
            before={},
            after={"snapshot": snapshot.number, "digest": digest},
        )
    return snapshot


def snapshot_delete(*, snapshot: EnvironmentSnapshot, by: Any) -> None:
    """Delete a snapshot, and its files where no other snapshot has the same.

    Raises:
        UnableToConnect: a run used it, and its trajectories would lose where they began.
    """
    with transaction.atomic():
        held = EnvironmentSnapshot.objects.select_for_update(no_key=True).get(pk=snapshot.pk)
        runs = list(held.runs.order_by("number").values_list("number", flat=True)[:3])
        if runs:
            named = ", ".join(f"run {number}" for number in runs)
            raise UnableToConnect(
                f"{held} is what {named} began from, so it is kept. Nothing was deleted."
            )
        event_record(
            workspace=held.environment.workspace,
            actor=by,
            kind="snapshot.deleted",
            subject=held.environment,
            before={"snapshot": held.number, "digest": held.seed_digest},
            after={},
        )
        held.delete()
        if not EnvironmentSnapshot.objects.filter(seed_digest=held.seed_digest).exists():
            digest = held.seed_digest
            transaction.on_commit(lambda: keeping.forget_seed(digest))


def check_usable(snapshot: EnvironmentSnapshot, environment: Environment) -> None:
    """Raises ``UnableToStart`` when a run cannot begin from the snapshot."""
    if snapshot.environment_id != environment.pk:
        raise UnableToStart(f"{snapshot} is a snapshot of another environment.")
    try:
        keeping.check_seed(snapshot)
    except EnvironmentUnavailable as error:
        raise UnableToStart(str(error)) from error
