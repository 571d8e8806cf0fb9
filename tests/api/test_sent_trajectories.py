"""Sending trajectories of deployed agents over the API."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from memoryapp.models import Playbook, Release
from memoryapp.services.tokens import api_key_create
from practice.models import SentTrajectory
from tests.factories import EnvironmentFactory, PlaybookFactory, ToolFactory

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("receivers")]


def published(number: int) -> None:
    Release.objects.create(
        playbook=Playbook.objects.get(slug="desk"),
        number=number,
        document={},
        bodies={},
        digests={},
        bullet_count=0,
        tokens=0,
    )


def entry(name: str, **changed: Any) -> dict[str, Any]:
    steps = [{"tool": "get_order", "arguments": {"id": "A"}, "observation": "found"}]
    return {"id": name, "instruction": "Look up order A.", "steps": steps} | changed


def send(client: Any, *entries: Any, **changed: Any) -> Any:
    body = {"playbook": "desk", "environment": "desk", "trajectories": list(entries)} | changed
    return client.post("/api/v1/trajectories", body, content_type="application/json")


def test_it_takes_what_it_can_read_and_reports_the_rest(with_key: Any) -> None:
    client = with_key("trajectories:write")
    answer = send(client, entry("a"), entry("b", steps=[]), "text", None)
    assert answer.status_code == 202
    assert answer.json() == {
        "accepted": 1,
        "known": 0,
        "refused": [
            {"place": 1, "id": "b", "message": "steps is a list with at least one tool call."},
            {
                "place": 2,
                "id": "",
                "message": "A trajectory is an object with id, instruction and steps.",
            },
            {
                "place": 3,
                "id": "",
                "message": "A trajectory is an object with id, instruction and steps.",
            },
        ],
        "remarks": [],
    }
    assert send(client, entry("a")).json()["known"] == 1
    assert SentTrajectory.objects.count() == 1


@pytest.mark.parametrize("scope", ["playbooks:pull", "read"])
def test_it_needs_a_key_that_may_send(with_key: Any, scope: str) -> None:
    assert send(with_key(scope), entry("a")).status_code == 403


def test_a_sending_key_can_do_nothing_else(with_key: Any) -> None:
    client = with_key("trajectories:write")
    assert client.get("/api/v1/trajectories").status_code == 403
    assert client.get("/api/v1/runs").status_code == 403
    assert client.get("/api/v1/playbooks/desk").status_code == 403


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"playbook": "nowhere"}, 404),
        ({"environment": "nowhere"}, 404),
        ({"trajectories": []}, 400),
        ({"trajectories": "text"}, 400),
        ({"trajectories": [{}] * 201}, 400),
    ],
)
def test_it_refuses_what_belongs_nowhere(with_key: Any, changed: Any, status: int) -> None:
    assert send(with_key("write"), entry("a"), **changed).status_code == status


def test_it_lists_what_was_sent_and_where_it_went(with_key: Any) -> None:
    client = with_key("write")
    published(4)
    send(client, entry("a", outcome="success", release="4"))
    (row,) = client.get("/api/v1/trajectories?status=waiting").json()["results"]
    assert (row["id"], row["outcome"], row["release"], row["attempt"]) == (
        "a",
        "success",
        "4",
        None,
    )


@pytest.mark.parametrize("release", ["99", "staging", 99])
def test_it_refuses_a_release_that_was_never_published(with_key: Any, release: Any) -> None:
    answer = send(with_key("write"), entry("a", release=release)).json()
    (refused,) = answer["refused"]
    assert "has no release" in refused["message"]


def test_it_takes_a_number_for_a_release(with_key: Any) -> None:
    published(4)
    assert send(with_key("write"), entry("a", release=4)).json()["accepted"] == 1


def test_it_refuses_a_list_of_another_status(with_key: Any) -> None:
    client = with_key("write")
    assert client.get("/api/v1/trajectories?status=lost").status_code == 400


def test_it_reads_no_more_than_fits(with_key: Any, settings: Any) -> None:
    settings.INGEST_MAX_BYTES = 1_000
    answer = send(with_key("trajectories:write"), entry("a", answer="x" * 2_000))
    assert answer.status_code == 413
    assert "more than 1000 bytes" in answer.json()["detail"]


def test_it_takes_nothing_for_a_playbook_the_key_is_not_bound_to(workspace: Any, ada: Any) -> None:
    _, text = api_key_create(
        workspace=workspace,
        name="agent",
        scopes=["trajectories:write"],
        by=ada,
        playbooks=[PlaybookFactory(workspace=workspace, slug="other")],
    )
    client = Client(headers={"Authorization": f"Bearer {text}"})
    assert send(client, entry("a")).status_code == 404
    assert send(client, entry("a"), playbook="other").status_code == 202


def test_it_says_which_tools_its_environment_does_not_have(with_key: Any, workspace: Any) -> None:
    shop = EnvironmentFactory(workspace=workspace, name="Shop", slug="shop")
    for name in ("get_order", "refund"):
        ToolFactory(environment=shop, name=name)
    steps = [
        {"tool": "get_order", "observation": "found"},
        {"tool": "Bash", "observation": "ran"},
        {"tool": "Edit", "observation": "no such file", "is_error": True},
    ]
    sent = (entry("a"), entry("b", steps=steps))
    (remark,) = send(with_key("trajectories:write"), *sent, environment="shop").json()["remarks"]
    assert (remark["place"], remark["id"]) == (1, "b")
    assert remark["message"].startswith("Shop has no tool Bash, so nothing is learned of it there")
    assert SentTrajectory.objects.get(external_id="b").remark == remark["message"]


def test_an_environment_whose_tools_nobody_knows_lacks_none(with_key: Any) -> None:
    assert send(with_key("trajectories:write"), entry("a")).json()["remarks"] == []
