"""Rejecting a candidate with a reason."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse

from memoryapp.domain.review import REJECT_REASONS
from tests.factories import CandidateFactory, PlaybookFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def candidate(workspace: Any) -> Any:
    return CandidateFactory(playbook=PlaybookFactory(workspace=workspace))


def reject(client: Any, candidate: Any, *reasons: str, **posted: str) -> Any:
    url = reverse("candidate-reject", args=[candidate.pk])
    return client.post(url, {"reason": list(reasons), **posted})


def test_it_stores_a_listed_reason_with_the_reviewers_words(
    rita_client: Any, candidate: Any
) -> None:
    reject(rita_client, candidate, REJECT_REASONS[1], "Only this customer pays in cash.")
    candidate.refresh_from_db()
    assert candidate.status == "rejected"
    assert candidate.decision_reason == f"{REJECT_REASONS[1]}: Only this customer pays in cash."
    assert not candidate.playbook.bullets.exists()


def test_it_takes_the_reviewers_words_alone(rita_client: Any, candidate: Any) -> None:
    reject(rita_client, candidate, "It is not true.")
    candidate.refresh_from_db()
    assert candidate.decision_reason == "It is not true."


def test_it_needs_a_reason(rita_client: Any, candidate: Any) -> None:
    answer = reject(rita_client, candidate, "", " ")
    assert answer.status_code == 409
    assert "A rejection needs a reason" in answer.content.decode()
    candidate.refresh_from_db()
    assert candidate.is_pending


def test_it_keeps_the_chosen_reason_when_it_is_refused(rita_client: Any, candidate: Any) -> None:
    answer = reject(rita_client, candidate, REJECT_REASONS[2], "In my words.", seen="stale")
    assert answer.status_code == 409
    assert answer.context["chosen_reason"] == REJECT_REASONS[2]
    assert answer.context["note"] == "In my words."


def test_it_offers_undo_on_the_page_after(rita_client: Any, candidate: Any) -> None:
    answer = rita_client.get(reject(rita_client, candidate, "Wrong").url)
    assert "<b>Rejected</b>" in answer.content.decode()


def test_it_shows_the_reason_on_the_candidate(
    vera_client: Any, rita_client: Any, candidate: Any
) -> None:
    reject(rita_client, candidate, "It is not true.")
    said = vera_client.get(candidate.get_absolute_url()).content.decode()
    assert "It is not true." in said
    assert "rita" in said


def test_it_is_refused_to_a_viewer(vera_client: Any, candidate: Any) -> None:
    assert reject(vera_client, candidate, "Wrong").status_code == 403


def test_it_does_not_exist_for_other_workspaces(olga_client: Any, candidate: Any) -> None:
    assert reject(olga_client, candidate, "Wrong").status_code == 404
