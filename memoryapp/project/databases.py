"""Django's ``DATABASES`` for the addresses that the settings name."""

from __future__ import annotations

from typing import Any

import environ

from memoryapp.queries.replica import REPLICA

#: How long a replica is waited for that does not answer, before the server itself is asked.
REPLICA_SECONDS = 2


def configured(url: str, *, replica: str, pooler: bool) -> dict[str, Any]:
    """Return the entry of the server and, where ``replica`` is an address, that of its replica."""
    found = {"default": _entry(url, pooler)}
    if replica:
        entry = _entry(replica, pooler)
        entry["OPTIONS"] = {"connect_timeout": REPLICA_SECONDS, **entry.get("OPTIONS", {})}
        entry["TEST"] = {"MIRROR": "default"}
        found[REPLICA] = entry
    return found


def _entry(url: str, pooler: bool) -> dict[str, Any]:
    return {
        **environ.Env.db_url_config(url),
        "ENGINE": "django.db.backends.postgresql",
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
        # A cursor that outlives its transaction is lost when a pooler hands the connection on.
        "DISABLE_SERVER_SIDE_CURSORS": pooler,
    }
