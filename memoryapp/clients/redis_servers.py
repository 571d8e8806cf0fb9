"""What ``REDIS_URL`` names, for redis-py and for Celery, which write the same thing differently.

``redis://``, ``rediss://`` (TLS, certificates checked), ``redis+socket://`` (a Unix socket), and
``sentinel://:password@one:26379,two:26379/0?master=name``: whichever server the sentinels call the
master of that name. Loads no Django: the settings read it.
"""

from __future__ import annotations

import re
import ssl
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import redis
from redis.sentinel import Sentinel

SENTINEL = "sentinel"
SENTINEL_PORT = 26379
DEFAULT_MASTER = "mymaster"
_CERT_REQS = re.compile(
    r"(?i)((?:^|(?<=&))ssl_cert_reqs=)(?:CERT_)?(none|optional|required)(?=&|$)"
)
_FILES = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile")


def check(url: str) -> None:
    """Refuse an address that could never be connected to; raises ``ValueError``.

    What is unknown behind a ``?`` one library of two would pass over, and the other one not.
    """
    parts = urlsplit(url)
    if parts.scheme == SENTINEL:
        _check_sentinel(url)
        return
    if parts.scheme.endswith("socket"):
        if not parts.path.strip("/"):
            raise ValueError("must name a socket: redis+socket:///run/redis/redis.sock")
    elif not (parts.path.strip("/") or "0").isdecimal():
        raise ValueError("must end with the number of a database: redis://host:6379/0")
    asked = parse_qs(parts.query, keep_blank_values=True)
    for name in _FILES:
        if name in asked and not Path(asked[name][0]).is_file():
            raise ValueError(f"has {name}={asked[name][0]!r}, which must be a file here.")
    try:
        client(url, patience=1).connection_pool.make_connection()
    except (TypeError, ValueError, redis.RedisError) as error:
        raise ValueError(
            f"has an option after its ? that {parts.scheme}:// does not know. It takes db, and "
            "with rediss:// ssl_ca_certs, ssl_certfile, ssl_keyfile and ssl_cert_reqs (none or "
            "required)."
        ) from error


def _check_sentinel(url: str) -> None:
    parts = urlsplit(url)
    asked = parse_qs(parts.query, keep_blank_values=True)
    hosts = parts.netloc.rpartition("@")[2].split(",")
    if not all(urlsplit(f"//{host}").hostname for host in hosts):
        raise ValueError("must name a host before and behind each comma, such as one:26379,two")
    before = parts.netloc.rpartition("@")[0]
    if before and not before.partition(":")[2]:
        raise ValueError(
            "must have a colon before its password: sentinel://:password@one:26379/0?master=name"
        )
    if set(asked) - {"master"} or not asked.get("master", [DEFAULT_MASTER])[0]:
        raise ValueError(
            "may have nothing behind its ? but the name that the sentinels know the master by, "
            f"such as ?master={DEFAULT_MASTER}"
        )


def client(url: str, *, patience: float) -> redis.Redis:
    """A client with a pool of its own; ``patience`` seconds bound every wait."""
    limits: dict[str, Any] = {"socket_timeout": patience, "socket_connect_timeout": patience}
    if urlsplit(url).scheme == SENTINEL:
        hosts, options, master = _sentinel(url)
        sentinels = Sentinel(hosts, **limits)  # type: ignore[no-untyped-call]
        found: redis.Redis = sentinels.master_for(  # type: ignore[no-untyped-call]
            master, **options, **limits
        )
        return found
    # Celery writes a Unix socket as redis+socket://, redis-py as unix://.
    return redis.Redis.from_url(_lowered(url).replace("redis+socket://", "unix://"), **limits)


def broker(url: str) -> dict[str, Any]:
    """Celery's settings for the same servers, by name without their prefix."""
    scheme = urlsplit(url).scheme
    if scheme == SENTINEL:
        hosts, options, master = _sentinel(url)
        # Written as it was: kombu reads it as an address, in which some signs mean others.
        word = f"{urlsplit(url).netloc.rpartition('@')[0]}@" if "password" in options else ""
        return {
            "BROKER_URL": ";".join(
                f"sentinel://{word}{f'[{host}]' if ':' in host else host}:{port}/{options['db']}"
                for host, port in hosts
            ),
            "BROKER_TRANSPORT_OPTIONS": {"master_name": master},
        }
    found: dict[str, Any] = {"BROKER_URL": _lowered(url), "BROKER_TRANSPORT_OPTIONS": {}}
    if scheme == "rediss":
        # Without this Celery speaks plain text to a rediss:// server.
        found["BROKER_USE_SSL"] = _tls(url)
    return found


def _lowered(url: str) -> str:
    """The address with ``ssl_cert_reqs=CERT_NONE``, as Celery's papers say it, read as ``none``."""
    before, mark, query = url.partition("?")
    return before + mark + _CERT_REQS.sub(lambda found: found[1] + found[2].lower(), query)


def _sentinel(url: str) -> tuple[list[tuple[str, int]], dict[str, Any], str]:
    parts = urlsplit(url)
    word, _, names = parts.netloc.rpartition("@")
    places = [urlsplit(f"//{name}") for name in names.split(",")]
    hosts = [(str(place.hostname), place.port or SENTINEL_PORT) for place in places]
    options: dict[str, Any] = {"db": int(parts.path.strip("/") or 0)}
    name, _, password = word.partition(":")
    if password:
        options["password"] = unquote(password)
    if name:
        options["username"] = unquote(name)
    return hosts, options, parse_qs(parts.query).get("master", [DEFAULT_MASTER])[0]


def _tls(url: str) -> dict[str, Any]:
    asked = parse_qs(urlsplit(_lowered(url)).query)
    is_checked = asked.get("ssl_cert_reqs", ["required"])[0] != "none"
    return {
        "ssl_cert_reqs": ssl.CERT_REQUIRED if is_checked else ssl.CERT_NONE,
        **{name: asked[name][0] for name in _FILES if name in asked},
    }
