"""Connections that notice when PostgreSQL hangs, and leave one alone that is at work."""

from __future__ import annotations

import json
import os
import selectors
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.db import OperationalError, connection, connections
from django.test import Client

from memoryapp.clients import postgres
from memoryapp.project import embedded
from memoryapp.services.patience import at_leisure
from tests.product import free_port

pytestmark = pytest.mark.django_db(transaction=True)


class Relay:
    """A server on this machine that hands everything on, until it is told to hang.

    Like one that is stopped: what is sent is acknowledged, connections are accepted, and no more.
    """

    def __init__(self, target: str) -> None:
        self.port = free_port()
        self.hangs = False
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self._pairs: dict[socket.socket, socket.socket] = {}
        self._old: set[socket.socket] = set()
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def stick(self) -> None:
        """Say no more on the connections there are; new ones are served."""
        self._old = set(self._pairs)

    def _run(self) -> None:
        while not self._ended.is_set():
            if self.hangs:
                time.sleep(0.02)
                continue
            for key, _ in self._selector.select(0.05):
                if key.fileobj is self._listener:
                    self._accept()
                elif key.fileobj in self._pairs.keys() - self._old:
                    self._hand_on(key.fileobj)

    def _accept(self) -> None:
        near, _ = self._listener.accept()
        far = socket.socket(socket.AF_UNIX)
        far.connect(self._target)
        for one, other in ((near, far), (far, near)):
            self._pairs[one] = other
            self._selector.register(one, selectors.EVENT_READ)

    def _hand_on(self, one: Any) -> None:
        other = self._pairs[one]
        try:
            said = one.recv(65536)
            other.sendall(said)
        except OSError:
            said = b""
        if not said:
            for end in (one, other):
                self._selector.unregister(end)
                self._pairs.pop(end)
                end.close()

    def end(self) -> None:
        self._ended.set()
        self._thread.join()
        for one in (self._listener, *self._pairs):
            one.close()
        self._selector.close()


@pytest.fixture
def relay(monkeypatch: pytest.MonkeyPatch) -> Iterator[Relay]:
    """Between Django and the server, for all connections that begin while it stands."""
    if "TEST_DATABASE_URL" in os.environ:
        pytest.skip("The server of this suite has no socket that is known.")
    data = Path(os.environ["GREENROOM_TEST_DATA"])
    made = Relay(str(next(Path(embedded.socket_folder(data)).glob(".s.PGSQL.????"))))
    connections.close_all()
    where = connection.settings_dict
    options = {**where["OPTIONS"], "host": "127.0.0.1"}
    with monkeypatch.context() as patched:
        patched.setitem(where, "OPTIONS", options)
        patched.setitem(where, "PORT", str(made.port))
        yield made
        made.hangs = False
        connections.close_all()
    made.end()


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "QUIET_SECONDS", 0.3)
    monkeypatch.setattr(postgres, "SUSPICIOUS_SECONDS", 0.2)
    monkeypatch.setattr(postgres, "_suspected_until", 0.0)
    # An earlier test may have served from this process.
    monkeypatch.setattr(postgres, "_is_served", False)


def seconds(began: float) -> float:
    return time.monotonic() - began


def ask(statement: str) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchone()


def test_a_server_that_hangs_is_given_up(relay: Relay) -> None:
    ask("SELECT 1")
    relay.hangs = True
    began = time.monotonic()
    with pytest.raises(OperationalError, match="PostgreSQL hangs"):
        ask("SELECT 1")
    assert seconds(began) < 5
    assert connection.connection.closed, "a rollback would wait as long"
    assert postgres.connect_seconds(10) == postgres.KNOCK_SECONDS
    began = time.monotonic()
    with pytest.raises(OperationalError):
        ask("SELECT 1")
    assert seconds(began) < 5, "the next one is told sooner"


def test_it_is_used_again_once_it_goes_on(relay: Relay) -> None:
    ask("SELECT 1")
    relay.hangs = True
    with pytest.raises(OperationalError):
        ask("SELECT 1")
    relay.hangs = False
    connection.close_if_unusable_or_obsolete()
    assert ask("SELECT 2") == (2,)


@pytest.mark.usefixtures("relay")
def test_one_at_work_is_waited_for() -> None:
    assert ask("SELECT 3 FROM pg_sleep(1.5)") == (3,)


def test_behind_a_pooler_a_worker_takes_silence_for_work(
    relay: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres.Connection, "_answers", lambda _: False)
    monkeypatch.setitem(connection.settings_dict, "DISABLE_SERVER_SIDE_CURSORS", True)
    assert ask("SELECT 3 FROM pg_sleep(1)") == (3,)
    monkeypatch.setattr(postgres, "_is_served", True)
    with pytest.raises(OperationalError, match="PostgreSQL hangs"):
        ask("SELECT 3 FROM pg_sleep(1)")


def test_where_people_wait_one_process_of_the_server_may_hang_no_longer_than_others_work(
    relay: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "_is_served", True)
    monkeypatch.setattr(postgres, "SERVED_SECONDS", 1)
    monkeypatch.setattr(postgres, "GRACE_SECONDS", 1)
    ask("SELECT 1")
    relay.stick()
    began = time.monotonic()
    with pytest.raises(OperationalError, match="not answered for 2 s"):
        ask("SELECT 1")
    assert seconds(began) < 4


def test_the_server_ends_what_people_wait_for_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "_is_served", True)
    connection.close()
    assert ask("SHOW statement_timeout") == ("1min",)
    monkeypatch.setitem(connection.settings_dict["OPTIONS"], "options", "-c statement_timeout=7min")
    connection.close()
    assert ask("SHOW statement_timeout") == ("7min",), "what the address says goes before"
    connection.close()


def test_what_is_streamed_takes_what_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "_is_served", True)
    connection.close()
    pieces = at_leisure(ask("SHOW statement_timeout") for _ in range(3))
    assert next(pieces) == ("0",)
    pieces.close()  # type: ignore[attr-defined]  # whoever read it has gone
    assert ask("SHOW statement_timeout") == ("1min",)
    assert not connection.in_atomic_block
    connection.close()


@pytest.mark.usefixtures("relay")
def test_work_in_the_background_takes_what_it_needs() -> None:
    assert ask("SHOW statement_timeout") == ("0",)


def test_a_probe_hears_within_seconds(relay: Relay) -> None:
    client = Client()
    assert client.get("/readyz").status_code == 200
    relay.hangs = True
    began = time.monotonic()
    answer = client.get("/readyz")
    assert (answer.status_code, json.loads(answer.content)["postgres"]) == (503, False)
    assert seconds(began) < 4.5, "the chart's probe waits five seconds"
    assert client.get("/healthz").status_code == 200


def test_who_may_not_come_in_was_answered(relay: Relay) -> None:
    ask("SELECT 1")
    held = connection.connection
    held.address = {**held.address, "dbname": "nobody has made it"}
    assert held._answers()
    relay.hangs = True
    assert not held._answers()


def test_a_connection_alone_says_so_too(relay: Relay) -> None:
    relay.hangs = True
    with (
        pytest.raises(psycopg.errors.ConnectionTimeout),
        closing(postgres.connect(**{**connection.get_connection_params(), "connect_timeout": 2})),
    ):
        pass
    assert postgres.connect_seconds(10) == postgres.KNOCK_SECONDS
