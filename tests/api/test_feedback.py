"""Agents say what helped, what harmed, and how a task ended."""

from __future__ import annotations

from typing import Any

import pytest

from memoryapp.models import ApiKey, Bullet, Playbook, Report, Vote
from memoryapp.services.canaries import canary_start
from memoryapp.services.releases import release_publish
from tests.factories import BulletFactory, PlaybookFactory

pytestmark = pytest.mark.django_db
URL = "/api/v1/feedback"


@pytest.fixture
def playbook(workspace: Any, ada: Any) -> Playbook:
    playbook = PlaybookFactory(workspace=workspace, slug="help-desk")
    for number in (1, 2):
        BulletFactory(playbook=playbook, label=f"pitfalls-00{number}")
    release_publish(playbook=playbook, by=ada, label="production")
    return playbook


@pytest.fixture
def send(playbook: Playbook, with_key: Any) -> Any:
    client = with_key("feedback:write")
    release = playbook.releases.get(number=1).pk

    def send(**body: Any) -> Any:
        given = {"release": release, "task": "t-1", **body}
        return client.post(URL, given, content_type="application/json")

    return send


def vote(label: str = "pitfalls-001", value: str = "helpful", **more: Any) -> dict[str, Any]:
    return {"id": label, "vote": value, **more}


def counts(label: str = "pitfalls-001") -> tuple[int, int]:
    bullet = Bullet.objects.get(label=label)
    return bullet.deployed_helpful, bullet.deployed_harmful


def test_it_counts_votes_and_the_outcome(send: Any) -> None:
    said = send(outcome="success", bullets=[vote(), vote("pitfalls-002", "harmful")]).json()
    assert (said["counted"], said["refused"], said["outcome"]) == (2, [], "success")
    assert (counts(), counts("pitfalls-002")) == ((1, 0), (0, 1))
    report = Report.objects.get()
    assert (report.release.number, report.outcome, report.key is None) == (1, "success", False)


@pytest.mark.parametrize("field", ["task", "agent"])
def test_names_hold_no_secret_and_nothing_hidden(send: Any, field: str) -> None:
    named = {field: "x" * 60 + "\u202e ghp_" + "a1B2" * 9}
    first, again = (send(outcome="success", **named).json() for _ in range(2))
    kept = getattr(Report.objects.get(), field)
    assert kept.startswith("x" * 60 + " [redacted: github token")
    assert first["task"] == again["task"]


def test_it_takes_ids_as_well_as_labels(send: Any) -> None:
    bullet = Bullet.objects.get(label="pitfalls-001")
    assert send(bullets=[vote(str(bullet.pk))]).json()["counted"] == 1


def test_it_takes_the_ids_of_ace_text(send: Any) -> None:
    said = send(bullets=[vote("pitfalls-00001"), vote("pitfalls-002")]).json()
    assert (said["counted"], said["refused"]) == (2, [])
    assert counts() == (1, 0)


def test_it_counts_what_is_sent_twice_once(send: Any) -> None:
    body = {"outcome": "failure", "bullets": [vote(), vote()]}
    assert (send(**body).json()["counted"], send(**body).json()["known"]) == (1, 2)
    assert counts() == (1, 0)
    assert (Report.objects.count(), Vote.objects.count()) == (1, 1)


def test_a_name_is_the_own_of_each_key(send: Any, playbook: Playbook, with_key: Any) -> None:
    release = playbook.releases.get(number=1).pk
    send(outcome="success", bullets=[vote()])
    told = {"release": release, "task": "t-1", "outcome": "failure", "bullets": [vote()]}
    other = with_key("feedback:write")
    first, again = (other.post(URL, told, "application/json").json() for _ in range(2))
    assert (first["counted"], again["counted"], again["known"]) == (1, 0, 1)
    assert set(Report.objects.values_list("task", "outcome")) == {
        ("t-1", "success"),
        ("t-1", "failure"),
    }
    assert counts() == (2, 0)


def test_a_person_is_no_key(send: Any, playbook: Playbook, ada_client: Any) -> None:
    release = playbook.releases.get(number=1).pk
    send(outcome="success")
    told = {"release": release, "task": "t-1", "outcome": "failure"}
    for _ in range(2):
        assert ada_client.post(URL, told, "application/json").status_code == 200
    kept = [(report.key is None, report.outcome) for report in Report.objects.all()]
    assert kept == [(True, "failure"), (False, "success")]


def test_reports_stay_apart_after_their_keys_are_gone(
    send: Any, playbook: Playbook, with_key: Any
) -> None:
    release = playbook.releases.get(number=1).pk
    send(outcome="success")
    told = {"release": release, "task": "t-1", "outcome": "failure"}
    with_key("feedback:write").post(URL, told, "application/json")
    ApiKey.objects.all().delete()
    assert list(Report.objects.values_list("key", flat=True)) == [None, None]


