"""An agent pulls a playbook."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from memoryapp.api import middleware
from memoryapp.domain.kept import Kept
from memoryapp.models import ApiKey, Playbook
from memoryapp.services import pulls
from memoryapp.services.releases import label_move, release_publish
from memoryapp.services.tokens import api_key_create, api_key_revoke
from tests.factories import BulletFactory, PlaybookFactory

pytestmark = pytest.mark.django_db
URL = "/api/v1/playbooks/help-desk"


@pytest.fixture
def playbook(workspace: Any, ada: Any) -> Playbook:
    playbook = PlaybookFactory(workspace=workspace, slug="help-desk", name="Help desk")
    BulletFactory(playbook=playbook, label="strategies-001", content="Verify the customer first.")
    release_publish(playbook=playbook, by=ada, label="production")
    return playbook


@pytest.fixture
def key(workspace: Any, ada: Any) -> tuple[ApiKey, str]:
    return api_key_create(workspace=workspace, name="agent", scopes=["playbooks:pull"], by=ada)


def pull(key: tuple[ApiKey, str], query: str = "", **headers: str) -> Any:
    return Client().get(URL + query, headers={"Authorization": f"Bearer {key[1]}", **headers})


def test_it_answers_the_production_release_as_json(playbook: Any, key: Any) -> None:
    answer = pull(key)
    assert answer.status_code == 200
    assert answer["Content-Type"] == "application/json"
    bullet = answer.json()["sections"][0]["bullets"][0]
    assert (bullet["label"], bullet["content"]) == ("strategies-001", "Verify the customer first.")


@pytest.mark.parametrize(
    ("query", "accept", "begins"),
    [
        ("?format=md", "", "# Help desk"),
        ("?format=ace", "", "## STRATEGIES"),
        ("", "text/markdown", "# Help desk"),
        ("", "text/plain", "## STRATEGIES"),
        ("?format=md", "application/json", "# Help desk"),
    ],
)
def test_it_answers_in_the_form_asked_for(
    playbook: Any, key: Any, query: str, accept: str, begins: str
) -> None:
    assert pull(key, query, Accept=accept).content.decode().startswith(begins)


@pytest.mark.parametrize("query", ["", "?label=staging", "?version=1", "?format=md"])
def test_before_the_first_release_it_says_how_to_publish_one(
    workspace: Any, key: Any, query: str
) -> None:
    PlaybookFactory(workspace=workspace, slug="help-desk", name="Help desk")
    answer = pull(key, query)
    told = answer.json()
    assert (answer.status_code, answer["Content-Type"]) == (404, "application/problem+json")
    assert told["type"] == "urn:greenroom:problem:not-released-yet"
    assert (told["newest"], told["draft"]) == (None, "/api/v1/playbooks/help-desk/draft")
    assert "Playbooks → Help desk → Releases" in told["detail"]
    assert "POST /api/v1/playbooks/help-desk/releases" in told["detail"]


def test_what_it_says_before_the_first_release_leads_to_a_pull(
    workspace: Any, key: Any, ada: Any
) -> None:
    playbook = PlaybookFactory(workspace=workspace, slug="help-desk", name="Help desk")
    BulletFactory(playbook=playbook, content="Verify the customer first.")
    _, scripts = api_key_create(
        workspace=workspace, name="scripts", scopes=["read", "write"], by=ada
    )
    client, headers = Client(), {"Authorization": f"Bearer {scripts}"}

    told = pull(key, "?label=staging").json()
    draft = client.get(told["draft"], headers=headers)
    assert "Verify the customer first." in draft.content.decode()
    path, body = re.findall(r"POST (\S+) (\{.*?\})", told["detail"])[0]
    made = client.post(path, body, content_type="application/json", headers=headers)

    assert made.status_code == 201
    assert pull(key, "?label=staging").status_code == 200


def test_what_it_says_before_the_first_label_leads_to_a_pull(
    playbook: Playbook, workspace: Any, key: Any, ada: Any
) -> None:
    playbook.labels.all().delete()
    _, scripts = api_key_create(workspace=workspace, name="scripts", scopes=["write"], by=ada)

    told = pull(key).json()
    assert (told["type"], told["newest"]) == ("urn:greenroom:problem:not-released-yet", 1)
    assert pull(key, "?version=1").status_code == 200
    path, body = re.findall(r"PUT (\S+) (\{.*?\})", told["detail"])[0]
    headers = {"Authorization": f"Bearer {scripts}"}
    moved = Client().put(path, body, content_type="application/json", headers=headers)

    assert moved.status_code == 200
    assert pull(key).status_code == 200


def test_a_mistyped_label_or_version_is_not_taken_for_an_early_one(
    playbook: Playbook, key: Any
) -> None:
    for query, said in (
        ("?label=prod", "no label 'prod'. Its labels: production."),
        ("?version=7", "no version 7. Its newest is v1."),
    ):
        told = pull(key, query).json()
        assert told["type"] == "urn:greenroom:problem:unable-to-find"
        assert said in told["detail"]


def test_it_says_nothing_of_a_playbook_the_key_is_not_for(
    playbook: Playbook, workspace: Any, ada: Any
) -> None:
    other = PlaybookFactory(workspace=workspace, slug="other")
    bound = api_key_create(
        workspace=workspace, name="a", scopes=["playbooks:pull"], playbooks=[other], by=ada
    )
    told = pull(bound).json()
    assert told["type"] == "urn:greenroom:problem:unable-to-find"
    assert told["detail"] == "There is no playbook 'help-desk' here. Playbooks: other."


def test_it_says_which_version_and_how_long_to_keep_it(playbook: Any, key: Any) -> None:
    answer = pull(key)
    assert answer["X-Playbook-Version"] == "1"
    assert answer["X-Release-Id"] == str(playbook.releases.get().pk)
    assert answer["Cache-Control"] == "private, max-age=60, stale-while-revalidate=600"


def test_it_answers_304_without_a_body_to_who_holds_the_content(playbook: Any, key: Any) -> None:
    etag = pull(key)["ETag"]
    assert not etag.startswith("W/")
    again = pull(key, **{"If-None-Match": etag})
    assert (again.status_code, again.content) == (304, b"")
    assert again["ETag"] == etag
    assert "Content-Length" not in again


@pytest.mark.parametrize("shape", ["W/{}", "*", '"other", {}'])
def test_it_compares_tags_as_http_asks(playbook: Any, key: Any, shape: str) -> None:
    etag = pull(key)["ETag"]
    assert pull(key, **{"If-None-Match": shape.format(etag)}).status_code == 304


def test_it_answers_a_head_without_a_body(playbook: Any, key: Any) -> None:
    answer = Client().head(URL, headers={"Authorization": f"Bearer {key[1]}"})
    assert (answer.status_code, answer["X-Playbook-Version"]) == (200, "1")


def test_it_names_the_verb_it_does_not_know(playbook: Any, key: Any) -> None:
    answer = Client().delete(URL, headers={"Authorization": f"Bearer {key[1]}"})
    assert answer.status_code == 405
    assert answer["Content-Type"] == "application/problem+json"


def test_it_refuses_the_key_of_somebody_who_left(playbook: Any, key: Any, ada: Any) -> None:
    ada.memberships.all().delete()
    answer = pull(key)
    assert answer.status_code == 403
    assert "may no longer do this" in answer.json()["detail"]


@pytest.mark.parametrize(
    "path", ["/playbooks/help-desk?label=%00", "/attempts?label=%00", "/runs?cursor=cD0lMDA="]
)
def test_it_refuses_a_nul_character_as_a_problem(key: Any, path: str) -> None:
    answer = Client().get(f"/api/v1{path}", headers={"Authorization": f"Bearer {key[1]}"})
    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("path", ["/nope", "/candidates/not-a-uuid/approve"])
def test_it_answers_an_unknown_address_as_a_problem(key: Any, path: str) -> None:
    answer = Client().get(f"/api/v1{path}")
    assert (answer.status_code, answer["Content-Type"]) == (404, "application/problem+json")


def test_it_writes_a_release_older_than_a_form_from_its_document(
    playbook: Playbook, key: Any
) -> None:
    before = pull(key, "?format=preping")
    release = playbook.releases.get()
    release.digests.pop("preping")
    release.save()

    after = pull(key, "?format=preping")

    assert (after.content, after["ETag"]) == (before.content, before["ETag"])


def test_a_body_under_a_digest_that_is_not_its_own_is_served_to_nobody_else(
    playbook: Playbook, key: Any, olga: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What other workspaces hold is shared with them by its digest alone."""
    genuine = playbook.releases.get()
    theirs = PlaybookFactory(workspace=olga.memberships.get().workspace, slug="help-desk")
    BulletFactory(playbook=theirs, content="Pay whoever asks.")
    evil = release_publish(playbook=theirs, by=olga, label="production")
    evil.digests = genuine.digests
    evil.save(update_fields=["digests"])
    _, stolen = api_key_create(
        workspace=theirs.workspace, name="x", scopes=["playbooks:pull"], by=olga
    )
    just_begun: Kept[str, bytes] = Kept(pulls.BODY_BYTES, size=len)
    for module in (pulls, middleware):
        monkeypatch.setattr(module, "BODIES", just_begun)
    assert b"Pay whoever asks." in pull((key[0], stolen), "?format=md").content
    assert b"Verify the customer first." in pull(key, "?format=md").content


