"""A value that can never be used is a refused field, whichever layer refuses it."""

from __future__ import annotations

from typing import Any

import pytest

from memoryapp.services.releases import release_publish
from practice.models import Run
from tests.factories import (
    BulletFactory,
    CandidateFactory,
    EnvironmentFactory,
    IncidentFactory,
    PlaybookFactory,
    ToolFactory,
)

pytestmark = pytest.mark.django_db
KEY = {"name": "agent", "scopes": ["playbooks:pull"]}
HOOK = {"kinds": ["run.finished"]}
TWO_ALPHABETS = "\u0397elp desk"  # a Greek Eta
NOTHING = "\u200b"  # a space that nobody sees
RUN = {"environment": "shop", "playbook": "desk", "engine": "rules"}
POLICY = {"reason": "We are more now."}


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


@pytest.fixture
def desk(workspace: Any, ada: Any) -> dict[str, Any]:
    """A playbook with something of everything; the addresses of what has no name of its own."""
    playbook = PlaybookFactory(workspace=workspace, slug="desk", name="Desk")
    BulletFactory(playbook=playbook, label="pitfalls-001")
    BulletFactory(playbook=playbook, label="pitfalls-002")
    release_publish(playbook=playbook, label="production", by=ada)
    ToolFactory(environment=EnvironmentFactory(workspace=workspace, slug="shop"))
    return {
        "candidate": CandidateFactory(playbook=playbook).pk,
        "elsewhere": CandidateFactory(playbook__workspace=workspace).pk,
        "incident": IncidentFactory(workspace=workspace).number,
    }


@pytest.mark.parametrize(
    ("call", "body", "pointer"),
    [
        ("post bulk-decisions", {"action": "reject"}, "#/reason"),
        ("post bulk-decisions", {"action": "reject", "reason": NOTHING}, "#/reason"),
        ("post bulk-decisions", {"action": "assign"}, "#/assignee"),
        ("post bulk-changes", {"action": "retire"}, "#/reason"),
        ("post bulk-changes", {"action": "move", "value": "Two words"}, "#/value"),
        ("post bulk-changes", {"action": "tag", "value": "no tag!"}, "#/value"),
        ("post candidates/{candidate}/approve", {"content": NOTHING}, "#/content"),
        ("post candidates/{candidate}/approve", {"content": "x" * 200_000}, "#/content"),
        ("post candidates/{candidate}/reject", {"reason": NOTHING}, "#/reason"),
        ("post candidates/{candidate}/notes", {"text": NOTHING}, "#/text"),
        ("post candidates/{candidate}/notes", {"text": "x" * 5_000}, "#/text"),
        ("post candidates/{candidate}/merge", {"other": "{candidate}"}, "#/other"),
        ("post candidates/{candidate}/merge", {"other": "{elsewhere}"}, "#/other"),
        ("post playbooks/desk/bullets", {"section": "apis", "content": NOTHING}, "#/content"),
        (
            "put playbooks/desk/bullets/pitfalls-001",
            {"content": NOTHING, "revision": 1},
            "#/content",
        ),
        ("post playbooks/desk/bullets/pitfalls-001/retire", {"reason": NOTHING}, "#/reason"),
        ("post playbooks/desk/bullets/pitfalls-001/move", {"section": "Two words"}, "#/section"),
        ("put playbooks/desk/bullets/pitfalls-001/tags", {"tags": ["no tag!"]}, "#/tags"),
        (
            "put playbooks/desk/bullets/pitfalls-001/tags",
            {"tags": [f"t{n}" for n in range(40)]},
            "#/tags",
        ),
        ("post playbooks/desk/merge/preview", {"labels": ["pitfalls-001"] * 2}, "#/labels"),
        ("patch playbooks/desk/settings", {}, "#"),
        ("put playbooks/desk/review-policy", {**POLICY, "reviewers": 1_000}, "#/reviewers"),
        ("put playbooks/desk/review-policy", {**POLICY, "admit_from": 0.1}, "#/admit_from"),
        ("put playbooks/desk/review-policy", {**POLICY, "audit_share": 2}, "#/audit_share"),
        ("put playbooks/desk/review-policy", {**POLICY, "blind_share": -1}, "#/blind_share"),
        (
            "put playbooks/desk/review-policy",
            {**POLICY, "protected_labels": ["Two words"]},
            "#/protected_labels",
        ),
        ("put playbooks/desk/review-policy", {"reason": NOTHING, "reviewers": 2}, "#/reason"),
        ("post playbooks/desk/releases", {"label": "Two words"}, "#/label"),
        (
            "post playbooks/desk/releases/1/withdraw",
            {"kind": "retired", "reason": NOTHING},
            "#/reason",
        ),
        (
            "post playbooks/desk/releases/1/withdraw",
            {"kind": "retired", "reason": "Wrong.", "replacement": 1},
            "#/replacement",
        ),
        (
            "post environments/shop/memory/steering",
            {"kind": "focus"},
            "#/tool",
        ),
        ("post environments/shop/memory/steering", {"kind": "seed_task"}, "#/instruction"),
        (
            "post environments/shop/memory/artifact",
            {"file": "playbook.json", "playbook": "desk", "document": 7},
            "#/document",
        ),
        ("post telemetry", {"name": "!!!"}, "#/name"),
        (
            "post incidents/{incident}/analysis",
            {"window_from": "2026-11-20T10:00:00Z", "window_to": "2026-11-20T09:00:00Z"},
            "#/window_to",
        ),
        (
            "post incidents/{incident}/analysis",
            {"test": {"step": 1, "arguments": {}}},
            "#/test",
        ),
        ("post incidents/{incident}/confirm", {}, "#/cause"),
        ("post incidents/{incident}/correct", {"cause": "service:shop"}, "#/reason"),
        ("post incidents/{incident}/dismiss", {"reason": NOTHING}, "#/reason"),
    ],
)
def test_whatever_the_state_such_a_value_is_refused(
    admin: Any, desk: dict[str, Any], call: str, body: dict[str, Any], pointer: str
) -> None:
    method, _, path = call.partition(" ")
    asked = {
        name: value.format(**desk) if isinstance(value, str) else value
        for name, value in body.items()
    }
    send = getattr(admin, method)
    answer = send(f"/api/v1/{path.format(**desk)}", asked, content_type="application/json")
    said = answer.json()
    assert (answer.status_code, said["type"]) == (400, "urn:greenroom:problem:invalid"), said
    assert [field["pointer"] for field in said["fields"]] == [pointer]


