"""Retiring and restoring a bullet."""

from __future__ import annotations

from typing import Any

import pytest

from memoryapp.models import Candidate
from tests.factories import BulletFactory, CandidateFactory, PlaybookFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def bullet(workspace: Any) -> Any:
    return BulletFactory(playbook=PlaybookFactory(workspace=workspace))


def post(client: Any, bullet: Any, what: str, reason: str = "Not true any more") -> Any:
    return client.post(f"{bullet.get_absolute_url()}{what}/", {"reason": reason})


def test_it_leaves_the_draft_and_comes_back(rita_client: Any, bullet: Any) -> None:
    post(rita_client, bullet, "retire")
    assert not bullet.playbook.bullets.live().exists()
    answer = post(rita_client, bullet, "restore", "True again")
    assert "is back in the draft" in rita_client.get(answer.url).content.decode()
    assert list(bullet.playbook.bullets.live()) == [bullet]
    assert [r.reason for r in bullet.revisions.all()[:2]] == ["True again", "Not true any more"]


def test_what_waited_to_change_it_waits_again_when_it_comes_back(
    rita_client: Any, bullet: Any
) -> None:
    waiting, merge = (
        CandidateFactory(playbook=bullet.playbook, op=op) for op in ("UPDATE", "MERGE")
    )
    gone = BulletFactory(playbook=bullet.playbook)
    waiting.targets.set([bullet])
    merge.targets.set([bullet, gone])
    for row in (bullet, gone):
        post(rita_client, row, "retire")
    post(rita_client, bullet, "restore")
    statuses = [Candidate.objects.get(pk=row.pk).status for row in (waiting, merge)]
    assert statuses == ["pending", "superseded"]
    post(rita_client, gone, "restore")
    merge.refresh_from_db()
    assert merge.is_pending


def test_it_needs_a_reason(rita_client: Any, bullet: Any) -> None:
    answer = post(rita_client, bullet, "retire", " ")
    assert answer.status_code == 409
    assert "Retiring a bullet needs a reason" in answer.content.decode()


def test_it_does_not_restore_what_is_not_retired(rita_client: Any, bullet: Any) -> None:
    answer = post(rita_client, bullet, "restore")
    assert answer.status_code == 409
    assert "is not retired" in answer.content.decode()


@pytest.mark.parametrize("what", ["retire", "restore"])
def test_it_is_refused_to_a_viewer(vera_client: Any, bullet: Any, what: str) -> None:
    assert post(vera_client, bullet, what).status_code == 403


@pytest.mark.parametrize("what", ["retire", "restore"])
def test_it_does_not_exist_for_other_workspaces(olga_client: Any, bullet: Any, what: str) -> None:
    assert post(olga_client, bullet, what).status_code == 404
