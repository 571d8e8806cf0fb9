"""What trials say of a change, and of a task nothing learned from it could win."""

from __future__ import annotations

from typing import Any

import pytest

from memoryapp.domain.playbook import Delta, Op, Playbook
from memoryapp.models import Candidate
from memoryapp.services.bullets import bullet_add
from practice.models import Arm, Attempt, Environment, Lesson, Run, Unit
from practice.orchestrator import trials
from practice.services.switches import Switches
from tests.factories import AttemptFactory, PlaybookFactory, RoundFactory, RunFactory, TaskFactory
from tests.practice.runs import driven, started
from tests.practice.shops import open_shop

pytestmark = pytest.mark.django_db

ONE, OTHER = "Refunds need a reason.", "Every refund needs its reason."


@pytest.fixture
def shop(workspace: Any, monkeypatch: pytest.MonkeyPatch) -> Environment:
    return open_shop(workspace, monkeypatch)


@pytest.fixture
def change(workspace: Any, ada: Any) -> tuple[Lesson, list[Any]]:
    """A proposal to merge two bullets, to be tried on three tasks."""
    playbook = PlaybookFactory(workspace=workspace)
    for content in (ONE, OTHER):
        bullet_add(playbook=playbook, section="pitfalls", content=content, by=ada)
    run = RunFactory(workspace=workspace, playbook=playbook)
    round_ = RoundFactory(run=run)
    tasks = [TaskFactory(round=round_) for _ in range(3)]
    before: Playbook = playbook.as_value()
    merge = Delta(Op.MERGE, "pitfalls", ONE, ("pitfalls-001", "pitfalls-002"), "Twice.")
    trials.propose_change(run, 1, before, merge, tasks)
    return Lesson.objects.get(run=run), tasks


def judge(lesson: Lesson, kind: str, task: Any, label: str) -> None:
    Attempt.objects.filter(arm__lesson=lesson, arm__kind=kind, task=task).update(label=label)


def settled(lesson: Lesson) -> Lesson:
    unit = Unit.objects.create(run=lesson.run, stage="settle", round=1, target=1)
    trials.settle(unit, lesson.run).store()
    lesson.refresh_from_db()
    return lesson


def test_a_change_is_compared_over_the_tasks_judged_on_both_sides(change: Any) -> None:
    lesson, (first, second, third) = change
    judge(lesson, Arm.Kind.BEFORE, first, "success")
    judge(lesson, Arm.Kind.AFTER, first, "success")
    # Lost to infrastructure after the change: it says nothing against it.
    judge(lesson, Arm.Kind.BEFORE, second, "success")
    judge(lesson, Arm.Kind.AFTER, third, "success")
    lesson = settled(lesson)
    assert (lesson.result["before"], lesson.result["after"]) == ([1, 1], [1, 1])
    assert lesson.status == Lesson.Status.KEPT


def test_a_change_that_loses_a_task_is_dropped_with_its_reason(change: Any) -> None:
    lesson, (first, *_) = change
    judge(lesson, Arm.Kind.BEFORE, first, "success")
    judge(lesson, Arm.Kind.AFTER, first, "failure")
    lesson = settled(lesson)
    assert lesson.status == Lesson.Status.REFUTED
    assert lesson.message == "Fewer tasks succeed with it: 1 of 1 before, 0 of 1 after."
    assert not Candidate.objects.exists()


def test_a_change_that_wins_nothing_either_way_is_untested(change: Any) -> None:
    lesson, (first, *_) = change
    judge(lesson, Arm.Kind.BEFORE, first, "failure")
    judge(lesson, Arm.Kind.AFTER, first, "failure")
    lesson = settled(lesson)
    assert lesson.status == Lesson.Status.UNTESTED
    assert lesson.message.startswith("None of 1 tried task succeeds before or after")
    assert not Candidate.objects.exists()


def test_a_change_nobody_could_judge_does_not_go_to_review(change: Any) -> None:
    lesson = settled(change[0])
    assert lesson.status == Lesson.Status.UNTESTED
    assert "No task was judged both before and after it: " in lesson.message
    assert "it does not go to review" in lesson.message
    assert not Candidate.objects.exists()


def lost(run: Run, task: Any, arms: int) -> None:
    """One practice attempt and one trial per lesson, each lost."""
    AttemptFactory(task=task, label="failure")
    for number in range(arms):
        arm = Arm.objects.create(run=run, kind=Arm.Kind.LESSON, name=f"Lesson {number}")
        AttemptFactory(task=task, arm=arm, label="failure")


@pytest.mark.parametrize(("arms", "is_hard"), [(1, False), (2, True), (4, True)])
def test_a_task_lost_three_times_is_too_hard(workspace: Any, arms: int, is_hard: bool) -> None:
    task = TaskFactory(round=RoundFactory(run=RunFactory(workspace=workspace)))
    run = task.round.run
    lost(run, task, arms)
    number = task.round.number
    assert trials.too_hard(run, number) == ([task.instruction] if is_hard else [])
    assert trials.too_hard(run, number + 1) == []


def test_the_next_round_begins_from_something_easier_than_a_task_that_was_too_hard(
    shop: Any, ada: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    hard = "Get an order with its items."
    monkeypatch.setattr(trials, "too_hard", lambda run, round_: [hard] if round_ == 1 else [])
    run = driven(started(shop, ada, rounds=2, tasks=3, switches=Switches(verify="lite")))
    first, second = (round_.briefing["steering"] for round_ in run.rounds.all())
    assert (first["difficulty"], first["seed_tasks"]) == ("", [])
    assert (second["difficulty"], second["seed_tasks"]) == ("easier", [hard])
    revised = run.rounds.get(number=2).tasks.filter(rationale=f"From the seed task: {hard}")
    assert revised.filter(drop_reason="").count() == 1
