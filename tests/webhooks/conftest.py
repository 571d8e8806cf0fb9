"""A receiver on loopback, and a webhook that points at it."""

from __future__ import annotations

from typing import Any

import pytest

from memoryapp.domain.webhooks import KINDS
from memoryapp.services.webhooks import webhook_create


@pytest.fixture
def hook(workspace: Any, ada: Any, httpserver: Any, settings: Any) -> Any:
    settings.WEBHOOK_PRIVATE_ADDRESSES = True
    row, secret = webhook_create(
        workspace=workspace, url=httpserver.url_for("/hook"), kinds=[*KINDS], by=ada
    )
    row.secret = secret  # type: ignore[attr-defined]  # for the tests to check what is signed
    return row
