"""What a restore that compares every digest costs, beside pg_restore of the same dump.

The data is that of ``benchmarks.scale`` (its folder is kept with ``--data``; a million bullets and
trajectories and ten million steps are about 7 GB). The database is backed up once. Then that dump
is restored into two empty databases: by ``pg_restore`` alone with ANALYZE, and as ``greenroom
restore`` does, which also compares the digest of every table. Each turn begins after a CHECKPOINT,
with as many jobs; the ratio is of wall time. One JSON line per figure.

    python -m benchmarks.scale --data FOLDER
    python -m benchmarks.restore --data FOLDER [--turns 2] [--jobs 2]
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
from psycopg.conninfo import make_conninfo

BAR = 1.2


def main() -> int:
    """Print the figures. Returns 1 where a digest differs; the ratio is for the reader to judge."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--database", default="large")
    parser.add_argument("--turns", type=int, default=2)
    parser.add_argument("--jobs", type=int, default=2)
    asked = parser.parse_args()
    os.environ |= {
        "GREENROOM_DATA_DIR": str(asked.data),
        "DJANGO_SETTINGS_MODULE": "memoryapp.project.settings",
    }
    from memoryapp.project import backup, embedded  # noqa: PLC0415

    postgres = embedded.Postgres(asked.data, durable=False)
    postgres.start()
    folder = Path(tempfile.mkdtemp(prefix="gr-restore-"))
    try:
        source = make_conninfo(embedded.database_url(asked.data), dbname=asked.database)
        (size,) = _asked(source, "SELECT pg_database_size(current_database())")
        dump = folder / "backup"
        none = folder / "none"
        took = _timed(lambda: backup.write(dump, database=source, snapshots=none, jobs=asked.jobs))
        _told(figure="seconds to back up and digest", value=took, gigabytes=round(size / 1e9, 2))
        ours, peer = [], []
        for _ in range(asked.turns):
            peer.append(_turn(source, lambda url: _pg_restore(url, dump, asked.jobs)))
            ours.append(
                _turn(
                    source,
                    lambda url: backup.restore(dump, database=url, snapshots=none, jobs=asked.jobs),
                )
            )
        _told(
            figure="seconds to restore and compare, against pg_restore",
            value=round(sum(ours) / sum(peer), 2),
            at_most=BAR,
            seconds=ours,
            peer_seconds=peer,
            gigabytes=round(size / 1e9, 2),
            rows=backup.read(dump).content.rows,
        )
    except backup.BackupFailed as error:
        sys.stderr.write(f"{error}\n")
        return 1
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        postgres.stop()
    return 0


def _turn(source: str, restore: Callable[[str], Any]) -> float:
    """Restore into a database that is new for it, and drop that again. Seconds."""
    name = "restored"
    with psycopg.connect(source, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name}")
        connection.execute(f"CREATE DATABASE {name}")
        connection.execute("CHECKPOINT")
    took = _timed(lambda: restore(make_conninfo(source, dbname=name)))
    with psycopg.connect(source, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name}")
    return took


def _pg_restore(url: str, dump: Path, jobs: int) -> None:
    from memoryapp.project import backup, embedded  # noqa: PLC0415

    command = (embedded.tool("pg_restore"), "--exit-on-error", "--no-owner", "--no-privileges")
    subprocess.run(
        [*command, f"--jobs={jobs}", f"--dbname={url}", str(dump / backup.DATABASE)], check=True
    )
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("ANALYZE")


def _asked(url: str, query: str) -> tuple[Any, ...]:
    with psycopg.connect(url) as connection:
        return connection.execute(query).fetchone() or ()


def _timed(act: Callable[[], Any]) -> float:
    began = time.perf_counter()
    act()
    return round(time.perf_counter() - began, 1)


def _told(**row: Any) -> None:
    sys.stdout.write(json.dumps(row) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
