"""Migrations that go on where they were broken off.

A migration that indexes or fills large tables cannot be one transaction, and Django writes it down
as done only at its end. Killed in between, it would fail on the next start with a column or index
that is there already, and somebody would have to mend the tables by hand.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from django.contrib.postgres.operations import NotInTransactionMixin
from django.db import connections, migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations import operations as ops
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState
from django.db.models import UniqueConstraint

_VALID = "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(%s)"
_CONSTRAINED = "SELECT FROM pg_constraint WHERE conname = %s AND conrelid = to_regclass(%s)"


#: Indexes of one column alone, also one whose dropping was broken off, where a valid index of the
#: whole table begins with that column.
_COVERED = """
SELECT own.indexrelid::regclass::text
FROM pg_index AS own
JOIN pg_class AS own_class ON own_class.oid = own.indexrelid
JOIN pg_attribute AS first ON first.attrelid = own.indrelid AND first.attnum = own.indkey[0]
WHERE own.indrelid = to_regclass(%s) AND first.attname = %s
  AND own.indnatts = 1 AND NOT own.indisunique AND own.indpred IS NULL
  AND EXISTS (
    SELECT FROM pg_index AS wide JOIN pg_class AS wide_class ON wide_class.oid = wide.indexrelid
    WHERE wide.indrelid = own.indrelid AND wide.indkey[0] = own.indkey[0]
      AND wide.indnkeyatts > 1 AND wide.indpred IS NULL AND wide.indisvalid
      AND wide_class.relam = own_class.relam
  )
"""


class DropCoveredIndexes(NotInTransactionMixin, Operation):
    """Take their own indexes from foreign keys that others begin with, while others write.

    The other finds the rows of a parent as well: to list them, to check them, and to delete them
    with it. Where there is none, the index stays. ``fields`` are models and their foreign keys. For
    ``Resumable``: what was dropped before is passed over.
    """

    atomic = False
    reversible = True

    def __init__(self, fields: Sequence[tuple[str, str]]) -> None:
        self.fields = fields

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        for model, name in self.fields:
            known = state.models[app_label, model].fields
            known[name] = known[name].clone()
            known[name].db_index = False
        # All at once: each alone would have most models built anew, and so take a second each.
        state.reload_models([(app_label, model) for model, _ in self.fields], delay=True)

    def database_forwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        self._ensure_not_in_transaction(schema_editor)
        for place in self._places(app_label, to_state):
            with schema_editor.connection.cursor() as cursor:
                cursor.execute(_COVERED, place)
                covered = [name for (name,) in cursor.fetchall()]
            for name in covered:
                schema_editor.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")

    def database_backwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        self._ensure_not_in_transaction(schema_editor)
        named: Any = schema_editor
        quote = schema_editor.quote_name
        for table, column in self._places(app_label, to_state):
            name = quote(named._create_index_name(table, [column]))  # as Django calls it
            schema_editor.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
            schema_editor.execute(
                f"CREATE INDEX CONCURRENTLY {name} ON {quote(table)} ({quote(column)})"
            )

    def describe(self) -> str:
        return f"Drop {len(self.fields)} indexes that others begin with"

    def _places(self, app_label: str, state: ProjectState) -> Iterator[tuple[str, str]]:
        for model, name in self.fields:
            meta = state.apps.get_model(app_label, model)._meta
            yield meta.db_table, meta.get_field(name).column


class AddUniqueConcurrently(NotInTransactionMixin, ops.AddConstraint):
    """A unique constraint on fields whose index is built while others write; for ``Resumable``."""

    atomic = False
    constraint: UniqueConstraint

    def database_forwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        self._ensure_not_in_transaction(schema_editor)
        meta = to_state.apps.get_model(app_label, self.model_name)._meta
        quote = schema_editor.quote_name
        name, table = quote(self.constraint.name), quote(meta.db_table)
        columns = ", ".join(quote(meta.get_field(f).column) for f in self.constraint.fields)
        # Of a time it was broken off: half built, or not the constraint's yet.
        schema_editor.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
        schema_editor.execute(f"CREATE UNIQUE INDEX CONCURRENTLY {name} ON {table} ({columns})")
        schema_editor.execute(
            f"ALTER TABLE {table} ADD CONSTRAINT {name} UNIQUE USING INDEX {name}"
        )


class Resumable(migrations.Migration):
    """Each operation is a transaction of its own, and is skipped where it was done before.

    What is concurrent is in none. Whether an operation was done is seen in the tables. That cannot
    be seen of SQL and code: it is run again, so write it such that a second time changes nothing.
    """

    atomic = False

    def apply(
        self,
        project_state: ProjectState,
        schema_editor: BaseDatabaseSchemaEditor,
        collect_sql: bool = False,
    ) -> ProjectState:
        """See ``Migration.apply``; ``collect_sql`` (``sqlmigrate``) leaves out nothing."""
        if collect_sql:
            return super().apply(project_state, schema_editor, collect_sql)
        connection = connections[schema_editor.connection.alias]
        for operation in self.operations:
            before = project_state.clone()
            operation.state_forwards(self.app_label, project_state)
            if is_done(operation, self.app_label, connection, project_state):
                continue
            states = (before, project_state)
            if isinstance(operation, NotInTransactionMixin) or _by_itself(operation):
                operation.database_forwards(self.app_label, schema_editor, *states)
            else:
                # An editor of its own: what it defers to its end, an index of a foreign key say,
                # belongs to the operation.
                with connection.schema_editor(atomic=True) as own:
                    operation.database_forwards(self.app_label, own, *states)
        return project_state


def _by_itself(operation: Any) -> bool:
    """Whether code said that it wants no transaction around it."""
    return isinstance(operation, ops.RunPython) and operation.atomic is False


def is_done(operation: Any, app_label: str, connection: Any, after: ProjectState) -> bool:
    """Whether the tables show that an operation was carried out; an index left half is dropped."""
    with connection.cursor() as cursor:
        if isinstance(operation, ops.CreateModel):
            table = after.apps.get_model(app_label, operation.name)._meta.db_table
            return table in connection.introspection.table_names(cursor)
        if isinstance(operation, ops.AddField):
            model = after.apps.get_model(app_label, operation.model_name)
            column = model._meta.get_field(operation.name).column
            described = connection.introspection.get_table_description(cursor, model._meta.db_table)
            return column in {known.name for known in described}
        if isinstance(operation, AddUniqueConcurrently):
            table = after.apps.get_model(app_label, operation.model_name)._meta.db_table
            cursor.execute(_CONSTRAINED, [operation.constraint.name, table])
            return cursor.fetchone() is not None
        if isinstance(operation, ops.RemoveConstraint):
            table = after.apps.get_model(app_label, operation.model_name)._meta.db_table
            return operation.name not in connection.introspection.get_constraints(cursor, table)
        if isinstance(operation, ops.AddConstraint):
            table = after.apps.get_model(app_label, operation.model_name)._meta.db_table
            found = connection.introspection.get_constraints(cursor, table)
            return operation.constraint.name in found
        if isinstance(operation, ops.AddIndex):
            cursor.execute(_VALID, [operation.index.name])
            state = cursor.fetchone()
            if state == (False,):
                name = connection.ops.quote_name(operation.index.name)
                cursor.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
            return bool(state == (True,))
    return False
