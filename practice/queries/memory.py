"""Proposer memory in numbers and values: each function is one query, however long the history."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from datetime import datetime

from django.db import connection
from django.db.models import (
    BooleanField,
    Count,
    Exists,
    F,
    Func,
    Max,
    OuterRef,
    Q,
    QuerySet,
    Sum,
)

from practice.domain.memory import PairCounts
from practice.domain.rounds import UNFINISHED, RunKind
from practice.domain.types import Category, Fact, HistoryCounts, PracticeRecord, ToolCounts
from practice.models import (
    Environment,
    EnvironmentFact,
    EnvironmentTool,
    Round,
    Steering,
    ToolTally,
)

#: the newest records novelty compares with; what is older than that may come again.
PAST_LIMIT = 2_000
#: the freshest facts that are weighed against each other.
FACTS_WEIGHED = 2_000

# A call is [tool, failed] or [tool, failed, attempt]. Tasks kept for experiments are not practice.
_CALLS = """
    SELECT r.id AS record, r.category = 'infeasible' AS infeasible,
        c.value ->> 0 AS tool, NOT (c.value ->> 1)::boolean AS worked,
        COALESCE(c.value ->> 2, '1') AS attempt, c.place
    FROM practice_practicerecord r
    JOIN practice_practicetask t ON t.id = r.task_id AND NOT t.is_held_out
    CROSS JOIN LATERAL jsonb_array_elements(r.calls) WITH ORDINALITY AS c (value, place)
    WHERE r.environment_id = %s
"""
#: what a tally sums, in the order of ``ToolCounts``.
_COUNTED = ("practised", "worked", "feasible_worked", "infeasible")
_COUNTS = """
    COUNT(*), COUNT(*) FILTER (WHERE worked), COUNT(*) FILTER (WHERE worked AND NOT infeasible),
    COUNT(*) FILTER (WHERE infeasible)
"""
_PAIRS = f"""
    WITH calls AS ({_CALLS}), spans AS (
        SELECT record, infeasible, attempt, tool, MIN(place) AS first_call, MAX(place) AS last_call,
            MIN(place) FILTER (WHERE worked) AS first_good,
            MAX(place) FILTER (WHERE worked) AS last_good
        FROM calls GROUP BY record, infeasible, attempt, tool
    ), ran AS (
        SELECT a.record, a.infeasible, a.tool AS before, b.tool AS after,
            BOOL_OR(COALESCE(a.first_good < b.last_good, FALSE)) AS worked
        FROM spans a JOIN spans b ON b.record = a.record AND b.attempt = a.attempt
            AND b.tool <> a.tool AND a.first_call < b.last_call
        GROUP BY a.record, a.infeasible, a.tool, b.tool
    )
    SELECT before, after, {_COUNTS} FROM ran GROUP BY before, after
"""


@dataclass(frozen=True, slots=True)
class ToolPractice:
    """How often a tool was practised, in tasks, and when a call of it worked last."""

    counts: ToolCounts
    worked_at: datetime | None = None


def tool_practice(environment: Environment) -> dict[str, ToolPractice]:
    """Executed tools with what practice saw of them, from counts that are kept."""
    summed = (
        ToolTally.objects.filter(environment=environment)
        .order_by()
        .values_list("tool")
        .annotate(*(Sum(name) for name in _COUNTED), Max("worked_at"))
    )
    return {
        tool: ToolPractice(ToolCounts(tool, *counts), worked_at)
        for tool, *counts, worked_at in summed
        if counts[0]
    }


def tool_counts(environment: Environment) -> dict[str, ToolCounts]:
    """Executed tools with how often they were practised, in tasks."""
    return {tool: seen.counts for tool, seen in tool_practice(environment).items()}


def pair_counts(environment: Environment) -> list[PairCounts]:
    """Pairs of tools that ran in one attempt in this order, in tasks, most practised first."""
    with connection.cursor() as cursor:
        cursor.execute(_PAIRS, [environment.pk])
        found = [PairCounts(*row) for row in cursor.fetchall()]
    return sorted(found, key=lambda pair: (-pair.practised, pair.first, pair.second))


def history_counts(environment: Environment) -> HistoryCounts:
    """All of the environment's practice in numbers; two queries."""
    rows = (
        environment.practice_records.filter(task__is_held_out=False)
        .order_by()
        .values_list("category")
        .annotate(total=Count("pk"))
    )
    categories = {Category(category): total for category, total in rows}
    return HistoryCounts(
        total=sum(categories.values()),
        categories=categories,
        tools=tool_counts(environment),
    )