def test_it_can_be_completed_later(send: Any) -> None:
    send(bullets=[vote()])
    said = send(outcome="success", bullets=[vote("pitfalls-002", "neutral")]).json()
    assert (said["outcome"], said["counted"]) == ("success", 1)
    assert Report.objects.get().votes.count() == 2
    assert counts("pitfalls-002") == (0, 0)


@pytest.mark.parametrize(
    "body",
    [
        {"outcome": "failure"},
        {"bullets": [{"id": "pitfalls-001", "vote": "harmful"}]},
        {"bullets": [{"id": "pitfalls-002", "vote": v} for v in ("helpful", "harmful")]},
    ],
)
def test_it_is_never_contradicted(send: Any, body: Any) -> None:
    send(outcome="success", bullets=[vote()])
    answer = send(**body)
    assert answer.status_code == 409
    assert "Nothing was changed" in answer.json()["detail"]
    assert (counts(), counts("pitfalls-002")) == ((1, 0), (0, 0))
    assert Report.objects.get().outcome == "success"


def test_it_refuses_single_bullets_and_counts_the_others(send: Any, playbook: Any) -> None:
    BulletFactory(playbook=playbook, label="pitfalls-003")
    said = send(bullets=[vote("pitfalls-003"), vote(), vote("nonsense")]).json()
    assert [(row["place"], row["bullet"]) for row in said["refused"]] == [
        (0, "pitfalls-003"),
        (2, "nonsense"),
    ]
    assert counts() == (1, 0)


def test_it_masks_secrets_in_evidence(send: Any) -> None:
    send(bullets=[vote(evidence="it said password=hunter2secret")])
    assert "hunter2" not in Vote.objects.get().evidence


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "outcome"),
        ({"outcome": "won"}, "outcome"),
        ({"bullets": [{"id": "x"}]}, "bullets"),
        ({"bullets": [{"id": "x", "vote": "great"}]}, "bullets"),
        ({"bullets": [{"id": "x", "vote": "helpful"}] * 501}, "bullets"),
        ({"outcome": "success", "release": "v1"}, "release"),
        ({"outcome": "success", "release": 2**63}, "release"),
        ({"outcome": "success", "task": "x" * 201}, "task"),
    ],
)
def test_it_names_the_field_that_is_wrong(send: Any, body: Any, field: str) -> None:
    answer = send(**body)
    assert answer.status_code == 400
    assert field in answer.json()["errors"]
    assert not Report.objects.exists()


def test_it_takes_nothing_for_a_release_of_others(send: Any, olga: Any) -> None:
    theirs = PlaybookFactory(workspace=olga.memberships.get().workspace)
    BulletFactory(playbook=theirs)
    release = release_publish(playbook=theirs, by=olga)
    assert send(release=release.pk, outcome="success").status_code == 404
    assert send(release=10**12, outcome="success").status_code == 404


def test_it_needs_its_scope(playbook: Any, with_key: Any) -> None:
    answer = with_key("playbooks:pull").post(URL, {}, content_type="application/json")
    assert answer.status_code == 403
    assert "feedback:write" in answer.json()["detail"]


def test_it_ends_a_trial_that_does_worse(send: Any, playbook: Playbook, ada: Any) -> None:
    BulletFactory(playbook=playbook)
    second = release_publish(playbook=playbook, by=ada)
    canary_start(label=playbook.labels.get(), release=second, share=10, by=ada)
    for number in range(12):
        send(task=f"stable {number}", outcome="success")
    answers = [
        send(task=f"canary {number}", outcome="failure", release=second.pk).json()["reverted"]
        for number in range(12)
    ]
    assert ["production"] in answers
    assert playbook.labels.get().canary is None


def test_it_lists_reports_for_readers(send: Any, with_key: Any) -> None:
    send(outcome="success", bullets=[vote(evidence="It worked.")])
    (row,) = with_key("read").get(URL, {"outcome": "success"}).json()["results"]
    assert (row["task"], row["version"], row["bullets"][0]["vote"]) == ("t-1", 1, "helpful")
    assert with_key("read").get(URL, {"outcome": "failure"}).json()["results"] == []
    assert with_key("read").get(URL, {"outcome": "?"}).status_code == 400


def test_it_needs_no_more_queries_for_more_votes_to_list(
    send: Any, with_key: Any, django_assert_max_num_queries: Any
) -> None:
    for number in range(5):
        send(task=str(number), outcome="success", bullets=[vote(), vote("pitfalls-002")])
    client = with_key("read")
    with django_assert_max_num_queries(6):
        client.get(URL)
