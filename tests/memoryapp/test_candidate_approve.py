"""Approving a candidate, as it stands or in other words."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse

from memoryapp.models import Candidate
from tests.factories import CandidateFactory, PlaybookFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def candidate(workspace: Any) -> Any:
    playbook = PlaybookFactory(workspace=workspace, slug="help-desk")
    return CandidateFactory(playbook=playbook, content="Quote the refund first.")


def approve(client: Any, candidate: Any, query: str = "", **posted: str) -> Any:
    url = reverse("candidate-approve", args=[candidate.pk])
    posted.setdefault("seen", candidate.shown())
    return client.post(url + query, posted)


def test_it_puts_the_bullet_into_the_playbook(rita_client: Any, candidate: Any) -> None:
    approve(rita_client, candidate)
    bullet = candidate.playbook.bullets.get()
    assert (bullet.label, bullet.content) == ("pitfalls-001", "Quote the refund first.")


def test_it_leads_on_to_the_bullet_and_to_who_was_given_it(
    rita_client: Any, candidate: Any
) -> None:
    url = candidate.get_absolute_url()
    assert rita_client.get(url).context["made"] == []
    approve(rita_client, candidate)
    said = rita_client.get(url).content.decode()
    bullet = candidate.playbook.bullets.get()
    assert f'href="{bullet.get_absolute_url()}"' in said
    assert f"/memory/pulls/?playbook=help-desk&amp;bullet={bullet.label}" in said


def test_it_goes_to_the_next_candidate_of_the_same_filter(rita_client: Any, candidate: Any) -> None:
    CandidateFactory(playbook=candidate.playbook, section="apis")
    following = CandidateFactory(playbook=candidate.playbook)
    answer = approve(rita_client, candidate, "?section=pitfalls")
    assert answer.url == (f"/review/?section=pitfalls&candidate={following.pk}&undo={candidate.pk}")


def test_it_goes_back_when_the_last_one_was_decided(rita_client: Any, candidate: Any) -> None:
    last = CandidateFactory(playbook=candidate.playbook)
    assert f"candidate={candidate.pk}" in approve(rita_client, last).url


def test_it_offers_undo_on_the_page_after(rita_client: Any, candidate: Any) -> None:
    said = rita_client.get(approve(rita_client, candidate).url).content.decode()
    assert "<b>Approved</b> <code>pitfalls-001</code>" in said
    assert reverse("candidate-undo", args=[candidate.pk]) in said


def test_it_stores_the_reviewers_words(rita_client: Any, candidate: Any, rita: Any) -> None:
    approve(rita_client, candidate, content="Quote first, then refund.")
    revision = candidate.playbook.bullets.get().revisions.get()
    assert revision.content == "Quote first, then refund."
    assert revision.author == rita


def test_it_keeps_the_reviewers_words_when_the_candidate_changed_meanwhile(
    rita_client: Any, candidate: Any
) -> None:
    seen = candidate.shown()
    Candidate.objects.filter(pk=candidate.pk).update(content="Practice reworded it.")
    answer = approve(rita_client, candidate, seen=seen, content="My own words.")
    said = answer.content.decode()
    assert answer.status_code == 409
    assert "reading has changed meanwhile" in said
    assert "My own words." in said
    assert "Practice reworded it." in said
    assert not candidate.playbook.bullets.exists()


def test_it_refuses_empty_words_and_stays_in_the_editor(rita_client: Any, candidate: Any) -> None:
    answer = approve(rita_client, candidate, content="  ")
    assert answer.status_code == 409
    assert answer.context["editing"] is True
    assert "The bullet has no text" in answer.content.decode()


def test_it_says_who_was_faster(rita_client: Any, ada_client: Any, candidate: Any) -> None:
    approve(ada_client, candidate)
    answer = approve(rita_client, candidate, content="My own words.")
    said = answer.content.decode()
    assert answer.status_code == 409
    assert "ada already approved this candidate" in said
    assert "My own words." in said


def test_it_says_what_to_retire_when_the_budget_is_full(rita_client: Any, candidate: Any) -> None:
    candidate.playbook.token_budget = 2
    candidate.playbook.save()
    answer = approve(rita_client, candidate)
    assert answer.status_code == 409
    assert "Retire bullets worth 4 tokens first" in answer.content.decode()
    candidate.refresh_from_db()
    assert candidate.is_pending


def test_it_swaps_the_next_candidate_with_htmx(rita_client: Any, candidate: Any) -> None:
    following = CandidateFactory(playbook=candidate.playbook)
    url = reverse("candidate-approve", args=[candidate.pk])
    answer = rita_client.post(url, follow=True, headers={"HX-Request": "true"})
    assert answer.content.lstrip().startswith(b'<div class="rv-item" id="item"')
    assert answer["HX-Retarget"] == "#item"
    assert f"candidate={following.pk}" in answer["HX-Push-Url"]
    assert b'<div hx-swap-oob="innerHTML:[data-count=review]">1</div>' in answer.content


def test_it_is_refused_to_a_viewer(vera_client: Any, candidate: Any) -> None:
    assert approve(vera_client, candidate).status_code == 403
    candidate.refresh_from_db()
    assert candidate.is_pending


def test_it_does_not_exist_for_other_workspaces(olga_client: Any, candidate: Any) -> None:
    assert approve(olga_client, candidate).status_code == 404


def test_it_is_no_link(rita_client: Any, candidate: Any) -> None:
    answer = rita_client.get(reverse("candidate-approve", args=[candidate.pk]))
    assert answer.status_code == 405
    assert f'href="/review/{candidate.pk}/">Open the page it belongs to' in answer.content.decode()
    assert (
        rita_client.get(f"/review/{candidate.pk}/", follow=True).context["candidate"] == candidate
    )
