"""Whether a part that serves no requests does its work, for the probes of containers.

    python -m memoryapp.project.alive worker
    python -m memoryapp.project.alive beat /tmp/beat-schedule

Ends with 1 where Redis answers and the part does nothing. While Redis is away neither has anything
to do: to end it then would only bring another one that waits.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from socket import gethostname

import redis
from kombu.exceptions import OperationalError

from memoryapp.clients import store
from memoryapp.project.celery import app

PATIENCE_SECONDS = 10.0
#: beat writes down every three minutes what it has done.
SILENT_SECONDS = 15 * 60


def worker_is_alive() -> bool:
    """Whether the worker of this host answers."""
    names = [f"celery@{gethostname()}"]
    return bool(app.control.ping(destination=names, timeout=PATIENCE_SECONDS))


def beat_is_alive(schedule: Path) -> bool:
    """Whether beat has written to its schedule of late, in whatever files the library makes of it.

    Not there yet, it has not begun: that the process is there is for others to see.
    """
    written = [path.stat().st_mtime for path in schedule.parent.glob(f"{schedule.name}*")]
    return not written or time.time() - max(written) < SILENT_SECONDS


def main(part: str, *asked: str) -> int:
    """The exit code of a probe."""
    try:
        store.client().ping()
        is_alive = worker_is_alive() if part == "worker" else beat_is_alive(Path(asked[0]))
    except (redis.RedisError, OperationalError):
        return 0
    return 0 if is_alive else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
