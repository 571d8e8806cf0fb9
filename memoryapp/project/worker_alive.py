"""Whether the worker of this host answers, for the probes of containers.

    python -m memoryapp.project.worker_alive

Ends with 1 where Redis answers and the worker does not. While Redis is away nobody can be asked and
no worker has anything to do: to end it then would only bring one more that waits.
"""

from __future__ import annotations

import sys
from socket import gethostname

import redis
from kombu.exceptions import OperationalError

from memoryapp.clients import store
from memoryapp.project.celery import app

PATIENCE_SECONDS = 10.0


def is_alive() -> bool:
    try:
        store.client().ping()
        names = [f"celery@{gethostname()}"]
        return bool(app.control.ping(destination=names, timeout=PATIENCE_SECONDS))
    except (redis.RedisError, OperationalError):
        return True


if __name__ == "__main__":
    sys.exit(0 if is_alive() else 1)
