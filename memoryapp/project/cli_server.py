"""The commands for whoever runs a server: start it, look after it, back it up.

Django and the settings are loaded by the command that needs them, and wrong settings end only that.
"""

from __future__ import annotations

import argparse
import json
import os
import runpy
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import django
import psycopg
from django.core.management import execute_from_command_line

from memoryapp.project import backup, data_folder, embedded

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]

ERRORS = (backup.BackupFailed, embedded.EmbeddedFailed)
SETTINGS = "memoryapp.project.settings"
MARKS = {"ok": "ok   ", "warn": "warn ", "fail": "FAIL "}


def add(commands: Commands) -> None:
    up = commands.add_parser("up", help="start everything on this machine")
    up.set_defaults(run=_up)
    prepare = commands.add_parser("prepare", help="migrate, create the first operator")
    prepare.set_defaults(run=lambda asked: _manage(["prepare"]))
    manage = commands.add_parser("manage", help="run one of Django's commands, e.g. changepassword")
    manage.add_argument("arguments", nargs=argparse.REMAINDER)
    manage.set_defaults(run=lambda asked: _manage(asked.arguments))
    doctor = commands.add_parser("doctor", help="say what is wrong with this installation")
    doctor.add_argument("--json", action="store_true", help="one JSON object per finding")
    doctor.set_defaults(run=_doctor)
    for name, run, what in (
        ("backup", _backup, "write everything that is stored into a new folder"),
        ("restore", _restore, "restore a backup into an empty database, and prove it"),
    ):
        command = commands.add_parser(name, help=what)
        command.add_argument("folder", type=Path)
        command.add_argument("--jobs", type=_some, default=2, help="tables at a time (default: 2)")
        command.set_defaults(run=run)
    command.add_argument(
        "--without-key",
        action="store_true",
        help="restore even if no key here opens its secrets",
    )


def _some(written: str) -> int:
    """A number of things that are done at a time."""
    if not (written.isascii() and written.isdecimal() and 1 <= int(written) <= 64):
        raise argparse.ArgumentTypeError("it is a whole number from 1 to 64")
    return int(written)


def _up(asked: argparse.Namespace) -> int:
    sys.argv = ["greenroom up"]
    runpy.run_module("memoryapp.project.up", run_name="__main__")
    return 0


def _manage(arguments: list[str]) -> int:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", SETTINGS)
    execute_from_command_line(["greenroom manage", *arguments])
    return 0


def _doctor(asked: argparse.Namespace) -> int:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", SETTINGS)
    django.setup()
    findings = import_module("memoryapp.project.doctor").examine()
    for finding in findings:
        if asked.json:
            line = json.dumps(asdict(finding))
        else:
            line = f"{MARKS[finding.state]}{finding.check:<14}{finding.text}"
        sys.stdout.write(line + "\n")
    return int(any(finding.state == "fail" for finding in findings))


def _backup(asked: argparse.Namespace) -> int:
    settings = import_module(SETTINGS)
    with _database(settings.DATA_DIR, settings.EMBEDDED):
        made = backup.write(
            asked.folder,
            database=backup.conninfo(settings.DATABASES["default"]),
            snapshots=settings.DATA_DIR / "snapshots",
            observations=_observations(settings),
            keys=settings.SEALING_KEYS,
            jobs=asked.jobs,
        )
    tables = len(made.content.tables)
    sys.stdout.write(f"{made.content.rows} rows of {tables} tables are in {asked.folder}.\n")
    if settings.OBSERVATION_S3_BUCKET:
        sys.stdout.write(
            f"The bucket {settings.OBSERVATION_S3_BUCKET} is not in it: copy it too.\n"
        )
    kept = data_folder.secret_path(settings.DATA_DIR)
    key = kept if kept.exists() and not os.environ.get("SECRET_KEY") else "SECRET_KEY"
    sys.stdout.write(f"Keep {key} elsewhere: stored secrets cannot be read without it.\n")
    return 0


def _observations(settings: Any) -> Path | None:
    """The folder of observations that are objects; a bucket is backed up by its own means."""
    location = settings.STORAGES["observations"]["OPTIONS"].get("location")
    return Path(location) if location else None


def _restore(asked: argparse.Namespace) -> int:
    settings = import_module(SETTINGS)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", SETTINGS)
    django.setup()
    with _database(settings.DATA_DIR, settings.EMBEDDED):
        made = backup.restore(
            asked.folder,
            database=backup.conninfo(settings.DATABASES["default"]),
            snapshots=settings.DATA_DIR / "snapshots",
            observations=_observations(settings),
            known=import_module("memoryapp.queries.database").known_migrations(),
            keys=() if asked.without_key else settings.SEALING_KEYS,
            jobs=asked.jobs,
        )
    tables = len(made.content.tables)
    sys.stdout.write(
        f"{made.content.rows} rows of {tables} tables are restored; all digests are those of "
        f"{made.made_at}.\nNow run: greenroom {'up' if settings.EMBEDDED else 'prepare'}\n"
    )
    if settings.OBSERVATION_S3_BUCKET and made.objects.count:
        sys.stdout.write(
            f"{made.objects.count} observations are in {asked.folder / backup.OBSERVATIONS}: "
            f"unpack it and copy them into the bucket {settings.OBSERVATION_S3_BUCKET}.\n"
        )
    return 0


@contextmanager
def _database(data: Path, is_embedded: bool) -> Iterator[None]:
    """The embedded database, started for this command unless it runs already."""
    if not is_embedded or _answers(data):
        yield
        return
    data_folder.check_disk(data)
    held = data_folder.hold(data)
    server = embedded.Postgres(data)
    try:
        server.start()
        yield
    finally:
        server.stop()
        held.close()


def _answers(data: Path) -> bool:
    try:
        psycopg.connect(embedded.database_url(data), connect_timeout=3).close()
    except psycopg.OperationalError:
        return False
    return True
