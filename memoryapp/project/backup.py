"""Backup and restore of a whole installation, with digests that prove a restore.

A backup is a folder: ``database/`` (pg_dump, directory format), ``snapshots.tar`` (what runs
practise on), ``observations.tar`` (those that are objects in a folder of this machine) and
``manifest.json``: versions, migrations, and for each table its rows and a digest of their content,
taken in the very snapshot that was dumped. ``SECRET_KEY`` is not in it, only a word sealed under
it, by which a restore without it is noticed. Nobody but who made a backup can read it.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import tarfile
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from memoryapp.project import backup_key, embedded, objects

FORMAT = 3
MANIFEST, DATABASE, SNAPSHOTS = "manifest.json", "database", "snapshots.tar"
OBSERVATIONS = "observations.tar"
#: Text of values must not hang on the session: these settings are part of the digest.
PLAIN = (
    "SET timezone = 'UTC'; SET datestyle = 'ISO, YMD'; SET intervalstyle = 'postgres';"
    "SET extra_float_digits = 1; SET bytea_output = 'hex'; SET row_security = off"
)
TABLES = """
SELECT c.relname, array_agg(a.attname ORDER BY a.attname)
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'
  AND a.attnum > 0 AND NOT a.attisdropped
GROUP BY c.oid, c.relname ORDER BY pg_relation_size(c.oid) DESC, c.relname
"""
#: A sum does not depend on the order of rows; 60 bits of MD5 each are plenty against accidents.
DIGEST = (
    "SELECT count(*), coalesce(sum(('x' || left(md5(ROW({columns})::text), 15))::bit(60)::bigint),"
    " 0)::text FROM {table}"
)
SEQUENCES = (
    "SELECT sequencename::text, coalesce(last_value, 0) FROM pg_sequences"
    " WHERE schemaname = 'public'"
)
LIBPQ = frozenset(option.keyword.decode() for option in psycopg.pq.Conninfo.get_defaults())
#: ``pg_restore`` 17 and newer set this on every server, and older ones know no such limit.
NO_SUCH_LIMIT = re.compile(
    r"could not execute query: .*\nCommand was: SET transaction_timeout = 0;\n"
    r"|pg_restore: warning: errors ignored on restore: \d+\n"
)
#: Several processes say so at once, and what each writes ahead of it is not one piece with it.
PREFIXES = re.compile(r"pg_restore:|error:|\s+")
LIMITED_SINCE = 170_000
MIGRATIONS = "SELECT app || '.' || name FROM django_migrations ORDER BY 1"


class BackupFailed(RuntimeError):
    """No backup was made, or none restored; ``str(error)`` is one line that says what to do."""


@dataclass(frozen=True, slots=True)
class Content:
    """``tables``: name to (rows, digest). ``sequences``: name to last value.

    No snapshot holds a sequence: it goes on while a backup is made, and the dump has it as it was
    somewhere between ``sequences_before`` and ``sequences``. A backup of before has no former.
    """

    tables: Mapping[str, tuple[int, str]]
    sequences: Mapping[str, int]
    sequences_before: Mapping[str, int] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        return sum(rows for rows, _ in self.tables.values())

    def differing(self, backup: Content) -> list[str]:
        """Names of tables that are not as in ``backup``, and of sequences outside of it."""
        ours, theirs = self.tables, backup.tables
        tables = (n for n in ours.keys() | theirs.keys() if ours.get(n) != theirs.get(n))
        names = self.sequences.keys() | backup.sequences.keys()
        return sorted([*tables, *(name for name in names if not self._is_within(backup, name))])

    def _is_within(self, backup: Content, name: str) -> bool:
        value, last = self.sequences.get(name), backup.sequences.get(name)
        if value is None or last is None:
            return False
        return backup.sequences_before.get(name, 0) <= value <= last


@dataclass(frozen=True, slots=True)
class Objects:
    """How many objects ``observations.tar`` holds, and the SHA-256 of their names in order."""

    count: int = 0
    digest: str = ""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What ``manifest.json`` holds besides its format.

    ``sealed`` is a known word under the key of the secrets; empty where no key was given.
    """

    made_at: str
    postgres: int
    migrations: tuple[str, ...]
    content: Content
    objects: Objects = Objects()
    sealed: str = ""


def conninfo(database: Mapping[str, Any]) -> str:
    """libpq's connection string for an entry of Django's ``DATABASES``."""
    given = {
        "dbname": database["NAME"],
        "user": database.get("USER"),
        "password": database.get("PASSWORD"),
        "host": database.get("HOST"),
        "port": database.get("PORT"),
        # A Unix socket's folder and TLS are options there; what libpq does not know is Django's.
        **{k: v for k, v in database.get("OPTIONS", {}).items() if k in LIBPQ},
    }
    return make_conninfo("", **{name: value for name, value in given.items() if value})


