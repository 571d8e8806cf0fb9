"""Verified lessons: what practice learns has to win before it is asked for in review."""

from __future__ import annotations

from typing import Any

import pytest

from memoryapp.models import Candidate
from memoryapp.services.candidates import candidate_approve
from practice.agents.ports import EnvironmentUnavailable
from practice.models import Arm, Attempt, Environment, Lesson, PracticeRecord, Step
from practice.orchestrator import rehearsal, trials, worlds
from practice.services.switches import Switches
from tests.practice.runs import driven, started
from tests.practice.shops import open_shop

pytestmark = pytest.mark.django_db


@pytest.fixture
def desk(workspace: Any, monkeypatch: pytest.MonkeyPatch) -> Environment:
    return open_shop(workspace, monkeypatch)


def trials_of(lesson: Lesson, **more: Any) -> list[Attempt]:
    return list(Attempt.objects.filter(arm__lesson=lesson, **more).order_by("pk"))


def test_it_asks_for_review_only_of_what_won_twice_in_a_row(desk: Any, ada: Any) -> None:
    run = driven(started(desk, ada, rounds=1, tasks=6, switches=Switches(verify="lite")))
    assert (run.status, run.message) == ("finished", "")
    lessons = list(run.lessons.all())
    assert lessons
    assert {lesson.status for lesson in lessons} <= {"kept", "refuted", "untested"}
    kept = [lesson for lesson in lessons if lesson.status == Lesson.Status.KEPT]
    assert kept
    for lesson in kept:
        tried = trials_of(lesson, arm__kind=Arm.Kind.LESSON)
        assert [trial.label for trial in tried] == ["success", "success"]
        (without,) = trials_of(lesson, arm__kind=Arm.Kind.BEFORE)
        assert without.label == "failure" or without.error_count > max(t.error_count for t in tried)
        assert lesson.candidate is not None
    for lesson in lessons:
        if lesson.status == Lesson.Status.REFUTED:
            assert lesson.candidate is None
            assert lesson.message
    waiting = Candidate.objects.filter(playbook=run.playbook)
    assert {c.pk for c in waiting} == {le.candidate_id for le in lessons if le.candidate_id}


def test_a_trial_is_no_practice(desk: Any, ada: Any) -> None:
    run = driven(started(desk, ada, rounds=1, tasks=6, switches=Switches(verify="lite")))
    trials = run.attempts.exclude(arm=None)
    assert trials.exists()
    assert PracticeRecord.objects.filter(run=run).count() == 6
    assert set(trials.values_list("status", flat=True)) == {"validated"}
    assert not trials.filter(is_representative=True).exists()


def test_the_wins_are_counted_on_the_bullet_apart_from_votes(desk: Any, ada: Any) -> None:
    run = driven(started(desk, ada, rounds=1, tasks=6, switches=Switches(verify="strict")))
    lesson = run.lessons.filter(status=Lesson.Status.KEPT).first()
    assert lesson is not None
    assert lesson.result["wins"] == lesson.wins_needed == 3
    assert lesson.candidate is not None
    candidate_approve(candidate=lesson.candidate, by=ada)
    bullet = run.playbook.bullets.get()
    assert (bullet.verified_wins, bullet.verified_losses) == (3, 0)
    assert bullet.practice_helpful == 0


def test_the_trials_are_evidence_a_reviewer_can_open(desk: Any, ada: Any) -> None:
    run = driven(started(desk, ada, rounds=1, tasks=6, switches=Switches(verify="lite")))
    lesson = run.lessons.filter(status=Lesson.Status.KEPT).first()
    assert lesson is not None
    assert lesson.candidate is not None
    links = set(lesson.candidate.evidence.filter(kind="trial").values_list("link", flat=True))
    assert links == {trial.get_absolute_url() for trial in trials_of(lesson)}


def test_a_lesson_whose_trials_were_lost_is_untested_and_never_refuted(
    desk: Any, ada: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = worlds.world_of

    def down_for_trials(*given: Any) -> Any:
        if Arm.objects.filter(kind=Arm.Kind.LESSON).exists():
            raise EnvironmentUnavailable("The server is gone.")
        return real(*given)

    monkeypatch.setattr(rehearsal, "world_of", down_for_trials)
    run = driven(started(desk, ada, rounds=1, tasks=6, switches=Switches(verify="lite")))
    assert run.status == "finished"
    assert set(run.lessons.values_list("status", flat=True)) == {"untested"}
    assert all(lesson.candidate for lesson in run.lessons.all())


def kept(desk: Any, ada: Any) -> tuple[Lesson, Attempt, Step]:
    """A lesson that won its trials, where it was learned, and the first step it cites."""
    run = driven(started(desk, ada, rounds=1, tasks=6, switches=Switches(verify="lite")))
    lesson = run.lessons.filter(status=Lesson.Status.KEPT).first()
    assert lesson is not None
    source = lesson.attempt
    assert source is not None
    first = next(s for s in source.steps.order_by("number") if s.number in lesson.evidence)
    return lesson, source, first


def test_a_lesson_is_not_refuted_by_what_failed_after_its_own_mistake_was_mended(
    desk: Any, ada: Any
) -> None:
    lesson, source, first = kept(desk, ada)
    mended = {"observation": '{"error": "no_stock", "message": "Nothing left."}', "is_error": True}
    later = source.steps.filter(tool=first.tool, number__gt=first.number).last()
    assert later is not None
    source.steps.filter(pk=later.pk).update(**mended)
    for trial in trials_of(lesson, arm__kind=Arm.Kind.LESSON):
        trial.steps.filter(tool=first.tool).update(**mended)
    lesson.evidence = [*lesson.evidence, later.number]
    lesson.status = Lesson.Status.TESTING
    lesson.save()
    trials._decide(lesson)
    assert lesson.status != Lesson.Status.REFUTED, lesson.message


def test_a_task_that_asks_for_a_refused_value_does_not_refute_what_says_so(
    desk: Any, ada: Any
) -> None:
    lesson, source, first = kept(desk, ada)
    for trial in trials_of(lesson, arm__kind=Arm.Kind.LESSON):
        trial.steps.filter(number=1).update(
            tool=first.tool, observation=first.observation, is_error=True
        )
    trials._decide(lesson)
    assert lesson.status == Lesson.Status.REFUTED
    lesson.rule = {"kind": "enum", "tool": first.tool, "parameter": "kind", "values": ["one"]}
    source.task.goal = {"calls": [{"tool": first.tool, "arguments": {"kind": "another"}}]}
    source.task.save()
    trials._decide(lesson)
    assert lesson.status != Lesson.Status.REFUTED
