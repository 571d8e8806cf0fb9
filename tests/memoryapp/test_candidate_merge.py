"""Two candidates that wait and say the same: shown beside each other, put together, taken apart."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse

from memoryapp.domain.errors import UnableToDecide
from memoryapp.models import Candidate, Trail
from memoryapp.services.decisions import candidate_approve, candidate_reject, candidate_undo
from memoryapp.services.twins import candidates_merge
from tests.factories import BulletFactory, CandidateFactory, EvidenceFactory, PlaybookFactory

pytestmark = pytest.mark.django_db

ONE = "Verify the customer with `verify_customer` before you create any refund."
OTHER = "Verify the customer with `verify_customer` before you create a refund."


@pytest.fixture
def pair(playbook: Any) -> tuple[Candidate, Candidate]:
    """Two that say nearly the same, each with a step of its own, and one about something else."""
    one, other = (CandidateFactory(playbook=playbook, content=text) for text in (ONE, OTHER))
    for row in (one, other):
        EvidenceFactory(candidate=row)
    CandidateFactory(playbook=playbook, content="Close a ticket only after the reply was sent.")
    return one, other


def merge(client: Any, kept: Candidate, other: Candidate) -> Any:
    url = reverse("candidate-merge", args=[kept.pk])
    return client.post(url, {"other": str(other.pk)}, follow=True)


def test_it_shows_what_else_waits_and_says_nearly_the_same(rita_client: Any, pair: Any) -> None:
    page = rita_client.get(pair[0].get_absolute_url())
    assert [row["candidate"] for row in page.context["twins"]] == [pair[1]]
    assert "Another candidate that waits says nearly the same" in page.content.decode()
    assert "Keep the other" in page.content.decode()


def test_it_says_when_nothing_else_does(rita_client: Any, playbook: Any) -> None:
    CandidateFactory(playbook=playbook, content=ONE)
    said = rita_client.get("/review/").content.decode()
    assert "Nothing else that waits says nearly the same" in said
    assert 'id="twins"' not in said


def test_a_reworded_lesson_is_found_by_its_new_words(rita_client: Any, pair: Any) -> None:
    pair[1].content = "Money moves only on Fridays, whatever the calendar says."
    pair[1].save(update_fields=["content"])
    assert rita_client.get(pair[0].get_absolute_url()).context["twins"] == []


def test_twins_of_another_playbook_or_another_bullet_are_none(
    rita_client: Any, workspace: Any, pair: Any
) -> None:
    CandidateFactory(playbook=PlaybookFactory(workspace=workspace), content=ONE)
    change = CandidateFactory(playbook=pair[0].playbook, op="UPDATE", content=ONE)
    change.targets.add(BulletFactory(playbook=pair[0].playbook))
    found = rita_client.get(pair[0].get_absolute_url()).context["twins"]
    assert [row["candidate"] for row in found] == [pair[1]]
    assert rita_client.get(change.get_absolute_url()).context["twins"] == []


def test_the_one_that_is_kept_gets_the_steps_of_both(rita_client: Any, pair: Any) -> None:
    kept, other = pair
    Trail.objects.create(candidate=other, link="/trajectories/9/", steps=[])
    page = merge(rita_client, kept, other)
    assert page.context["candidate"] == kept
    assert "Put together" in page.content.decode()
    other.refresh_from_db()
    kept.refresh_from_db()
    assert (other.status, other.superseded_by, kept.seen_count) == ("superseded", kept, 2)
    assert (kept.evidence.count(), kept.trails.count()) == (2, 1)
    assert other not in [row["candidate"] for row in page.context["queue"]["rows"]]


def test_it_can_be_taken_apart_again(rita_client: Any, pair: Any) -> None:
    kept, other = pair
    undo = merge(rita_client, kept, other).context["last"]["undo_url"]
    page = rita_client.post(undo, follow=True)
    other.refresh_from_db()
    kept.refresh_from_db()
    assert (other.is_pending, other.decided_by, kept.seen_count) == (True, None, 1)
    assert page.context["candidate"] == other


def test_the_page_of_the_other_leads_to_the_one_that_was_kept(
    rita_client: Any, rita: Any, pair: Any
) -> None:
    candidates_merge(kept=pair[0], other=pair[1], by=rita)
    said = rita_client.get(pair[1].get_absolute_url()).content.decode()
    assert pair[0].get_absolute_url() in said
    assert "another that says the same" in said


def test_undoing_the_decision_does_not_take_it_apart(rita: Any, pair: Any) -> None:
    kept, other = pair
    kept = candidates_merge(kept=kept, other=other, by=rita)
    candidate_undo(candidate=candidate_approve(candidate=kept, by=rita), by=rita)
    other.refresh_from_db()
    assert other.status == "superseded"


def test_what_was_decided_meanwhile_is_left_alone(rita_client: Any, ada: Any, pair: Any) -> None:
    candidate_reject(candidate=pair[1], by=ada, reason="Wrong")
    answer = merge(rita_client, *pair)
    assert answer.status_code == 409
    assert "was decided meanwhile" in answer.content.decode()


def test_what_is_not_the_same_kind_of_change_is_refused(rita: Any, pair: Any) -> None:
    change = CandidateFactory(playbook=pair[0].playbook, op="UPDATE", content=ONE)
    change.targets.add(BulletFactory(playbook=pair[0].playbook))
    for other, why in ((change, "different bullets"), (pair[0], "one and the same")):
        with pytest.raises(UnableToDecide, match=why):
            candidates_merge(kept=pair[0], other=other, by=rita)
    with pytest.raises(UnableToDecide, match="different playbooks"):
        candidates_merge(kept=pair[0], other=CandidateFactory(content=ONE), by=rita)


def test_a_second_click_changes_nothing_more(rita_client: Any, pair: Any) -> None:
    merge(rita_client, *pair)
    assert merge(rita_client, *pair).status_code == 409
    assert Candidate.objects.get(pk=pair[0].pk).seen_count == 2


def test_a_viewer_sees_twins_and_no_buttons(vera_client: Any, pair: Any) -> None:
    said = vera_client.get(pair[0].get_absolute_url()).content.decode()
    assert 'id="twins"' in said
    assert "Keep the other" not in said
    assert merge(vera_client, *pair).status_code == 403


def test_ids_of_another_workspace_are_no_ids(rita_client: Any, olga: Any, pair: Any) -> None:
    book = PlaybookFactory(workspace=olga.memberships.get().workspace, slug="theirs")
    theirs = CandidateFactory(playbook=book, content=ONE)
    assert merge(rita_client, pair[0], theirs).status_code == 404
    assert merge(rita_client, theirs, pair[0]).status_code == 404
    url = reverse("candidate-merge", args=[pair[0].pk])
    assert rita_client.post(url, {"other": "no id"}).status_code == 404
