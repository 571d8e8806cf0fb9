"""The tools of an environment over the API, and what changed of them."""

from __future__ import annotations

from typing import Any

import pytest

from memoryapp.models import Bullet, Event
from memoryapp.services.tokens import api_key_create
from practice.models import Environment, Steering
from tests.factories import BulletFactory, EnvironmentFactory, RunFactory, ToolFactory

pytestmark = pytest.mark.django_db
JSON = "application/json"
TOOLS = "/api/v1/environments/desk/tools"
DROP = f"{TOOLS}/files/drop"


@pytest.fixture
def desk(workspace: Any) -> Environment:
    desk = EnvironmentFactory(workspace=workspace, slug="desk")
    ToolFactory(environment=desk, name="get_order")
    ToolFactory(
        environment=desk,
        name="files/drop",
        annotations={"destructiveHint": True},
        is_enabled=False,
    )
    return desk


def put(client: Any, url: str = DROP, **asked: Any) -> Any:
    return client.put(url, asked, content_type=JSON)


def test_it_lists_the_tools_with_what_they_may_do(
    desk: Environment, with_key: Any, django_assert_num_queries: Any
) -> None:
    client = with_key("read")
    client.get(TOOLS)
    with django_assert_num_queries(4):
        drop, get = client.get(TOOLS).json()
    assert (drop["name"], drop["effect"], drop["allowed"]) == ("files/drop", "destructive", False)
    assert drop["why_off"] == "Off: it may delete or overwrite data."
    assert (get["effect"], get["why_off"]) == ("read", "")
    assert get["input_schema"]["required"] == ["id"]
    ToolFactory.create_batch(10, environment=desk)
    with django_assert_num_queries(4):
        assert len(client.get(TOOLS).json()) == 12


def test_it_shows_one_tool_whatever_its_name_holds(desk: Environment, with_key: Any) -> None:
    shown = with_key("read").get(DROP).json()
    assert shown["name"] == "files/drop"
    assert len(shown["schema_hash"]) == 64
    assert with_key("read").get(f"{TOOLS}/files").status_code == 404


def test_it_allows_what_may_destroy_only_to_who_says_so(desk: Environment, with_key: Any) -> None:
    client = with_key("write")
    refused = put(client, allowed=True)
    assert refused.status_code == 422
    assert refused.json()["detail"] == (
        "files/drop may delete or overwrite data. To allow it all the same, accept that it is "
        "destructive."
    )
    wrong = put(client, allowed=True, accepts="unknown")
    assert "accept that it is destructive, not unknown" in wrong.json()["detail"]
    assert not desk.tools.get(name="files/drop").is_enabled

    allowed = put(client, allowed=True, accepts="destructive")
    assert (allowed.status_code, allowed.json()["allowed"]) == (200, True)
    assert Event.objects.filter(kind="tool.allowed").exists()


def test_it_allows_only_what_was_read(desk: Environment, with_key: Any) -> None:
    client = with_key("write")
    seen = client.get(DROP).json()["shown"]
    desk.tools.filter(name="files/drop").update(
        description="Also empties the bin.", schema_hash="f"
    )
    asked = {"allowed": True, "accepts": "destructive", "seen": seen}
    refused = put(client, **asked)
    assert refused.status_code == 409
    assert refused.json()["type"] == "urn:greenroom:problem:changed-meanwhile"
    assert not desk.tools.get(name="files/drop").is_enabled
    allowed = put(client, **(asked | {"seen": refused.json()["shown"]}))
    assert (allowed.status_code, allowed.json()["allowed"]) == (200, True)
    # Forbidding is never refused.
    assert put(client, allowed=False, seen=seen).json()["allowed"] is False


def test_it_forbids_without_further_words(desk: Environment, with_key: Any) -> None:
    answer = put(with_key("write"), f"{TOOLS}/get_order", allowed=False)
    assert answer.json()["why_off"] == "Off: somebody turned it off."
    assert not desk.tools.get(name="get_order").is_enabled


def test_it_refuses_a_tool_whose_schema_cannot_be_used(desk: Environment, with_key: Any) -> None:
    desk.tools.update(problem="The input schema is no object.")
    answer = put(with_key("write"), allowed=True, accepts="destructive")
    assert answer.status_code == 422
    assert "files/drop cannot be used" in answer.json()["detail"]


def test_it_changes_tools_for_admins_with_the_scope_only(
    desk: Environment, with_key: Any, workspace: Any, rita: Any, olga_client: Any
) -> None:
    assert put(with_key("read"), allowed=True).status_code == 403
    _, key = api_key_create(workspace=workspace, name="hers", scopes=["write"], by=rita)
    hers = with_key("write")
    hers.defaults["HTTP_AUTHORIZATION"] = f"Bearer {key}"
    assert put(hers, allowed=True, accepts="destructive").status_code == 403
    assert hers.get(TOOLS).status_code == 200
    assert olga_client.get(TOOLS).status_code == 404
    assert not desk.tools.get(name="files/drop").is_enabled


def test_it_says_what_drifted(desk: Environment, with_key: Any) -> None:
    client = with_key("read")
    url = "/api/v1/environments/desk/drift"
    nothing = client.get(url).json()
    assert (nothing["watched"], nothing["changed"], nothing["stale"]) == (True, [], [])

    run = RunFactory(workspace=desk.workspace, environment=desk)
    BulletFactory(playbook=run.playbook, label="apis-001", status=Bullet.Status.STALE)
    Steering.objects.create(
        environment=desk, kind="focus", origin="drift", tool="get_order", note="Its schema changed."
    )
    Steering.objects.create(environment=desk, kind="focus", tool="files/drop")
    found = client.get(url).json()
    assert [(c["tool"], c["note"]) for c in found["changed"]] == [
        ("get_order", "Its schema changed.")
    ]
    assert [(b["label"], b["playbook"]) for b in found["stale"]] == [
        ("apis-001", run.playbook.slug)
    ]
    assert found["stale_total"] == 1
