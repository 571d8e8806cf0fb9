"""Databases beside that of the tests, and what PostgreSQL says is in one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import psycopg
from django.core.management.sql import emit_post_migrate_signal
from django.db import connection
from django.db.backends.postgresql.operations import DatabaseOperations
from psycopg import sql

from memoryapp.project import backup


@contextmanager
def another_database(suffix: str) -> Iterator[str]:
    """An empty database that Django talks to meanwhile; gives its connection string."""
    own = connection.settings_dict["NAME"]
    name = f"{own}_{suffix}"
    here = backup.conninfo(connection.settings_dict)
    with psycopg.connect(here, dbname="postgres", autocommit=True) as server:
        server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        connection.close()
        connection.settings_dict["NAME"] = name
        try:
            yield psycopg.conninfo.make_conninfo(here, dbname=name)
        finally:
            connection.close()
            connection.settings_dict["NAME"] = own
            drop = sql.SQL("DROP DATABASE {} WITH (FORCE)")
            server.execute(drop.format(sql.Identifier(name)))


#: What ``migrate`` writes about models and nothing else does, so that it may stay.
OF_MODELS = frozenset({"django_content_type", "auth_permission"})
#: Triggers of rows stay silent, as they do for TRUNCATE; its lock waits for who still writes.
EMPTY = """
DO $$ DECLARE one text; BEGIN
  LOCK TABLE {tables} IN ACCESS EXCLUSIVE MODE;
  SET LOCAL session_replication_role = replica;
  FOREACH one IN ARRAY ARRAY[{names}] LOOP EXECUTE format('DELETE FROM %I', one); END LOOP;
END $$
"""


@contextmanager
def emptied_by_deleting() -> Iterator[None]:
    """Have ``flush`` delete rows: for TRUNCATE a server makes a thousand files, for a few rows.

    Rows about models stay. To write them anew takes Django sixty queries.
    """
    whole = DatabaseOperations.sql_flush
    all_gone = False

    def sql_flush(self: Any, style: Any, tables: list[str], **options: bool) -> list[str]:
        nonlocal all_gone
        all_gone = not tables or options.get("reset_sequences", False)
        if all_gone:
            return whole(self, style, tables, **options)
        ours = [table for table in tables if table not in OF_MODELS]
        names = ", ".join(f"'{table}'" for table in ours)
        return [EMPTY.format(tables=", ".join(map(self.quote_name, ours)), names=names)]

    def emit(*args: Any, **options: Any) -> None:
        if all_gone:
            emit_post_migrate_signal(*args, **options)

    with (
        patch.object(DatabaseOperations, "sql_flush", sql_flush),
        patch("django.core.management.commands.flush.emit_post_migrate_signal", emit),
    ):
        yield


#: What there is, by kind, as PostgreSQL writes it down. The order of columns is left out: nothing
#: that reads or writes rows goes by it. So are numbers of rows, owners and what pgvector brings.
SHAPE = """
WITH ours AS (
  SELECT * FROM pg_class WHERE relnamespace = 'public'::regnamespace
)
SELECT 'relation', relname::text, concat_ws(' ', relkind, relpersistence, relreplident,
  relrowsecurity, relforcerowsecurity, relispartition, reloptions, pg_get_partkeydef(oid),
  pg_get_expr(relpartbound, oid), CASE relkind WHEN 'v' THEN pg_get_viewdef(oid) END,
  obj_description(oid, 'pg_class'))
FROM ours
UNION ALL SELECT 'column', relname || '.' || attname, concat_ws(' ',
  format_type(atttypid, atttypmod), attnotnull, attidentity, attgenerated,
  attcollation::regcollation, attstorage, attcompression, attstattarget, attoptions,
  pg_get_expr(adbin, adrelid), col_description(ours.oid, attnum))
FROM ours JOIN pg_attribute ON attrelid = ours.oid AND attnum > 0 AND NOT attisdropped
LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
WHERE relkind IN ('r', 'p', 'v', 'm')
UNION ALL SELECT 'index', indexrelid::regclass::text, concat_ws(' ', indisvalid, indisready,
  indisclustered, indisreplident, pg_get_indexdef(indexrelid))
FROM pg_index JOIN ours ON ours.oid = indrelid
UNION ALL SELECT 'constraint', conrelid::regclass || '.' || conname,
  concat_ws(' ', convalidated, pg_get_constraintdef(oid), obj_description(oid, 'pg_constraint'))
FROM pg_constraint WHERE connamespace = 'public'::regnamespace
UNION ALL SELECT 'trigger', tgrelid::regclass || '.' || tgname,
  concat_ws(' ', tgenabled, pg_get_triggerdef(pg_trigger.oid))
FROM pg_trigger JOIN ours ON ours.oid = tgrelid WHERE NOT tgisinternal
UNION ALL SELECT 'function', oid::regprocedure::text,
  concat_ws(' ', pg_get_functiondef(oid), obj_description(oid, 'pg_proc'))
FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND NOT EXISTS (
  SELECT FROM pg_depend WHERE classid = 'pg_proc'::regclass AND objid = pg_proc.oid
  AND deptype = 'e'
)
UNION ALL SELECT 'policy', tablename || '.' || policyname,
  concat_ws(' ', permissive, roles, cmd, qual, with_check)
FROM pg_policies WHERE schemaname = 'public'
UNION ALL SELECT 'rule', tablename || '.' || rulename, definition
FROM pg_rules WHERE schemaname = 'public'
UNION ALL SELECT 'sequence', sequencename::text, concat_ws(' ', data_type, start_value, min_value,
  max_value, increment_by, cycle, cache_size)
FROM pg_sequences WHERE schemaname = 'public'
UNION ALL SELECT 'statistics', stxname::text, pg_get_statisticsobjdef(oid)
FROM pg_statistic_ext WHERE stxnamespace = 'public'::regnamespace
UNION ALL SELECT 'type', typname::text, concat_ws(' ', typtype, format_type(typbasetype, typtypmod))
FROM pg_type WHERE typnamespace = 'public'::regnamespace AND typtype IN ('d', 'e', 'r')
UNION ALL SELECT 'schema', nspname::text, NULL FROM pg_namespace WHERE nspname !~ '^pg_'
UNION ALL SELECT 'extension', extname::text, extversion FROM pg_extension
"""

Shape = set[tuple[Any, ...]]


def shape(database: str) -> Shape:
    """(kind, name, definition) of everything in a database; ``database`` is how to connect."""
    with psycopg.connect(database) as connected:
        return set(connected.execute(SHAPE).fetchall())
