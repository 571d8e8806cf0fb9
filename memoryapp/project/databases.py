"""Django's ``DATABASES`` for the addresses that the settings name."""

from __future__ import annotations

from typing import Any

import environ

from memoryapp.queries.replica import REPLICA

#: How long a replica is waited for that does not answer, before the server itself is asked.
REPLICA_SECONDS = 2
#: What the address may say otherwise. A host that vanished answers nothing, not even that it is
#: gone: by itself a connection is tried for minutes, and an answer is waited for for two hours.
PATIENCE = {
    "connect_timeout": 10,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    # Not less: a server that waits for a lock takes no more rows of a COPY either.
    "tcp_user_timeout": 300_000,
}


def configured(url: str, *, replica: str, pooler: bool) -> dict[str, Any]:
    """Return the entry of the server and, where ``replica`` is an address, that of its replica."""
    found = {"default": _entry(url, pooler)}
    if replica:
        entry = _entry(replica, pooler, connect_timeout=REPLICA_SECONDS)
        entry["TEST"] = {"MIRROR": "default"}
        found[REPLICA] = entry
    return found


def _entry(url: str, pooler: bool, **patience: int) -> dict[str, Any]:
    given = environ.Env.db_url_config(url)
    return {
        **given,
        "OPTIONS": {**PATIENCE, **patience, **given.get("OPTIONS", {})},
        "ENGINE": "django.db.backends.postgresql",
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
        # A cursor that outlives its transaction is lost when a pooler hands the connection on.
        "DISABLE_SERVER_SIDE_CURSORS": pooler,
    }
