"""Django's ``DATABASES`` for the addresses that the settings name."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import unquote

import environ
import psycopg
from psycopg.conninfo import make_conninfo
from psycopg.pq import PGconn

from memoryapp.project import variables
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


#: options that libpq reads only once it has a connection.
_WHOLE = (
    *("connect_timeout", "keepalives", "keepalives_count", "keepalives_idle"),
    *("keepalives_interval", "tcp_user_timeout"),
)
_FILES = ("sslrootcert", "sslcert", "sslkey", "sslcrl")
#: options of Django's, and one that would lead to a server after all.
_NOT_ASKED = ("assume_role", "hostaddr", "isolation_level", "server_side_binding")
#: no server is there: libpq looks at what it is given, and goes no further.
_NOWHERE = "/nowhere"


def check(url: str) -> None:
    """Refuse an address that could never be connected to; raises ``ValueError``.

    libpq itself says what it makes of the options, so that all of them can be written.
    """
    variables.server(url)
    given = environ.Env.db_url_config(url)
    name, options = str(given["NAME"]), given.get("OPTIONS", {})
    if not name.strip("/") or "/" in name:
        raise ValueError(
            "must name one database behind the host: postgresql://user:password@host:5432/name"
        )
    for option in _WHOLE:
        if not isinstance(options.get(option, 0), int):
            raise ValueError(f"has {option}={options[option]!r}, which must be a whole number.")
    for option in _FILES:
        path = str(options.get(option, ""))
        if path and path != "system" and not Path(path).is_file():
            raise ValueError(f"has {option}={path!r}, which must be a file on this machine.")
    asked = {key: value for key, value in options.items() if key not in _NOT_ASKED}
    try:
        written = make_conninfo(**{**asked, "host": _NOWHERE, "port": str(given["PORT"])})
    except psycopg.ProgrammingError as error:
        raise ValueError(f"has an option that PostgreSQL does not know: {_line(error)}.") from error
    tried = PGconn.connect_start(written.encode())
    said = tried.error_message.decode(errors="replace").strip()
    tried.finish()
    if said.startswith("invalid "):
        raise ValueError(f"has an option that PostgreSQL does not take: {_line(said)}.")


def _line(said: object) -> str:
    """What libpq says ends with a line of its own."""
    return " ".join(str(said).split()).rstrip(".")


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
        # A folder of a socket has slashes, which stand in an address as %2F.
        "HOST": unquote(str(given["HOST"])),
        "OPTIONS": {**PATIENCE, **patience, **given.get("OPTIONS", {})},
        "ENGINE": "memoryapp.project.postgresql",
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
        # A cursor that outlives its transaction is lost when a pooler hands the connection on.
        "DISABLE_SERVER_SIDE_CURSORS": pooler,
    }