def write(
    target: Path,
    *,
    database: str,
    snapshots: Path,
    observations: Path | None = None,
    keys: Sequence[str] = (),
    jobs: int = 2,
) -> Manifest:
    """Write a backup of ``database`` (a connection string) into the new folder ``target``.

    ``observations`` is the folder of those that are objects, ``keys`` what secrets are sealed
    under. Nothing has to stop meanwhile. ``target`` appears when the backup is whole, never before.

    Raises:
        BackupFailed: the folder is there already, cannot be written, or pg_dump failed.
    """
    half = target.with_name(f"{target.name}.partial")
    if target.exists() or half.exists():
        there = target if target.exists() else half
        raise BackupFailed(f"{there} already exists. Name another folder, or remove it.")
    try:
        half.mkdir(mode=0o700, parents=True)
        manifest = replace(_dumped(half, database, jobs), sealed=backup_key.sealed_word(keys))
        if snapshots.is_dir():
            with tarfile.open(half / SNAPSHOTS, "w") as archive:
                archive.add(snapshots, arcname="snapshots")
        if observations is not None and observations.is_dir():
            # After the dump: an object is there before a row refers to it.
            found = objects.pack(observations, half / OBSERVATIONS)
            manifest = replace(manifest, objects=Objects(*found))
        shown = {"format": FORMAT, **asdict(manifest)}
        (half / MANIFEST).write_text(json.dumps(shown, indent=1) + "\n")
        for path in half.rglob("*"):
            path.chmod(0o700 if path.is_dir() else 0o600)
        half.rename(target)
    except OSError as error:
        raise BackupFailed(f"{target} cannot be written ({error.strerror}).") from error
    except psycopg.Error as error:
        raise BackupFailed(f"The database cannot be read: {_line(str(error))}") from error
    return manifest


def read(source: Path) -> Manifest:
    """The manifest of a backup. Raises ``BackupFailed`` where there is none to read."""
    try:
        found = json.loads((source / MANIFEST).read_text())
        if found.pop("format") > FORMAT:
            raise BackupFailed(f"{source} was made by a later version. Restore it with that one.")
        held = found.pop("content")
        tables = {name: (rows, digest) for name, (rows, digest) in held["tables"].items()}
        found["migrations"] = tuple(found["migrations"])
        objects_held = Objects(**found.pop("objects", {}))
        content = Content(tables, held["sequences"], held.get("sequences_before", {}))
        return Manifest(content=content, objects=objects_held, **found)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BackupFailed(
            f"{source} is not a whole backup: its {MANIFEST} is missing or damaged. "
            "Name a folder that greenroom backup wrote."
        ) from error


def restore(
    source: Path,
    *,
    database: str,
    snapshots: Path,
    observations: Path | None = None,
    known: Collection[str] = (),
    keys: Sequence[str] = (),
    jobs: int = 2,
) -> Manifest:
    """Restore a backup into an empty ``database`` and compare every table's digest.

    ``known`` names the migrations of this code; a backup with others is of a later version.
    ``keys`` are what secrets are opened with; without any nobody asks whether they can be.

    Raises:
        BackupFailed: the backup is not whole or sealed under none of ``keys``, the database not
            empty or older, or content differs.
    """
    manifest = read(source)
    later = sorted(set(manifest.migrations) - set(known)) if known else []
    if later:
        raise BackupFailed(
            f"The backup is of a later version ({later[-1]}). Install that version first."
        )
    if backup_key.is_other(manifest.sealed, keys):
        raise BackupFailed(backup_key.OTHER_KEY)
    try:
        _refuse_unless_empty(database, manifest)
        dump = source / DATABASE
        pg_restore(dump, database, "pre-data", "data", jobs=jobs)
        with ThreadPoolExecutor(1) as pool, psycopg.connect(database) as connection:
            connection.autocommit = True
            # Indexes and constraints change no row: they are built while the rows are compared.
            rest = pool.submit(pg_restore, dump, database, "post-data", jobs=jobs)
            content = _content(connection, lambda: psycopg.connect(database), jobs)
            rest.result()
            connection.execute("ANALYZE")
        if (source / SNAPSHOTS).exists():
            with tarfile.open(source / SNAPSHOTS) as archive:
                archive.extractall(snapshots.parent, filter="data")
        restored = Objects()
        if observations is not None and (source / OBSERVATIONS).exists():
            restored = Objects(*objects.unpack(source / OBSERVATIONS, observations))
    except psycopg.Error as error:
        raise BackupFailed(f"The database cannot be used: {_line(str(error))}") from error
    except (OSError, tarfile.TarError, objects.Damaged) as error:
        raise BackupFailed(f"{source} cannot be restored: {error}") from error
    if differing := content.differing(manifest.content):
        raise BackupFailed(
            f"Restored, but {', '.join(differing[:5])} differ from the backup. The backup is "
            "damaged, or somebody wrote meanwhile: drop the database and restore again."
        )
    if observations is not None and restored != manifest.objects:
        raise BackupFailed(
            f"Restored, but {restored.count} of {manifest.objects.count} objects of observations "
            f"are in {OBSERVATIONS}. The backup is damaged: the texts of the others are lost."
        )
    return manifest


def content(database: str, *, jobs: int = 2) -> Content:
    """Rows and digest of every table as they stand, each read at its own moment."""
    with psycopg.connect(database, autocommit=True) as connection:
        return _content(connection, lambda: psycopg.connect(database), jobs)


