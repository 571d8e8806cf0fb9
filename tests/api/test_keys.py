"""Keys over the API: made, bound, limited, rotated, revoked."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from memoryapp.clients import store
from memoryapp.domain.errors import UnableToChange
from memoryapp.models import ApiKey, Event
from memoryapp.services.tokens import (
    api_key_create,
    api_key_recognize,
    api_key_revoke,
    api_key_rotate,
)
from tests.factories import PlaybookFactory

pytestmark = pytest.mark.django_db
URL = "/api/v1/keys"


@pytest.fixture
def client(with_key: Any) -> Client:
    made: Client = with_key("admin")
    return made


def post(client: Any, url: str = URL, **body: Any) -> Any:
    return client.post(url, body, content_type="application/json")


def with_text(text: str) -> Client:
    return Client(headers={"Authorization": f"Bearer {text}"})


def test_it_makes_a_key_that_works_and_is_shown_once(client: Client, workspace: Any) -> None:
    PlaybookFactory(workspace=workspace, slug="help-desk")
    answer = post(client, name="agent", scopes=["playbooks:pull"], playbooks=["help-desk"])
    assert (answer.status_code, answer["Cache-Control"]) == (201, "no-store")
    text = answer.json()["key"]
    assert [p["slug"] for p in with_text(text).get("/api/v1/playbooks").json()["results"]] == [
        "help-desk"
    ]
    listed = client.get(URL).content.decode()
    assert text not in listed
    assert "secret" not in listed


def test_it_binds_only_what_agents_do(client: Client, workspace: Any, olga: Any) -> None:
    PlaybookFactory(workspace=workspace, slug="help-desk")
    answer = post(client, name="x", scopes=["read"], playbooks=["help-desk"])
    assert answer.status_code == 400
    assert "Leave out read, or make it a key for every" in answer.json()["errors"]["playbooks"][0]
    PlaybookFactory(workspace=olga.memberships.get().workspace, slug="theirs")
    assert (
        post(client, name="x", scopes=["playbooks:pull"], playbooks=["theirs"]).status_code == 404
    )


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "name"),
        ({"name": "x", "scopes": []}, "scopes"),
        ({"name": "x", "scopes": ["root"]}, "scopes"),
        ({"name": "x", "scopes": ["read"], "rate_limit": -1}, "rate_limit"),
        ({"name": "x", "scopes": ["read"], "expires_at": "soon"}, "expires_at"),
    ],
)
def test_it_names_the_field_that_is_wrong(client: Client, body: Any, field: str) -> None:
    answer = post(client, **body)
    assert answer.status_code == 400
    assert field in answer.json()["errors"]


def test_it_makes_no_key_that_has_expired(client: Client) -> None:
    past = "2020-01-01T00:00:00Z"
    assert post(client, name="x", scopes=["read"], expires_at=past).status_code == 400


def test_it_rotates_without_a_gap(workspace: Any, ada: Any) -> None:
    key, old = api_key_create(workspace=workspace, name="agent", scopes=["read"], by=ada)
    _, new = api_key_rotate(key=key, by=ada, grace=timedelta(hours=1))
    assert api_key_recognize(old) == api_key_recognize(new) == key
    ApiKey.objects.update(previous_until=timezone.now() - timedelta(seconds=1))
    assert api_key_recognize(old) is None
    assert api_key_recognize(new) == key
    assert Event.objects.get(kind="key.rotated").data["grace_hours"] == 1


def test_it_rotates_at_once_if_asked(client: Client, workspace: Any, ada: Any) -> None:
    key, old = api_key_create(workspace=workspace, name="agent", scopes=["read"], by=ada)
    answer = post(client, f"{URL}/{key.pk}/rotate", grace_hours=0)
    assert (answer.status_code, answer["Cache-Control"]) == (200, "no-store")
    assert api_key_recognize(old) is None
    assert api_key_recognize(answer.json()["key"]) == key


@pytest.mark.parametrize("hours", ["nan", "inf", "-inf", 1e9, -1])
def test_the_old_secret_lives_on_for_a_time_there_is(
    client: Client, workspace: Any, ada: Any, hours: Any
) -> None:
    key, old = api_key_create(workspace=workspace, name="agent", scopes=["read"], by=ada)
    answer = post(client, f"{URL}/{key.pk}/rotate", grace_hours=hours)
    assert (answer.status_code, [*answer.json()["errors"]]) == (400, ["grace_hours"])
    assert api_key_recognize(old) == key


def test_it_rotates_nothing_that_is_over(workspace: Any, ada: Any) -> None:
    key, _ = api_key_create(workspace=workspace, name="agent", scopes=["read"], by=ada)
    with pytest.raises(UnableToChange, match="up to 30 days"):
        api_key_rotate(key=key, by=ada, grace=timedelta(days=31))
    api_key_revoke(key=key, by=ada)
    with pytest.raises(UnableToChange, match="revoked or expired"):
        api_key_rotate(key=key, by=ada)


def test_it_revokes(client: Client, workspace: Any, ada: Any) -> None:
    key, text = api_key_create(workspace=workspace, name="agent", scopes=["read"], by=ada)
    for _ in range(2):
        assert client.delete(f"{URL}/{key.pk}").json()["revoked_at"] is not None
    assert with_text(text).get("/api/v1/playbooks").status_code == 401


def test_it_belongs_to_admins_of_the_workspace(
    workspace: Any, ada: Any, rita: Any, with_key: Any, olga_client: Any, rita_client: Any
) -> None:
    key, _ = api_key_create(workspace=workspace, name="agent", scopes=["read"], by=ada)
    assert with_key("read", "write").get(URL).status_code == 403
    assert rita_client.get(URL).status_code == 403
    assert olga_client.delete(f"{URL}/{key.pk}").status_code in {403, 404}
    # A key can do no more than the person who made it may do now.
    _, text = api_key_create(workspace=workspace, name="x", scopes=["admin"], by=rita)
    assert with_text(text).get(URL).status_code == 403


def limited(workspace: Any, ada: Any, limit: int | None) -> Client:
    store._rests_until = 0.0
    _, text = api_key_create(
        workspace=workspace, name="agent", scopes=["read"], by=ada, rate_limit=limit
    )
    return with_text(text)


def test_it_counts_requests_and_says_what_is_left(workspace: Any, ada: Any) -> None:
    client = limited(workspace, ada, 3)
    answers = [client.get("/api/v1/playbooks") for _ in range(4)]
    assert [a.status_code for a in answers] == [200, 200, 200, 429]
    assert [a["RateLimit-Remaining"] for a in answers] == ["2", "1", "0", "0"]
    assert answers[0]["RateLimit-Policy"] == '"key";q=3;w=60'
    assert answers[0]["RateLimit"] == '"key";r=2;t=20'
    refused = answers[-1]
    assert 1 <= int(refused["Retry-After"]) <= 20
    assert refused["Content-Type"] == "application/problem+json"
    assert refused.json()["type"].endswith("throttled")


def test_it_limits_each_key_by_itself_and_some_not_at_all(workspace: Any, ada: Any) -> None:
    one, other, free = (limited(workspace, ada, limit) for limit in (1, 1, 0))
    one.get("/api/v1/playbooks")
    assert one.get("/api/v1/playbooks").status_code == 429
    assert other.get("/api/v1/playbooks").status_code == 200
    answers = [free.get("/api/v1/playbooks") for _ in range(5)]
    assert {a.status_code for a in answers} == {200}
    assert "RateLimit" not in answers[0]


def test_it_has_the_limit_of_the_installation_by_default(
    workspace: Any, ada: Any, settings: Any
) -> None:
    settings.API_RATE_LIMIT = 7
    answer = limited(workspace, ada, None).get("/api/v1/playbooks")
    assert answer["RateLimit-Limit"] == "7"


def test_it_echoes_the_request_id_or_makes_one(workspace: Any, ada: Any) -> None:
    client = limited(workspace, ada, None)
    asked = client.get("/api/v1/playbooks", headers={"X-Request-ID": "trace-7"})
    assert asked["X-Request-ID"] == "trace-7"
    for odd in ("", "a b", "x" * 129, "ü"):
        answer = client.get("/api/v1/playbooks", headers={"X-Request-ID": odd})
        assert answer["X-Request-ID"] not in {odd, ""}


@pytest.mark.parametrize(
    ("who", "role", "method", "url", "least"),
    [
        ("vera", "viewer", "get", URL, "admin"),
        ("rita", "reviewer", "post", URL, "admin"),
        ("vera", "viewer", "post", "/api/v1/bulk-changes", "reviewer"),
    ],
)
def test_a_person_in_a_browser_is_told_of_roles_and_not_of_a_key(
    request: pytest.FixtureRequest, workspace: Any,
    who: str, role: str, method: str, url: str, least: str,
) -> None:  # fmt: skip
    person = request.getfixturevalue(f"{who}_client")
    answer = getattr(person, method)(url, {}, content_type="application/json")
    assert answer.status_code == 403
    assert answer.json()["detail"] == (
        f"You are {role} in {workspace}, and this takes {least}. Ask an admin of the workspace."
    )


def test_nobody_at_all_is_asked_who_they_are() -> None:
    answer = Client().get(URL)
    assert answer.status_code == 401
    assert "This key" not in answer.json()["detail"]
