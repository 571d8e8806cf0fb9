"""What pages cost when a workspace grows a hundredfold, and against the SQL they need.

Two databases in one embedded PostgreSQL: 10,000 entries, 10,000 trajectories and 100,000 steps; and
a hundred times as much. Every list, search and detail page is asked of both in turn, in this
process, through Django's test client (middleware, views and templates; no network). Time is
processor time of this process and its database session together, so that a busy machine does not
blur it.
The peer of a page at full size is the same page at 10,000; of its server time, the very statements
it sent, sent again by a bare psycopg cursor. One JSON line per page.

    python -m benchmarks.scale [--entries 1000000] [--trajectories 1000000] [--times 20]
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

SMALL = 10_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--entries", type=int, default=1_000_000)
    parser.add_argument("--trajectories", type=int, default=1_000_000)
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--data", help="a folder to keep; a second run finds its data there")
    asked = parser.parse_args()
    data = Path(asked.data or tempfile.mkdtemp(prefix="gr-scale-"))
    data.mkdir(exist_ok=True)
    data.chmod(0o755)
    os.environ |= {
        "GREENROOM_DATA_DIR": str(data),
        "DJANGO_SETTINGS_MODULE": "memoryapp.project.settings",
        "ALLOWED_HOSTS": "testserver",
    }
    import django  # noqa: PLC0415

    django.setup()
    from django.conf import settings  # noqa: PLC0415

    from benchmarks.scale_pages import measure  # noqa: PLC0415
    from memoryapp.project import embedded  # noqa: PLC0415

    postgres, redis = embedded.Postgres(data, durable=False), embedded.Redis(data)
    postgres.start()
    redis.start()
    try:
        sizes = {"small": (SMALL, SMALL), "large": (asked.entries, asked.trajectories)}
        for name, (entries, trajectories) in sizes.items():
            began = time.perf_counter()
            if _prepared(name):
                continue
            _build(name, entries, trajectories, asked.seed)
            told(
                figure="seconds to build",
                database=name,
                entries=entries,
                trajectories=trajectories,
                value=round(time.perf_counter() - began, 1),
            )
        # As the web process does (``memoryapp.project.wsgi``).
        import_module(settings.ROOT_URLCONF)
        gc.collect()
        gc.freeze()
        for row in measure("small", "large", times=asked.times, use=use):
            told(**row)
    finally:
        redis.stop()
        postgres.stop()
        if not asked.data:
            shutil.rmtree(data, ignore_errors=True)


def told(**row: Any) -> None:
    sys.stdout.write(json.dumps(row) + "\n")
    sys.stdout.flush()


def use(name: str) -> None:
    """Send what follows to another database of the cluster."""
    from django.db import connection  # noqa: PLC0415

    if connection.settings_dict["NAME"] != name:
        connection.close()
        connection.settings_dict["NAME"] = name
    connection.ensure_connection()


def _prepared(name: str) -> bool:
    """Whether an earlier run left this database filled."""
    from django.db import connection  # noqa: PLC0415

    with maintenance(), connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", [f"{name}"])
        return cursor.fetchone() is not None


@contextmanager
def maintenance() -> Iterator[None]:
    use("postgres")
    yield


def _build(name: str, entries: int, trajectories: int, seed: int) -> None:
    from django.contrib.auth import get_user_model  # noqa: PLC0415
    from django.core.management import call_command  # noqa: PLC0415
    from django.db import connection  # noqa: PLC0415

    from benchmarks.scale_data import Size, fill, publish  # noqa: PLC0415
    from memoryapp.models import Membership, Workspace  # noqa: PLC0415

    scratch = f"{name}_building"
    with maintenance(), connection.cursor() as cursor:
        cursor.execute(f"DROP DATABASE IF EXISTS {scratch}")
        cursor.execute(f"CREATE DATABASE {scratch}")
    use(scratch)
    call_command("migrate", verbosity=0)
    workspace = Workspace.objects.create(name="Scale", slug="scale")
    user = get_user_model().objects.create_user("rita")
    Membership.objects.create(workspace=workspace, user=user, role="admin")
    fill(Size(entries, trajectories), workspace, user, seed)
    publish(user, Size(entries, trajectories))
    with maintenance(), connection.cursor() as cursor:
        cursor.execute(f"ALTER DATABASE {scratch} RENAME TO {name}")


def quantile(values: list[float], share: float) -> float:
    """The value below which a share of all lie."""
    if len(values) < 2:
        return values[0]
    return statistics.quantiles(values, n=100, method="inclusive")[int(share * 100) - 1]


if __name__ == "__main__":
    main()
