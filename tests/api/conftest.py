"""A client that calls the API as an agent or a script would."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from memoryapp.services.tokens import api_key_create


@pytest.fixture
def with_key(workspace: Any, ada: Any) -> Callable[..., Client]:
    """Return a client whose key carries the given scopes."""

    def make(*scopes: str) -> Client:
        _, key = api_key_create(workspace=workspace, name="script", scopes=scopes, by=ada)
        return Client(headers={"Authorization": f"Bearer {key}"})

    return make
