"""What the page of a run says of its trials: lessons, consolidation, and held-out scores."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest

from memoryapp.views.links import changed, chips, parameter
from practice.models import Arm, Attempt, Lesson, Run
from practice.queries.lessons import HeldOut, Target, held_out_scores, lessons_of, targets_of
from practice.views.states import shown_state

LESSONS_SHOWN = 10
#: Lessons under trial first, then what needs a look, then what was kept.
_ORDER = {
    Lesson.Status.TESTING: 0,
    Lesson.Status.REFUTED: 1,
    Lesson.Status.UNTESTED: 2,
    Lesson.Status.KEPT: 3,
}
#: What an arm's trials had in memory, as people say it.
_WITH_IT: Mapping[str, str] = {
    Arm.Kind.LESSON.value: "with it",
    Arm.Kind.BEFORE.value: "without it",
    Arm.Kind.AFTER.value: "with it",
}


@dataclass(frozen=True, slots=True)
class Side:
    """One side of a before and after. ``calls`` are tool calls of all its judged trials."""

    name: str
    wins: int
    trials: int
    calls: int


@dataclass(frozen=True, slots=True)
class LessonRow:
    """A lesson with its trials (attempt, state, with or without it), its bullets, its two sides."""

    lesson: Lesson
    trials: tuple[tuple[Attempt, Any, str], ...]
    targets: tuple[Target, ...]
    gone: tuple[str, ...]
    sides: tuple[Side, ...]

    @property
    def before(self) -> str:
        """The text an UPDATE rewords; empty for every other operation."""
        is_update = self.lesson.op == "UPDATE" and len(self.targets) == 1
        return self.targets[0].content if is_update else ""


def lessons_context(request: HttpRequest, run: Run) -> dict[str, Any]:
    """Lessons and proposals of a run, and its held-out scores.

    ``?lesson=status`` shows the lessons in one state, ``?lessons=all`` more than the first few.
    """
    found = list(lessons_of(run))
    targets = targets_of(run, found)
    asked = parameter(request, "lesson")
    learned = [one for one in found if one.kind == Lesson.Kind.LEARNED]
    changes = [one for one in found if one.kind == Lesson.Kind.CONSOLIDATION]
    shown = [one for one in learned if not asked or one.status == asked]
    counts = Counter(one.status for one in learned)
    scores = held_out_scores(run)
    limit = None if parameter(request, "lessons") == "all" else LESSONS_SHOWN
    return {
        "lesson_count": len(learned),
        "testing_count": sum(one.status == Lesson.Status.TESTING for one in found),
        "every_lesson_url": changed(request, lessons="all"),
        "lesson_chips": chips(request, "lesson", Lesson.Status.choices, counts),
        "lessons": _rows(shown, targets, limit),
        "lessons_matching": len(shown),
        "change_count": len(changes),
        "changes": _rows(changes, targets, limit),
        "changes_kept": sum(one.status == Lesson.Status.KEPT for one in changes),
        "held_out": scores,
        "held_out_shares": held_out_line(scores),
    }


def held_out_line(scores: Sequence[HeldOut]) -> list[int]:
    """Whole percents per round for the chart, or nothing where a round in between has no score.

    A line across a round whose trials were all lost would show a score nobody saw.
    """
    is_whole = [row.round for row in scores] == list(range(1, len(scores) + 1))
    return [round(row.share * 100) for row in scores] if is_whole else []


def _rows(
    lessons: Sequence[Lesson], targets: Mapping[str, Target], limit: int | None
) -> list[LessonRow]:
    ordered = sorted(lessons, key=lambda one: (_ORDER[Lesson.Status(one.status)], one.pk))
    return [_row(lesson, targets) for lesson in ordered[:limit]]


def _row(lesson: Lesson, targets: Mapping[str, Target]) -> LessonRow:
    trials = [trial for arm in lesson.arms.all() for trial in arm.attempts.all()]
    return LessonRow(
        lesson=lesson,
        trials=tuple(
            (t, shown_state(t), _WITH_IT[t.arm.kind] if t.arm else "")
            for t in sorted(trials, key=lambda t: t.pk)
        ),
        targets=tuple(targets[label] for label in lesson.targets if label in targets),
        gone=tuple(label for label in lesson.targets if label not in targets),
        sides=_sides(lesson, trials),
    )


def _sides(lesson: Lesson, trials: Sequence[Attempt]) -> tuple[Side, ...]:
    """Both sides of a consolidation proposal as far as they are judged."""
    if lesson.kind != Lesson.Kind.CONSOLIDATION:
        return ()
    found = []
    for kind, name in ((Arm.Kind.BEFORE, "Before"), (Arm.Kind.AFTER, "After")):
        judged = [t for t in trials if t.label and t.arm and t.arm.kind == kind]
        wins = sum(t.label == Attempt.Label.SUCCESS for t in judged)
        found.append(Side(name, wins, len(judged), sum(t.step_count for t in judged)))
    return tuple(found)
