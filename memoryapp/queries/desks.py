"""How far review is, per playbook and per person, and what is on one reviewer's desk."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import Count, Max, Q
from django.utils import timezone

from memoryapp.models import Candidate, Playbook, ReviewVote, Workspace
from memoryapp.queries.review import may_be_assigned, totals

NOTHING = {"today": 0, "week": 0, "approved": 0, "rejected": 0, "last_at": None}


@dataclass(frozen=True, slots=True)
class DeskCounts:
    """What one reviewer decided lately, what is handed to them, and what policies want audited."""

    #: candidates they said their word on, which they have not taken back: whatever became of it.
    decided: int
    #: of these, those that wait for the word of others, and those that something else withdrew.
    voted: int
    withdrawn: int
    assigned: int
    audits_due: int


def desk_counts(workspace: Workspace, user: Any, since: datetime) -> DeskCounts:
    """Count in one statement: each part is a range of an index of its own."""
    table, votes = Candidate._meta.db_table, ReviewVote._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT COUNT(*), COUNT(*) FILTER (WHERE status = %(pending)s),
                   COUNT(*) FILTER (WHERE status = %(superseded)s),
                   (SELECT COUNT(*) FROM {table} WHERE workspace_id = %(workspace)s
                      AND assigned_to_id = %(user)s AND status = %(pending)s),
                   (SELECT COUNT(*) FROM {table} WHERE workspace_id = %(workspace)s
                      AND audit = %(due)s)
            FROM {votes} vote JOIN {table} candidate ON candidate.id = vote.candidate_id
            WHERE reviewer_id = %(user)s AND vote.created_at >= %(since)s
              AND withdrawn_at IS NULL AND workspace_id = %(workspace)s
            """,
            {
                "workspace": workspace.pk,
                "user": user.pk,
                "since": since,
                "pending": Candidate.Status.PENDING.value,
                "superseded": Candidate.Status.SUPERSEDED.value,
                "due": Candidate.Audit.DUE.value,
            },
        )
        return DeskCounts(*cursor.fetchone())


@dataclass(frozen=True, slots=True)
class PlaybookProgress:
    playbook: Playbook
    waiting: int
    approved: int
    rejected: int

    @property
    def done(self) -> int:
        return self.approved + self.rejected

    @property
    def total(self) -> int:
        return self.done + self.waiting


@dataclass(frozen=True, slots=True)
class PersonProgress:
    user: Any
    today: int
    week: int
    approved: int
    rejected: int
    assigned: int
    last_at: datetime | None


def by_playbook(workspace: Workspace) -> list[PlaybookProgress]:
    """Every playbook with candidates, the one with most waiting first."""
    counts = {
        status: totals(workspace, by="playbook", status=status)
        for status in ("pending", "approved", "rejected")
    }
    rows = [
        PlaybookProgress(
            playbook,
            counts["pending"][playbook.slug],
            counts["approved"][playbook.slug],
            counts["rejected"][playbook.slug],
        )
        for playbook in workspace.playbooks.order_by("name")
    ]
    return sorted((r for r in rows if r.total), key=lambda r: -r.waiting)


def by_person(workspace: Workspace) -> list[PersonProgress]:
    """Who may decide, with what they decided in 24 hours and 7 days and what waits for them.

    What a person decided are the words that they have not taken back, whatever became of each.
    """
    day, week = (timezone.now() - timedelta(days=days) for days in (1, 7))
    members = [member.user for member in may_be_assigned(workspace)]
    words = ReviewVote.objects.filter(
        candidate__workspace=workspace, reviewer__in=members, withdrawn_at=None
    )
    decided = (
        words.order_by()
        .values("reviewer")
        .annotate(
            today=Count("pk", filter=Q(created_at__gte=day)),
            week=Count("pk", filter=Q(created_at__gte=week)),
            approved=Count("pk", filter=Q(decision="approved")),
            rejected=Count("pk", filter=Q(decision="rejected")),
            last_at=Max("created_at"),
        )
    )
    found: dict[Any, dict[str, Any]] = {user.pk: dict(NOTHING) for user in members}
    found |= {row["reviewer"]: {**row} for row in decided}
    waiting = dict(
        Candidate.objects.pending()
        .filter(workspace=workspace, assigned_to__in=members)
        .order_by()
        .values_list("assigned_to")
        .annotate(n=Count("pk"))
    )
    return [
        PersonProgress(
            user=user,
            assigned=waiting.get(user.pk, 0),
            **{name: value for name, value in found[user.pk].items() if name != "reviewer"},
        )
        for user in members
    ]
