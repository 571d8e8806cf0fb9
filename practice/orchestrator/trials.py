"""Trials: attempts under an arm, and what a lesson's trials say of it.

Source: DAEDALUS (arXiv 2610.08048), verified lessons: a lesson is kept after two (lite) or three
(strict) wins in a row of a solver that has it in context, each from a reset environment, and the
same task is tried once without it (``practice.domain.verification``). A trial lost to
infrastructure says nothing: such a lesson is put up for review as untested.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import Count, Q, QuerySet
from django.utils import timezone

from memoryapp.domain.playbook import Delta, DeltaRefused, Playbook, apply
from memoryapp.services import candidates
from practice.agents.rules import goals
from practice.agents.rules.documents import failure
from practice.domain import verification
from practice.domain.consolidation import Counts, worth_keeping
from practice.domain.rounds import Stage
from practice.domain.types import Json
from practice.domain.verification import Ruling
from practice.models import Arm, Attempt, Lesson, Run, Unit
from practice.orchestrator.evidence import origin_of, scores_of, sources_of, trail_of
from practice.orchestrator.frozen import freeze, thaw
from practice.orchestrator.results import Result, queue

WINS = {"lite": 2, "strict": 3}
#: losses after which a task is too hard to learn from.
HARD = 3
_STATUS = {
    Ruling.KEPT: Lesson.Status.KEPT,
    Ruling.REFUTED: Lesson.Status.REFUTED,
    Ruling.NEEDLESS: Lesson.Status.UNTESTED,
    Ruling.UNCLEAR: Lesson.Status.UNTESTED,
}


def memory_of(attempt: Attempt) -> Playbook:
    """The playbook an attempt is given: its arm's, or what the round began with."""
    return thaw(attempt.arm.playbook if attempt.arm else attempt.task.round.playbook)


def rules_of(attempt: Attempt) -> tuple[Json, ...]:
    """The rules of the bullets an attempt is given."""
    return tuple(b.rule for b in memory_of(attempt).live if b.rule)


def put_to_test(
    run: Run, attempt: Attempt, playbook: Playbook, deltas: Sequence[Delta], validator: str
) -> None:
    """Store what an attempt taught as lessons under test, and begin the first trial of each."""
    round_ = attempt.task.round.number
    for delta in deltas:
        twin = run.lessons.filter(
            op=delta.op.value, content=delta.content, targets=list(delta.targets)
        ).first()
        if twin is not None:
            if twin.status in {Lesson.Status.KEPT, Lesson.Status.UNTESTED}:
                _submit(twin, attempt)
            continue
        lesson = Lesson.objects.create(
            run=run,
            round=round_,
            number=run.lessons.filter(round=round_, kind=Lesson.Kind.LEARNED).count() + 1,
            attempt=attempt,
            kind=Lesson.Kind.LEARNED,
            wins_needed=WINS[run.frozen.verify],
            result={"wins": 0, "trials": 0, "validator": validator},
            **_columns(delta),
        )
        _begin(lesson, attempt, playbook, delta)


def _columns(delta: Delta) -> dict[str, Any]:
    return {
        "op": delta.op.value,
        "section": delta.section,
        "content": delta.content,
        "rule": dict(delta.rule) if delta.rule is not None else None,
        "targets": list(delta.targets),
        "reason": delta.reason,
        "evidence": list(delta.evidence),
    }


def _begin(lesson: Lesson, attempt: Attempt, playbook: Playbook, delta: Delta) -> None:
    try:
        after = apply(playbook, delta)
    except DeltaRefused as refusal:
        _settle(lesson, Lesson.Status.REFUTED, str(refusal))
        return
    if attempt.label == Attempt.Label.SUCCESS and not attempt.error_count:
        # The task was won at the first go: winning it again with the lesson would show nothing.
        lesson.result = {**lesson.result, "not_needed": True}
        why = "Its task was already won without it, so no trial could show that it matters."
        _settle(lesson, Lesson.Status.UNTESTED, why)
        _submit(lesson, attempt)
        return
    sides = (
        (Arm.Kind.LESSON, f"Lesson {lesson.pk}", after),
        (Arm.Kind.BEFORE, f"Without lesson {lesson.pk}", playbook),
    )
    for kind, name, memory in sides:
        arm = Arm.objects.create(
            run=lesson.run, lesson=lesson, kind=kind, name=name, playbook=freeze(memory.live)
        )
        _queue_trials(lesson, [Attempt(task=attempt.task, run=lesson.run, arm=arm, number=1)])


def _queue_trials(lesson: Lesson, trials: Sequence[Attempt]) -> None:
    made = Attempt.objects.bulk_create(trials)
    queue(lesson.run, lesson.round, Stage.SOLVE, [trial.pk for trial in made])


