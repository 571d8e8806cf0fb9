"""Environments and snapshots over the API."""

from __future__ import annotations

import json
from typing import Any

import pytest

from memoryapp.services.tokens import api_key_create
from practice.models import Environment, EnvironmentSnapshot
from practice.services.environments import environment_reach
from tests.factories import EnvironmentFactory, PlaybookFactory, ToolFactory

pytestmark = pytest.mark.django_db
JSON = "application/json"


@pytest.fixture
def desk(workspace: Any, settings: Any, tmp_path: Any) -> Environment:
    settings.DATA_DIR = tmp_path
    made = EnvironmentFactory(workspace=workspace, slug="desk")
    ToolFactory(environment=made)
    return made


def connect(client: Any, **asked: Any) -> Any:
    return client.post("/api/v1/environments", {"name": "Library"} | asked, content_type=JSON)


def test_it_connects_an_openapi_service(workspace: Any, with_key: Any) -> None:
    answer = connect(
        with_key("write"),
        transport="openapi",
        url="http://127.0.0.1:9/openapi.json",
        scheme="bearer",
        credential="s3cret-value",
        reset="POST /reset",
    )
    assert answer.status_code == 201
    assert "s3cret-value" not in answer.content.decode()
    shown = answer.json()
    assert (shown["slug"], shown["slots"], shown["status"]) == ("library", 1, "checking")
    assert shown["options"]["reset"] == {"method": "POST", "path": "/reset"}
    assert Environment.objects.get().open_secrets() == {"credential": "s3cret-value"}


def test_it_connects_a_local_process(workspace: Any, with_key: Any) -> None:
    answer = connect(
        with_key("write"), transport="stdio", command="helpdesk", arguments=["--data", "{workdir}"]
    )
    assert (answer.status_code, answer.json()["slots"]) == (201, 4)


@pytest.mark.parametrize(
    ("asked", "status", "says"),
    [
        ({"transport": "carrier pigeon"}, 400, "Choose one of: stdio, http, "),
        ({"transport": "stdio", "command": "rm -rf /"}, 422, "not an allowed command"),
        ({"transport": "http", "url": "http://169.254.169.254/"}, 422, "which is never called"),
        ({"transport": "pack", "pack": "lost"}, 422, "There is no pack"),
        ({"transport": "openapi", "document": "{oops"}, 422, "not valid JSON"),
        ({"transport": "http", "url": "http://a/", "slots": 0}, 400, "or more"),
    ],
)
def test_it_explains_what_cannot_be_connected(
    workspace: Any, with_key: Any, asked: Any, status: int, says: str
) -> None:
    answer = connect(with_key("write"), **asked)
    assert answer.status_code == status
    assert says in json.dumps(answer.json())


def test_it_lets_only_editors_and_admins_change_environments(
    desk: Environment, rita: Any, rita_client: Any, with_key: Any, workspace: Any
) -> None:
    _, key = api_key_create(workspace=workspace, name="hers", scopes=("write",), by=rita)
    headers = {"Authorization": f"Bearer {key}"}
    assert rita_client.get("/api/v1/environments/desk").status_code == 200
    for url in ("environments", "environments/desk/check", "environments/desk/snapshots"):
        hers = rita_client.post(f"/api/v1/{url}", {}, content_type=JSON, headers=headers)
        assert hers.status_code == 403
        assert "Only editors and admins" in hers.json()["detail"]
        assert with_key("read").post(f"/api/v1/{url}", {}, content_type=JSON).status_code == 403


def test_it_takes_starts_from_and_deletes_a_snapshot(desk: Environment, with_key: Any) -> None:
    client = with_key("write")
    PlaybookFactory(workspace=desk.workspace, slug="desk")
    taken = client.post("/api/v1/environments/desk/snapshots", {"name": "One"}, content_type=JSON)
    assert (taken.status_code, taken.json()["number"]) == (201, 1)
    assert client.get("/api/v1/environments/desk/snapshots").json()[0]["name"] == "One"

    body = {"environment": "desk", "playbook": "desk", "engine": "rules", "snapshot": 1}
    run = client.post("/api/v1/runs", body, content_type=JSON)
    assert (run.status_code, run.json()["snapshot"]) == (201, 1)

    kept = client.delete("/api/v1/environments/desk/snapshots/1")
    assert (kept.status_code, "began from" in kept.json()["detail"]) == (422, True)
    client.post("/api/v1/environments/desk/snapshots", {}, content_type=JSON)
    assert client.delete("/api/v1/environments/desk/snapshots/2").status_code == 204
    assert EnvironmentSnapshot.objects.count() == 1
    missing = client.post("/api/v1/runs", body | {"snapshot": 9}, content_type=JSON)
    assert missing.status_code == 404


