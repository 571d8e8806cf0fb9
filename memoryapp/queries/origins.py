"""What candidates came from: runs, attempts and the tools of their steps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import Count, Max, Q, QuerySet

from memoryapp.models import (
    Bullet,
    BulletRevision,
    Candidate,
    Evidence,
    Playbook,
    Workspace,
)

#: candidates that are counted per tool while somebody waits for the page.
COUNTED = 1_000


def candidates_by_origin(workspace: Workspace, links: Sequence[str]) -> dict[str, Counter[str]]:
    """Origin link to candidates per status, for the jobs behind ``links``; each link present."""
    found: dict[str, Counter[str]] = {link: Counter() for link in links}
    rows = (
        Candidate.objects.filter(playbook__workspace=workspace, origin_link__in=links)
        .values_list("origin_link", "status")
        .annotate(total=Count("pk"))
    )
    for link, status, total in rows:
        found[link][status] += total
    return found


def candidates_from(workspace: Workspace, origin_link: str) -> list[Candidate]:
    """The candidates of one job, newest first: what a link to each needs."""
    rows = Candidate.objects.filter(playbook__workspace=workspace, origin_link=origin_link)
    return list(rows.order_by("-created_at", "-pk").only("pk", "status"))


def first_evidence(workspace: Workspace, origin_link: str) -> dict[Any, str]:
    """Candidate id to the link of the step it was first learned from, for one job."""
    rows = (
        Evidence.objects.filter(
            candidate__playbook__workspace=workspace, candidate__origin_link=origin_link
        )
        .order_by("-pk")
        .values_list("candidate_id", "link")
    )
    # The oldest row comes last, so it is the one each candidate keeps.
    return dict(rows)


def evidence_from(workspace: Workspace, link: str) -> QuerySet[Evidence]:
    """The evidence whose steps stand on the page at ``link``, oldest first."""
    return (
        Evidence.objects.filter(
            candidate__playbook__workspace=workspace, link__startswith=f"{link}#"
        )
        .select_related("candidate__playbook")
        .order_by("pk")
    )


@dataclass(frozen=True, slots=True)
class Cited:
    """Tool to candidates per status that cite a call of it, among the newest ``COUNTED``."""

    by_tool: Mapping[str, Counter[str]]
    #: whether those were all candidates there are.
    is_exact: bool


#: Each row of the newest leads to its evidence: an ORM that joins the other way, or is handed their
#: keys, has more than twice the work.
_CITED = """
SELECT cited.tool, newest.status, count(DISTINCT newest.id)
FROM ({newest}) AS newest(id, status)
JOIN memoryapp_evidence AS cited ON cited.candidate_id = newest.id
GROUP BY cited.tool, newest.status
"""


def candidates_by_tool(workspace: Workspace, environment: str) -> Cited:
    """What was proposed of each tool, of what was learned in the environment of that name.

    Counting ends at the newest ``COUNTED``, so that it costs the same for any number.
    """
    learned = Candidate.objects.filter(workspace=workspace, origin_environment=environment)
    newest = learned.order_by("-created_at").values("pk", "status")[:COUNTED]
    sql, values = newest.query.sql_with_params()
    by_tool: dict[str, Counter[str]] = {}
    with connection.cursor() as cursor:
        cursor.execute(_CITED.format(newest=sql), values)
        for tool, status, total in cursor.fetchall():
            by_tool.setdefault(tool, Counter())[status] = total
    return Cited(by_tool, is_exact=learned.order_by()[: COUNTED + 1].count() <= COUNTED)


@dataclass(frozen=True, slots=True)
class Taught:
    """One job a playbook has candidates of, with how many stand where."""

    link: str
    name: str
    newest_at: datetime
    approved: int
    waiting: int
    rejected: int
    superseded: int


def jobs_of(playbook: Playbook) -> list[Taught]:
    """The jobs a playbook learned from, the newest first."""

    def counted(status: str) -> Count:
        return Count("pk", filter=Q(status=status))

    rows = (
        playbook.candidates.exclude(origin_link="")
        .values_list("origin_link", "origin_name")
        .annotate(
            newest_at=Max("created_at"),
            approved=counted("approved"),
            waiting=counted("pending"),
            rejected=counted("rejected"),
            superseded=counted("superseded"),
        )
        .order_by("-newest_at")
    )
    return [Taught(*row) for row in rows]


def bullets_of(candidates: Sequence[Candidate]) -> dict[Any, list[Bullet]]:
    """Candidate id to the bullets it made or changed, as links name them.

    Those that made none are left out.
    """
    found: dict[Any, list[Bullet]] = {}
    rows = (
        BulletRevision.objects.filter(candidate__in=[each.pk for each in candidates])
        .select_related("bullet__playbook")
        .only("candidate", "bullet__label", "bullet__playbook__slug")
        .order_by("pk")
    )
    for row in rows:
        made = found.setdefault(row.candidate_id, [])
        if row.bullet not in made:
            made.append(row.bullet)
    return found
