"""What the page of one run shows, put together from its rows."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from math import ceil, log2
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from memoryapp.access import membership_of
from memoryapp.queries.origins import candidates_by_origin
from memoryapp.templatetags.charts import heat
from memoryapp.templatetags.formats import money
from memoryapp.views.links import changed, chips, parameter
from practice.models import Attempt, EnvironmentTool, Run
from practice.queries import costs, progress
from practice.queries.environments import why_off
from practice.views.plan_words import again, switched_on
from practice.views.run_lessons import lessons_context
from practice.views.states import shown_state

ATTEMPTS_SHOWN = 30
TROUBLE_SHOWN = 10
#: The label filter's word for attempts without a verdict.
OPEN = "open"

_PREFIX = re.compile(r"^(.+?[./:])(.+)$")


@dataclass(frozen=True, slots=True)
class HeatRow:
    """Calls of one tool per round. A ``None`` cell is a round to come."""

    name: str
    prefix: str
    rest: str
    starts_group: bool
    cells: tuple[tuple[int | None, bool], ...]
    total: int
    why_off: str

    @property
    def is_gap(self) -> bool:
        return not self.total


@dataclass(frozen=True, slots=True)
class HeatKey:
    level: str
    text: str


def run_context(request: HttpRequest, run: Run) -> dict[str, Any]:
    """Everything ``run_detail.html`` shows; the same for the page and for its refresh."""
    cells = progress.round_cells(run)
    begun = [cell.number for cell in cells if cell.done or cell.running]
    current = max(begun, default=1)
    series = progress.round_series(run)
    dropped = progress.dropped_by_round(run)
    trouble = progress.troubled_units(run)
    left = progress.time_left(run, timezone.now())
    membership = membership_of(request)
    page = run.get_absolute_url()
    proposed = candidates_by_origin(run.workspace, [page])[page]
    return {
        "run": run,
        "plan": run.frozen,
        "is_online": run.kind == Run.Kind.ONLINE,
        "switched_on": switched_on(run.frozen),
        "again_url": f"{reverse('run-start')}?{again(run)}",
        "silent": progress.silent_models(run),
        "seen": progress.fingerprint(run),
        "refresh_url": changed(request),
        "cells": cells,
        "cell_now": cells[current - 1] if cells else None,
        "current": current,
        "totals": progress.totals(run),
        "minutes_left": None if left is None else ceil(left / timedelta(minutes=1)),
        # Counts under names of their own: a template would ask a counter for the key "total".
        "proposed_count": proposed.total(),
        "waiting_count": proposed["pending"],
        "series": series,
        "series_round": len(series.practised),
        "entropy_top": round(log2(max(len(run.frozen.tools), 2)), 1),
        "dropped": dropped,
        "dropped_count": sum(len(tasks) for _, tasks in dropped),
        "seeds": progress.seed_outcomes(run),
        "trouble": list(trouble[:TROUBLE_SHOWN]),
        "trouble_count": trouble.count(),
        "may_review": membership.may_review,
        "may_edit": membership.may_edit,
        **_heat_map(run, current),
        **_attempts(request, run, current),
        **_cost(run),
        **lessons_context(request, run),
    }


def _heat_map(run: Run, current: int) -> dict[str, Any]:
    """Tool by round; tools the run may not use are listed too, with why."""
    calls = progress.calls_by_tool(run)
    offered = {tool.name: tool for tool in run.environment.tools.all()}
    allowed = run.frozen.tools
    rounds = range(1, run.frozen.rounds + 1)
    last = run.frozen.rounds if not run.is_unfinished else current
    rows: list[HeatRow] = []
    before = ""
    for name in sorted({*allowed, *offered, *calls}):
        counts = calls.get(name, Counter())
        parted = _PREFIX.match(name)
        prefix, rest = parted.groups() if parted else ("", name)
        rows.append(
            HeatRow(
                name=name,
                prefix=prefix,
                rest=rest,
                starts_group=bool(rows) and prefix != before,
                cells=tuple((counts[n] if n <= last else None, n == current) for n in rounds),
                total=counts.total(),
                why_off="" if name in allowed else _why_off(offered.get(name)),
            )
        )
        before = prefix
    most = max((count for row in rows for count, _ in row.cells if count), default=0)
    gaps = [row for row in rows if row.is_gap]
    return {
        "heat_rows": rows,
        "heat_most": most,
        "heat_keys": heat_keys(most),
        "tools_practised": len(rows) - len(gaps),
        "gaps_off": [row for row in gaps if row.why_off],
        "gaps_open": [row for row in gaps if not row.why_off],
    }


def _why_off(tool: EnvironmentTool | None) -> str:
    """Why a tool is not in the run's plan, as things stand now."""
    return (why_off(tool) if tool else "") or "Off when this run began."


def heat_keys(most: int) -> list[HeatKey]:
    """Say which counts each used heat level stands for, e.g. ``2 to 3``."""
    levels: dict[str, list[int]] = {}
    for value in range(1, most + 1):
        levels.setdefault(heat(value, most), []).append(value)
    return [
        HeatKey(level, str(values[0]) if len(values) == 1 else f"{values[0]} to {values[-1]}")
        for level, values in levels.items()
    ]


def _attempts(request: HttpRequest, run: Run, current: int) -> dict[str, Any]:
    """Attempts of the asked round (the newest unless asked), failures first."""
    asked = parameter(request, "round")
    number = int(asked) if asked.isdecimal() and 1 <= int(asked) <= run.frozen.rounds else current
    label = parameter(request, "label")
    practised = run.attempts.filter(arm=None, task__round__number=number)
    found = list(practised.select_related("task"))
    counts = Counter(attempt.label or OPEN for attempt in found)
    shown = [attempt for attempt in found if not label or (attempt.label or OPEN) == label]
    rows = sorted(shown, key=lambda a: (_ORDER.get(a.label or a.status, 3), a.pk))
    return {
        "round_shown": number,
        "briefing": run.rounds.filter(number=number).values_list("briefing", flat=True).first(),
        "round_chips": chips(request, "label", _LABELS, counts),
        "attempts": [(attempt, shown_state(attempt)) for attempt in rows[:ATTEMPTS_SHOWN]],
        "attempts_count": len(rows),
        "label": label,
        "round_links": [
            (n, changed(request, round=str(n), label="")) for n in range(1, current + 1)
        ],
    }


#: What needs a look comes first, what waits comes last.
_ORDER = {
    Attempt.Status.INFRASTRUCTURE_ERROR.value: 0,
    Attempt.Label.FAILURE.value: 1,
    Attempt.Label.INFEASIBLE.value: 2,
    Attempt.Label.SUCCESS.value: 4,
    Attempt.Status.QUEUED.value: 5,
}
_LABELS = [*Attempt.Label.choices, (OPEN, "Not judged")]


def _cost(run: Run) -> dict[str, Any]:
    """The ledger, what is spent of the budget, and where the run is heading at this pace."""
    roles = costs.by_role(run.ledger.all())
    total = costs.whole(roles)
    spent = total.known
    judged = run.attempts.filter(arm=None).exclude(label="").count()
    plan = run.frozen
    planned = plan.rounds * plan.tasks * plan.attempts
    expected = spent * planned / judged if judged and spent and run.is_unfinished else None
    return {
        "roles": roles,
        "spent": spent,
        "total": total,
        "most_role": max((role.total.known for role in roles), default=Decimal(0)),
        "tokens": sum(role.tokens for role in roles),
        "requests": sum(role.requests for role in roles),
        "expected": expected,
        "cost_label": f"{money(spent)} of {money(run.budget)}",
    }