def test_a_name_in_the_address_is_a_parameter(admin: Any, desk: Any) -> None:
    path = "/api/v1/playbooks/desk/labels/Two%20words"
    said = admin.put(path, {"version": 1}, content_type="application/json").json()
    assert (said["status"], said["fields"][0]["parameter"]) == (400, "name")


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
        ({"transport": "openapi", "credential": "x"}, "#/scheme"),
        (
            {"transport": "openapi", "scheme": "basic", "credential": "x"},
            "#/credential",
        ),
        (
            {"transport": "openapi", "scheme": "header", "credential": "x"},
            "#/parameter",
        ),
        ({"transport": "openapi", "reset": "/reset"}, "#/reset"),
        ({"transport": "stdio", "command": "rm"}, "#/command"),
        ({"transport": "pack", "pack": "none"}, "#/pack"),
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


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("playbooks/desk/bullets/pitfalls-001/restore", {"reason": "Right after all."}),
        ("playbooks/desk/releases", {}),  # nothing changed
        ("environments/shop/memory/steering", {"kind": "focus", "tool": "not_yet"}),
        ("runs", {**RUN, "focus": ["not_yet"]}),
        ("runs", {**RUN, "engine": "model"}),  # none is configured
        ("bulk-changes", {"action": "tag", "value": "vip", "section": "nowhere"}),
    ],
)
def test_what_another_state_allows_names_no_field(
    admin: Any, desk: Any, path: str, body: dict[str, Any]
) -> None:
    answer = admin.post(f"/api/v1/{path}", body, content_type="application/json")
    assert (answer.status_code, "fields" in answer.json()) == (409, False), answer.json()
    assert not Run.objects.exists()


def test_the_line_for_people_names_the_first_fields_and_says_what_to_do(with_key: Any) -> None:
    client = with_key("trajectories:write")
    answer = client.post("/api/v1/trajectories", {}, content_type="application/json")
    assert answer.json()["detail"] == (
        "playbook: This field is required. environment: This field is required. "
        "trajectories: This field is required."
    )
    body = dict.fromkeys("abcde", 1)
    answer = client.post("/api/v1/trajectories", body, content_type="application/json")
    said = answer.json()["detail"]
    assert said.startswith("a: There is no such field. It takes playbook, environment, ")
    assert said.endswith("And 5 more.")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"name": "agent", "scopes": []}, "scopes: Give at least 1."),
        ({"name": "agent", "scopes": "read"}, "scopes: Send a list."),
        ({"name": "", "scopes": ["read"]}, "name: It cannot be empty."),
        ({"name": None, "scopes": ["read"]}, "name: It cannot be null."),
        ({"name": ["agent"], "scopes": ["read"]}, "name: Send a string."),
        ({**KEY, "rate_limit": -1}, "rate_limit: Give 0 or more."),
        ({**KEY, "rate_limit": "many"}, "rate_limit: Send a whole number."),
        ({**KEY, "expires_at": "soon"}, "expires_at: Send a moment, such as 2026-12-31T18:30:00Z."),
        ([KEY], "Send an object."),
    ],
)
def test_it_says_what_to_send_instead(admin: Any, body: Any, said: str) -> None:
    answer = admin.post("/api/v1/keys", body, content_type="application/json")
    assert (answer.status_code, answer.json()["detail"]) == (400, said)


def test_a_field_with_words_of_its_own_keeps_them(admin: Any) -> None:
    answer = admin.post("/api/v1/runs", {**RUN, "budget": 0}, content_type="application/json")
    said = "budget: A budget must be above $0.00; leave it out for no limit."
    assert answer.json()["detail"] == said
