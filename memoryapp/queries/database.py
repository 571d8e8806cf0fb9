"""What an operator asks of the database itself: its version, its clock, what it still lacks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import psycopg
from django.db import DEFAULT_DB_ALIAS, DatabaseError, connections
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader
from django.utils import timezone

from memoryapp.models import Event
from memoryapp.queries.replica import REPLICA

OLDEST = 150000
VECTOR = "vector"


@dataclass(frozen=True, slots=True)
class Server:
    """``version`` as ``server_version_num``; ``behind`` is seconds our clock is behind its clock.

    ``vector`` is the version of pgvector in this database, or of what could be created in it.
    """

    version: int
    name: str
    size: int
    behind: float
    vector: str | None
    vector_is_there: bool


def server() -> Server:
    """Ask the server about itself. Raises ``OperationalError`` when it cannot be reached."""
    with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
        before = timezone.now()
        cursor.execute(
            "SELECT current_setting('server_version_num')::int, current_setting('server_version'),"
            " pg_database_size(current_database()), clock_timestamp(),"
            " coalesce(installed_version, default_version), installed_version IS NOT NULL"
            " FROM (SELECT 1) AS one LEFT JOIN pg_available_extensions ON name = %s",
            [VECTOR],
        )
        version, name, size, clock, vector, is_there = cursor.fetchone()
        middle = before + (timezone.now() - before) / 2
    return Server(version, name, size, (clock - middle).total_seconds(), vector, is_there)


@dataclass(frozen=True, slots=True)
class Replica:
    """``behind`` are bytes of WAL it has not replayed; ``None`` where it replays none."""

    behind: int | None


def replica() -> Replica:
    """Ask the read replica about itself. Raises ``OperationalError`` when it cannot be reached."""
    with connections[REPLICA].cursor() as cursor:
        cursor.execute("SELECT pg_last_wal_replay_lsn()::text WHERE pg_is_in_recovery()")
        found = cursor.fetchone()
    if found is None or found[0] is None:
        return Replica(None)
    with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
        cursor.execute("SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), %s::pg_lsn)::bigint", found)
        (behind,) = cursor.fetchone()
    return Replica(max(0, behind))


def connect_anew() -> None:
    """Let go of a connection that a restarted server has closed: it refuses all that follows.

    Inside a transaction nothing is done: it is over, and who began it lets go of its connection.
    """
    connection = connections[DEFAULT_DB_ALIAS]
    if not connection.in_atomic_block:
        connection.close_if_unusable_or_obsolete()


@dataclass(frozen=True, slots=True)
class Migrations:
    """``missing`` are not applied yet; ``unknown`` are of a later version than this code."""

    missing: tuple[str, ...]
    unknown: tuple[str, ...]


def migrations() -> Migrations:
    """Compare what is applied with what this code brings."""
    executor = MigrationExecutor(connections[DEFAULT_DB_ALIAS])
    loader = executor.loader
    plan = executor.migration_plan(loader.graph.leaf_nodes())
    ours, known = {app for app, _ in loader.disk_migrations}, _known(loader)
    unknown = [
        f"{app}.{name}"
        for app, name in loader.applied_migrations
        if app in ours and (app, name) not in known
    ]
    return Migrations(
        tuple(f"{step.app_label}.{step.name}" for step, _ in plan), tuple(sorted(unknown))
    )


def known_migrations() -> frozenset[str]:
    """The migrations this code can go on from, as ``memoryapp.0001_initial``; asks no database."""
    return frozenset(f"{app}.{name}" for app, name in _known(MigrationLoader(None)))


def _known(loader: MigrationLoader) -> set[tuple[str, str]]:
    """Those in files, and the parts of squashed ones: they were applied once and may be in none."""
    squashed = {part for m in loader.disk_migrations.values() for part in m.replaces}
    return loader.disk_migrations.keys() | squashed


def why_not_prepared(error: DatabaseError) -> str | None:
    """What whoever runs the server has to do about ``error`` of a migration; None for a defect."""
    # What Django says when it may not create its first table hangs on what it met there.
    cause = error.__cause__ or (error.__context__ and error.__context__.__cause__)
    said = (str(cause).splitlines() or [""])[0]
    match cause:
        case psycopg.OperationalError(sqlstate=None):
            return f"The database cannot be reached: {said}. Start it, or correct DATABASE_URL."
        case psycopg.errors.InsufficientPrivilege() if f'extension "{VECTOR}"' in said:
            return (
                "pgvector is not in this database yet, and this role may not put it there. Once, "
                f"as an administrator of the server and in this database: CREATE EXTENSION {VECTOR}"
            )
        case psycopg.errors.InsufficientPrivilege():
            return f"This role may not do what is needed: {said}. Let it own the database."
        case psycopg.errors.FeatureNotSupported() if f'extension "{VECTOR}"' in said:
            return "pgvector is not installed on the server. Install its package there."
    return None


def newest_event() -> datetime | None:
    """When the last thing happened, by the clock of whoever wrote it down."""
    return Event.objects.order_by("-pk").values_list("created_at", flat=True).first()


def rows_written() -> dict[str, int]:
    """Rows ever inserted, by table of ours, as the server counts them: no table is read."""
    with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
        cursor.execute(
            "SELECT relname, n_tup_ins FROM pg_stat_user_tables"
            " WHERE relname LIKE ANY (ARRAY['memoryapp\\_%%', 'practice\\_%%'])"
        )
        return dict(cursor.fetchall())
