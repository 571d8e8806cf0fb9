"""Two runs beside each other: what they were asked for, what came of it, round by round."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from math import ceil, log2
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from memoryapp.access import Right, gate, object_or_404, workspace_of
from memoryapp.domain.shares import sign
from memoryapp.models import Workspace
from memoryapp.queries.origins import candidates_by_origin
from memoryapp.templatetags.formats import count_of, duration, percent, points
from memoryapp.views.links import parameter
from practice.domain.prices import Total
from practice.forms import POLICIES
from practice.models import Run
from practice.queries import progress
from practice.queries.progress import RoundSeries
from practice.queries.runs import with_figures
from practice.templatetags.costs import total_short
from practice.views.plan_words import switched_on

#: runs offered to compare with, the newest ones.
OFFERED = 50


@dataclass(frozen=True, slots=True)
class Side:
    """One of two runs. ``run`` carries the figures of ``with_figures``."""

    run: Any
    series: RoundSeries
    calls: dict[str, int]
    proposed: Counter[str]

    @property
    def tools_called(self) -> int:
        """Where retention dropped the calls, as many as proposer memory keeps of the tasks."""
        if self.run.steps_dropped_at and self.series.tools:
            return self.series.tools[-1]
        return len(self.calls)

    @property
    def entropy(self) -> float:
        return self.series.entropy[-1] if self.series.entropy else 0.0

    def share(self, label: str) -> float | None:
        """Of the judged attempts."""
        return getattr(self.run, label) / self.run.judged if self.run.judged else None


@dataclass(frozen=True, slots=True)
class Line:
    """One figure or setting of both runs. ``change`` is from the right one to the left one."""

    name: str
    left: str
    right: str
    change: str = ""

    @property
    def differs(self) -> bool:
        return self.left != self.right


@require_safe
@gate(Right.READ)
def run_compare(request: HttpRequest, number: int) -> HttpResponse:
    """A run beside the one that ``with`` names, else the one before it in its environment."""
    workspace = workspace_of(request)
    runs = with_figures(
        Run.objects.practised()
        .filter(workspace=workspace)
        .select_related("workspace", "environment", "playbook", "snapshot")
    )
    run = object_or_404(runs, number=number)
    others = runs.exclude(pk=run.pk)
    other: Run | None
    asked = parameter(request, "with")
    if asked:
        known = int(asked) if asked.isdecimal() and len(asked) < 10 else 0
        other = object_or_404(others, number=known)
    else:
        earlier = others.filter(environment=run.environment, number__lt=number).first()
        other = earlier or others.first()
    context: dict[str, Any] = {
        "run": run,
        "other": other,
        "offered": _offered(workspace, run, other),
    }
    if other is not None:
        left, right = _side(run), _side(other)
        context |= {
            "sides": (left, right),
            "settings": _settings(run, other),
            "figures": _figures(left, right),
            "tools": _tools(left, right),
            "slots": max(run.frozen.rounds, other.frozen.rounds),
            "tools_top": max(len(run.frozen.tools), len(other.frozen.tools), 1),
            "entropy_top": _entropy_top(run, other),
            "infeasible_top": _top(left.series.infeasible, right.series.infeasible),
            "candidates_top": _top(left.series.candidates, right.series.candidates),
        }
    return render(request, "practice/run_compare.html", context)


def _offered(workspace: Workspace, run: Run, other: Run | None) -> list[tuple[int, str]]:
    """The newest runs there are besides, and the one that is shown."""
    others = Run.objects.practised().filter(workspace=workspace).exclude(pk=run.pk)
    rows = list(others.select_related("environment").defer("plan").order_by("-number")[:OFFERED])
    if other is not None and other not in rows:
        rows.append(other)
    return [(each.number, f"{each}, {each.environment.name}") for each in rows]


def _side(run: Any) -> Side:
    page = run.get_absolute_url()
    return Side(
        run=run,
        series=progress.round_series(run),
        calls={tool: counts.total() for tool, counts in progress.calls_by_tool(run).items()},
        proposed=candidates_by_origin(run.workspace, [page])[page],
    )


def _settings(*runs: Run) -> list[Line]:
    """What each was asked for, what differs first."""
    said = [
        {
            "Environment": run.environment.name,
            "Playbook": run.playbook.name,
            "Begins from": str(run.snapshot) if run.snapshot else "the environment as it is",
            "Engine": "rules, no model" if run.engine == "rules" else run.frozen.model,
            "Plan": _plan(run),
            "Learns from": dict(POLICIES).get(run.frozen.policy, run.frozen.policy),
            "Beyond the paper": ", ".join(switched_on(run.frozen)) or "nothing",
            "Tools turned on": f"{len(run.frozen.tools):,}",
            "Seed": str(run.seed),
        }
        for run in runs
    ]
    lines = [Line(name, said[0][name], said[1][name]) for name in said[0]]
    return sorted(lines, key=lambda line: not line.differs)


def _plan(run: Run) -> str:
    plan = run.frozen
    tried = f", {count_of(plan.attempts, 'attempt')} each" if plan.attempts > 1 else ""
    return f"{count_of(plan.rounds, 'round')} of {count_of(plan.tasks, 'task')}{tried}"


def _figures(left: Side, right: Side) -> list[Line]:
    lines = [_counted("Attempts judged", left.run.judged, right.run.judged)]
    for name, label in (
        ("Succeeded", "success"),
        ("Failed", "failure"),
        ("Infeasible", "infeasible"),
    ):
        one, two = left.share(label), right.share(label)
        change = points(one - two) if one is not None and two is not None else ""
        lines.append(Line(name, percent(one), percent(two), change))
    moved = left.entropy - right.entropy
    return [
        *lines,
        _counted("Tools called", left.tools_called, right.tools_called),
        Line(
            "Entropy of tools, bits",
            f"{left.entropy:.2f}",
            f"{right.entropy:.2f}",
            f"{sign(moved)}{abs(moved):.2f}",
        ),
        _counted("Candidates proposed", left.proposed.total(), right.proposed.total()),
        _counted("Approved so far", left.proposed["approved"], right.proposed["approved"]),
        Line("Cost", _cost(left.run), _cost(right.run)),
        Line("Time", _took(left.run), _took(right.run)),
    ]


def _counted(name: str, left: int, right: int) -> Line:
    return Line(name, f"{left:,}", f"{right:,}", f"{sign(left - right)}{abs(left - right):,}")


def _cost(run: Any) -> str:
    return total_short(Total(run.cost or Decimal(0), run.unpriced or 0))


def _took(run: Run) -> str:
    if run.ended_at is None:
        return "not ended"
    return duration((run.ended_at - run.started_at).total_seconds() * 1000)


def _tools(left: Side, right: Side) -> list[tuple[str, int, int]]:
    """Tool and calls of both, what only one of them called first, then the largest difference."""
    rows = [
        (name, left.calls.get(name, 0), right.calls.get(name, 0))
        for name in sorted({*left.calls, *right.calls})
    ]
    return sorted(rows, key=lambda row: (bool(row[1]) == bool(row[2]), -abs(row[1] - row[2])))


def _entropy_top(*runs: Run) -> float:
    return round(log2(max(2, *(len(run.frozen.tools) for run in runs))), 1)


def _top(*series: Sequence[float]) -> int:
    """One axis for both: a chart beside another one is read against it."""
    return ceil(max((value for values in series for value in values), default=0)) or 1
