"""Taking a decision back."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse

from memoryapp.services.bullets import bullet_add, bullet_edit
from tests.factories import BulletFactory, CandidateFactory, PlaybookFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def candidate(workspace: Any) -> Any:
    return CandidateFactory(playbook=PlaybookFactory(workspace=workspace))


def decide(client: Any, candidate: Any, what: str = "approve") -> None:
    client.post(reverse(f"candidate-{what}", args=[candidate.pk]), {"reason": "Wrong"})


def undo(client: Any, candidate: Any, query: str = "") -> Any:
    return client.post(reverse("candidate-undo", args=[candidate.pk]) + query)


@pytest.mark.parametrize("what", ["approve", "reject"])
def test_it_puts_the_candidate_back_into_the_queue(
    rita_client: Any, candidate: Any, what: str
) -> None:
    decide(rita_client, candidate, what)
    answer = undo(rita_client, candidate, "?section=pitfalls")
    assert answer.url == f"/review/?section=pitfalls&candidate={candidate.pk}"
    candidate.refresh_from_db()
    assert candidate.is_pending
    assert not candidate.playbook.bullets.live().exists()
    assert "waits again" in rita_client.get(answer.url).content.decode()


def test_it_stands_on_every_decided_candidate(rita_client: Any, candidate: Any) -> None:
    decide(rita_client, candidate)
    said = rita_client.get(candidate.get_absolute_url()).content.decode()
    assert "Undo the decision" in said


def test_it_refuses_to_lose_a_later_change(rita_client: Any, candidate: Any, rita: Any) -> None:
    decide(rita_client, candidate)
    bullet = candidate.playbook.bullets.get()
    bullet_edit(bullet=bullet, content="Changed since.", reason="", by=rita, revision=1)
    said = rita_client.get(undo(rita_client, candidate).url).content.decode()
    assert "was changed after this decision" in said
    candidate.refresh_from_db()
    assert candidate.status == "approved"


def test_it_says_when_there_is_nothing_to_undo(rita_client: Any, candidate: Any) -> None:
    said = rita_client.get(undo(rita_client, candidate).url).content.decode()
    assert "there is nothing to undo" in said


def test_it_is_refused_to_a_viewer(vera_client: Any, candidate: Any) -> None:
    assert undo(vera_client, candidate).status_code == 403


def test_it_does_not_exist_for_other_workspaces(olga_client: Any, candidate: Any) -> None:
    assert undo(olga_client, candidate).status_code == 404


def test_it_refuses_what_no_longer_fits_the_budget(
    rita_client: Any, rita: Any, workspace: Any
) -> None:
    """A lesson was shortened and the room it gave filled: the long one does not fit any more."""
    playbook = PlaybookFactory(workspace=workspace, token_budget=60)
    long = BulletFactory(playbook=playbook, content="Verify the customer first. " * 8)
    shorter = CandidateFactory(playbook=playbook, op="UPDATE", content="Verify first.")
    shorter.targets.add(long)
    decide(rita_client, shorter)
    bullet_add(playbook=playbook, section="pitfalls", content="Wait a day. " * 12, by=rita)
    said = rita_client.get(undo(rita_client, shorter).url).content.decode()
    assert "of 60 tokens. Nothing was changed: retire or shorten a bullet" in said
    long.refresh_from_db()
    shorter.refresh_from_db()
    assert (long.content, shorter.status) == ("Verify first.", "approved")
    assert playbook.as_value().tokens <= 60


def test_it_undoes_into_less_where_the_budget_was_lowered_meanwhile(
    rita_client: Any, candidate: Any
) -> None:
    BulletFactory(playbook=candidate.playbook, content="Wait a day. " * 12)
    decide(rita_client, candidate)
    candidate.playbook.token_budget = 5
    candidate.playbook.save()
    undo(rita_client, candidate)
    candidate.refresh_from_db()
    assert candidate.is_pending
