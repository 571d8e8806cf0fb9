"""Which migrations the release before could not live with, while it still runs beside them.

Hosts are upgraded one after another: ``greenroom prepare`` migrates first, and until the last host
is restarted the code of the release before reads and writes the new tables. docs/operations.md
says what follows for an upgrade.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from django.db import models
from django.db.migrations import Migration
from django.db.migrations import operations as ops
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.state import ProjectState

from memoryapp.resumable import Resumable

#: The newest migrations of the release before. Move them on when a release is made.
RELEASED = {"memoryapp": "0009_webhooks", "practice": "0008_sent_traces"}

#: Tables with a row per thing that happens: an index built in one go blocks writing for minutes.
LARGE = frozenset({
    "memoryapp.bullet", "memoryapp.bulletrevision", "memoryapp.candidate", "memoryapp.event",
    "memoryapp.evidence", "memoryapp.pullreceipt", "memoryapp.report", "memoryapp.vote",
    "practice.attempt", "practice.ledgerentry", "practice.modelcall", "practice.practicerecord",
    "practice.practicetask", "practice.sentspan", "practice.senttrajectory", "practice.step",
    "practice.unit",
})  # fmt: skip
_CUTS = re.compile(r"\b(?:DROP\s+(?:TABLE|COLUMN)|RENAME)\b|\bSET\s+NOT\s+NULL\b", re.IGNORECASE)


class Originals(MigrationLoader):
    """The migrations that databases of earlier releases run, without those that replace them."""

    def load_disk(self) -> None:
        super().load_disk()
        one_by_one = {key: one for key, one in self.disk_migrations.items() if not one.replaces}
        self.disk_migrations = one_by_one


@contextmanager
def neighbours_alone() -> Iterator[None]:
    """Have ``migrate`` work out anew a changed model and what is next to it, not all around it.

    Django does so itself where a field is no relation. Of migrations one after another it is most
    of the time, for here every model can be reached from every other one. What comes of them is
    held against tables that were made without this.
    """
    whole = ProjectState.reload_model

    def near(self: ProjectState, app: str, model: str, delay: bool = False) -> None:
        whole(self, app, model, delay=True)

    with patch.object(ProjectState, "reload_model", near):
        yield


def problems(migration: Migration, before: ProjectState) -> Iterator[str]:
    """Lines that say what of ``migration`` breaks the release before, whose state is ``before``.

    ``before`` is the state of that release, not the one just ahead of the migration: what is new
    since then is nobody's yet.
    """
    name = f"{migration.app_label}.{migration.name}"
    for operation in migration.operations:
        for said in _of(operation, migration, before):
            yield f"{name}: {said}"
    fills = any(isinstance(o, ops.RunSQL | ops.RunPython) for o in migration.operations)
    if (
        migration.atomic
        and fills
        and any(_alters(o, migration, before) for o in migration.operations)
    ):
        yield (
            f"{name}: it alters a table and fills it in one transaction, and the table is locked "
            "that long. Make it memoryapp.resumable.Resumable."
        )

    if not (migration.atomic or isinstance(migration, Resumable)):
        yield f"{name}: killed half way it would not go on. Make it memoryapp.resumable.Resumable."


def _alters(operation: Any, migration: Migration, before: ProjectState) -> bool:
    if not isinstance(operation, ops.AddField):
        return False
    return (migration.app_label, operation.model_name.lower()) in before.models


def _of(operation: Any, migration: Migration, before: ProjectState) -> Iterator[str]:
    if isinstance(operation, ops.SeparateDatabaseAndState):
        for inner in operation.database_operations:
            yield from _of(inner, migration, before)
        return
    if isinstance(operation, ops.RunSQL):
        yield from _of_sql(operation)
        return
    model = str(getattr(operation, "model_name", getattr(operation, "name", ""))).lower()
    table = (migration.app_label, model)
    if table not in before.models:
        return  # made since that release: it neither reads nor writes it
    of = f"{migration.app_label}.{model}"
    if isinstance(operation, ops.AddField):
        yield from _of_new_field(operation, of)
    elif isinstance(operation, ops.AlterField):
        yield from _of_changed_field(operation, of, before.models[table].fields)
    elif isinstance(operation, TAKES_AWAY):
        yield f"{type(operation).__name__} on {of}: {TWO_STEPS}"
    elif type(operation) in {ops.AddIndex, ops.AddConstraint} and of in LARGE:
        yield f"{type(operation).__name__} on {of} {CONCURRENTLY}"


TAKES_AWAY = (
    ops.RemoveField, ops.RenameField, ops.DeleteModel, ops.RenameModel, ops.AlterModelTable,
)  # fmt: skip
TWO_STEPS = (
    "the release before still uses it. Take it out of the models first "
    "(SeparateDatabaseAndState), and out of the database one release later."
)
CONCURRENTLY = (
    "stops writing for as long as it is built. Use AddIndexConcurrently or AddUniqueConcurrently "
    "(or a constraint that is not valid yet) in a memoryapp.resumable.Resumable."
)


def _of_new_field(operation: ops.AddField, of: str) -> Iterator[str]:
    field: Any = operation.field
    if isinstance(field, models.ManyToManyField | models.GeneratedField):
        return
    if not field.null and not field.has_db_default():
        yield (
            f"{of}.{operation.name} is NOT NULL without a default of the database: rows of the "
            "release before are refused. Give it a db_default, or let it be null."
        )
    if of in LARGE and (field.db_index or field.unique):
        yield f"{of}.{operation.name} {CONCURRENTLY}"


def _of_changed_field(operation: ops.AlterField, of: str, fields: Any) -> Iterator[str]:
    was, becomes = fields.get(operation.name), operation.field
    if was is None:
        return
    if was.null and not becomes.null:
        yield f"{of}.{operation.name} becomes NOT NULL while the release before writes none."
    if type(was) is not type(becomes) or (becomes.max_length or 0) < (was.max_length or 0):
        yield f"{of}.{operation.name} changes its type: the whole table is written anew, locked."


def _of_sql(operation: ops.RunSQL) -> Iterator[str]:
    said = operation.sql if isinstance(operation.sql, str) else " ".join(map(str, operation.sql))
    if found := _CUTS.search(said):
        yield f"SQL with {found.group().upper()}: {TWO_STEPS}"
