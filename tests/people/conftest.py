"""Rita has a password here, and the count of wrong ones begins at nothing."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.cache import cache

PASSWORD = "a door that only rita opens"


@pytest.fixture(autouse=True)
def _nobody_is_locked_out(db: None) -> None:
    cache.clear()


@pytest.fixture(autouse=True)
def _links_in_mails_lead_somewhere(settings: Any) -> None:
    settings.PUBLIC_URL = "http://greenroom.example.com"


@pytest.fixture
def rita(rita: Any) -> Any:
    rita.set_password(PASSWORD)
    rita.email = "rita@example.com"
    rita.save(update_fields=["password", "email"])
    return rita


@pytest.fixture(autouse=True)
def _mails_go_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """At once: a test is one transaction, which never ends."""
    monkeypatch.setattr("memoryapp.project.adapters.on_commit", lambda mail: mail())
