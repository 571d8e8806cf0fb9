"""How far review is, per playbook and per person, and what is on one reviewer's desk."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import Count, Max, Q
from django.utils import timezone

from memoryapp.domain import review
from memoryapp.models import Candidate, Playbook, Workspace
from memoryapp.queries.review import may_be_assigned, totals

NOTHING = {"today": 0, "week": 0, "approved": 0, "rejected": 0, "last_at": None}


@dataclass(frozen=True, slots=True)
class DeskCounts:
    """What one reviewer decided lately, what is handed to them, and what policies want audited."""

    decided: int
    assigned: int
    audits_due: int


def desk_counts(workspace: Workspace, user: Any, since: datetime) -> DeskCounts:
    """Count in one statement: each part is a range of an index of its own."""
    table = Candidate._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT (SELECT COUNT(*) FROM {table} WHERE workspace_id = %(workspace)s
                      AND decided_by_id = %(user)s AND decided_at >= %(since)s
                      AND status = ANY(%(decided)s)),
                   (SELECT COUNT(*) FROM {table} WHERE workspace_id = %(workspace)s
                      AND assigned_to_id = %(user)s AND status = %(pending)s),
                   (SELECT COUNT(*) FROM {table} WHERE workspace_id = %(workspace)s
                      AND audit = %(due)s)
            """,
            {
                "workspace": workspace.pk,
                "user": user.pk,
                "since": since,
                # What the undoing of a run withdrew was read by nobody.
                "decided": [status.value for status in review.UNDOABLE],
                "pending": Candidate.Status.PENDING.value,
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
    """Who may decide, with what they decided in 24 hours and 7 days and what waits for them."""
    day, week = (timezone.now() - timedelta(days=days) for days in (1, 7))
    members = [member.user for member in may_be_assigned(workspace)]
    decided = (
        Candidate.objects.filter(
            workspace=workspace, decided_by__in=members, status__in=review.UNDOABLE
        )
        .order_by()
        .values("decided_by")
        .annotate(
            today=Count("pk", filter=Q(decided_at__gte=day)),
            week=Count("pk", filter=Q(decided_at__gte=week)),
            approved=Count("pk", filter=Q(status="approved")),
            rejected=Count("pk", filter=Q(status="rejected")),
            last_at=Max("decided_at"),
        )
    )
    found: dict[Any, dict[str, Any]] = {user.pk: dict(NOTHING) for user in members}
    found |= {row["decided_by"]: {**row} for row in decided}
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
            **{name: value for name, value in found[user.pk].items() if name != "decided_by"},
        )
        for user in members
    ]
