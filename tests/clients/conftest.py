"""The Python client over a server that answers what a test says, and a clock that tests move."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from greenroom_client import Greenroom

from tests.clients.server import Server


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time; tests move it. Waiting costs nothing."""
    now = [1_000_000.0]
    monkeypatch.setattr(time, "time", lambda: now[0])
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    return now


@pytest.fixture
def client(tmp_path: Path, clock: list[float], monkeypatch: pytest.MonkeyPatch) -> Any:
    def make(*answers: Any, key: str = "gr_k") -> tuple[Greenroom, Server]:
        server = Server(list(answers))
        found = Greenroom("http://desk.example", key, cache=tmp_path)
        monkeypatch.setattr(found.http, "_once", server.once)
        return found, server

    return make
