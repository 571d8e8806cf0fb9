"""Redis is a doorbell: while it is away, what was asked is done all the same, only later."""

from __future__ import annotations

from typing import Any

import pytest
from celery import Task
from kombu.exceptions import OperationalError

from memoryapp.models import WorkspaceExport
from memoryapp.tasks import leave_pulse

pytestmark = pytest.mark.django_db


@pytest.fixture
def without_redis(monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: Any, **__: Any) -> None:
        raise OperationalError("Error 111 connecting to redis.sock. Connection refused.")

    monkeypatch.setattr(Task, "apply_async", away)


@pytest.mark.usefixtures("without_redis")
def test_what_was_stored_is_answered_as_such(
    with_key: Any, workspace: Any, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True) as rung:
        answer = with_key("admin").post("/api/v1/workspace/exports")
    assert (answer.status_code, len(rung)) == (202, 1)
    assert WorkspaceExport.objects.get().status == "queued"


@pytest.mark.usefixtures("without_redis")
def test_a_bell_that_was_not_rung_is_said_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    assert leave_pulse.delay() is None
    assert "beat rings for memoryapp.tasks.leave_pulse later" in caplog.text