def judged(attempt: Attempt) -> None:
    """Go on with the lesson whose trial was just judged. The caller holds the transaction."""
    if attempt.arm is None or attempt.arm.lesson_id is None:
        return
    lesson = Lesson.objects.select_for_update(no_key=True).get(arms=attempt.arm)
    if lesson.kind != Lesson.Kind.LEARNED or lesson.status != Lesson.Status.TESTING:
        return
    won = attempt.label == Attempt.Label.SUCCESS
    if attempt.arm.kind == Arm.Kind.LESSON:
        wins, tried = lesson.result["wins"] + won, lesson.result["trials"] + 1
        lesson.result = {**lesson.result, "wins": wins, "trials": tried}
        if won and wins < lesson.wins_needed:
            again = Attempt(
                task_id=attempt.task_id, run=lesson.run, arm=attempt.arm, number=attempt.number + 1
            )
            _queue_trials(lesson, [again])
    else:
        lesson.result = {**lesson.result, "without": attempt.label}
    lesson.save(update_fields=["result"])
    if "without" in lesson.result:
        _decide(lesson)


def _decide(lesson: Lesson) -> None:
    """Settle a lesson if its trials, and its own task without it, say enough."""
    source = lesson.attempt
    assert source is not None
    judged_trials = list(
        Attempt.objects.filter(arm__lesson=lesson)
        .exclude(label="")
        .select_related("arm")
        .order_by("number")
    )
    tried = [trial for trial in judged_trials if trial.arm and trial.arm.kind == Arm.Kind.LESSON]
    without = next((trial for trial in judged_trials if trial not in tried), source)
    cited = set(lesson.evidence)
    made = [
        verification.mistake(step.tool, error)
        for step in source.as_trajectory().steps
        if step.number in cited and (error := failure(step))
    ]
    about = None if _is_asked_for(lesson, source) else verification.subject(made)
    ruled = verification.rule(
        lesson.wins_needed, [_as_trial(t) for t in tried], _as_trial(without), about
    )
    if ruled is None:
        return
    ruling, why = ruled
    _settle(lesson, _STATUS[ruling], why)
    if ruling is not Ruling.REFUTED:
        _submit(lesson, source)


def _is_asked_for(lesson: Lesson, source: Attempt) -> bool:
    """Whether the task itself names a value that the lesson says is refused.

    An agent tries what it was asked for, whatever it knows: making the mistake again says nothing.
    """
    rule = lesson.rule or {}
    if rule.get("kind") != "enum":
        return False
    tools = {rule.get("tool"), *rule.get("tools", ())}
    names = {rule.get("parameter"), *rule.get("also", ())}
    return any(
        value not in rule["values"]
        for call in goals.calls(source.task.as_spec())
        if call["tool"] in tools
        for name, value in dict(call.get("arguments", {})).items()
        if name in names
    )


def _as_trial(attempt: Attempt) -> verification.Trial:
    return verification.Trial(
        won=attempt.label == Attempt.Label.SUCCESS,
        mistakes=tuple(
            verification.mistake(step.tool, error)
            for step in attempt.as_trajectory().steps
            if (error := failure(step))
        ),
        reason=attempt.completion_reason or attempt.feasibility_reason,
    )


def settle(unit: Unit, run: Run) -> Result:
    """Decide what is still open after the barrier: no more of it will be judged."""

    def store() -> None:
        of_the_round = run.lessons.filter(round=unit.round)
        settle_open(of_the_round, "the others were lost to the environment or the model")

    return Result(store)


def settle_open(lessons: QuerySet[Lesson], why: str) -> None:
    """Decide on lessons that are still under test by what was judged; ``why`` it is no more."""
    for lesson in lessons.filter(status=Lesson.Status.TESTING):
        if lesson.kind == Lesson.Kind.CONSOLIDATION:
            _settle_change(lesson, why)
            continue
        # Its own task was lost to the environment: what it was learned from stands for it.
        _decide(lesson)
        if lesson.status == Lesson.Status.TESTING:
            done = f"{lesson.result['wins']} of {lesson.wins_needed} trials were judged"
            _settle(lesson, Lesson.Status.UNTESTED, f"{done}; {why}.")
            assert lesson.attempt is not None
            _submit(lesson, lesson.attempt)


def propose_change(
    run: Run, round_: int, before: Playbook, delta: Delta, tasks: Sequence[Any]
) -> None:
    """Store a consolidation proposal and try sample tasks before and after it."""
    number = run.lessons.filter(round=round_, kind=Lesson.Kind.CONSOLIDATION).count() + 1
    lesson = Lesson.objects.create(
        run=run,
        round=round_,
        number=number,
        kind=Lesson.Kind.CONSOLIDATION,
        **_columns(delta),
    )
    after = apply(before, delta)
    for kind, playbook in ((Arm.Kind.BEFORE, before), (Arm.Kind.AFTER, after)):
        arm = Arm.objects.create(
            run=run,
            lesson=lesson,
            kind=kind,
            name=f"{kind.label}, proposal {lesson.pk}",
            playbook=freeze(playbook.live),
        )
        _queue_trials(lesson, [Attempt(task=task, run=run, arm=arm, number=1) for task in tasks])


