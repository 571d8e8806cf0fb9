"""What the rounds of a run brought so far, for the stop rule and the difficulty band."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from practice.domain.rounds import Stage
from practice.domain.stopping import RoundProgress
from practice.models import Attempt, Lesson, Run, Unit
from practice.queries.lessons import held_out_scores
from practice.queries.progress import candidates_by_round

#: tools whose reason is told where several were not practised.
MISSED_SAID = 3


def rounds_of(run: Run) -> list[RoundProgress]:
    """One entry per round with judged attempts, oldest first."""
    practice = run.attempts.filter(arm=None).exclude(label="")
    labels = Counter(practice.values_list("task__round__number", "label").order_by())
    numbers = sorted({number for number, _ in labels})
    tools = _new_tools(run, numbers)
    lessons = candidates_by_round(run)
    for number in run.lessons.filter(status=Lesson.Status.KEPT).values_list("round", flat=True):
        lessons[number] = max(lessons[number], 1)
    scores = {row.round: row.share for row in held_out_scores(run)}
    return [
        RoundProgress(
            number=number,
            new_tools=tools[number],
            new_lessons=lessons[number],
            feasible=sum(
                n for (r, label), n in labels.items() if r == number and label != _INFEASIBLE
            ),
            successes=labels[number, _SUCCESS],
            held_out=scores.get(number),
        )
        for number in numbers
    ]


def missed(run: Run) -> str:
    """Say which tools to be practised first no round had a task for, and why; or nothing."""
    told = list(run.rounds.order_by("number").values_list("briefing__not_practised", flat=True))
    if not told or not all(told):
        return ""
    # JSON in the database keeps no order: what the run itself asks for comes first.
    asked = dict.fromkeys([*run.frozen.focus, *sorted(told[-1])])
    tools = [tool for tool in asked if all(tool in each for each in told)]
    said = [f"{tool} was not practised: {told[-1][tool]}" for tool in tools[:MISSED_SAID]]
    more = [f"{len(tools) - MISSED_SAID} more were not either."] if tools[MISSED_SAID:] else []
    return " ".join([*said, *more])


def unlearned(run: Run) -> str:
    """Say how many admitted attempts could not be learned from, and why; or nothing."""
    lessons = run.units.filter(stage=Stage.LEARN)
    failed = lessons.filter(status=Unit.Status.FAILED).order_by("pk")
    reasons = list(failed.values_list("message", flat=True))
    if not reasons:
        return ""
    why = f"The first: {reasons[0]}" if len(reasons) > 1 else reasons[0]
    return f"{len(reasons)} of {lessons.count()} attempts could not be learned from. {why}"


_INFEASIBLE, _SUCCESS = Attempt.Label.INFEASIBLE, Attempt.Label.SUCCESS


def _new_tools(run: Run, numbers: Iterable[int]) -> Counter[int]:
    """Tools that no earlier round of this run had called, per round."""
    rows = run.records.values_list("task__round__number", "used_tools")
    used: dict[int, set[str]] = {}
    for number, tools in rows:
        used.setdefault(number, set()).update(tools)
    seen: set[str] = set()
    found = Counter[int]()
    for number in numbers:
        found[number] = len(used.get(number, set()) - seen)
        seen |= used.get(number, set())
    return found
