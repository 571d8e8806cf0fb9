"""Trials a lesson won, on the bullet it became."""

from __future__ import annotations

from typing import Any

import pytest

from memoryapp.services.bullets import bullet_edit
from memoryapp.services.candidates import candidate_approve, candidate_undo
from tests.factories import BulletFactory, CandidateFactory, PlaybookFactory

pytestmark = pytest.mark.django_db

TRIED = {"verified": {"wins": 3, "trials": 4}}


@pytest.fixture
def playbook(workspace: Any) -> Any:
    return PlaybookFactory(workspace=workspace)


def counters(bullet: Any) -> tuple[int, int]:
    bullet.refresh_from_db()
    return bullet.verified_wins, bullet.verified_losses


def test_it_takes_over_the_trials_of_the_text_that_was_tried(playbook: Any, rita: Any) -> None:
    candidate_approve(candidate=CandidateFactory(playbook=playbook, scores=TRIED), by=rita)
    assert counters(playbook.bullets.get()) == (3, 1)


def test_a_text_the_operator_edited_was_never_tried(playbook: Any, rita: Any) -> None:
    candidate = CandidateFactory(playbook=playbook, scores=TRIED)
    candidate_approve(candidate=candidate, by=rita, content="Said otherwise.")
    assert counters(playbook.bullets.get()) == (0, 0)


@pytest.mark.parametrize("op", ["RETIRE", "MERGE"])
def test_a_text_that_stays_keeps_what_it_has_won(playbook: Any, rita: Any, op: str) -> None:
    kept = BulletFactory(playbook=playbook, label="apis-001", verified_wins=2)
    other = BulletFactory(playbook=playbook, label="apis-002", verified_wins=1)
    candidate = CandidateFactory(
        playbook=playbook, op=op, content=kept.content if op == "MERGE" else "", scores={}
    )
    candidate.targets.set([kept, other] if op == "MERGE" else [kept])
    candidate_approve(candidate=candidate, by=rita)
    assert counters(kept) == (2, 0)
    assert counters(other) == (1, 0)


def test_a_reworded_bullet_begins_anew(playbook: Any, rita: Any) -> None:
    bullet = BulletFactory(playbook=playbook, verified_wins=2)
    candidate = CandidateFactory(playbook=playbook, op="UPDATE", content="New.", scores={})
    candidate.targets.set([bullet])
    candidate_approve(candidate=candidate, by=rita)
    assert counters(bullet) == (0, 0)


def test_a_text_somebody_writes_by_hand_was_never_tried(playbook: Any, rita: Any) -> None:
    candidate = CandidateFactory(playbook=playbook, scores=TRIED)
    candidate_approve(candidate=candidate, by=rita)
    bullet = playbook.bullets.get()
    bullet_edit(bullet=bullet, content="Said otherwise.", reason="", by=rita, revision=1)
    assert counters(bullet) == (0, 0)
    bullet_edit(bullet=bullet, content=candidate.content, reason="", by=rita, revision=2)
    assert counters(bullet) == (3, 1)


def test_undoing_a_change_brings_back_the_trials_of_the_text_before(
    playbook: Any, rita: Any
) -> None:
    candidate_approve(candidate=CandidateFactory(playbook=playbook, scores=TRIED), by=rita)
    bullet = playbook.bullets.get()
    won = {"verified": {"wins": 1, "trials": 1}}
    change = CandidateFactory(playbook=playbook, op="UPDATE", content="New.", scores=won)
    change.targets.set([bullet])
    candidate_approve(candidate=change, by=rita)
    assert counters(bullet) == (1, 0)
    candidate_undo(candidate=change, by=rita)
    assert counters(bullet) == (3, 1)
