"""Analytics: what happened per day, each figure a link to the rows behind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from memoryapp.access import Right, gate, workspace_of
from memoryapp.domain.playbook import LIVE
from memoryapp.models import Tally, Workspace
from memoryapp.queries import trends as memory_trends
from memoryapp.queries.browsing import IN_USE
from memoryapp.queries.use import FRESH, HELD
from memoryapp.views.links import Chip, htmx_of, parameter, render_part, with_query
from practice.queries import trends
from practice.queries.environments import covered

DAYS = (7, 30, 90)
#: environments whose coverage Overview shows: as many as are no higher than a chart.
COVERED_SHOWN = 4


@dataclass(frozen=True, slots=True)
class Series:
    """One line of a chart: its name and the color role it is drawn in."""

    name: str
    tone: str


@dataclass(frozen=True, slots=True)
class Point:
    """One day: a value per series, the address of its rows, and that of each series' own rows."""

    day: date
    values: Sequence[Any]
    url: str
    urls: Sequence[str]

    @property
    def cells(self) -> list[tuple[Any, str]]:
        return list(zip(self.values, self.urls, strict=True))


@dataclass(frozen=True, slots=True)
class Chart:
    """A figure per day, drawn by scripts over the table that says the same.

    Where all figures are 0 the page says ``nothing`` and offers ``action``, a word and an address.
    """

    key: str
    title: str
    url: str
    series: Sequence[Series]
    points: Sequence[Point]
    nothing: str
    action: tuple[str, str]
    unit: str = ""

    @property
    def is_empty(self) -> bool:
        return not any(any(point.values) for point in self.points)

    @property
    def totals(self) -> list[Any]:
        return [sum(p.values[at] for p in self.points) for at in range(len(self.series))]


def last_days(request: HttpRequest) -> int:
    """How many days the reader asked for: 7, 30 or 90."""
    asked = parameter(request, "days")
    return int(asked) if asked in map(str, DAYS) else 30


@require_safe
@gate(Right.READ)
def analytics_page(request: HttpRequest) -> HttpResponse:
    """All charts; as a fragment, what Overview shows of them, and coverage."""
    workspace, days = workspace_of(request), last_days(request)
    today = timezone.localdate()
    since = timezone.make_aware(
        datetime.combine(today - timedelta(days=days - 1), datetime.min.time())
    )
    every_day = [since.date() + timedelta(days=n) for n in range(days)]
    context: dict[str, Any] = {
        "days": days,
        "periods": [
            Chip(f"{n} days", None, with_query(request.path, {"days": str(n)}), pressed=n == days)
            for n in DAYS
        ],
        "charts": [_decisions(workspace, since, every_day), _attempts(workspace, since, every_day)],
    }
    if htmx_of(request):
        context["charts"].append(_spending(workspace, since, every_day))
        context["covered"] = covered(workspace, COVERED_SHOWN)
        answer = render_part(request, "practice/analytics.html", "trends", context)
        del answer["HX-Push-Url"]
        return answer
    context["charts"] += [
        _pulls(workspace, since, every_day),
        _votes(workspace, since, every_day),
        _spending(workspace, since, every_day),
    ]
    context |= {
        "spoken_of": memory_trends.most_spoken_of(workspace, since),
        "votes_url": with_query(reverse("vote-list"), {"days": str(days)}),
        "uses": _uses(workspace),
    }
    return render_part(request, "practice/analytics.html", "trends", context)


def _decisions(workspace: Workspace, since: datetime, days: Sequence[date]) -> Chart:
    review = reverse("review")
    return Chart(
        key="decisions",
        title="Decisions",
        url=with_query(review, {"status": "approved"}),
        series=(Series("Approved", "accent"), Series("Rejected", "danger")),
        points=_points(
            days,
            memory_trends.decisions_per_day(workspace, since),
            review,
            {"status": "all"},
            ({"status": "approved"}, {"status": "rejected"}),
        ),
        nothing="Nobody approved or rejected anything in these days.",
        action=("Open review", review),
    )


def _attempts(workspace: Workspace, since: datetime, days: Sequence[date]) -> Chart:
    url = reverse("trajectory-list")
    return Chart(
        key="attempts",
        title="Judged attempts",
        url=url,
        series=(
            Series("Success", "accent"),
            Series("Failure", "danger"),
            Series("Infeasible", "control"),
        ),
        points=_points(
            days,
            trends.attempts_per_day(workspace, since),
            url,
            {},
            [{"label": label} for label in trends.LABELS],
        ),
        nothing="No attempt was judged in these days.",
        action=("Open practice", reverse("run-list")),
    )


def _pulls(workspace: Workspace, since: datetime, days: Sequence[date]) -> Chart:
    url = reverse("pull-list")
    return Chart(
        key="pulls",
        title="Pulls by agents",
        url=url,
        series=(Series("Given the text", "accent"), Series("Held it already", "control")),
        points=_points(
            days,
            memory_trends.pulls_per_day(workspace, since),
            url,
            {},
            ({"answer": FRESH}, {"answer": HELD}),
        ),
        nothing="No agent pulled a playbook in these days.",
        action=("How agents read one", reverse("playbook-list")),
    )


def _votes(workspace: Workspace, since: datetime, days: Sequence[date]) -> Chart:
    url = reverse("vote-list")
    return Chart(
        key="votes",
        title="What agents say of bullets",
        url=url,
        series=(Series("Helpful", "accent"), Series("Harmful", "danger")),
        points=_points(
            days,
            memory_trends.votes_per_day(workspace, since),
            url,
            {},
            ({"answer": "helpful"}, {"answer": "harmful"}),
        ),
        nothing="No agent said in these days whether a bullet helped.",
        action=("All that was said", url),
    )


def _spending(workspace: Workspace, since: datetime, days: Sequence[date]) -> Chart:
    url = reverse("costs")
    found = trends.spending_per_day(workspace, since)
    return Chart(
        key="spending",
        title="Spent on models",
        url=url,
        series=(Series("Spent", "accent"),),
        points=_points(
            days,
            {day: (float(dollars or 0),) for day, (dollars, _) in found.items()},
            reverse("call-list"),
            {},
            ({},),
        ),
        nothing="No model that has a price was asked in these days.",
        action=("Prices and costs", url),
        unit="$",
    )


def _points(
    days: Sequence[date],
    found: Mapping[date, Sequence[Any]],
    url: str,
    asked: Mapping[str, str],
    by_series: Sequence[Mapping[str, str]],
) -> list[Point]:
    """Each day with the list at ``url`` under ``asked``, and per series under what is its own."""
    nothing = (0,) * len(by_series)
    points = []
    for day in days:
        of_day = {**asked, "day": day.isoformat()}
        urls = [with_query(url, {**of_day, **own}) for own in by_series]
        points.append(Point(day, found.get(day, nothing), with_query(url, of_day), urls))
    return points


def _uses(workspace: Workspace) -> list[dict[str, Any]]:
    """Live bullets by what is known of their use."""
    held = Tally.objects.within(workspace, kind=Tally.Kind.BULLET)
    counts = held.filter(status__in=LIVE).by("use")
    return [
        {
            "word": label,
            "count": counts[value],
            "url": with_query(reverse("entry-list"), {"status": IN_USE, "use": value}),
        }
        for value, label in Tally.Use.choices
    ]
