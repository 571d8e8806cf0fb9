"""The release before goes on working while the database is already migrated."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import connection, models
from django.db.migrations import Migration
from django.db.migrations import operations as ops
from django.db.migrations.state import ProjectState

from memoryapp.resumable import AddUniqueConcurrently
from tests.migrations import RELEASED, Originals, problems


@pytest.fixture(scope="module")
def loader() -> Originals:
    return Originals(None)


@pytest.fixture(scope="module")
def released(loader: Originals) -> ProjectState:
    return loader.project_state(list(RELEASED.items()))


def found(released: ProjectState, *operations: Any) -> list[str]:
    following = type("Following", (Migration,), {"operations": list(operations)})
    return list(problems(following("0099_next", "memoryapp"), released))


def test_no_migration_since_the_last_release_breaks_that_release(
    loader: Originals, released: ProjectState
) -> None:
    since = [
        migration
        for (app, name), migration in sorted(loader.disk_migrations.items())
        if app in RELEASED and name > RELEASED[app]
    ]
    assert since
    said = [line for migration in since for line in problems(migration, released)]
    assert said == []


@pytest.mark.parametrize(
    ("operation", "said"),
    [
        (ops.AddField("bullet", "rank", models.IntegerField(default=0)), "Give it a db_default"),
        (ops.RemoveField("bullet", "content"), "one release later"),
        (ops.RenameField("bullet", "content", "text"), "one release later"),
        (ops.DeleteModel("Playbook"), "one release later"),
        (ops.RenameModel("Playbook", "Book"), "one release later"),
        (ops.RunSQL("ALTER TABLE memoryapp_bullet DROP COLUMN content"), "DROP COLUMN"),
        (ops.AddIndex("bullet", models.Index(fields=["id"], name="x")), "AddIndexConcurrently"),
        (
            ops.AddConstraint("bullet", models.UniqueConstraint(fields=["id"], name="x")),
            "AddUniqueConcurrently",
        ),
        (
            ops.AddField("bullet", "rank", models.IntegerField(null=True, db_index=True)),
            "AddIndexConcurrently",
        ),
        (ops.AlterField("bulletrevision", "number", models.TextField()), "changes its type"),
        (
            ops.AlterField("candidate", "decided_at", models.DateTimeField()),
            "becomes NOT NULL",
        ),
    ],
)
def test_it_refuses_what_the_release_before_cannot_live_with(
    released: ProjectState, operation: Any, said: str
) -> None:
    (line,) = found(released, operation)
    assert line.startswith("memoryapp.0099_next: ")
    assert said in line


def test_it_refuses_to_fill_a_table_in_the_transaction_that_alters_it(
    released: ProjectState,
) -> None:
    fill = ops.RunSQL("UPDATE memoryapp_bullet SET rank = 1")
    (line,) = found(released, ops.AddField("bullet", "rank", models.IntegerField(null=True)), fill)
    assert line.endswith("Make it memoryapp.resumable.Resumable.")


def test_it_refuses_what_would_not_go_on_after_a_kill(released: ProjectState) -> None:
    torn = type("Torn", (Migration,), {"operations": [], "atomic": False})
    (line,) = problems(torn("0099_next", "memoryapp"), released)
    assert "killed half way" in line


@pytest.mark.parametrize(
    "operation",
    [
        ops.AddField("bullet", "rank", models.IntegerField(null=True)),
        ops.AddField("bullet", "rank", models.IntegerField(db_default=0)),
        ops.CreateModel("Fresh", [("id", models.BigAutoField(primary_key=True))]),
        AddIndexConcurrently("bullet", models.Index(fields=["id"], name="x")),
        AddUniqueConcurrently("bullet", models.UniqueConstraint(fields=["id"], name="x")),
        ops.SeparateDatabaseAndState(state_operations=[ops.RemoveField("bullet", "content")]),
        # A table that came since that release is nobody's yet.
        ops.RemoveField("pullcount", "pulls"),
        ops.AddIndex("pullcount", models.Index(fields=["day"], name="x")),
    ],
)
def test_it_lets_pass_what_the_release_before_does_not_notice(
    released: ProjectState, operation: Any
) -> None:
    assert found(released, operation) == []


def test_columns_the_release_before_does_not_know_fill_themselves(
    db: None, loader: Originals, released: ProjectState
) -> None:
    """What the rule says of fields, asked of the database as it stands."""
    now = loader.project_state()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT table_name, column_name FROM information_schema.columns "
            "WHERE table_schema = 'public' AND is_nullable = 'NO' AND column_default IS NULL "
            "AND is_generated = 'NEVER' AND is_identity = 'NO'"
        )
        demanded = set(cursor.fetchall())
    for key, old in released.models.items():
        if key[0] not in RELEASED or key not in now.models:
            continue
        model, was = now.apps.get_model(*key), released.apps.get_model(*key)
        fresh = {f.column for f in model._meta.local_fields} - {
            f.column for f in was._meta.local_fields
        }
        assert old.name
        assert {(model._meta.db_table, c) for c in fresh} & demanded == set(), model._meta.label
