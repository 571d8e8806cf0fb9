"""A value that can never be used is a refused field, whichever layer refuses it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.factories import PlaybookFactory

pytestmark = pytest.mark.django_db
KEY = {"name": "agent", "scopes": ["playbooks:pull"]}
HOOK = {"kinds": ["run.finished"]}
TWO_ALPHABETS = "\u0397elp desk"  # a Greek Eta


@pytest.fixture
def admin(with_key: Any) -> Any:
    return with_key("read", "write", "admin")


@pytest.mark.parametrize(
    ("path", "body", "pointer"),
    [
        ("webhooks", {"url": "http://example.com/\r\nX: y", **HOOK}, "#/url"),
        ("webhooks", {"url": "http://ex ample.com", **HOOK}, "#/url"),
        ("webhooks", {"url": "http://１６９.254.169.254/", **HOOK}, "#/url"),
        ("webhooks", {"url": "http://169.254.169.254/", **HOOK}, "#/url"),
        ("webhooks", {"url": "https://a:b@example.com/", **HOOK}, "#/url"),
        ("keys", {**KEY, "expires_at": "2020-01-01T00:00:00Z"}, "#/expires_at"),
        ("keys", {**KEY, "scopes": ["read"], "playbooks": ["desk"]}, "#/playbooks"),
        ("keys", {**KEY, "name": TWO_ALPHABETS}, "#/name"),
        ("playbooks", {"name": "\U0001f600"}, "#/name"),
        ("playbooks", {"name": TWO_ALPHABETS}, "#/name"),
    ],
)
def test_it_says_which_field_cannot_be_used(
    admin: Any, workspace: Any, path: str, body: dict[str, Any], pointer: str
) -> None:
    PlaybookFactory(workspace=workspace, slug="desk")
    answer = admin.post(f"/api/v1/{path}", body, content_type="application/json")
    said = answer.json()
    assert (answer.status_code, said["type"]) == (400, "urn:greenroom:problem:invalid")
    assert [field["pointer"] for field in said["fields"]] == [pointer]
    assert said["errors"][pointer[2:]] == [said["fields"][0]["detail"]]


@pytest.mark.parametrize(
    ("changed", "pointer"),
    [
        ({"url": "http://ex ample.com"}, "#/url"),
        ({"name": TWO_ALPHABETS}, "#/name"),
        ({"name": "\U0001f600"}, "#/name"),
        (
            {"transport": "openapi", "url": "https://d.example/", "base_url": "ftp://d"},
            "#/base_url",
        ),
    ],
)
def test_an_environment_that_cannot_be_reached_so_names_the_field(
    admin: Any, changed: dict[str, Any], pointer: str
) -> None:
    body = {"name": "Desk", "transport": "http", "url": "https://desk.example/mcp", **changed}
    answer = admin.post("/api/v1/environments", body, content_type="application/json")
    said = answer.json()
    assert (answer.status_code, said["type"]) == (422, "urn:greenroom:problem:unable-to-connect")
    assert [field["pointer"] for field in said["fields"]] == [pointer]


def test_what_only_the_state_of_things_forbids_is_still_a_conflict(
    admin: Any, workspace: Any
) -> None:
    PlaybookFactory(workspace=workspace, slug="desk", name="Desk")
    body = {"name": "Desk"}
    answer = admin.post("/api/v1/playbooks", body, content_type="application/json")
    assert (answer.status_code, "fields" in answer.json()) == (409, False)
