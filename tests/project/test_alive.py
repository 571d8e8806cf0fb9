"""Probes: a part that does nothing is ended, and none for a Redis that is away."""

from __future__ import annotations

import os
import time
from pathlib import Path
from socket import gethostname
from typing import Any

import pytest

from memoryapp.clients import redis_servers, store
from memoryapp.project import alive
from memoryapp.project.celery import app


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What the worker of this host answers; nobody else is asked."""
    answers: list[Any] = []

    def ping(destination: list[str], timeout: float) -> list[Any]:
        assert destination == [f"celery@{gethostname()}"]
        return answers

    monkeypatch.setattr(app.control, "ping", ping)
    return answers


@pytest.fixture
def schedule(tmp_path: Path) -> Path:
    """Beat's file, which it wrote an hour ago."""
    made = tmp_path / "beat-schedule.dat"
    made.touch()
    long_ago = time.time() - 3600
    os.utime(made, (long_ago, long_ago))
    return tmp_path / "beat-schedule"


def test_a_worker_that_does_not_answer_is_ended(answers: list[Any]) -> None:
    assert alive.main("worker") == 1
    answers.append({"celery@here": "pong"})
    assert alive.main("worker") == 0


def test_a_beat_that_writes_nothing_down_is_ended(schedule: Path) -> None:
    assert alive.main("beat", str(schedule)) == 1
    schedule.with_suffix(".dir").touch()
    assert alive.main("beat", str(schedule)) == 0


def test_a_beat_that_has_not_begun_is_not(tmp_path: Path) -> None:
    assert alive.main("beat", str(tmp_path / "beat-schedule")) == 0


def test_nobody_is_ended_while_redis_is_away(
    answers: list[Any], schedule: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = redis_servers.client("unix:///nowhere/redis.sock", patience=0.5)
    monkeypatch.setattr(store, "client", lambda: gone)
    assert (alive.main("worker"), alive.main("beat", str(schedule))) == (0, 0)
