"""Counts kept by the database: always what counting would find."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection

from memoryapp.models import Bullet, Candidate, Tally
from memoryapp.queries.rail import rail_counts
from memoryapp.queries.tallies import held_by
from tests.factories import BulletFactory, CandidateFactory, PlaybookFactory, WorkspaceFactory

pytestmark = pytest.mark.django_db


def counted(workspace: Any, playbook: Any = None) -> dict[str, int]:
    kind = Tally.Kind.BULLET
    return dict(Tally.objects.within(workspace, kind=kind, playbook=playbook).by("status"))


def fold(workspace: Any, playbook: Any = None) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT memoryapp_tally_fold(%s, %s)", [workspace.pk, playbook and playbook.pk]
        )


def test_it_follows_every_change_of_a_bullet(workspace: Any) -> None:
    one, other = PlaybookFactory.create_batch(2, workspace=workspace)
    BulletFactory.create_batch(3, playbook=one)
    bullet = BulletFactory(playbook=other, content="x" * 9)
    assert counted(workspace) == {"approved": 4}
    Bullet.objects.filter(pk=bullet.pk).update(status="retired")
    assert counted(workspace) == {"approved": 3, "retired": 1}
    assert counted(workspace, other) == {"retired": 1}
    one.bullets.all()[0].delete()
    assert counted(workspace, one) == {"approved": 2}


def test_it_says_the_same_after_parts_were_folded(workspace: Any) -> None:
    playbook = PlaybookFactory(workspace=workspace)
    BulletFactory.create_batch(4, playbook=playbook, content="eight ch")
    Bullet.objects.filter(playbook=playbook)[0].delete()
    for scope in (None, playbook):
        fold(workspace, scope)
        rows = Tally.objects.within(workspace, kind="bullet", playbook=scope)
        assert [(row.amount, row.token_sum) for row in rows] == [(3, 6)]


def test_it_tells_bullets_that_were_never_used(workspace: Any) -> None:
    bullet = BulletFactory(playbook=PlaybookFactory(workspace=workspace))
    rows = Tally.objects.within(workspace, kind="bullet")
    assert rows.by("use") == {"never": 1}
    Bullet.objects.filter(pk=bullet.pk).update(practice_helpful=1)
    assert rows.by("use") == {"practice": 1}
    Bullet.objects.filter(pk=bullet.pk).update(deployed_harmful=1)
    assert rows.by("use") == {"live": 1}


def test_it_counts_what_waits(workspace: Any) -> None:
    playbook = PlaybookFactory(workspace=workspace)
    BulletFactory(playbook=playbook, content="x" * 9)
    waiting, _ = CandidateFactory.create_batch(2, playbook=playbook)
    Candidate.objects.filter(pk=waiting.pk).update(status="rejected")
    assert rail_counts(workspace).waiting == 1
    held = held_by(workspace, [playbook])[playbook.pk]
    assert (held.bullets, held.tokens, held.waiting) == (1, 3, 1)


def test_it_keeps_workspaces_apart_and_survives_their_end(workspace: Any) -> None:
    other = WorkspaceFactory()
    BulletFactory(playbook=PlaybookFactory(workspace=other))
    assert counted(workspace) == {}
    other.delete()
    assert counted(workspace) == {}