def newest_records(environment: Environment, *, limit: int) -> tuple[PracticeRecord, ...]:
    """The newest practice records as values, oldest first."""
    rows = (
        environment.practice_records.filter(task__is_held_out=False)
        .annotate(outdated=Exists(_changed_since()))
        .order_by("-pk")
        .values_list(
            "task__instruction",
            "category",
            "task__intended_tools",
            "used_tools",
            "reason",
            "task__round__number",
            "calls",
            "task__goal",
            "outdated",
        )[:limit]
    )
    found = [
        PracticeRecord(
            instruction=instruction,
            category=Category(category),
            intended_tools=tuple(intended),
            used_tools=tuple(used),
            reason=reason,
            round=number,
            calls=tuple((call[0], bool(call[1])) for call in calls),
            goal=goal,
            outdated=outdated,
        )
        for instruction, category, intended, used, reason, number, calls, goal, outdated in rows
    ]
    return tuple(reversed(found))


def _changed_since() -> QuerySet[EnvironmentTool]:
    """The tools for which a record no longer says how a task goes.

    Those its task is about that were described anew since, and those it called that are gone: what
    had to come first may have another name now.
    """
    again = Q(_names("task__intended_tools"), changed_at__gt=OuterRef("created_at"))
    gone = Q(_names("used_tools"), is_present=False)
    return EnvironmentTool.objects.filter(again | gone, environment=OuterRef("environment"))


def _names(column: str) -> Func:
    """Whether a list of the record holds the name of the tool."""
    return Func(OuterRef(column), F("name"), function="jsonb_exists", output_field=BooleanField())


def round_starts(environment: Environment) -> list[datetime]:
    """When the environment's rounds of practice began, earliest first."""
    rows = Round.objects.filter(run__environment=environment)
    practised = rows.exclude(run__kind=RunKind.EXPERIMENT).order_by("started_at")
    return list(practised.values_list("started_at", flat=True))


def as_fact(row: EnvironmentFact, starts: list[datetime]) -> Fact:
    """A fact as the proposer weighs it. ``starts`` are the ``round_starts``.

    Its age is how many rounds began after the one that showed it last.
    """
    began_since = len(starts) - bisect_right(starts, row.last_seen_at)
    return Fact(
        text=row.text,
        source_task=row.task.instruction,
        data=row.data,
        tools=tuple(row.tools),
        seen=row.seen_count,
        age=began_since,
    )


def facts_in_use(environment: Environment) -> QuerySet[EnvironmentFact]:
    """Facts nobody excluded, freshest first. A proposer is shown those without ``orders``."""
    rows = environment.facts.filter(is_excluded=False).select_related("task")
    return rows.order_by("-last_seen_at", "-pk")


def open_steering(environment: Environment) -> QuerySet[Steering]:
    """Wishes for the next round, oldest first.

    A seed task whose task is being practised right now is not asked for a second time.
    """
    under_way = Q(kind=Steering.Kind.SEED_TASK, task__round__run__status__in=UNFINISHED)
    return environment.steering.standing().exclude(under_way)


def steering_rows(environment: Environment) -> QuerySet[Steering]:
    """Every wish with who and what, standing ones first, the newest of each first."""
    rows = environment.steering.select_related("created_by", "task__round__run")
    return rows.order_by(F("ended_at").desc(nulls_first=True), "-pk")
