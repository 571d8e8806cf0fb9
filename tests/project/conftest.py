"""What tests of backups share: where the test's database is, and an empty one beside it."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from django.db import connection

from memoryapp.project import backup


@pytest.fixture
def here() -> str:
    """The connection string of the test's own database."""
    return backup.conninfo(connection.settings_dict)


@pytest.fixture
def empty(here: str) -> Iterator[str]:
    """A fresh database on the same server."""
    name = f"{connection.settings_dict['NAME']}_restored"
    admin = psycopg.conninfo.make_conninfo(here, dbname="postgres")
    with psycopg.connect(admin, autocommit=True) as server:
        server.execute(f"CREATE DATABASE {name}")
        yield psycopg.conninfo.make_conninfo(here, dbname=name)
        server.execute(f"DROP DATABASE {name} WITH (FORCE)")
