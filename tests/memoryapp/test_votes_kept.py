"""Votes on a bullet: none is lost to who works on it, and a merge counts each as what it was."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db.models import F

from memoryapp.models import Bullet, Candidate
from memoryapp.services import applying, bullets, curation
from memoryapp.services.decisions import candidate_approve, candidate_undo
from memoryapp.services.undoing import job_preview, job_undo
from tests.factories import BulletFactory, CandidateFactory, PlaybookFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def playbook(workspace: Any) -> Any:
    return PlaybookFactory(workspace=workspace)


def reported(bullet: Bullet) -> None:
    """What a report of an agent does, whoever holds the playbook."""
    Bullet.objects.filter(pk=bullet.pk).update(deployed_helpful=F("deployed_helpful") + 1)


def votes(bullet: Bullet) -> tuple[int, int, int, int]:
    bullet.refresh_from_db()
    given = (getattr(bullet, name) for name in applying.VOTES)
    practised, against, helpful, harmful = given
    return practised, against, helpful, harmful


@pytest.mark.parametrize("what", ["edit", "retire", "move"])
def test_a_report_that_comes_while_a_bullet_is_changed_is_kept(
    playbook: Any, rita: Any, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    bullet = BulletFactory(playbook=playbook)
    home = curation if what == "move" else bullets
    locked: Callable[[Bullet], Any] = vars(home)["_locked"]

    def meanwhile(row: Bullet) -> Any:
        found = locked(row)
        reported(bullet)
        return found

    monkeypatch.setattr(home, "_locked", meanwhile)
    if what == "edit":
        bullets.bullet_edit(bullet=bullet, content="New.", reason="", by=rita, revision=1)
    elif what == "retire":
        bullets.bullet_retire(bullet=bullet, reason="Old.", by=rita)
    else:
        curation.bullet_move(bullet=bullet, section="apis", by=rita)
    assert votes(bullet) == (0, 0, 1, 0)
    assert bullet.revision_count == 2


@pytest.fixture
def pair(playbook: Any) -> tuple[Bullet, Bullet]:
    counted = {"practice_harmful": 1, "deployed_helpful": 5}
    kept = BulletFactory(
        playbook=playbook, label="apis-001", practice_helpful=1, deployed_helpful=2
    )
    return kept, BulletFactory(playbook=playbook, label="apis-002", **counted)


@pytest.fixture
def merged(playbook: Any, pair: tuple[Bullet, Bullet], rita: Any) -> Candidate:
    candidate = CandidateFactory(playbook=playbook, op="MERGE", content="Both in one.")
    candidate.targets.set(pair)
    return candidate_approve(candidate=candidate, by=rita)


def test_an_approved_merge_counts_practice_and_reports_apart(
    pair: tuple[Bullet, Bullet], merged: Candidate
) -> None:
    assert votes(pair[0]) == (1, 1, 7, 0)
    assert votes(pair[1]) == (0, 1, 5, 0)


def test_undoing_it_gives_the_votes_back(
    pair: tuple[Bullet, Bullet], merged: Candidate, rita: Any
) -> None:
    reported(pair[0])
    candidate_undo(candidate=merged, by=rita)
    assert votes(pair[0]) == (1, 0, 3, 0)
    assert votes(pair[1]) == (0, 1, 5, 0)
    candidate_approve(candidate=merged, by=rita)
    assert votes(pair[0]) == (1, 1, 8, 0)


def test_undoing_its_run_gives_them_back_as_well(
    playbook: Any, pair: tuple[Bullet, Bullet], merged: Candidate, rita: Any
) -> None:
    origin = merged.origin_link
    seen = job_preview(playbook=playbook, origin_link=origin).seen
    job_undo(playbook=playbook, origin_link=origin, reason="Bad data", seen=seen, by=rita)
    assert votes(pair[0]) == (1, 0, 2, 0)
    assert {row.status for row in Bullet.objects.all()} == {"approved"}
