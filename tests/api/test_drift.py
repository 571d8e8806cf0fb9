"""Drift watch over the API."""

from __future__ import annotations

from typing import Any

import pytest

from memoryapp.services.tokens import api_key_create
from practice.models import Environment, Run, Steering
from tests.factories import EnvironmentFactory, RunFactory, ToolFactory

pytestmark = pytest.mark.django_db
JSON = "application/json"
PRACTISE = "/api/v1/environments/desk/drift/practise"


@pytest.fixture
def desk(workspace: Any) -> Environment:
    """An environment that was practised once and whose tool changed since."""
    desk = EnvironmentFactory(workspace=workspace, slug="desk")
    RunFactory(workspace=workspace, environment=desk, engine="rules", budget="2.5")
    ToolFactory(environment=desk, name="get_order")
    Steering.objects.create(environment=desk, kind="focus", origin="drift", tool="get_order")
    return desk


def test_it_practises_the_tools_that_changed(desk: Any, with_key: Any, rung: Any) -> None:
    answer = with_key("write").post(PRACTISE)
    assert answer.status_code == 201
    plan = answer.json()["plan"]
    assert (plan["focus"], plan["rounds"], plan["tasks"]) == (["get_order"], 1, 3)
    assert answer.json()["budget"] == "2.5000"
    assert Run.objects.filter(environment=desk).count() == 2


def test_it_says_why_nothing_can_be_practised(desk: Any, with_key: Any) -> None:
    Steering.objects.update(origin="operator")
    answer = with_key("write").post(PRACTISE)
    assert answer.status_code == 409
    assert "No changed tool waits for practice" in answer.content.decode()


def test_it_watches_and_leaves_off(desk: Any, with_key: Any) -> None:
    for watched in (False, True):
        answer = with_key("write").put(
            "/api/v1/environments/desk/watch", {"watched": watched}, content_type=JSON
        )
        assert answer.json()["drift_watch"] is watched
        assert Environment.objects.get().drift_watch is watched


def test_watching_needs_an_admin(desk: Any, with_key: Any, workspace: Any, rita: Any) -> None:
    _, key = api_key_create(workspace=workspace, name="script", scopes=["write"], by=rita)
    client = with_key("write")
    client.defaults["HTTP_AUTHORIZATION"] = f"Bearer {key}"
    answer = client.put("/api/v1/environments/desk/watch", {"watched": False}, content_type=JSON)
    assert answer.status_code == 403
    assert Environment.objects.get().drift_watch


def test_both_need_the_scope(desk: Any, with_key: Any) -> None:
    client = with_key("read")
    assert client.post(PRACTISE).status_code == 403
    answer = client.put("/api/v1/environments/desk/watch", {"watched": False}, content_type=JSON)
    assert answer.status_code == 403
