"""What agents were given and what they said of it: pulls and votes by filter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.db import connection
from django.db.models import Q, QuerySet, Sum
from django.utils import timezone

from memoryapp.models import (
    Bullet,
    BulletRevision,
    PullCount,
    PullReceipt,
    Release,
    Vote,
    Workspace,
)
from memoryapp.queries.asked import Asked, day, on_day
from memoryapp.queries.releases import heavy

#: rows that are counted while somebody waits for the page.
COUNTED = 2_000
#: pulls that a bullet or a release shows of itself.
NEWEST = 5
FRESH, HELD = "given", "held"
DAYS = ("7", "30", "90")


@dataclass(frozen=True, slots=True)
class UseFilter(Asked):
    """What a query string asks of the pulls or the votes; empty fields ask for nothing.

    ``bullet`` and ``release`` name one of ``playbook``; ``tool`` asks for what holds a bullet that
    rests on a call of it, learned in ``environment`` where one is named.
    """

    day: str = ""
    #: in the last so many days, with today.
    days: str = ""
    playbook: str = ""
    release: str = ""
    bullet: str = ""
    tool: str = ""
    environment: str = ""
    agent: str = ""
    #: of pulls ``given`` or ``held``; of votes a ``Vote.Value``.
    answer: str = ""

    def pulls(self, workspace: Workspace) -> QuerySet[PullReceipt]:
        """Pulls that match, in no order."""
        found = PullReceipt.objects.filter(release__in=self._releases(workspace))
        if self.agent:
            found = found.filter(agent=self.agent)
        if self.answer in {FRESH, HELD}:
            found = found.filter(unchanged=self.answer == HELD)
        found = self._in_time(found, "pulled_at").select_related("release__playbook", "key")
        return found.defer(*heavy("release"))

    def votes(self, workspace: Workspace) -> QuerySet[Vote]:
        """Votes that match, in no order."""
        found = Vote.objects.filter(bullet__playbook__workspace=workspace)
        if self.playbook:
            found = found.filter(bullet__playbook__slug=self.playbook)
        if self.release:
            found = found.filter(report__release__number=_number(self.release))
        if self.bullet:
            found = found.filter(bullet__label=self.bullet)
        if self.tool:
            found = found.filter(bullet__in=resting_on(workspace, self.tool, self.environment))
        if self.agent:
            found = found.filter(report__agent=self.agent)
        if self.answer:
            found = found.filter(value=self.answer)
        return (
            self._in_time(found, "created_at")
            .select_related("bullet__playbook", "report__release", "report__key")
            .defer(*heavy("report__release"))
        )

    def _in_time(self, found: QuerySet[Any], moment: str) -> QuerySet[Any]:
        """The rows of the day or the days asked for; what is no day has none."""
        if self.day:
            found = on_day(found, moment, self.day)
        if self.days in DAYS:
            # Whole days, as what is counted by day: a figure and its list are of the same ones.
            found = found.filter(**{f"{moment}__gte": day(str(_first_of(int(self.days))))})
        return found

    def _releases(self, workspace: Workspace) -> QuerySet[Release]:
        found = Release.objects.filter(playbook__workspace=workspace)
        if self.playbook:
            found = found.filter(playbook__slug=self.playbook)
        if self.release:
            found = found.filter(number=_number(self.release))
        if self.bullet or self.tool:
            bullets = Bullet.objects.filter(playbook__workspace=workspace)
            if self.playbook:
                bullets = bullets.filter(playbook__slug=self.playbook)
            if self.bullet:
                bullets = bullets.filter(label=self.bullet)
            if self.tool:
                bullets = bullets.filter(pk__in=resting_on(workspace, self.tool, self.environment))
            found = found.filter(holding(bullets))
        return found


def holding(bullets: QuerySet[Bullet]) -> Q:
    """The releases that hold any of some bullets, in any wording."""
    said = BulletRevision.objects.filter(bullet__in=bullets)
    return Q(
        playbook__in=list(bullets.order_by().values_list("playbook", flat=True).distinct()),
        wordings__overlap=list(said.order_by().values_list("pk", flat=True)),
    )


def resting_on(workspace: Workspace, tool: str, environment: str = "") -> QuerySet[Any]:
    """Ids of bullets that rest on a call of ``tool``, learned in an environment of that name."""
    shown = BulletRevision.objects.filter(
        candidate__workspace=workspace, candidate__evidence__tool=tool
    )
    if environment:
        shown = shown.filter(candidate__origin_environment=environment)
    return shown.order_by().values("bullet")


# From the few releases that were pulled to the bullets they hold and the tools those rest on.
_BY_TOOL = """
WITH pulled AS (
  SELECT p.release_id, sum(p.pulls) AS pulls FROM memoryapp_pullcount p
  JOIN memoryapp_release l ON l.id = p.release_id JOIN memoryapp_playbook b ON b.id = l.playbook_id
  WHERE b.workspace_id = %(workspace)s AND p.day >= %(since)s GROUP BY p.release_id
), held AS (
  SELECT DISTINCT pulled.release_id, pulled.pulls, r.bullet_id
  FROM pulled JOIN memoryapp_release l ON l.id = pulled.release_id
  CROSS JOIN unnest(l.wordings) AS wording JOIN memoryapp_bulletrevision r ON r.id = wording
)
SELECT tool, sum(pulls)::int FROM (
  SELECT DISTINCT held.release_id, held.pulls, e.tool
  FROM held JOIN memoryapp_bulletrevision r ON r.bullet_id = held.bullet_id
  JOIN memoryapp_candidate c ON c.id = r.candidate_id
  JOIN memoryapp_evidence e ON e.candidate_id = c.id
  WHERE c.origin_environment = %(environment)s
) AS of_tool GROUP BY tool
"""


def pulls_by_tool(workspace: Workspace, environment: str, *, days: int) -> dict[str, int]:
    """Tool to the pulls, in so many days, of releases that hold a bullet resting on a call of it.

    The last day is today. ``environment`` is the name of the one the bullets were learned in.
    """
    since = _first_of(days)
    with connection.cursor() as cursor:
        cursor.execute(
            _BY_TOOL, {"workspace": workspace.pk, "environment": environment, "since": since}
        )
        return dict(cursor.fetchall())


def newest_pulls(workspace: Workspace, asked: UseFilter) -> list[PullReceipt]:
    return list(asked.pulls(workspace).order_by("-pulled_at", "-pk")[:NEWEST])


@dataclass(frozen=True, slots=True)
class Curve:
    """Pulls per day of releases that hold a bullet, from ``first`` to today; votes in that time."""

    first: date
    pulls: Sequence[int]
    votes: int

    @property
    def total(self) -> int:
        return sum(self.pulls)


def curve_of(bullet: Bullet, *, days: int) -> Curve:
    """How a bullet was used, in any wording, in so many days with today."""
    first = _first_of(days)
    wordings = list(bullet.revisions.order_by().values_list("pk", flat=True))
    counted = (
        PullCount.objects.filter(
            release__playbook=bullet.playbook_id,
            release__wordings__overlap=wordings,
            day__gte=first,
        )
        .order_by()
        .values_list("day")
        .annotate(all=Sum("pulls"))
    )
    by_day: dict[date, int] = dict(counted)
    return Curve(
        first=first,
        pulls=[by_day.get(first + timedelta(days=n), 0) for n in range(days)],
        votes=Vote.objects.filter(bullet=bullet, created_at__gte=day(str(first))).count(),
    )


@dataclass(frozen=True, slots=True)
class Total:
    """How many rows there are; more than ``count`` unless ``is_exact``."""

    count: int
    is_exact: bool


def total(rows: QuerySet[Any]) -> Total:
    found = rows.order_by()[: COUNTED + 1].count()
    return Total(min(found, COUNTED), found <= COUNTED)


def _first_of(days: int) -> date:
    """The first of so many days, the last of which is today."""
    return timezone.localdate() - timedelta(days=days - 1)


def _number(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) <= 9 else 0
