"""A form that holds more than is read at once."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

pytestmark = pytest.mark.django_db


def test_it_says_how_much_a_form_may_hold(settings: Any, rita: Any) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 2**20
    client = Client(enforce_csrf_checks=True, raise_request_exception=False)
    client.force_login(rita)
    client.get("/")  # which brings the cookie that a form is checked by
    answer = client.post("/playbooks/new/", {"name": "x" * 2**20})
    assert answer.status_code == 413
    assert "A form takes 1 MB of text at most. Nothing was changed." in answer.content.decode()
