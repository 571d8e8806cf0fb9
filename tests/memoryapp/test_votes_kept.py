"""Votes on a bullet: none is lost to who works on it, and a merge counts each as what it was."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db.models import F

from memoryapp.models import Bullet, Candidate
from memoryapp.services import applying, bullets, curation, reports
from memoryapp.services.decisions import candidate_approve, candidate_undo
from memoryapp.services.releases import release_publish
from memoryapp.services.reports import Said, report_take
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
    locked: Callable[[Bullet], Any] = vars(home)["bullet_locked"]

    def meanwhile(row: Bullet) -> Any:
        found = locked(row)
        reported(bullet)
        return found

    monkeypatch.setattr(home, "bullet_locked", meanwhile)
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


def merge_of(playbook: Any, pair: tuple[Bullet, Bullet], by: Any) -> Candidate:
    candidate = CandidateFactory(playbook=playbook, op="MERGE", content="Both in one.")
    candidate.targets.set(pair)
    return candidate_approve(candidate=candidate, by=by)


@pytest.fixture
def merged(playbook: Any, pair: tuple[Bullet, Bullet], rita: Any) -> Candidate:
    return merge_of(playbook, pair, rita)


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


def test_a_report_that_comes_while_it_is_merged_counts_for_both(
    playbook: Any, pair: tuple[Bullet, Bullet], rita: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    revise = Bullet.revise

    def meanwhile(self: Bullet, **given: Any) -> Any:
        if self == pair[1]:
            reported(self)
        return revise(self, **given)

    monkeypatch.setattr(Bullet, "revise", meanwhile)
    merge_of(playbook, pair, rita)
    assert votes(pair[0]) == (1, 1, 8, 0)
    assert votes(pair[1]) == (0, 1, 6, 0)


def run_undone(merged: Candidate, by: Any) -> None:
    playbook, origin = merged.playbook, merged.origin_link
    seen = job_preview(playbook=playbook, origin_link=origin).seen
    job_undo(playbook=playbook, origin_link=origin, reason="Bad data", seen=seen, by=by)


def undone(merged: Candidate, by: Any) -> None:
    candidate_undo(candidate=merged, by=by)


def test_undoing_its_run_gives_them_back_as_well(
    pair: tuple[Bullet, Bullet], merged: Candidate, rita: Any
) -> None:
    run_undone(merged, rita)
    assert votes(pair[0]) == (1, 0, 2, 0)
    assert {row.status for row in Bullet.objects.all()} == {"approved"}


def test_undoing_a_run_that_went_on_with_what_it_merged_gives_them_back(
    playbook: Any, pair: tuple[Bullet, Bullet], merged: Candidate, rita: Any
) -> None:
    later = CandidateFactory(playbook=playbook, op="UPDATE", content="Better said.")
    later.targets.set(pair[:1])
    candidate_approve(candidate=later, by=rita)
    run_undone(merged, rita)
    assert votes(pair[0]) == (1, 0, 2, 0)
    assert votes(pair[1]) == (0, 1, 5, 0)


@pytest.mark.parametrize("taken_back", [undone, run_undone])
def test_what_agents_of_an_earlier_release_report_since_is_no_part_of_a_merge(
    playbook: Any, pair: tuple[Bullet, Bullet], rita: Any, taken_back: Callable[..., None]
) -> None:
    release = release_publish(playbook=playbook, by=rita, label="production")
    merged = merge_of(playbook, pair, rita)
    report_take(release=release, votes=[Said(pair[1].label, "helpful")])
    assert votes(pair[0]) == (1, 1, 7, 0)
    taken_back(merged, rita)
    assert votes(pair[0]) == (1, 0, 2, 0)
    assert votes(pair[1]) == (0, 1, 6, 0)


@pytest.mark.parametrize("taken_back", [undone, run_undone])
def test_a_report_that_waits_for_a_merge_to_end_is_no_part_of_it(
    playbook: Any,
    pair: tuple[Bullet, Bullet],
    rita: Any,
    monkeypatch: pytest.MonkeyPatch,
    taken_back: Callable[..., None],
) -> None:
    """It came before, and cannot count while the merge holds the rows."""
    release = release_publish(playbook=playbook, by=rita, label="production")
    count, merges = reports._count, []

    def after_the_merge(*given: Any) -> None:
        merges.append(merge_of(playbook, pair, rita))
        count(*given)

    monkeypatch.setattr(reports, "_count", after_the_merge)
    report_take(release=release, votes=[Said(pair[1].label, "helpful")])
    assert votes(pair[0]) == (1, 1, 7, 0)
    taken_back(merges[0], rita)
    assert votes(pair[0]) == (1, 0, 2, 0)
    assert votes(pair[1]) == (0, 1, 6, 0)