def test_it_changes_slots_and_asks_for_checks(desk: Environment, with_key: Any, rung: Any) -> None:
    client = with_key("write")
    sized = client.put("/api/v1/environments/desk/slots", {"slots": 7}, content_type=JSON)
    assert sized.json()["slots"] == 7
    asked = client.post("/api/v1/environments/desk/check-reset")
    assert (asked.status_code, asked.json()["status"]) == (202, "checking")
    assert client.post("/api/v1/environments/desk/check").status_code == 202


def test_it_is_hidden_from_other_workspaces(olga_client: Any, desk: Environment) -> None:
    assert olga_client.get("/api/v1/environments/desk").status_code == 404
    assert olga_client.get("/api/v1/environments").json() == []


def test_it_gives_an_environment_its_secrets_anew(desk: Any, with_key: Any) -> None:
    """As after an import of a workspace, which brings none along."""
    url = "/api/v1/environments/desk/access"
    asked = {"secrets": {"API_TOKEN": "s3cret-value"}}
    answer = with_key("write").put(url, asked, content_type=JSON)
    assert (answer.status_code, answer.json()["secret_names"]) == (202, ["API_TOKEN"])
    assert "s3cret-value" not in answer.content.decode()
    desk.refresh_from_db()
    assert desk.open_secrets() == {"API_TOKEN": "s3cret-value"}
    assert with_key("read").put(url, asked, content_type=JSON).status_code == 403


def test_it_replaces_only_what_was_read(desk: Any, call: Any, edda: Any) -> None:
    """Values under the same names are other ones, though nobody may see either."""
    path = "/environments/desk"
    first, second = {"API_TOKEN": "s3cret-1"}, {"API_TOKEN": "s3cret-2"}
    environment_reach(environment=desk, secrets=first, by=edda)
    seen = call("get", path)["shown"]
    environment_reach(environment=desk, secrets=second, by=edda)
    asked = {"secrets": {"API_TOKEN": "s3cret-3"}, "seen": seen["access"]}
    refused = call("put", f"{path}/access", asked, expect=409)
    assert refused["type"] == "urn:greenroom:problem:changed-meanwhile"
    desk.refresh_from_db()
    assert desk.open_secrets() == second
    # Slots are as they were seen.
    sized = call("put", f"{path}/slots", {"slots": 7, "seen": seen["slots"]})
    assert sized["shown"]["access"] == refused["shown"]
    call("put", f"{path}/slots", {"slots": 8, "seen": seen["slots"]}, expect=409)
    call("put", f"{path}/access", asked | {"seen": refused["shown"]}, expect=202)
    desk.refresh_from_db()
    assert (desk.open_secrets(), desk.slots) == ({"API_TOKEN": "s3cret-3"}, 7)


def test_it_gives_a_pack_no_credential(workspace: Any, with_key: Any) -> None:
    EnvironmentFactory(workspace=workspace, slug="bfcl", transport="pack")
    answer = with_key("write").put(
        "/api/v1/environments/bfcl/access", {"scheme": "bearer"}, content_type=JSON
    )
    assert answer.status_code == 422
    assert "it has no credential and no reset" in answer.json()["detail"]


def test_it_takes_no_secret_among_arguments(workspace: Any, with_key: Any) -> None:
    answer = connect(
        with_key("write"),
        transport="stdio",
        command="helpdesk",
        arguments=["postgres://orders:s3cret@db/orders"],
    )
    said = answer.content.decode()
    assert answer.status_code == 422
    assert "Argument 1 looks like a secret" in said
    assert "s3cret" not in said
    assert not Environment.objects.exists()