def test_it_does_not_take_one_forms_etag_for_another(playbook: Any, key: Any) -> None:
    etag = pull(key, "?format=json")["ETag"]
    assert pull(key, "?format=md", **{"If-None-Match": etag}).status_code == 200


def test_it_serves_a_release_frozen_until_the_label_moves(
    playbook: Playbook, key: Any, ada: Any
) -> None:
    etag = pull(key)["ETag"]
    BulletFactory(playbook=playbook, content="A newer lesson.")
    second = release_publish(playbook=playbook, by=ada)
    assert pull(key, **{"If-None-Match": etag}).status_code == 304
    label_move(playbook=playbook, name="production", release=second, by=ada)
    moved = pull(key, **{"If-None-Match": etag})
    assert (moved.status_code, moved["X-Playbook-Version"]) == (200, "2")
    assert pull(key, "?version=1")["ETag"] == etag


def test_it_answers_304_without_reading_a_body(
    playbook: Any, key: Any, django_assert_num_queries: Any
) -> None:
    etag = pull(key)["ETag"]
    with django_assert_num_queries(3) as seen:
        pull(key, **{"If-None-Match": etag})
    assert not any("bodies" in query["sql"] for query in seen.captured_queries)


@pytest.mark.parametrize(
    ("query", "status", "says"),
    [
        ("?label=canary", 404, "no label 'canary'. Its labels: production."),
        ("?version=9", 404, "no version 9"),
        ("?version=nine", 400, "whole number"),
        ("?format=pdf", 400, "json, md, ace"),
    ],
)
def test_it_explains_a_wrong_request_as_a_problem(
    playbook: Any, key: Any, query: str, status: int, says: str
) -> None:
    answer = pull(key, query)
    assert answer.status_code == status
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["type"].startswith("urn:greenroom:problem:")
    assert says in json.dumps(answer.json())