def _settle_change(lesson: Lesson, lost: str) -> None:
    """Decide on a consolidation.

    Only one that was measured goes to review: nobody can tell by reading it whether the agent
    needed what it takes away.
    """
    before, after = _both_sides(lesson)
    lesson.result = {
        "before": [before.wins, before.trials],
        "after": [after.wins, after.trials],
        "calls": [before.calls, after.calls],
    }
    if not before.trials:
        tried = Attempt.objects.filter(arm__lesson=lesson).exists()
        why = lost if tried else "no practised task touches it"
        _unmeasured(lesson, f"No task was judged both before and after it: {why}.")
    elif not before.wins and not after.wins:
        tasks = f"{before.trials} tried {'task' if before.trials == 1 else 'tasks'}"
        _unmeasured(lesson, f"None of {tasks} succeeds before or after it.")
    else:
        kept, why = worth_keeping(before, after)
        _settle(lesson, Lesson.Status.KEPT if kept else Lesson.Status.REFUTED, why)
        if kept:
            _submit(lesson, None)


def _unmeasured(lesson: Lesson, why: str) -> None:
    said = f"{why} Nothing is known of it, so it does not go to review; a later run tries it again."
    _settle(lesson, Lesson.Status.UNTESTED, said)


def _both_sides(lesson: Lesson) -> tuple[Counts, Counts]:
    """What the trials before and after a change add up to, over the tasks judged on both sides."""
    rows = Attempt.objects.filter(arm__lesson=lesson).exclude(label="")
    sides: dict[str, dict[int, tuple[bool, int]]] = {Arm.Kind.BEFORE: {}, Arm.Kind.AFTER: {}}
    for kind, task, label, steps in rows.values_list("arm__kind", "task_id", "label", "step_count"):
        sides[kind][task] = (label == Attempt.Label.SUCCESS, steps)
    shared = sides[Arm.Kind.BEFORE].keys() & sides[Arm.Kind.AFTER].keys()
    before, after = (
        Counts(
            wins=sum(side[task][0] for task in shared),
            trials=len(shared),
            calls=sum(side[task][1] for task in shared),
        )
        for side in (sides[Arm.Kind.BEFORE], sides[Arm.Kind.AFTER])
    )
    return before, after


def too_hard(run: Run, round_: int) -> list[str]:
    """Instructions of a round's feasible tasks that practice and trials lost ``HARD`` times.

    No lesson learned from them proved itself, so they are to be begun again from something easier.
    """
    lost = run.attempts.filter(
        Q(arm=None) | Q(arm__kind=Arm.Kind.LESSON),
        task__round__number=round_,
        label=Attempt.Label.FAILURE,
    )
    counted = lost.values("task").annotate(losses=Count("pk")).filter(losses__gte=HARD)
    return list(counted.order_by("task").values_list("task__instruction", flat=True))


def _settle(lesson: Lesson, status: str, message: str) -> None:
    lesson.status, lesson.message, lesson.settled_at = status, message, timezone.now()
    lesson.save(update_fields=["status", "message", "settled_at", "result"])


def _submit(lesson: Lesson, attempt: Attempt | None) -> None:
    """Put a lesson up for review with what its trials said."""
    delta = lesson.as_delta()
    run = lesson.run
    scores: dict[str, Any] = {"verified": {**lesson.result, "status": lesson.status}}
    sources: list[candidates.Source] = []
    trails: list[candidates.Steps] = []
    trajectory = None
    if attempt is not None:
        validator = str(lesson.result.get("validator", ""))
        scores |= scores_of(attempt, validator)
        trajectory = attempt.as_trajectory()
        sources = sources_of(attempt, trajectory, delta.evidence)
        trails = [trail_of(attempt, trajectory)]
    lesson.candidate = candidates.candidate_submit(
        playbook_id=run.playbook_id,
        delta=delta,
        origin=origin_of(run, trajectory),
        sources=[*sources, *_trial_sources(lesson)],
        scores=scores,
        trails=trails,
    )
    lesson.save(update_fields=["candidate"])


def _trial_sources(lesson: Lesson) -> list[candidates.Source]:
    """One line per judged trial, so that a reviewer can look at each."""
    rows = Attempt.objects.filter(arm__lesson=lesson).exclude(label="")
    return [
        candidates.Source(
            kind="trial",
            link=trial.get_absolute_url(),
            group=f"{trial.arm}",
            number=place,
            tool="",
            arguments={},
            excerpt=trial.completion_reason or trial.feasibility_reason,
            is_error=trial.label != Attempt.Label.SUCCESS,
            duration_ms=trial.duration_ms,
        )
        for place, trial in enumerate(rows.select_related("arm").order_by("pk"), start=1)
    ]
