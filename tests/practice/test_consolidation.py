"""Consolidation and held-out scores inside a run."""

from __future__ import annotations

from typing import Any

import pytest

from memoryapp.models import Bullet, Candidate
from memoryapp.services.bullets import bullet_add
from practice.models import Environment, Lesson, PracticeRecord
from practice.orchestrator import progress
from practice.services.switches import Switches
from tests.factories import PlaybookFactory
from tests.practice.runs import driven, started
from tests.practice.shops import open_shop

pytestmark = pytest.mark.django_db
FIRST = "Call verify_customer before create_refund, or the refund is refused."


@pytest.fixture
def shop(workspace: Any, monkeypatch: pytest.MonkeyPatch) -> Environment:
    return open_shop(workspace, monkeypatch)


@pytest.fixture
def doubled(workspace: Any, ada: Any) -> Any:
    """A playbook that says one thing twice."""
    playbook = PlaybookFactory(workspace=workspace)
    for content in (FIRST, f"{FIRST} Always."):
        bullet_add(playbook=playbook, section="strategies", content=content, by=ada)
    return playbook


def test_it_asks_to_merge_what_is_said_twice_with_a_before_and_after(
    shop: Any, doubled: Any, ada: Any
) -> None:
    switches = Switches(consolidate=True)
    run = driven(started(shop, ada, rounds=1, tasks=4, playbook=doubled, switches=switches))
    assert (run.status, run.message) == ("finished", "")
    lesson = run.lessons.get(kind=Lesson.Kind.CONSOLIDATION)
    assert (lesson.op, lesson.status) == ("MERGE", "kept"), lesson.message
    assert lesson.result["before"][1] == lesson.result["after"][1] > 0
    candidate = Candidate.objects.get(playbook=doubled, op="MERGE")
    assert lesson.candidate == candidate
    assert candidate.scores["verified"]["after"] == lesson.result["after"]
    assert doubled.bullets.filter(status=Bullet.Status.APPROVED).count() == 2


def test_it_neither_asks_for_the_same_merge_twice_nor_tries_it_again(
    shop: Any, doubled: Any, ada: Any
) -> None:
    for _ in range(2):
        switches = Switches(consolidate=True)
        driven(started(shop, ada, rounds=2, tasks=4, playbook=doubled, switches=switches))
    assert Candidate.objects.filter(playbook=doubled, op="MERGE").count() == 1
    assert Lesson.objects.filter(kind=Lesson.Kind.CONSOLIDATION, op="MERGE").count() == 1


def test_held_out_tasks_give_each_round_a_score_and_are_never_practised(
    shop: Any, ada: Any
) -> None:
    run = driven(started(shop, ada, rounds=2, tasks=3, switches=Switches(held_out=2)))
    scores = [r.held_out for r in progress.rounds_of(run)]
    assert len(scores) == 2
    assert all(score is not None for score in scores)
    assert not PracticeRecord.objects.filter(task__is_held_out=True).exists()
    kept = run.attempts.filter(arm__kind="held_out").values_list("task", flat=True)
    assert len(set(kept)) == 2


def test_the_stop_rule_ends_a_run_that_brings_nothing_new(shop: Any, ada: Any) -> None:
    run = driven(started(shop, ada, rounds=12, tasks=3, switches=Switches(patience=1)))
    assert run.status == "finished"
    assert "brought no new tool and no new lesson" in run.message
    assert run.rounds.count() < 12


def test_a_faithful_run_has_every_switch_off(shop: Any, ada: Any) -> None:
    switches = Switches(
        faithful=True, verify="strict", consolidate=True, patience=2, held_out=3, band=(0.2, 0.8)
    )
    run = started(shop, ada, switches=switches)
    plan = run.frozen
    assert plan.faithful
    assert (plan.verify, plan.consolidate, plan.patience, plan.held_out, plan.band) == (
        "",
        False,
        0,
        0,
        (),
    )
