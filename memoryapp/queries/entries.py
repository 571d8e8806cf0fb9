"""Bullets across playbooks, and what stands behind each."""

from __future__ import annotations

from django.db.models import QuerySet

from memoryapp.models import (
    Bullet,
    BulletRevision,
    Evidence,
    Vote,
)
from memoryapp.queries.releases import heavy


def bullet_evidence(bullet: Bullet) -> QuerySet[Evidence]:
    """Every step the bullet's candidates rest on, oldest first."""
    taught = bullet.revisions.exclude(candidate=None).values("candidate")
    return Evidence.objects.filter(candidate__in=taught).order_by("pk")


def bullet_votes(bullet: Bullet) -> QuerySet[Vote]:
    """What agents said of a bullet, newest first, with the report and release of each."""
    rows = bullet.votes.select_related("report__release__playbook")
    return rows.defer(*heavy("report__release"))


def tools_shown(bullet: Bullet) -> list[str]:
    """The tools of the steps behind a bullet, in the order they were stored."""
    shown = bullet_evidence(bullet).exclude(tool="").values_list("tool", flat=True)
    return list(dict.fromkeys(shown))


def newest_reason(bullet: Bullet) -> str:
    """Why a bullet is what it is now."""
    return bullet.revisions.order_by("-number").values_list("reason", flat=True).first() or ""


def revisions_with_before(bullet: Bullet) -> list[tuple[BulletRevision, str]]:
    """Revisions newest first, each with the text it replaced (empty for the first)."""
    rows = list(bullet.revisions.select_related("author", "candidate__playbook"))
    return [
        (row, rows[place + 1].content if place + 1 < len(rows) else "")
        for place, row in enumerate(rows)
    ]
