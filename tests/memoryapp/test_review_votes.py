"""Several reviewers, blind decisions, and who is reading what."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from memoryapp.domain.errors import UnableToDecide
from memoryapp.domain.review import Policy
from memoryapp.models import Candidate, Event, Reservation
from memoryapp.services.decisions import candidate_approve, candidate_reject, candidate_undo
from memoryapp.services.policies import policy_change
from tests.factories import CandidateFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def two(playbook: Any, ada: Any) -> Any:
    return policy_change(playbook=playbook, to=Policy(reviewers=2), reason="Pairs", by=ada)


@pytest.fixture
def blind(playbook: Any, ada: Any) -> Any:
    return policy_change(playbook=playbook, to=Policy(blind_share=1), reason="Measure", by=ada)


def page(client: Any, candidate: Any) -> Any:
    return client.get(candidate.get_absolute_url())


def post(client: Any, name: str, candidate: Any, **posted: str) -> Any:
    return client.post(reverse(f"candidate-{name}", args=[candidate.pk]), posted)


def test_one_of_two_reviewers_is_a_vote(playbook: Any, two: Any, rita: Any) -> None:
    candidate = candidate_approve(candidate=CandidateFactory(playbook=playbook), by=rita)
    assert candidate.is_pending
    assert not playbook.bullets.exists()
    assert Event.objects.get(kind="candidate.voted").data["missing"] == 1


def test_two_reviewers_of_one_mind_change_the_playbook(
    playbook: Any, two: Any, rita: Any, ada: Any
) -> None:
    candidate = CandidateFactory(playbook=playbook)
    candidate_approve(candidate=candidate, by=rita)
    assert candidate_approve(candidate=candidate, by=ada).status == "approved"
    assert playbook.bullets.get().content == candidate.content


def test_the_same_reviewer_twice_is_still_one(playbook: Any, two: Any, rita: Any) -> None:
    candidate = CandidateFactory(playbook=playbook)
    candidate_approve(candidate=candidate, by=rita)
    assert candidate_approve(candidate=candidate, by=rita).is_pending
    assert candidate.votes.count() == 1


def test_a_vote_decides_once_the_policy_wants_no_second_one(
    playbook: Any, two: Any, rita: Any, ada: Any
) -> None:
    candidate = candidate_approve(candidate=CandidateFactory(playbook=playbook), by=rita)
    policy_change(playbook=playbook, to=Policy(reviewers=1), reason="Alone", by=ada)
    again = Candidate.objects.get(pk=candidate.pk)
    assert candidate_approve(candidate=again, by=rita).status == "approved"


def test_reviewers_have_to_agree_on_one_wording(
    playbook: Any, two: Any, rita: Any, ada: Any, rita_client: Any
) -> None:
    candidate = CandidateFactory(playbook=playbook, content="Dates first.")
    candidate_approve(candidate=candidate, by=rita)
    assert candidate_approve(candidate=candidate, by=ada, content="Dates last.").is_pending
    said = page(rita_client, candidate).content.decode()
    assert "agree on one wording" in said
    assert "Dates last." in said
    candidate_approve(candidate=candidate, by=rita, content="Dates last.")
    assert playbook.bullets.get().content == "Dates last."


def test_one_rejection_is_enough(playbook: Any, two: Any, rita: Any, ada: Any) -> None:
    candidate = CandidateFactory(playbook=playbook)
    candidate_approve(candidate=candidate, by=rita)
    candidate_reject(candidate=candidate, by=ada, reason="Wrong")
    candidate.refresh_from_db()
    assert (candidate.status, candidate.decided_by) == ("rejected", ada)


def test_an_undone_rejection_counts_for_nothing(
    playbook: Any, two: Any, rita: Any, ada: Any, edda: Any
) -> None:
    """Whoever undoes it: one person may not approve alone what another rejected."""
    candidate = CandidateFactory(playbook=playbook)
    candidate_approve(candidate=candidate, by=rita)
    candidate_reject(candidate=candidate, by=ada, reason="Wrong")
    candidate_undo(candidate=candidate, by=rita)
    standing = candidate.votes.filter(withdrawn_at=None)
    assert [(vote.reviewer, vote.decision) for vote in standing] == [(rita, "approved")]
    assert candidate_approve(candidate=candidate, by=rita).is_pending
    assert not playbook.bullets.exists()
    assert candidate_approve(candidate=candidate, by=edda).status == "approved"


def test_a_rejection_left_standing_by_an_earlier_version_approves_nothing(
    playbook: Any, two: Any, rita: Any, ada: Any
) -> None:
    candidate = CandidateFactory(playbook=playbook)
    candidate.votes.create(reviewer=ada, decision="rejected", reason="Wrong")
    assert candidate_approve(candidate=candidate, by=rita).is_pending
    assert candidate_approve(candidate=candidate, by=ada).status == "approved"


def test_a_vote_can_be_taken_back(playbook: Any, two: Any, rita: Any, ada: Any) -> None:
    candidate = CandidateFactory(playbook=playbook)
    candidate_approve(candidate=candidate, by=rita)
    candidate_undo(candidate=candidate, by=rita)
    assert candidate_approve(candidate=candidate, by=ada).is_pending


def test_undoing_takes_back_ones_own_word_only(
    playbook: Any, two: Any, rita: Any, ada: Any
) -> None:
    candidate = CandidateFactory(playbook=playbook)
    candidate_approve(candidate=candidate, by=rita)
    candidate_approve(candidate=candidate, by=ada)
    candidate_undo(candidate=candidate, by=ada)
    standing = candidate.votes.filter(withdrawn_at=None)
    assert [vote.reviewer for vote in standing] == [rita]


def test_a_protected_label_asks_for_more_people(playbook: Any, ada: Any, rita: Any) -> None:
    policy_change(
        playbook=playbook, to=Policy(protected_labels=("production",)), reason="Care", by=ada
    )
    first = candidate_approve(candidate=CandidateFactory(playbook=playbook), by=rita)
    assert first.status == "approved", "agents read nothing through the label yet"
    release = playbook.releases.create(
        number=1, document={"sections": []}, bodies={}, digests={}, bullet_count=0, tokens=0
    )
    playbook.labels.create(name="production", release=release)
    assert candidate_approve(candidate=CandidateFactory(playbook=playbook), by=rita).is_pending


def test_others_words_are_hidden_until_one_has_decided(
    playbook: Any, two: Any, rita: Any, ada_client: Any
) -> None:
    candidate = CandidateFactory(playbook=playbook)
    candidate_reason = "A secret opinion"
    candidate_approve(candidate=candidate, by=rita, content=candidate_reason)
    answer = page(ada_client, candidate)
    said = answer.content.decode()
    assert "1 person has decided. You see it after you do." in said
    assert candidate_reason not in said
    assert answer.context["votes"] == []


def test_it_skips_what_one_has_voted_on(playbook: Any, two: Any, rita_client: Any) -> None:
    first, second = CandidateFactory.create_batch(2, playbook=playbook)
    assert f"candidate={second.pk}" in post(rita_client, "approve", first).url
    assert rita_client.get("/review/").context["candidate"] == second


def test_the_verdict_is_hidden_until_the_decision_and_then_shown(
    playbook: Any, blind: Any, rita_client: Any
) -> None:
    first = CandidateFactory(playbook=playbook)
    CandidateFactory(playbook=playbook)
    before = page(rita_client, first)
    assert before.context["scores"] == []
    assert "Every tool exists." not in before.content.decode()
    assert all(row["blind"] and not row["scores"] for row in before.context["queue"]["rows"])
    after = rita_client.get(post(rita_client, "approve", first).url).content.decode()
    assert "rules-1 had said: feasibility 5, completion 4, 90% sure." in after
    assert first.votes.get().blind
    assert "Every tool exists." in page(rita_client, first).content.decode()


def test_who_has_seen_the_verdict_decides_blind_no_more(
    playbook: Any, blind: Any, rita: Any, rita_client: Any, ada_client: Any
) -> None:
    candidate = CandidateFactory(playbook=playbook)
    candidate_undo(candidate=candidate_approve(candidate=candidate, by=rita), by=rita)
    assert page(rita_client, candidate).context["scores"]
    assert page(ada_client, candidate).context["blind"]
    candidate_reject(candidate=candidate, by=rita, reason="Wrong")
    votes = candidate.votes.order_by("pk").values_list("decision", "blind")
    assert list(votes) == [("approved", True), ("rejected", False)]


def test_a_word_given_again_is_not_blind(playbook: Any, rita: Any, ada: Any) -> None:
    both = Policy(reviewers=2, blind_share=1)
    policy_change(playbook=playbook, to=both, reason="Measure pairs", by=ada)
    candidate = CandidateFactory(playbook=playbook)
    candidate_approve(candidate=candidate, by=rita)
    candidate_approve(candidate=candidate, by=rita, content="Dates last.")
    candidate_approve(candidate=candidate, by=ada, content="Dates last.")
    assert [vote.blind for vote in candidate.votes.order_by("pk")] == [True, False, True]


def test_a_wording_of_several_lines_is_the_same_one_whoever_sends_it(
    playbook: Any, two: Any, rita: Any, ada_client: Any
) -> None:
    """Without scripts a browser sends each line with a carriage return."""
    candidate = CandidateFactory(playbook=playbook, content="Dates first.\nThen names.")
    candidate_approve(candidate=candidate, by=rita)
    post(ada_client, "approve", candidate, content="Dates first.\r\nThen names.")
    candidate.refresh_from_db()
    assert (candidate.status, playbook.bullets.get().content) == ("approved", candidate.content)
    assert Event.objects.get(kind="candidate.approved").data["edited"] is False


def test_it_says_when_all_that_waits_waits_for_others(
    playbook: Any, two: Any, rita: Any, rita_client: Any, ada_client: Any
) -> None:
    candidate = CandidateFactory(playbook=playbook)
    answer = rita_client.post(
        reverse("candidate-approve", args=[candidate.pk]), headers={"HX-Request": "true"}
    )
    assert answer.context["candidate"] is None
    said = rita_client.get("/review/").content.decode()
    assert "Nothing waits for you" in said
    assert "1 candidate waits for the word of others. You have given yours." in said
    again = rita_client.get(rita_client.get("/review/").context["queue"]["voted_url"])
    assert "deciding again replaces your word" in again.content.decode()
    assert ada_client.get("/review/").context["candidate"] == candidate


def test_what_one_said_ones_word_on_is_marked_and_stays_in_the_queue(
    playbook: Any, two: Any, rita: Any, rita_client: Any, ada_client: Any
) -> None:
    first, second = CandidateFactory.create_batch(2, playbook=playbook)
    mark = "You approved it. It waits for others."
    for candidate, left in ((first, 1), (second, 0)):
        candidate_approve(candidate=candidate, by=rita)
        page = rita_client.get("/review/")
        assert page.content.decode().count(mark) == 2 - left
        assert [row["voted"] for row in page.context["queue"]["rows"]] == [
            "approved",
            "" if left else "approved",
        ]
    assert mark not in ada_client.get("/review/").content.decode()


def test_a_word_that_waits_for_others_counts_as_a_decision_of_today(
    playbook: Any, two: Any, rita: Any, ada: Any, rita_client: Any
) -> None:
    candidate = candidate_approve(candidate=CandidateFactory(playbook=playbook), by=rita)
    said = rita_client.get("/review/").content.decode()
    assert "0 of 1 decided" in said
    assert "1 decision by you in 24 h: 1 waits for others" in said
    candidate_approve(candidate=candidate, by=ada)
    said = rita_client.get("/review/").content.decode()
    assert "1 of 1 decided" in said
    assert "1 decision by you in 24 h</p>" in said
    (person,) = [
        person["row"]
        for person in rita_client.get("/review/progress/").context["people"]
        if person["row"].user == rita
    ]
    assert (person.today, person.approved) == (1, 1)


def test_what_others_read_is_shown_where_nothing_else_waits(
    playbook: Any, two: Any, rita: Any, rita_client: Any, ada_client: Any
) -> None:
    candidate_approve(candidate=CandidateFactory(playbook=playbook), by=rita)
    read = CandidateFactory(playbook=playbook)
    assert page(ada_client, read).context["candidate"] == read
    assert rita_client.get("/review/").context["candidate"] == read


def test_opening_a_candidate_reserves_it(playbook: Any, rita_client: Any, ada_client: Any) -> None:
    first, second = CandidateFactory.create_batch(2, playbook=playbook)
    assert "Reserved for you, ends <time" in rita_client.get("/review/").content.decode()
    assert ada_client.get("/review/").context["candidate"] == second
    said = page(ada_client, first).content.decode()
    assert "rita is reading this. It is free <time" in said
    assert reverse("candidate-approve", args=[first.pk]) not in said


def test_a_reserved_candidate_is_decided_by_its_reader(
    playbook: Any, rita_client: Any, ada: Any
) -> None:
    candidate = CandidateFactory(playbook=playbook)
    page(rita_client, candidate)
    with pytest.raises(UnableToDecide, match="rita is reading this candidate"):
        candidate_approve(candidate=candidate, by=ada)


def test_a_reservation_can_be_taken_over(playbook: Any, rita_client: Any, ada_client: Any) -> None:
    candidate = CandidateFactory(playbook=playbook)
    page(rita_client, candidate)
    post(ada_client, "take", candidate)
    assert post(ada_client, "approve", candidate).status_code == 302
    assert Event.objects.get(kind="candidate.taken_over").data["before"] == {"reading": ["rita"]}


def test_a_reservation_runs_out(playbook: Any, rita_client: Any, ada: Any) -> None:
    candidate = CandidateFactory(playbook=playbook)
    page(rita_client, candidate)
    Reservation.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert candidate_approve(candidate=candidate, by=ada).status == "approved"


def test_a_member_reserves_one_candidate_at_a_time(playbook: Any, rita_client: Any) -> None:
    first, second = CandidateFactory.create_batch(2, playbook=playbook)
    page(rita_client, first)
    page(rita_client, second)
    assert Reservation.objects.get().candidate == second


def test_two_may_read_what_two_must_decide(
    playbook: Any, two: Any, rita_client: Any, ada_client: Any
) -> None:
    candidate = CandidateFactory(playbook=playbook)
    page(rita_client, candidate)
    assert "Reserved for you, ends <time" in page(ada_client, candidate).content.decode()


def test_a_viewer_reserves_nothing(playbook: Any, vera_client: Any) -> None:
    page(vera_client, CandidateFactory(playbook=playbook))
    assert not Reservation.objects.exists()


def test_reservations_can_be_turned_off(playbook: Any, rita_client: Any, settings: Any) -> None:
    settings.REVIEW_RESERVATION_MINUTES = 0
    page(rita_client, CandidateFactory(playbook=playbook))
    assert not Reservation.objects.exists()


def test_a_double_click_is_one_decision(playbook: Any, rita_client: Any) -> None:
    candidate = CandidateFactory(playbook=playbook)
    answers = [post(rita_client, "approve", candidate) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [302, 302]
    assert playbook.bullets.count() == 1
    assert Event.objects.filter(kind="candidate.approved").count() == 1
    assert Candidate.objects.get(pk=candidate.pk).votes.count() == 1
