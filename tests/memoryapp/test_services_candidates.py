"""Submitting, deciding and undoing candidates."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from memoryapp.domain.errors import UnableToDecide, UnableToUndo
from memoryapp.domain.formats import digest
from memoryapp.domain.playbook import CONTENT_MOST, Delta, Op
from memoryapp.models import Bullet, BulletRevision, Candidate, Event, Playbook
from memoryapp.services.bullets import bullet_edit, bullet_retire
from memoryapp.services.candidates import (
    Origin,
    Source,
    candidate_approve,
    candidate_reject,
    candidate_submit,
    candidate_undo,
)
from tests.factories import BulletFactory, PlaybookFactory

pytestmark = pytest.mark.django_db

ORIGIN = Origin("run", "/practice/runs/1/", "Run 1")
LESSON = Delta(
    Op.ADD, "pitfalls", "Write dates as YYYY-MM-DD.", rule={"key": "format:date"}, evidence=(2,)
)


def source(number: int = 2, link: str = "/trajectories/7/#step-2") -> Source:
    return Source(link, "Refund an order", number, "create_refund", {"id": 1}, "BAD_DATE", True)


@pytest.fixture
def playbook(workspace: Any) -> Playbook:
    return PlaybookFactory(workspace=workspace)


def submit(playbook: Playbook, delta: Delta = LESSON, **more: Any) -> Candidate | None:
    given: dict[str, Any] = {"origin": ORIGIN, "sources": [source()], "scores": {}} | more
    return candidate_submit(playbook_id=playbook.pk, delta=delta, **given)


def waiting(playbook: Playbook, delta: Delta = LESSON) -> Candidate:
    candidate = submit(playbook, delta)
    assert candidate is not None
    return candidate


def test_it_touches_no_playbook_when_a_lesson_is_submitted(playbook: Playbook) -> None:
    waiting(playbook)
    assert not playbook.bullets.exists()


def test_it_takes_no_text_that_is_too_long_for_a_bullet(playbook: Playbook) -> None:
    assert submit(playbook, replace(LESSON, content="x" * (CONTENT_MOST + 1))) is None
    assert not playbook.candidates.exists()
    assert waiting(playbook, replace(LESSON, content="x" * CONTENT_MOST)).content


def test_it_adds_evidence_instead_of_a_second_row(playbook: Playbook) -> None:
    first = waiting(playbook)
    again = submit(playbook, sources=[source(), source(3, "/trajectories/8/#step-3")])
    assert again == first
    assert (again.seen_count, again.evidence.count()) == (2, 2)


def test_it_does_not_ask_again_what_a_person_rejected(playbook: Playbook, rita: Any) -> None:
    candidate_reject(candidate=waiting(playbook), by=rita, reason="Not true")
    assert submit(playbook) is None
    reworded = Delta(Op.ADD, "pitfalls", "Dates: YYYY-MM-DD.", rule={"key": "format:date"})
    assert submit(playbook, reworded) is not None


@pytest.mark.parametrize(
    ("again", "asked"),
    [
        ('Spell `id` as the list does: `B-7` works and `b-7` is not found ("no b-7").', False),
        ("Spell `id` as the list does: `B-2` works and `b-2` is not found.", True),
        ('Spell `key` as the list does: `B-7` works and `b-7` is not found ("no b-7").', True),
    ],
    ids=["another example", "other words", "another parameter"],
)
def test_it_does_not_ask_again_for_another_example(
    playbook: Playbook, rita: Any, again: str, asked: bool
) -> None:
    told = 'Spell `id` as the list does: `B-2` works and `b-2` is not found ("no b-2").'
    first = Delta(Op.ADD, "pitfalls", told, rule={"key": "spelling:id", "accepted": "B-2"})
    candidate_reject(candidate=waiting(playbook, first), by=rita, reason="Everybody knows")
    other = replace(first, content=again, rule={"key": "spelling:id", "accepted": "B-7"})
    assert (submit(playbook, other) is not None) is asked


def test_it_asks_again_where_the_rule_is_another_one(playbook: Playbook, rita: Any) -> None:
    low = Delta(Op.ADD, "pitfalls", "Keep `n` at 5 or below.", rule={"key": "limit:n"})
    candidate_reject(candidate=waiting(playbook, low), by=rita, reason="It is 9")
    assert submit(playbook, replace(low, content="Keep `n` at 9 or below.")) is not None


def test_it_refines_a_draft_that_still_waits(playbook: Playbook) -> None:
    first = waiting(playbook)
    richer = Delta(
        Op.UPDATE,
        "pitfalls",
        "Write dates as YYYY-MM-DD, never DD.MM.",
        targets=(f"draft-{first.pk.hex[:12]}",),
    )
    assert submit(playbook, richer) == first
    first.refresh_from_db()
    assert first.content == "Write dates as YYYY-MM-DD, never DD.MM."


def test_it_approves_into_a_new_bullet_with_a_first_revision(playbook: Playbook, rita: Any) -> None:
    candidate_approve(candidate=waiting(playbook), by=rita)
    bullet = playbook.bullets.get()
    assert (bullet.label, bullet.status) == ("pitfalls-001", "approved")
    assert bullet.rule == {"key": "format:date"}
    revision = bullet.revisions.get()
    assert (revision.number, revision.author) == (1, rita)
    assert Event.objects.get(kind="candidate.approved").actor == rita


def test_it_takes_the_reviewers_words_and_drops_the_rule_behind_them(
    playbook: Playbook, rita: Any
) -> None:
    candidate_approve(candidate=waiting(playbook), by=rita, content="Dates: YYYY-MM-DD.")
    bullet = playbook.bullets.get()
    assert (bullet.content, bullet.rule) == ("Dates: YYYY-MM-DD.", None)


def test_it_strips_invisible_characters_from_what_is_remembered(
    playbook: Playbook, rita: Any
) -> None:
    candidate_approve(candidate=waiting(playbook), by=rita, content="Dates\u200b first.\u202e")
    assert playbook.bullets.get().content == "Dates first."


def test_it_decides_once(playbook: Playbook, rita: Any, ada: Any) -> None:
    candidate = waiting(playbook)
    twin = Candidate.objects.get(pk=candidate.pk)
    candidate_approve(candidate=candidate, by=rita)
    with pytest.raises(UnableToDecide, match="rita already approved"):
        candidate_approve(candidate=twin, by=ada)
    assert playbook.bullets.count() == 1


def test_it_refuses_a_decision_on_words_nobody_read(playbook: Playbook, rita: Any) -> None:
    candidate = waiting(playbook)
    with pytest.raises(UnableToDecide, match="reading has changed meanwhile"):
        candidate_approve(candidate=candidate, by=rita, seen=digest("older words"))
    candidate_approve(candidate=candidate, by=rita, seen=candidate.shown())


def test_it_wants_a_reason_for_a_rejection(playbook: Playbook, rita: Any) -> None:
    candidate = waiting(playbook)
    with pytest.raises(UnableToDecide, match="needs a reason"):
        candidate_reject(candidate=candidate, by=rita, reason="  ")


def test_it_undoes_an_approval_without_losing_history(playbook: Playbook, rita: Any) -> None:
    candidate = candidate_approve(candidate=waiting(playbook), by=rita)
    candidate_undo(candidate=candidate, by=rita)
    bullet = playbook.bullets.get()
    assert (candidate.status, bullet.status) == ("pending", "retired")
    assert bullet.revisions.count() == 2


def test_it_brings_the_same_bullet_back_when_approved_again(playbook: Playbook, rita: Any) -> None:
    candidate = candidate_approve(candidate=waiting(playbook), by=rita)
    candidate_undo(candidate=candidate, by=rita)
    candidate_approve(candidate=candidate, by=rita)
    bullet = playbook.bullets.get()
    assert (bullet.label, bullet.status) == ("pitfalls-001", "approved")


def test_it_undoes_an_update_to_the_words_before(playbook: Playbook, rita: Any) -> None:
    bullet = BulletFactory(playbook=playbook, content="Old words.")
    delta = Delta(Op.UPDATE, content="New words.", targets=(bullet.label,))
    candidate = candidate_approve(candidate=waiting(playbook, delta), by=rita)
    bullet.refresh_from_db()
    assert bullet.content == "New words."
    candidate_undo(candidate=candidate, by=rita)
    bullet.refresh_from_db()
    assert bullet.content == "Old words."


def test_it_will_not_undo_over_a_later_edit(playbook: Playbook, rita: Any) -> None:
    candidate = candidate_approve(candidate=waiting(playbook), by=rita)
    bullet = playbook.bullets.get()
    bullet_edit(bullet=bullet, content="Better.", reason="", by=rita, revision=1)
    with pytest.raises(UnableToUndo, match="changed after this decision"):
        candidate_undo(candidate=candidate, by=rita)
    assert Bullet.objects.get().content == "Better."
    candidate.refresh_from_db()
    assert candidate.status == "approved"


def test_it_undoes_a_merge_whole(playbook: Playbook, rita: Any) -> None:
    one, two = BulletFactory(playbook=playbook), BulletFactory(playbook=playbook)
    delta = Delta(Op.MERGE, content="Both in one.", targets=(one.label, two.label))
    candidate = candidate_approve(candidate=waiting(playbook, delta), by=rita)
    assert sorted(playbook.bullets.values_list("status", flat=True)) == ["approved", "retired"]
    candidate_undo(candidate=candidate, by=rita)
    assert set(playbook.bullets.values_list("content", flat=True)) == {one.content, two.content}
    assert set(playbook.bullets.values_list("status", flat=True)) == {"approved"}


def test_it_supersedes_what_waits_for_a_retired_bullet(playbook: Playbook, rita: Any) -> None:
    bullet = BulletFactory(playbook=playbook)
    candidate = waiting(playbook, Delta(Op.UPDATE, content="New.", targets=(bullet.label,)))
    bullet_retire(bullet=bullet, reason="Wrong", by=rita)
    with pytest.raises(UnableToDecide, match="was retired meanwhile"):
        candidate_approve(candidate=candidate, by=rita)


def test_it_keeps_the_candidate_waiting_when_the_budget_is_full(
    playbook: Playbook, rita: Any
) -> None:
    Playbook.objects.filter(pk=playbook.pk).update(token_budget=2)
    candidate = waiting(playbook)
    with pytest.raises(UnableToDecide, match="Retire bullets worth"):
        candidate_approve(candidate=candidate, by=rita)
    candidate.refresh_from_db()
    assert candidate.is_pending


def test_a_revision_cannot_be_changed(playbook: Playbook) -> None:
    revision: BulletRevision = BulletFactory(playbook=playbook).revisions.get()
    revision.content = "Rewritten history."
    with pytest.raises(TypeError, match="immutable"):
        revision.save()
