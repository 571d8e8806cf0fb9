"""Secrets in what people and agents write: masked before they are stored, never published."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from memoryapp.domain.errors import UnableToPublish
from memoryapp.domain.playbook import Delta, Op
from memoryapp.domain.warnings import warnings_of
from memoryapp.models import Bullet, Event, Playbook
from memoryapp.services.bullets import bullet_add, bullet_edit, bullet_retire
from memoryapp.services.candidates import (
    Origin,
    candidate_approve,
    candidate_reject,
    candidate_submit,
)
from memoryapp.services.releases import release_publish
from tests.factories import BulletFactory, CandidateFactory, PlaybookFactory

pytestmark = pytest.mark.django_db

SECRET = "sk-proj-abcdEFGH1234567890zz"
TEXT = f"Sign in with {SECRET} first."
MASKED = "Sign in with [redacted: api key] first."


@pytest.fixture
def playbook(workspace: Any) -> Playbook:
    return PlaybookFactory(workspace=workspace)


def added(playbook: Playbook, rita: Any) -> str:
    return bullet_add(playbook=playbook, section="strategies", content=TEXT, by=rita).content


def edited(playbook: Playbook, rita: Any) -> str:
    bullet = BulletFactory(playbook=playbook)
    said = {"content": TEXT, "reason": TEXT, "by": rita, "revision": bullet.revision_count}
    return bullet_edit(bullet=bullet, **said).content


def submitted(playbook: Playbook, rita: Any) -> str:
    candidate = candidate_submit(
        playbook_id=playbook.pk,
        delta=Delta(Op.ADD, "pitfalls", TEXT, reason=TEXT),
        origin=Origin("run", "/practice/runs/1/", "Run 1"),
        sources=[],
        scores={},
    )
    assert candidate is not None
    assert candidate.reason == MASKED
    return candidate.content


def reworded(playbook: Playbook, rita: Any) -> str:
    candidate_approve(candidate=CandidateFactory(playbook=playbook), by=rita, content=TEXT)
    return playbook.bullets.get().content


@pytest.mark.parametrize("written", [added, edited, submitted, reworded])
def test_it_masks_a_secret_before_a_text_is_stored(
    playbook: Playbook, rita: Any, written: Callable[[Playbook, Any], str]
) -> None:
    assert written(playbook, rita) == MASKED
    assert SECRET not in str(list(Event.objects.values_list("data", flat=True)))


def test_it_masks_a_secret_in_the_reasons_people_give(playbook: Playbook, rita: Any) -> None:
    candidate = CandidateFactory(playbook=playbook)
    candidate_reject(candidate=candidate, by=rita, reason=TEXT)
    bullet_retire(bullet=BulletFactory(playbook=playbook), by=rita, reason=TEXT)

    assert candidate.decision_reason == MASKED
    assert SECRET not in str(list(Event.objects.values_list("data", flat=True)))


def test_it_publishes_no_bullet_from_before_that_holds_one(playbook: Playbook, rita: Any) -> None:
    bullet = BulletFactory(playbook=playbook, content=TEXT)

    with pytest.raises(UnableToPublish) as caught:
        release_publish(playbook=playbook, by=rita)

    assert str(caught.value) == (
        f"{bullet.label} holds what looks like a secret (api key). Nothing was published: edit "
        "the bullet, which masks it, then publish."
    )
    assert not playbook.releases.exists()
    same = Bullet.objects.get(pk=bullet.pk)
    bullet_edit(bullet=same, content=TEXT, reason="", by=rita, revision=same.revision_count)
    assert MASKED in str(release_publish(playbook=playbook, by=rita).document)


def test_it_tells_a_reviewer_where_something_was_masked() -> None:
    assert [(one.kind, one.text) for one in warnings_of(MASKED)] == [
        ("secret", "A secret was masked here: api key")
    ]
