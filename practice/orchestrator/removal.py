"""The rows of deleted workspaces, deleted in batches that lock little.

Every table of the product that belongs to a workspace is emptied of it, whichever app it is of:
tables whose rows nobody refers to first. Killed at any moment it goes on where it was. Objects of
large observations stay until the sweep of objects nobody refers to.
"""

from __future__ import annotations

import time
from functools import cache
from typing import Any

from django.apps import apps
from django.db import models, transaction

from memoryapp.indexer.locks import alone
from memoryapp.queries.transfer import path_to_workspace
from practice.models import CaseSet, EnvironmentSnapshot
from practice.orchestrator import case_sets, keeping

#: any number nobody else locks; two that delete the same rows would only wait for each other.
LOCK = 7_261_061
BATCH = 500
#: Most keys of one look. A look passes what was deleted before it, until that is vacuumed.
LOOK = 50_000
#: Seconds of one task; then it rings for the next, so that no worker is taken for hours.
TURN_SECONDS = 20.0
#: What waits there would begin new runs meanwhile.
FIRST = ("practice.senttrajectory", "practice.sentspan", "practice.senttrace")
#: Its objects must go before its rows, and a sweep does that.
STAYS = "practice.storedtext"
#: Triggers add to these while the rows they count are deleted.
COUNTS = {
    "memoryapp.tally": "workspace",
    "practice.attempttally": "workspace",
    "practice.tooltally": "environment__workspace",
}
#: The workspace itself, and what counts are found by; few, and they go in one transaction.
LAST = ("memoryapp.workspace", "practice.environment")


def remove() -> bool:
    """Delete rows of deleted workspaces for one turn. Returns whether there are more."""
    with alone(LOCK) as is_alone:
        if not is_alone:
            return False
        until = time.monotonic() + TURN_SECONDS
        gone = _deleted().values_list("pk", flat=True)
        return not all(_remove(workspace_id, until) for workspace_id in list(gone))


def _deleted() -> Any:
    workspaces: Any = apps.get_model("memoryapp", "workspace")._base_manager
    return workspaces.filter(deleted_at__isnull=False).order_by("deleted_at")


def _remove(workspace_id: int, until: float) -> bool:
    """Whether nothing of a workspace is left."""
    _forget_files(workspace_id)
    for model, path in _tables():
        rows = model._base_manager.filter(**{path: workspace_id}).order_by()
        # Few at first: with few wanted, an index says soon that a table holds nothing of it.
        look = BATCH
        while keys := list(rows.values_list("pk", flat=True)[:look]):
            for start in range(0, len(keys), BATCH):
                if time.monotonic() > until:
                    return False
                # Only the keys: a row may hold a file of hundreds of megabytes.
                some = keys[start : start + BATCH]
                model._base_manager.filter(pk__in=some).only("pk").delete()
            look = min(look * 10, LOOK)
    with transaction.atomic():
        row = _deleted().filter(pk=workspace_id).select_for_update(no_key=True).first()
        for label, path in COUNTS.items():
            counts: Any = apps.get_model(label)._base_manager
            counts.filter(**{path: workspace_id}).delete()
        if row is not None:
            row.delete()
    return True


def _forget_files(workspace_id: int) -> None:
    """Delete what snapshots and labelled sets keep in the data folder and nobody else has too."""
    taken = EnvironmentSnapshot.objects.exclude(environment__workspace=workspace_id)
    own = EnvironmentSnapshot.objects.filter(environment__workspace=workspace_id)
    for digest in own.order_by().values_list("seed_digest", flat=True).distinct():
        if digest and not taken.filter(seed_digest=digest).exists():
            keeping.forget_seed(digest)
    for digest in CaseSet.objects.filter(workspace=workspace_id).values_list("digest", flat=True):
        case_sets.forget(digest, but=workspace_id)


@cache
def _tables() -> tuple[tuple[Any, str], ...]:
    """Tables with the look-up that leads to their workspace; what is referred to comes last."""
    paths, found = _owned(), dict[Any, str]()
    referring: dict[Any, list[Any]] = {model: [] for model in paths}
    for model in paths:
        for field in model._meta.concrete_fields:
            if isinstance(field, models.ForeignKey) and field.related_model in paths:
                referring[field.related_model].append(model)

    def add(model: Any, above: frozenset[Any]) -> None:
        """Add a model after all that refer to it; where they refer to each other, somehow."""
        if model not in found and model not in above:
            for other in referring[model]:
                add(other, above | {model})
            found.setdefault(model, paths[model])

    for model in [*map(apps.get_model, FIRST), *paths]:
        add(model, frozenset())
    return tuple(found.items())


def _owned() -> dict[Any, str]:
    """Every table that belongs to workspaces, but for those that have a way of their own."""
    found: dict[Any, str] = {}
    for app in ("memoryapp", "practice"):
        for model in apps.get_app_config(app).get_models():
            label = model._meta.label_lower
            if label not in {STAYS, *COUNTS, *LAST}:
                try:
                    found[model] = path_to_workspace(label)
                except LookupError:
                    continue  # it is of the installation
    return found
