"""What ``REDIS_URL`` names, for redis-py and for Celery, which write the same thing differently.

``redis://``, ``rediss://`` (TLS, certificates checked), ``redis+socket://`` (a Unix socket), and
``sentinel://:password@one:26379,two:26379/0?master=name``: whichever server the sentinels call the
master of that name. Loads no Django: the settings read it.
"""

from __future__ import annotations

import ssl
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import redis
from redis.sentinel import Sentinel

SENTINEL = "sentinel"
SENTINEL_PORT = 26379
DEFAULT_MASTER = "mymaster"


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
    return redis.Redis.from_url(url.replace("redis+socket://", "unix://"), **limits)


def broker(url: str) -> dict[str, Any]:
    """Celery's settings for the same servers, by name without their prefix."""
    scheme = urlsplit(url).scheme
    if scheme == SENTINEL:
        hosts, options, master = _sentinel(url)
        word = f":{options['password']}@" if "password" in options else ""
        return {
            "BROKER_URL": ";".join(
                f"sentinel://{word}{host}:{port}/{options['db']}" for host, port in hosts
            ),
            "BROKER_TRANSPORT_OPTIONS": {"master_name": master},
        }
    found: dict[str, Any] = {"BROKER_URL": url, "BROKER_TRANSPORT_OPTIONS": {}}
    if scheme == "rediss":
        # Without this Celery speaks plain text to a rediss:// server.
        found["BROKER_USE_SSL"] = _tls(url)
    return found


def _sentinel(url: str) -> tuple[list[tuple[str, int]], dict[str, Any], str]:
    parts = urlsplit(url)
    word, _, names = parts.netloc.rpartition("@")
    places = [urlsplit(f"//{name}") for name in names.split(",")]
    hosts = [(str(place.hostname), place.port or SENTINEL_PORT) for place in places]
    options: dict[str, Any] = {"db": int(parts.path.strip("/") or 0)}
    if password := unquote(word.rpartition(":")[2]):
        options["password"] = password
    return hosts, options, parse_qs(parts.query).get("master", [DEFAULT_MASTER])[0]


def _tls(url: str) -> dict[str, Any]:
    asked = parse_qs(urlsplit(url).query)
    paths = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile")
    is_checked = asked.get("ssl_cert_reqs", ["required"])[0] != "none"
    return {
        "ssl_cert_reqs": ssl.CERT_REQUIRED if is_checked else ssl.CERT_NONE,
        **{name: asked[name][0] for name in paths if name in asked},
    }
