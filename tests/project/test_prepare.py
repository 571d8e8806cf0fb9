"""``greenroom prepare`` on a database that is not ready for it: one line says what to do."""

from __future__ import annotations

import os
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any
from unittest.mock import patch

import psycopg
import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.db import ProgrammingError, connection
from django.utils import timezone
from psycopg import sql

from memoryapp.project import backup
from memoryapp.queries.database import why_not_prepared

pytestmark = pytest.mark.django_db(transaction=True)

#: roles are the whole server's, which several processes of the suite share.
ROLE = f"only_an_owner_{os.environ.get('PYTEST_XDIST_WORKER', 'alone')}"


def run(server: psycopg.Connection[Any], statement: str, name: str) -> None:
    server.execute(sql.SQL(statement).format(sql.Identifier(name)))


@pytest.fixture
def administrator() -> Iterator[psycopg.Connection[Any]]:
    """A connection that may create roles, as the embedded database's user may."""
    here = backup.conninfo(connection.settings_dict)
    with psycopg.connect(here, dbname="postgres", autocommit=True) as server:
        found = server.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
        if found.fetchone() != (True,):
            pytest.skip("The database user of this suite is no administrator.")
        run(server, "CREATE ROLE {}", ROLE)
        yield server
        run(server, "DROP ROLE {}", ROLE)


@pytest.fixture
def fresh(administrator: psycopg.Connection[Any]) -> Iterator[str]:
    """The name of an empty database, which is the one Django talks to, as the ordinary role."""
    own = connection.settings_dict["NAME"]
    name = f"{own}_fresh"
    # From the template of a new server: the usual one may have been given pgvector.
    run(administrator, "CREATE DATABASE {} TEMPLATE template0", name)
    options = dict(connection.settings_dict["OPTIONS"])
    connection.close()
    connection.settings_dict["NAME"] = name
    connection.settings_dict["OPTIONS"] = {**options, "options": f"-c role={ROLE}"}
    yield name
    connection.close()
    connection.settings_dict["NAME"] = own
    connection.settings_dict["OPTIONS"] = options
    run(administrator, "DROP DATABASE {} WITH (FORCE)", name)


def give(administrator: psycopg.Connection[Any], name: str) -> None:
    run(administrator, f"ALTER DATABASE {{}} OWNER TO {ROLE}", name)


def test_a_role_that_owns_nothing_is_told_so(fresh: str) -> None:
    with pytest.raises(CommandError, match=r"permission denied for schema public.* own the data"):
        call_command("prepare")


def test_an_owner_is_told_to_have_pgvector_put_there(
    fresh: str, administrator: psycopg.Connection[Any]
) -> None:
    give(administrator, fresh)
    with pytest.raises(CommandError, match=r"Once, as an administrator .* CREATE EXTENSION vector"):
        call_command("prepare")


def test_it_says_where_the_first_password_is_changed() -> None:
    said = StringIO()
    call_command("prepare", stdout=said)
    assert "Change it under your name, Your account" in said.getvalue()


def test_a_start_that_is_stopped_early_has_shown_the_password() -> None:
    said = StringIO()
    loading = "practice.management.commands.prepare.sample_load"
    with patch(loading, side_effect=KeyboardInterrupt), pytest.raises(KeyboardInterrupt):
        call_command("prepare", stdout=said)
    password = said.getvalue().partition("Password")[2].split()[0]
    assert get_user_model().objects.get(username="operator").check_password(password)


def test_a_lost_first_password_has_a_way_out_until_somebody_signs_in() -> None:
    call_command("prepare", stdout=StringIO())
    later, after_signing_in = StringIO(), StringIO()
    call_command("prepare", stdout=later)
    assert "greenroom manage changepassword operator" in later.getvalue()
    get_user_model().objects.update(last_login=timezone.now())
    call_command("prepare", stdout=after_signing_in)
    assert after_signing_in.getvalue() == ""


@pytest.mark.parametrize("is_beside", [True, False])
def test_the_way_out_names_a_command_that_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_beside: bool
) -> None:
    """In the image none is beside the interpreter, and PATH leads to it."""
    beside = tmp_path / "greenroom"
    if is_beside:
        beside.touch()
    monkeypatch.setattr("practice.management.commands.prepare.BESIDE", beside)
    call_command("prepare", stdout=StringIO())
    said = StringIO()
    call_command("prepare", stdout=said)
    (line,) = [line.strip() for line in said.getvalue().splitlines() if "manage" in line]
    assert line.split()[0] == (str(beside) if is_beside else "greenroom")


def test_an_unreachable_database_is_named(settings: Any, fresh: str) -> None:
    connection.settings_dict["NAME"] = "nowhere"
    with pytest.raises(CommandError, match=r'"nowhere" does not exist.* correct DATABASE_URL'):
        call_command("prepare")


def test_a_defect_of_ours_stays_one() -> None:
    error = ProgrammingError()
    error.__cause__ = psycopg.errors.UndefinedColumn("no such column")
    assert why_not_prepared(error) is None


def test_a_server_without_the_package_is_told_so() -> None:
    error = ProgrammingError()
    error.__cause__ = psycopg.errors.FeatureNotSupported('extension "vector" is not available')
    assert "Install its package there" in str(why_not_prepared(error))