def _dumped(folder: Path, database: str, jobs: int) -> Manifest:
    """Dump and digest the same snapshot, which one open transaction holds for all."""
    with psycopg.connect(database) as connection:
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        (snapshot,) = _one(connection, "SELECT pg_export_snapshot()")
        before: dict[str, int] = dict(sorted(connection.execute(SEQUENCES).fetchall()))

        def joined() -> psycopg.Connection[Any]:
            other = psycopg.connect(database)
            other.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            other.execute(sql.SQL("SET TRANSACTION SNAPSHOT {}").format(snapshot))
            return other

        _run(
            [
                *(embedded.tool("pg_dump"), "--format=directory", "--no-owner", "--no-privileges"),
                *(f"--jobs={jobs}", f"--snapshot={snapshot}", f"--file={folder / DATABASE}"),
                f"--dbname={_without_password(database)}",
            ],
            database,
        )
        dumped = _content(connection, joined, jobs)
        return Manifest(
            made_at=datetime.now(UTC).isoformat(timespec="seconds"),
            postgres=connection.info.server_version,
            migrations=tuple(name for (name,) in connection.execute(MIGRATIONS).fetchall()),
            content=replace(dumped, sequences_before=before),
        )


def _content(
    connection: psycopg.Connection[Any],
    connect: Callable[[], psycopg.Connection[Any]],
    jobs: int,
) -> Content:
    tables = connection.execute(TABLES).fetchall()

    def digest(table: str, columns: list[str]) -> tuple[int, str]:
        with connect() as other:
            other.execute(PLAIN)
            query = sql.SQL(DIGEST).format(
                table=sql.Identifier(table),
                columns=sql.SQL(", ").join(map(sql.Identifier, columns)),
            )
            rows, summed = _one(other, query)
            return rows, summed

    with ThreadPoolExecutor(jobs) as pool:
        digests = list(pool.map(digest, *zip(*tables, strict=True))) if tables else []
    return Content(
        dict(sorted(zip((name for name, _ in tables), digests, strict=True))),
        dict(sorted(connection.execute(SEQUENCES).fetchall())),
    )


def pg_restore(dump: Path, database: str, *sections: str, jobs: int = 2) -> None:
    """Restore ``dump``, or these sections of it, whatever version the server is of.

    Raises:
        BackupFailed: anything could not be restored.
    """
    with psycopg.connect(database) as connection:
        knows_limit = connection.info.server_version >= LIMITED_SINCE
    _run(
        [
            *(embedded.tool("pg_restore"), "--no-owner", "--no-privileges"),
            # pgvector's is its owner's to set, who on a server of its own is an administrator.
            "--no-comments",
            *(["--exit-on-error"] if knows_limit else []),
            *(f"--jobs={jobs}", f"--dbname={_without_password(database)}"),
            *(f"--section={section}" for section in sections),
            str(dump),
        ],
        database,
        knows_all=knows_limit,
    )


def _refuse_unless_empty(database: str, manifest: Manifest) -> None:
    with psycopg.connect(database) as connection:
        name, tables = _one(
            connection,
            "SELECT current_database(), count(*) FROM pg_tables WHERE schemaname = 'public'",
        )
        if tables:
            raise BackupFailed(
                f"The database {name} is not empty: it has {tables} tables. Create an empty one "
                "and name it in DATABASE_URL."
            )
        if connection.info.server_version // 10_000 < manifest.postgres // 10_000:
            raise BackupFailed(
                f"The backup is of PostgreSQL {manifest.postgres // 10_000} and this server is "
                f"older ({connection.info.server_version // 10_000}). Restore it into a newer one."
            )


def _one(connection: psycopg.Connection[Any], query: Any) -> tuple[Any, ...]:
    found: tuple[Any, ...] | None = connection.execute(query).fetchone()
    assert found is not None
    return found


def _without_password(database: str) -> str:
    """A connection string for a command line, which everybody on the machine can read."""
    parts = conninfo_to_dict(database)
    parts.pop("password", None)
    return make_conninfo("", **parts)


def _run(command: list[str], database: str, *, knows_all: bool = True) -> None:
    """Run one of PostgreSQL's programs. ``knows_all``: the server knows what the program sets."""
    password = conninfo_to_dict(database).get("password")
    done = subprocess.run(
        command,
        env={
            **os.environ,
            "LC_ALL": "C",
            **({"PGPASSWORD": str(password)} if password else {}),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    said, excuses = NO_SUCH_LIMIT.subn("", done.stderr) if not knows_all else (done.stderr, 0)
    # It ends with 1 where it ignored errors. One that was killed said nothing that counts.
    is_excused = bool(excuses) and done.returncode == 1 and not PREFIXES.sub("", said)
    if done.returncode and not is_excused:
        killed = f"it was ended by signal {-done.returncode}"
        why = killed if done.returncode < 0 else _line(said)
        raise BackupFailed(f"{Path(command[0]).name} failed: {why}")


def _line(said: str) -> str:
    """The first line of a library's or program's message."""
    return (said.strip().splitlines() or ["no message"])[0]
