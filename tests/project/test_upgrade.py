"""The data of the release before, brought to this one: all of it is there, and it works.

The upgrade is broken off wherever it can be, and goes on from there.

``tests/data/releases/0.1.0.dump`` is what release 0.1.0 had stored after a run at the help desk,
decisions about its lessons, a release, a pull and the analysis of the sample incident.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import psycopg
import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection
from django.db.migrations.state import ProjectState
from django.test import Client
from psycopg import sql
from pytest_django import DjangoDbBlocker

from memoryapp.models import Bullet, Candidate, Playbook
from memoryapp.project import backup
from memoryapp.queries.database import migrations
from memoryapp.resumable import Resumable
from practice.models import Attempt, Incident, Run
from tests.databases import Shape, another_database, shape
from tests.migrations import RELEASED, Originals, neighbours_alone

#: One worker upgrades for all that is asked here.
pytestmark = pytest.mark.xdist_group("upgrade")

DUMP = Path(__file__).resolve().parents[1] / "data" / "releases" / "0.1.0.dump"
#: What migrations are there to change.
OF_DJANGO = {"django_migrations", "django_content_type", "auth_permission"}
DIGEST = (
    "SELECT count(*), coalesce(sum(('x' || left(md5(ROW({columns})::text), 15))::bit(60)::bigint),"
    " 0)::text FROM {table}"
)

#: Parts of counts, by what each is summed up in: triggers fold them now and then, by chance.
COUNTS = {
    "memoryapp_tally": ("amount", "token_sum"),
    "practice_attempttally": ("amount",),
    "practice_tooltally": ("practised", "worked", "feasible_worked", "infeasible"),
}

Columns = dict[str, list[str]]


def columns(database: psycopg.Connection[Any]) -> Columns:
    return {name: list(found) for name, found in database.execute(backup.TABLES).fetchall()}


def digests(database: psycopg.Connection[Any], known: Columns) -> dict[str, Any]:
    """Rows and digest of these columns, table by table; of counts the sums."""
    database.execute(backup.PLAIN)
    found: dict[str, Any] = {}
    for table, names in known.items():
        if table in COUNTS:
            found[table] = sums(database, table, names)
        elif table not in OF_DJANGO:
            digest = sql.SQL(DIGEST).format(
                table=sql.Identifier(table),
                columns=sql.SQL(", ").join(map(sql.Identifier, names)),
            )
            found[table] = database.execute(digest).fetchone()
    return found


def sums(database: psycopg.Connection[Any], table: str, names: list[str]) -> set[tuple[Any, ...]]:
    """What is counted per key; keys that come to nothing are left out."""
    summed = COUNTS[table]
    keys = [name for name in names if name not in {"id", "worked_at", *summed}]
    query = sql.SQL("SELECT {keys}, {sums} FROM {table} GROUP BY {keys}").format(
        keys=sql.SQL(", ").join(map(sql.Identifier, keys)),
        sums=sql.SQL(", ").join(sql.SQL("sum({})").format(sql.Identifier(one)) for one in summed),
        table=sql.Identifier(table),
    )
    return {row for row in database.execute(query) if any(row[len(keys) :])}


@pytest.fixture(scope="module")
def upgraded(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker
) -> Iterator[tuple[Columns, dict[str, Any], dict[str, Any]]]:
    """A database of the release before, restored and migrated, as the one Django talks to.

    Gives the columns it had, and their digests before and after.
    """
    whole = Resumable.apply

    def broken_off(self: Resumable, state: ProjectState, editor: Any) -> ProjectState:
        """Begin anew after the first operation, the second one, and so on to the last."""
        operations = self.operations
        for done in range(1, len(operations) + 1):
            with patch.object(self, "operations", operations[:done]):
                whole(self, state.clone(), editor)
        return whole(self, state, editor)

    with django_db_blocker.unblock(), another_database("upgraded") as there:
        backup.pg_restore(DUMP, there)
        with psycopg.connect(there, autocommit=True) as database:
            known = columns(database)
            before = digests(database, known)
            with patch.object(Resumable, "apply", broken_off), neighbours_alone():
                call_command("migrate", interactive=False, verbosity=0)
            yield known, before, digests(database, known)


def test_every_row_is_there_with_what_it_held(
    upgraded: tuple[Columns, dict[str, Any], dict[str, Any]],
) -> None:
    _, before, after = upgraded
    assert before["memoryapp_bullet"][0] == 15
    assert before["practice_step"][0] == 61
    assert before["memoryapp_tally"]
    assert before["practice_attempttally"]
    assert after == before


def plain(found: Shape) -> Shape:
    """Without conditions of indexes: a restored one is the same in other words."""
    return {(kind, name, re.sub(" WHERE .*", "", said or "")) for kind, name, said in found}


@pytest.mark.django_db
def test_its_tables_are_those_of_a_new_database(upgraded: Any) -> None:
    settings = connection.settings_dict
    own = settings["NAME"].removesuffix("_upgraded")
    found = plain(shape(backup.conninfo(settings)))
    assert found ^ plain(shape(backup.conninfo(settings | {"NAME": own}))) == set()


def test_nothing_is_left_to_migrate(upgraded: Any) -> None:
    assert migrations().missing == ()
    assert migrations().unknown == ()


def test_what_is_new_says_what_it_would_have_said_then(upgraded: Any) -> None:
    bullet = Bullet.objects.exclude(evidence_count=0).first()
    assert bullet is not None
    assert (bullet.origin_kind, bullet.environment) == ("run", "Help desk")
    assert set(Candidate.objects.values_list("trust", flat=True)) == {2}


def test_pages_show_it(upgraded: Any) -> None:
    client = Client()
    client.force_login(User.objects.get(username="operator"))
    playbook, run = Playbook.objects.get(), Run.objects.get()
    attempt = Attempt.objects.first()
    assert attempt is not None
    for address in (
        "/",
        "/review/",
        playbook.get_absolute_url(),
        run.get_absolute_url(),
        attempt.get_absolute_url(),
        Incident.objects.get().get_absolute_url(),
    ):
        assert client.get(address).status_code == 200, address


def test_the_release_before_reads_and_writes_it_meanwhile(upgraded: Any) -> None:
    """Hosts that are not upgraded yet serve over the migrated database."""
    then = Originals(None).project_state(list(RELEASED.items())).apps
    for model in then.get_models():
        if model._meta.app_label in RELEASED:
            list(model._default_manager.all()[:1])
    bullet = then.get_model("memoryapp", "Bullet").objects.first()
    bullet.pk, bullet.label = uuid.uuid4(), "old-00001"
    bullet.save(force_insert=True)
    one = then.get_model("practice", "Round").objects.first()
    one.pk, one.number = None, 99
    one.save(force_insert=True)
    assert Run.objects.get().rounds.get(number=99).seeds == []
