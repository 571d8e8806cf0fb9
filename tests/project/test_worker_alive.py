"""The probe of a worker: it ends one that does not answer, and none for a Redis that is away."""

from __future__ import annotations

from socket import gethostname
from typing import Any

import pytest
import redis

from memoryapp.clients import store
from memoryapp.project import worker_alive
from memoryapp.project.celery import app


@pytest.mark.parametrize(("answers", "alive"), [([], False), ([{"celery@here": "pong"}], True)])
def test_it_asks_the_worker_of_this_host(
    monkeypatch: pytest.MonkeyPatch, answers: list[Any], alive: bool
) -> None:
    asked: list[Any] = []

    def ping(destination: list[str], timeout: float) -> list[Any]:
        asked.extend(destination)
        return answers

    monkeypatch.setattr(app.control, "ping", ping)
    assert worker_alive.is_alive() is alive
    assert asked == [f"celery@{gethostname()}"]


def test_nobody_is_ended_while_redis_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    gone = redis.Redis(unix_socket_path="/nowhere/redis.sock")
    monkeypatch.setattr(store, "client", lambda: gone)
    assert worker_alive.is_alive()
