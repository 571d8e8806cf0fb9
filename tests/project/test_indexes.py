"""What is inserted most pays for no index that it can do without."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection, models
from django.db.migrations.state import ModelState, ProjectState

from memoryapp.resumable import DropCoveredIndexes
from tests.migrations import LARGE

#: Foreign keys of one value in very many rows: alone, their index is a tenth as large to count in.
KEPT = {
    ("memoryapp_bullet", "playbook_id"),
    ("memoryapp_candidate", "playbook_id"),
    ("practice_senttrajectory", "playbook_id"),
}
COVERED = """
SELECT DISTINCT own.indrelid::regclass::text, first.attname
FROM pg_index AS own
JOIN pg_attribute AS first ON first.attrelid = own.indrelid AND first.attnum = own.indkey[0]
JOIN pg_index AS wide ON wide.indrelid = own.indrelid AND wide.indkey[0] = own.indkey[0]
JOIN pg_constraint AS leads ON leads.conrelid = own.indrelid AND leads.contype = 'f'
  AND leads.conkey = ARRAY[own.indkey[0]]
WHERE own.indnatts = 1 AND NOT own.indisunique AND own.indpred IS NULL
  AND wide.indnkeyatts > 1 AND wide.indpred IS NULL
"""


@pytest.mark.django_db
def test_no_foreign_key_of_a_large_table_has_an_index_that_another_begins_with() -> None:
    large = {name.replace(".", "_") for name in LARGE}
    with connection.cursor() as cursor:
        cursor.execute(COVERED)
        found = {(table, column) for table, column in cursor.fetchall() if table in large}
    assert found == KEPT


@pytest.fixture
def tables(transactional_db: None) -> Any:
    """A parent and its rows, with an index of the foreign key alone."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE covered_parent (id bigint PRIMARY KEY)")
        cursor.execute(
            "CREATE TABLE covered_row (id bigint PRIMARY KEY, number int, "
            "parent_id bigint REFERENCES covered_parent)"
        )
        cursor.execute("CREATE INDEX covered_own ON covered_row (parent_id)")
        yield cursor
        cursor.execute("DROP TABLE covered_row, covered_parent")


def states() -> tuple[ProjectState, ProjectState]:
    before = ProjectState()
    for name, fields in (
        ("Parent", []),
        (
            "Row",
            [
                ("number", models.IntegerField()),
                ("parent", models.ForeignKey("covered.Parent", models.CASCADE)),
            ],
        ),
    ):
        key = ("id", models.BigAutoField(primary_key=True))
        before.add_model(ModelState("covered", name, [key, *fields]))
    after = before.clone()
    dropping().state_forwards("covered", after)
    return before, after


def dropping() -> DropCoveredIndexes:
    return DropCoveredIndexes([("row", "parent")])


def migrate(*, back: bool = False) -> None:
    before, after = states()
    with connection.schema_editor(atomic=False) as editor:
        if back:
            dropping().database_backwards("covered", editor, after, before)
        else:
            dropping().database_forwards("covered", editor, before, after)


def indexes(cursor: Any) -> set[str]:
    cursor.execute(
        "SELECT indexrelid::regclass::text FROM pg_index "
        "WHERE indrelid = 'covered_row'::regclass AND NOT indisprimary"
    )
    return {name for (name,) in cursor.fetchall()}


def test_it_drops_an_index_that_another_begins_with_and_brings_it_back(tables: Any) -> None:
    tables.execute("CREATE INDEX covered_wide ON covered_row (parent_id, number)")

    migrate()
    assert indexes(tables) == {"covered_wide"}
    migrate()  # broken off and begun anew
    assert indexes(tables) == {"covered_wide"}

    migrate(back=True)
    (again,) = indexes(tables) - {"covered_wide"}
    assert again.startswith("covered_row_parent_id_")
    migrate()
    assert indexes(tables) == {"covered_wide"}


@pytest.mark.parametrize(
    "other",
    [
        "CREATE INDEX covered_wide ON covered_row (number, parent_id)",
        "CREATE INDEX covered_wide ON covered_row (parent_id, number) WHERE number > 3",
        "CREATE INDEX covered_wide ON covered_row USING hash (parent_id)",
    ],
)
def test_it_leaves_an_index_where_no_other_serves_the_same(tables: Any, other: str) -> None:
    tables.execute(other)
    migrate()
    assert "covered_own" in indexes(tables)


def test_the_state_it_leaves_says_that_there_is_no_index() -> None:
    before, after = states()
    assert before.models["covered", "row"].fields["parent"].db_index
    assert not after.models["covered", "row"].fields["parent"].db_index
    assert not after.apps.get_model("covered", "Row")._meta.get_field("parent").db_index
