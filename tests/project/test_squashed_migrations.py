"""An empty database gets all tables at once, and they are those that came one after another."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.db.migrations.state import StateApps
from pytest_django import DjangoDbBlocker

from memoryapp.project import backup
from memoryapp.queries.database import known_migrations, migrations
from tests.databases import Shape, another_database, shape
from tests.migrations import Originals, neighbours_alone

MEMORYAPP = ("migrate", "memoryapp", "0001_squashed_0023_reports_by_label")

#: One worker migrates one after another for all that is asked of it.
pytestmark = pytest.mark.xdist_group("squashed")


@pytest.fixture(scope="module")
def one_after_another(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[Shape]:
    """A database that ran every migration there ever was; Django talks to it."""
    with django_db_blocker.unblock(), another_database("originals") as there:
        with patch("django.db.migrations.executor.MigrationLoader", Originals), neighbours_alone():
            call_command("migrate", interactive=False, verbosity=0)
        yield shape(there)


@pytest.mark.django_db
def test_both_ways_make_the_same_tables(one_after_another: Shape) -> None:
    own = connection.settings_dict["NAME"].removesuffix("_originals")
    at_once = shape(backup.conninfo(connection.settings_dict | {"NAME": own}))
    assert {kind for kind, _, _ in at_once} >= {"relation", "index", "trigger", "function"}
    assert sorted(at_once - one_after_another) == []
    assert sorted(one_after_another - at_once) == []


def test_a_database_that_ran_them_one_after_another_has_nothing_to_do(
    one_after_another: Shape,
) -> None:
    assert migrations().missing == ()
    assert migrations().unknown == ()


def test_a_backup_of_it_is_restored_whole_and_has_nothing_to_do(
    one_after_another: Shape, tmp_path: Path
) -> None:
    held = backup.conninfo(connection.settings_dict)
    backup.write(tmp_path / "backup", database=held, snapshots=tmp_path / "none")
    with another_database("restored") as there:
        backup.restore(
            tmp_path / "backup",
            database=there,
            snapshots=tmp_path / "none",
            known=known_migrations(),
        )
        assert migrations().missing == ()
        assert migrations().unknown == ()


def test_what_it_ran_is_known_when_it_is_in_no_file_any_more() -> None:
    known = known_migrations()

    class Later(MigrationLoader):
        def load_disk(self) -> None:
            super().load_disk()
            for squashed in [one for one in self.disk_migrations.values() if one.replaces]:
                for part in squashed.replaces:
                    del self.disk_migrations[part]

    with patch("memoryapp.queries.database.MigrationLoader", Later):
        assert ("memoryapp", "0001_initial") not in Later(None).disk_migrations
        assert known_migrations() == known


@pytest.fixture
def empty(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[str]:
    with django_db_blocker.unblock(), another_database("empty") as there:
        yield there


def test_models_are_worked_out_once_for_all_tables_of_an_app(empty: str) -> None:
    rendered = 0
    whole = StateApps.render_multiple

    def counted(self: StateApps, models: list[Any]) -> None:
        nonlocal rendered
        rendered += len(models)
        whole(self, models)

    call_command("migrate", "auth", interactive=False, verbosity=0)
    with patch.object(StateApps, "render_multiple", counted):
        call_command(*MEMORYAPP, interactive=False, verbosity=0)
    # Twice: for the state before, which is Django's own, and for the one with the new tables.
    known = len(Originals(None).project_state().models)
    assert 40 < rendered < 2 * known


def test_killed_before_it_is_written_down_it_leaves_nothing(empty: str) -> None:
    call_command("migrate", "auth", interactive=False, verbosity=0)
    before = shape(empty)
    noted = MigrationRecorder.record_applied

    def killed(self: MigrationRecorder, app: str, name: str) -> None:
        if name.startswith("0012"):
            raise KeyboardInterrupt
        noted(self, app, name)

    with (
        patch.object(MigrationRecorder, "record_applied", killed),
        pytest.raises(KeyboardInterrupt),
    ):
        call_command(*MEMORYAPP, interactive=False, verbosity=0)
    assert shape(empty) == before
    call_command(*MEMORYAPP, interactive=False, verbosity=0)
    assert ("relation", "memoryapp_bullet") in {found[:2] for found in shape(empty)}
