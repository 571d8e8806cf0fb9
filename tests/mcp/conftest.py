"""The MCP application over real HTTP on loopback, and a playbook that is served."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import uvicorn
from django.db import connections

from memoryapp.project.asgi import build
from memoryapp.services.releases import release_publish
from memoryapp.services.tokens import api_key_create
from tests.factories import BulletFactory, PlaybookFactory

START_SECONDS = 20


@pytest.fixture
def served(workspace: Any, ada: Any) -> Any:
    """The playbook ``desk`` with two bullets, released as v1 behind production."""
    playbook = PlaybookFactory(
        workspace=workspace, slug="desk", name="Desk", description="Refunds."
    )
    BulletFactory(playbook=playbook, label="strategies-001", content="Verify before a refund.")
    BulletFactory(playbook=playbook, label="pitfalls-001", section="pitfalls", content="No dates.")
    release_publish(playbook=playbook, by=ada, label="production")
    return playbook


@pytest.fixture
def key(workspace: Any, ada: Any) -> Callable[..., Any]:
    """Make a key with the given scopes; returns the row and the text of it."""

    def make(*scopes: str) -> Any:
        return api_key_create(workspace=workspace, name="desk agent", scopes=scopes, by=ada)

    return make


@pytest.fixture
def address(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Where the server listens. Its threads see what a test has committed."""
    # Kept connections would outlive the test and hold its database.
    monkeypatch.setitem(connections.settings["default"], "CONN_MAX_AGE", 0)
    config = uvicorn.Config(build(), port=0, log_level="error", lifespan="on")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + START_SECONDS
    while not server.started:
        assert thread.is_alive()
        assert time.monotonic() < deadline
        time.sleep(0.02)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}/mcp"
    server.should_exit = True
    thread.join(START_SECONDS)
