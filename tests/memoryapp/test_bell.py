"""Work is rung for, and nobody waits where nobody hears."""

from __future__ import annotations

import socket
import time
from typing import Any

import pytest
from celery.contrib.django.task import DjangoTask

from memoryapp import tasks
from memoryapp.clients import store


@pytest.fixture
def hung(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A Redis that accepts connections and says nothing, as one that is stopped."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        settings.REDIS_URL = f"redis://127.0.0.1:{listener.getsockname()[1]}/0"
        monkeypatch.setattr(store, "_clients", {})
        monkeypatch.setattr(store, "_rests_until", 0.0)
        yield


@pytest.mark.usefixtures("hung")
def test_nobody_waits_long_for_a_redis_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    rung: list[str] = []
    monkeypatch.setattr(DjangoTask, "delay", lambda self, *_: rung.append(self.name))
    began = time.monotonic()
    for _ in range(20):
        assert tasks.write_exports.delay() is None
    assert time.monotonic() - began < 5
    assert not rung


def test_where_it_answers_workers_are_rung(monkeypatch: pytest.MonkeyPatch) -> None:
    rung: list[str] = []
    monkeypatch.setattr(store, "_rests_until", 0.0)
    monkeypatch.setattr(DjangoTask, "delay", lambda self, *_: rung.append(self.name))
    tasks.write_exports.delay()
    assert rung == ["memoryapp.tasks.write_exports"]


def test_what_celery_itself_asks_of_redis_has_an_end(settings: Any) -> None:
    options = settings.CELERY_BROKER_TRANSPORT_OPTIONS
    assert options["socket_timeout"] == options["socket_connect_timeout"] == 5
