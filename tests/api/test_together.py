"""The same request from several callers at one moment is done once, and nothing is stored half."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connections
from django.test import Client

from memoryapp.models import Bullet, Report, Vote
from memoryapp.services.releases import release_publish
from memoryapp.services.tokens import api_key_create
from practice.models import SentTrajectory
from tests.factories import BulletFactory, EnvironmentFactory, PlaybookFactory

pytestmark = pytest.mark.django_db(transaction=True)
AT_ONCE = 6


@pytest.fixture
def release(workspace: Any, ada: Any) -> Any:
    EnvironmentFactory(workspace=workspace, slug="desk")
    playbook = PlaybookFactory(workspace=workspace, slug="desk")
    BulletFactory(playbook=playbook, label="strategies-001")
    return release_publish(playbook=playbook, by=ada, label="production")


@pytest.fixture
def send(workspace: Any, ada: Any) -> Callable[..., list[Any]]:
    """Post the same body from several threads at one moment; return the answers."""
    scopes = ["feedback:write", "trajectories:write", "write"]
    key = api_key_create(workspace=workspace, name="k", scopes=scopes, by=ada)[1]

    def send(path: str, body: Any, **headers: str) -> list[Any]:
        answers: list[Any] = []
        ready = threading.Barrier(AT_ONCE)

        def one() -> None:
            client = Client(headers={"Authorization": f"Bearer {key}", **headers})
            ready.wait(30)
            try:
                answers.append(client.post(path, body, content_type="application/json"))
            finally:
                connections.close_all()

        threads = [threading.Thread(target=one) for _ in range(AT_ONCE)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert len(answers) == AT_ONCE
        return answers

    return send


def test_a_report_counts_once(release: Any, send: Any) -> None:
    body = {
        "release": release.pk,
        "task": "ticket 7",
        "outcome": "success",
        "bullets": [{"id": "strategies-001", "vote": "helpful"}],
    }
    answers = send("/api/v1/feedback", body)
    assert {answer.status_code for answer in answers} == {200}
    assert sum(answer.json()["counted"] for answer in answers) == 1
    assert (Report.objects.count(), Vote.objects.count()) == (1, 1)
    assert Bullet.objects.get().deployed_helpful == 1


def test_a_trajectory_is_taken_once(release: Any, send: Any) -> None:
    entry = {
        "id": "t1",
        "instruction": "Refund order 7.",
        "steps": [{"tool": "get_order", "arguments": {}, "observation": "{}"}],
    }
    body = {"playbook": "desk", "environment": "desk", "trajectories": [entry]}
    answers = send("/api/v1/trajectories", body)
    assert {answer.status_code for answer in answers} == {202}
    assert sum(answer.json()["accepted"] for answer in answers) == 1
    assert SentTrajectory.objects.count() == 1


def test_an_idempotency_key_stands_for_one_request(release: Any, send: Any) -> None:
    body = {"kind": "retired", "reason": "old"}
    path = "/api/v1/playbooks/desk/releases/1/withdraw"
    answers = send(path, body, **{"Idempotency-Key": "once"})
    statuses = Counter(answer.status_code for answer in answers)
    # The first is done; the others get its answer, or are asked to wait for it.
    assert set(statuses) <= {200, 409}
    assert statuses[200] >= 1
    waiting = [a for a in answers if a.status_code == 409]
    assert all(answer.json()["type"].endswith("still-working") for answer in waiting)


def test_an_import_adds_nothing_twice(release: Any, send: Any) -> None:
    text = "## PITFALLS\n[pitfalls-00001] helpful=0 harmful=0 :: Verify first.\n"
    answers = send("/api/v1/playbooks/desk/import", {"format": "ace", "content": text})
    verdicts = Counter(answer.json()["rows"][0]["verdict"] for answer in answers)
    assert verdicts == {"added": 1, "kept": AT_ONCE - 1}
    assert Bullet.objects.filter(label="pitfalls-001").count() == 1
