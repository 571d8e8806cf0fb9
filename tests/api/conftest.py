"""A client that calls the API as an agent or a script would."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from memoryapp.services.tokens import api_key_create
from tests.factories import EnvironmentFactory, PlaybookFactory


@pytest.fixture
def receivers(workspace: Any) -> None:
    """The environment and the playbook that sent trajectories name: ``desk``, both of them."""
    EnvironmentFactory(workspace=workspace, slug="desk")
    PlaybookFactory(workspace=workspace, slug="desk")


@pytest.fixture
def with_key(workspace: Any, ada: Any) -> Callable[..., Client]:
    """Return a client whose key carries the given scopes."""

    def make(*scopes: str) -> Client:
        _, key = api_key_create(workspace=workspace, name="script", scopes=scopes, by=ada)
        return Client(headers={"Authorization": f"Bearer {key}"})

    return make


@pytest.fixture
def call(workspace: Any, ada: Any, client: Any) -> Callable[..., Any]:
    """Call the API with a key of ada that may do everything, and return what it said."""
    _, key = api_key_create(
        workspace=workspace, name="desk", scopes=["read", "write", "admin"], by=ada
    )

    def ask(
        method: str, path: str, body: Any = None, expect: int = 200, idempotency_key: str = ""
    ) -> Any:
        headers = {"Authorization": f"Bearer {key}"}
        if idempotency_key:
            headers["Idempotency-Key"] = idempotency_key
        sent = {} if body is None else {"data": body, "content_type": "application/json"}
        answer = getattr(client, method)(f"/api/v1{path}", headers=headers, **sent)
        assert answer.status_code == expect, answer.content
        return answer.json()

    return ask
