"""An agent proposes a lesson over REST; a person decides what becomes of it."""

from __future__ import annotations

from typing import Any

import pytest

from memoryapp.models import Candidate
from memoryapp.services.candidates import candidate_reject
from memoryapp.services.tokens import api_key_create
from tests.factories import BulletFactory, PlaybookFactory

pytestmark = pytest.mark.django_db
URL = "/api/v1/playbooks/desk/proposals"
LESSON = {"content": "Verify the customer before a refund.", "evidence": "It said NOT_VERIFIED."}


@pytest.fixture
def playbook(workspace: Any) -> Any:
    return PlaybookFactory(workspace=workspace, slug="desk")


def propose(client: Any, **more: Any) -> Any:
    return client.post(URL, LESSON | more, content_type="application/json")


def test_it_waits_in_review_with_its_evidence(playbook: Any, with_key: Any) -> None:
    answer = propose(with_key("trajectories:write"), section="pitfalls", reason="It cost a call.")
    candidate = Candidate.objects.get()
    assert (answer.status_code, answer.json()["outcome"]) == (201, "waiting")
    assert answer.json()["candidate"] == str(candidate.pk)
    assert (candidate.status, candidate.section, candidate.content) == (
        "pending",
        "pitfalls",
        LESSON["content"],
    )
    assert candidate.evidence.get().excerpt == LESSON["evidence"]
    assert candidate.origin_name == "an agent with the key script"


def test_proposed_again_it_is_one_with_more_evidence(playbook: Any, with_key: Any) -> None:
    client = with_key("trajectories:write")
    propose(client)
    answer = propose(client, evidence="It said NOT_VERIFIED again.")
    assert (answer.status_code, answer.json()["seen"]) == (201, 2)
    assert Candidate.objects.get().evidence.count() == 2


def test_what_is_known_or_was_rejected_is_said_to_be(
    playbook: Any, with_key: Any, ada: Any
) -> None:
    client = with_key("trajectories:write")
    propose(client)
    candidate_reject(candidate=Candidate.objects.get(), by=ada, reason="Not true.")
    BulletFactory(playbook=playbook, content="Known.")
    for more in ({}, {"content": "Known."}):
        answer = propose(client, **more)
        assert (answer.status_code, answer.json()["outcome"]) == (200, "known")
    assert Candidate.objects.count() == 1


@pytest.mark.parametrize(
    ("more", "pointer"),
    [
        ({"content": "\u200b"}, "#/content"),
        ({"content": "x" * 4_001}, "#/content"),
        ({"section": "Two words"}, "#/section"),
        ({"evidence": "x" * 10_001}, "#/evidence"),
        ({"lesson": "x"}, "#/lesson"),
    ],
)
def test_what_can_be_no_lesson_is_refused(
    playbook: Any, with_key: Any, more: Any, pointer: str
) -> None:
    answer = propose(with_key("trajectories:write"), **more)
    assert answer.status_code == 400
    assert [field["pointer"] for field in answer.json()["fields"]] == [pointer]
    assert not Candidate.objects.exists()


@pytest.mark.parametrize("scope", ["playbooks:pull", "feedback:write", "read"])
def test_it_needs_a_key_that_may_send(playbook: Any, with_key: Any, scope: str) -> None:
    assert propose(with_key(scope)).status_code == 403


def test_a_key_for_another_playbook_finds_none(
    playbook: Any, workspace: Any, ada: Any, client: Any
) -> None:
    other = PlaybookFactory(workspace=workspace)
    scopes = ["trajectories:write"]
    _, key = api_key_create(workspace=workspace, name="k", scopes=scopes, by=ada, playbooks=[other])
    answer = client.post(
        URL, LESSON, content_type="application/json", headers={"Authorization": f"Bearer {key}"}
    )
    assert answer.status_code == 404


def test_a_person_proposes_under_their_own_name(playbook: Any, ada_client: Any) -> None:
    assert propose(ada_client).status_code == 201
    assert Candidate.objects.get().origin_name == "ada"
