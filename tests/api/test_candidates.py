"""Deciding candidates over the API."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from memoryapp.models import Candidate
from tests.factories import CandidateFactory, EvidenceFactory, PlaybookFactory, WorkspaceFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def candidate(workspace: Any) -> Candidate:
    candidate = CandidateFactory(playbook__workspace=workspace, content="Write dates YYYY-MM-DD.")
    EvidenceFactory(candidate=candidate)
    return candidate


def post(client: Any, candidate: Candidate, verb: str, **body: Any) -> Any:
    url = f"/api/v1/candidates/{candidate.pk}/{verb}"
    return client.post(url, body, content_type="application/json")


def test_it_lists_candidates_with_their_evidence(candidate: Any, with_key: Any) -> None:
    (found,) = with_key("read").get("/api/v1/candidates?status=pending").json()["results"]
    assert found["content"] == "Write dates YYYY-MM-DD."
    assert found["evidence"][0]["tool"] == "create_refund"


def test_it_lists_in_pages_at_a_steady_cost(
    workspace: Any, with_key: Any, django_assert_max_num_queries: Any
) -> None:
    playbook = PlaybookFactory(workspace=workspace)
    for candidate in CandidateFactory.create_batch(20, playbook=playbook):
        EvidenceFactory(candidate=candidate)
    client = with_key("read")
    with django_assert_max_num_queries(7):
        first = client.get("/api/v1/candidates?page_size=15").json()
    assert len(first["results"]) == 15
    assert len(client.get(first["next"]).json()["results"]) == 5


def test_it_approves_in_the_callers_words(candidate: Any, with_key: Any) -> None:
    answer = post(with_key("write"), candidate, "approve", content="Dates: YYYY-MM-DD.")
    assert (answer.status_code, answer.json()["status"]) == (200, "approved")
    assert candidate.playbook.bullets.get().content == "Dates: YYYY-MM-DD."


def test_it_rejects_only_with_a_reason(candidate: Any, with_key: Any) -> None:
    client = with_key("write")
    refused = post(client, candidate, "reject")
    assert refused.status_code == 400
    assert refused.json()["errors"] == {"reason": ["This field is required."]}
    assert post(client, candidate, "reject", reason="Not true").json()["status"] == "rejected"


def test_it_undoes_and_says_when_there_is_nothing_to_undo(candidate: Any, with_key: Any) -> None:
    client = with_key("write")
    post(client, candidate, "approve")
    assert post(client, candidate, "undo").json()["status"] == "pending"
    again = post(client, candidate, "undo")
    assert again.status_code == 409
    assert again.json()["type"] == "urn:greenroom:problem:unable-to-undo"


def test_it_decides_once(candidate: Any, with_key: Any) -> None:
    client = with_key("write")
    post(client, candidate, "approve")
    second = post(client, candidate, "reject", reason="Late")
    assert second.status_code == 409
    assert "already approved" in second.json()["detail"]


@pytest.mark.parametrize("verb", ["approve", "reject", "undo"])
def test_it_lets_a_reading_key_decide_nothing(candidate: Any, with_key: Any, verb: str) -> None:
    assert post(with_key("read", "playbooks:pull"), candidate, verb).status_code == 403


def test_it_lets_a_viewer_look_and_not_decide(candidate: Any, vera_client: Any) -> None:
    assert vera_client.get("/api/v1/candidates").status_code == 200
    assert post(vera_client, candidate, "approve").status_code == 403


def test_it_does_not_know_another_workspaces_candidate(with_key: Any) -> None:
    elsewhere = CandidateFactory(playbook__workspace=WorkspaceFactory(slug="elsewhere"))
    assert post(with_key("write"), elsewhere, "approve").status_code == 404


def test_it_answers_404_to_an_id_nobody_has(with_key: Any) -> None:
    answer = with_key("write").post(f"/api/v1/candidates/{uuid.uuid4()}/undo")
    assert answer.status_code == 404
    assert answer["Content-Type"] == "application/problem+json"


def test_it_explains_a_body_that_is_not_json(candidate: Any, with_key: Any) -> None:
    answer = with_key("write").post(
        f"/api/v1/candidates/{candidate.pk}/reject", "{", content_type="application/json"
    )
    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/problem+json"


def test_it_refuses_a_body_nested_too_deeply(candidate: Any, with_key: Any) -> None:
    answer = with_key("write").post(
        f"/api/v1/candidates/{candidate.pk}/approve", "[" * 100_000, content_type="application/json"
    )
    assert answer.status_code == 400


def test_it_lets_a_demoted_makers_key_decide_nothing(
    candidate: Any, with_key: Any, ada: Any
) -> None:
    client = with_key("write")
    ada.memberships.update(role="viewer")
    assert post(client, candidate, "approve").status_code == 403


@pytest.mark.parametrize("size", ["0", "-1", "x", "1.5", "", "9" * 10])
def test_it_wants_a_page_of_a_whole_number(with_key: Any, size: str) -> None:
    answer = with_key("read").get(f"/api/v1/candidates?page_size={size}")
    assert answer.status_code == 400
    assert answer.json()["errors"] == {"page_size": ["A whole number from 1 to 200."]}