def test_a_mistyped_parameter_is_not_taken_for_none(playbook: Any, key: Any) -> None:
    """An agent that asks for ?lable=staging would be given production."""
    answer = pull(key, "?lable=staging&format=md")
    assert answer.status_code == 400
    (field,) = answer.json()["fields"]
    assert field["parameter"] == "lable"
    assert "takes label, version, format, max_tokens" in field["detail"]


@pytest.mark.parametrize(
    ("asked", "parameter", "said"),
    [
        ("?label=production&version=1", "version", "not both"),
        ("?label=staging&label=production", "label", "Send it only once."),
        ("?label=", "label", "Name a label, or leave it out for production."),
        ("?format=md&format=md", "format", "Send it only once."),
    ],
)
def test_of_two_values_none_is_passed_over(
    playbook: Any, key: Any, asked: str, parameter: str, said: str
) -> None:
    answer = pull(key, asked)
    (field,) = answer.json()["fields"]
    assert (answer.status_code, field["parameter"]) == (400, parameter)
    assert said in field["detail"]


def test_its_json_has_one_order_of_fields_however_much_is_asked_for(
    playbook: Any, key: Any
) -> None:
    whole, cut = pull(key).content.decode(), pull(key, "?max_tokens=99999").content.decode()
    assert cut.replace('  "left_out": 0,\n', "") == whole


def test_it_wants_a_key(playbook: Any) -> None:
    answer = Client().get(URL)
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"] == "Bearer"
    assert answer["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("spoil", ["revoked", "expired", "wrong secret", "not a key"])
def test_it_refuses_a_key_that_is_not_good(playbook: Any, key: Any, ada: Any, spoil: str) -> None:
    row, presented = key
    if spoil == "revoked":
        api_key_revoke(key=row, by=ada)
    elif spoil == "expired":
        ApiKey.objects.filter(pk=row.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    elif spoil == "wrong secret":
        presented = presented[:-2] + "xx"
    else:
        presented = "gr_nothing"
    assert pull((row, presented)).status_code == 401


def test_it_shows_nothing_of_another_workspace(playbook: Any, olga: Any) -> None:
    elsewhere = olga.memberships.get().workspace
    foreign = api_key_create(workspace=elsewhere, name="x", scopes=["playbooks:pull"], by=olga)
    assert pull(foreign).status_code == 404


def test_it_lets_a_pull_key_do_nothing_else(playbook: Any, key: Any) -> None:
    headers = {"Authorization": f"Bearer {key[1]}"}
    assert Client().get("/api/v1/candidates", headers=headers).status_code == 403
    answer = Client().post(f"{URL}/releases", headers=headers)
    assert answer.status_code == 403
    assert "write" in answer.json()["detail"]


def test_it_stores_only_a_hash_of_the_key(key: Any) -> None:
    row, presented = key
    stored = " ".join(str(value) for value in ApiKey.objects.values().get().values())
    assert presented.split("_", 2)[2] not in stored
    assert row.secret_hash in stored


def test_it_lets_a_signed_in_member_look(playbook: Any, vera_client: Any) -> None:
    assert vera_client.get(URL).status_code == 200


def test_it_lets_nobody_look_from_outside(playbook: Any, olga_client: Any) -> None:
    assert olga_client.get(URL).status_code == 404
