"""Taking the undo of a run back."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from memoryapp.models import Bullet, Candidate, Event
from memoryapp.services.bullets import bullet_add, bullet_edit, bullet_restore
from memoryapp.services.candidates import candidate_approve, candidate_undo
from memoryapp.services.restoring import standing_undo
from tests.factories import BulletFactory, CandidateFactory
from tests.memoryapp.test_run_undo import RUN, URL, learned, undo

pytestmark = pytest.mark.django_db


def take_back(client: Any, undone: Any = None) -> Any:
    undone = undone or Event.objects.filter(kind="run.undone").latest("pk")
    return client.post(URL, {"origin": RUN, "undo": undone.pk}, follow=True)


def stands() -> list[Any]:
    bullets = Bullet.objects.order_by("label").values_list("label", "content", "section", "status")
    decided = Candidate.objects.order_by("pk").values_list(
        "pk", "status", "decided_by", "decided_at", "decision_reason", "decided_content"
    )
    return [*bullets, *decided]


def test_all_is_as_it_was_before_the_run_was_undone(
    rita: Any, rita_client: Any, playbook: Any
) -> None:
    old = BulletFactory(playbook=playbook, content="As it was.")
    gone = BulletFactory(playbook=playbook, content="Out of date.")
    learned(playbook, rita, "A new one.")
    learned(playbook, rita, "As the run put it.", target=old)
    retire = CandidateFactory(
        playbook=playbook, op="RETIRE", content="", origin_link=RUN, origin_name="Run 3"
    )
    retire.targets.set([gone])
    candidate_approve(candidate=retire, by=rita)
    CandidateFactory(playbook=playbook, origin_link=RUN, origin_name="Run 3")
    before = stands()
    page = undo(rita_client).content.decode()
    assert "3 bullets would be as before and 1 candidate would wait again" in page
    assert stands() != before
    said = take_back(rita_client).content.decode()
    assert "Run 3 is back: 3 bullets as before, 1 candidate waiting again." in said
    assert stands() == before


def test_it_leaves_what_people_changed_since(rita: Any, rita_client: Any, playbook: Any) -> None:
    made, other = (learned(playbook, rita, said) for said in ("A new one.", "Another."))
    undo(rita_client)
    bullet_restore(bullet=made, reason="It was right", by=rita)
    made.refresh_from_db()
    bullet_edit(
        bullet=made, content="In my words.", reason="", by=rita, revision=made.revision_count
    )
    said = take_back(rita_client).content.decode()
    assert "1 bullet as before, 0 candidates waiting again. What was changed since stays" in said
    made.refresh_from_db()
    other.refresh_from_db()
    assert (made.content, other.status) == ("In my words.", "approved")
    assert Candidate.objects.get(content="A new one.").status == "superseded"
    event = Event.objects.get(kind="run.restored")
    assert (event.actor, event.data["spared"]) == (rita, [made.label])


def test_a_bullet_whose_words_somebody_wrote_since_stays_retired(
    rita: Any, rita_client: Any, playbook: Any
) -> None:
    made = learned(playbook, rita, "A new one.")
    undo(rita_client)
    bullet_add(playbook=playbook, section="pitfalls", content="A new one.", by=rita)
    assert "nothing to bring back" in take_back(rita_client).content.decode()
    made.refresh_from_db()
    assert made.status == "retired"


def test_a_merge_comes_back_as_a_whole_with_its_votes(
    rita: Any, rita_client: Any, playbook: Any
) -> None:
    first = BulletFactory(playbook=playbook, label="apis-001", practice_helpful=2)
    second = BulletFactory(playbook=playbook, label="apis-002", practice_helpful=3)
    merge = CandidateFactory(playbook=playbook, op="MERGE", content="Both.", origin_link=RUN)
    merge.targets.set([first, second])
    candidate_approve(candidate=merge, by=rita)
    undo(rita_client)
    take_back(rita_client)
    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.content, first.practice_helpful, second.status) == ("Both.", 5, "retired")


def test_a_merge_into_the_words_of_one_of_its_bullets_comes_back(
    rita: Any, rita_client: Any, playbook: Any
) -> None:
    first = BulletFactory(playbook=playbook, label="apis-001", content="Page.")
    second = BulletFactory(playbook=playbook, label="apis-002", content="Page by 50.")
    merge = CandidateFactory(playbook=playbook, op="MERGE", content="Page by 50.", origin_link=RUN)
    merge.targets.set([first, second])
    candidate_approve(candidate=merge, by=rita)
    before = stands()
    undo(rita_client)
    take_back(rita_client)
    assert stands() == before


def test_a_longer_run_is_planned_in_as_many_statements(
    rita: Any, rita_client: Any, playbook: Any
) -> None:
    counts = []
    for count in (1, 5):
        for number in range(count):
            learned(playbook, rita, f"Lesson {number} of {count}.")
        undo(rita_client)
        with CaptureQueriesContext(connection) as asked:
            standing = standing_undo(playbook=playbook, origin_link=RUN)
        assert standing is not None
        assert len(standing.rows) == count
        counts.append(len(asked))
    assert counts[0] == counts[1]


def test_a_merge_stays_undone_where_one_of_its_bullets_was_changed(
    rita: Any, rita_client: Any, playbook: Any
) -> None:
    first, second = (BulletFactory(playbook=playbook, label=f"apis-00{n}") for n in (1, 2))
    merge = CandidateFactory(playbook=playbook, op="MERGE", content="Both.", origin_link=RUN)
    merge.targets.set([first, second])
    candidate_approve(candidate=merge, by=rita)
    undo(rita_client)
    first.refresh_from_db()
    bullet_edit(bullet=first, content="Mine.", reason="", by=rita, revision=first.revision_count)
    take_back(rita_client)
    second.refresh_from_db()
    assert second.status == "approved"


def test_the_run_can_be_undone_again_and_its_decisions_one_by_one(
    rita: Any, rita_client: Any, playbook: Any
) -> None:
    made, other = (learned(playbook, rita, said) for said in ("A new one.", "Another."))
    undo(rita_client)
    take_back(rita_client)
    candidate_undo(candidate=Candidate.objects.get(content="Another."), by=rita)
    other.refresh_from_db()
    assert other.status == "retired"
    undo(rita_client)
    made.refresh_from_db()
    assert made.status == "retired"
    assert "would be as before" in rita_client.get(f"{URL}?origin={RUN}").content.decode()


def test_it_is_done_once(rita: Any, rita_client: Any, playbook: Any) -> None:
    learned(playbook, rita, "A new one.")
    undo(rita_client)
    assert take_back(rita_client).status_code == 200
    assert take_back(rita_client).status_code == 409
    answer = rita_client.post(URL, {"origin": RUN, "undo": "x"})
    assert answer.status_code == 409
    assert Event.objects.filter(kind="run.restored").count() == 1


def test_what_waits_by_now_in_the_same_words_does_not_wait_twice(
    rita: Any, rita_client: Any, playbook: Any
) -> None:
    mine = CandidateFactory(playbook=playbook, origin_link=RUN, dedup_key="same")
    learned(playbook, rita, "A new one.")
    undo(rita_client)
    CandidateFactory(playbook=playbook, dedup_key="same")
    take_back(rita_client)
    mine.refresh_from_db()
    assert mine.status == "superseded"


def test_it_refuses_what_no_longer_fits_the_budget(
    rita: Any, rita_client: Any, playbook: Any
) -> None:
    made = learned(playbook, rita, ("Verify the customer first. " * 8).strip())
    undo(rita_client)
    playbook.token_budget = 20
    playbook.save()
    assert "of 20 tokens. Nothing was changed" in take_back(rita_client).content.decode()
    made.refresh_from_db()
    assert made.status == "retired"


def test_it_is_for_reviewers_of_the_workspace(
    rita: Any, rita_client: Any, vera_client: Any, olga_client: Any, playbook: Any
) -> None:
    learned(playbook, rita, "A new one.")
    undo(rita_client)
    assert take_back(vera_client).status_code == 403
    assert take_back(olga_client).status_code == 404
    assert not Bullet.objects.live().exists()
