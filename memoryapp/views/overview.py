"""Overview: what waits for the reader, what runs, what is served; first, how to begin."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from django.db.models import Count, Max, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from memoryapp.access import Right, gate, membership_of
from memoryapp.domain.playbook import LIVE
from memoryapp.domain.watching import FLAGGED
from memoryapp.models import (
    Bullet,
    Candidate,
    LabelMove,
    PullCount,
    ReleaseLabel,
    Tally,
    Workspace,
)
from memoryapp.queries import events as event_queries
from memoryapp.queries import releases as release_queries
from memoryapp.queries import review as review_queries
from memoryapp.queries.browsing import IN_USE
from memoryapp.queries.desks import desk_counts
from memoryapp.views.links import Chip, parameter, with_query
from memoryapp.views.review_queue import ReviewFilter, candidate_label

SHOWN = 5
DECISIONS = ("candidate.approved", "candidate.rejected", "candidate.reopened")
DAY, WEEK = timedelta(days=1), timedelta(days=7)
DAYS = ("7", "30", "90")


@require_safe
@gate(Right.READ)
def overview(request: HttpRequest) -> HttpResponse:
    workspace = membership_of(request).workspace
    may_review = membership_of(request).may_review
    steps = _steps(workspace, may_review)
    counts = review_queries.review_counts(workspace)
    context = {
        "steps": steps,
        "steps_done": sum(step["done"] for step in steps),
        "is_new": not all(step["done"] for step in steps),
        "is_empty": not any(step["done"] for step in steps[1:]),
        "waiting": _waiting(workspace, counts[Candidate.Status.PENDING]),
        "desk": _desk(request, workspace),
        "doubted": _doubted(workspace),
        "unusual": _unusual(request),
        "runs": _runs(workspace),
        "figures": _figures(workspace, counts),
        "released": _served(workspace),
        "moves": release_queries.label_moves(
            LabelMove.objects.filter(playbook__workspace=workspace)
        )[:SHOWN],
        "decided": workspace.events.filter(kind__in=DECISIONS).select_related("actor")[:SHOWN],
        **_trends(request),
        "review_url": reverse("review"),
        "practice_url": reverse("run-start") if may_review else "",
        "playbooks_url": reverse("playbook-list"),
        "audit_url": reverse("audit-list"),
    }
    return render(request, "memoryapp/overview.html", context)


def _trends(request: HttpRequest) -> dict[str, Any]:
    """Where the trends come from. They are counted after the page is there."""
    asked = parameter(request, "days")
    days = asked if asked in DAYS else "30"
    return {
        "days": days,
        "trends_url": with_query(reverse("analytics"), {"days": days}),
        "periods": [
            Chip(f"{n} days", None, with_query(request.path, {"days": n}), pressed=n == days)
            for n in DAYS
        ],
    }


def _steps(workspace: Workspace, may_review: bool) -> list[dict[str, Any]]:
    """The way from nothing to a pull; each step is ticked by the rows it leaves behind.

    Each leads where the reader may go on, or is told who may.
    """
    playbook = workspace.playbooks.order_by("pk").first()
    url = playbook.get_absolute_url() if playbook else reverse("playbook-list")
    decided = Candidate.objects.filter(playbook__workspace=workspace, decided_at__isnull=False)
    released = ReleaseLabel.objects.filter(playbook__workspace=workspace)
    steps: Sequence[tuple[str, str, bool, str, str]] = (
        _first_step(workspace),
        (
            "Start a run",
            "Agents make up tasks, try them, and are judged. The rules engine needs no model.",
            _practised(workspace).exists(),
            reverse("run-start" if may_review else "run-list"),
            "Start a run" if may_review else "Open Practice",
        ),
        (
            "Review what was learned",
            "Each proposal comes with the steps that justify it. You decide what is remembered.",
            decided.exists(),
            reverse("review"),
            "Review",
        ),
        (
            "Publish a release",
            "Freeze what is approved, and point the label production at it.",
            released.exists(),
            f"{url}?tab=releases#draft",
            "Publish",
        ),
        (
            "Pull it from an agent",
            "Create a key, then one request before the agent works.",
            PullCount.objects.filter(release__playbook__workspace=workspace).exists(),
            f"{url}?tab=use",
            "Show how",
        ),
    )
    next_up = next((place for place, step in enumerate(steps) if not step[2]), None)
    return [
        {
            "title": title,
            "text": text,
            "done": done,
            "url": step_url,
            "action": action,
            "is_next": place == next_up,
        }
        for place, (title, text, done, step_url, action) in enumerate(steps)
    ]


def _first_step(workspace: Workspace) -> tuple[str, str, bool, str, str]:
    """Something to practise in: the sample, what was connected instead, or nothing yet."""
    environment = workspace.environments.order_by("-is_sample", "pk").first()
    if environment is None:
        return (
            "Connect an environment",
            "A tool server to practise in: an MCP server, a REST service by its OpenAPI document, "
            "or the sample help desk.",
            False,
            reverse("environment-list"),
            "Connect one",
        )
    said = "The sample help desk is connected from the start." if environment.is_sample else ""
    return (
        "Check the environment",
        f"A tool server to practise in. {said}".strip(),
        workspace.environments.filter(status="connected").exists(),
        reverse("environment-detail", args=[environment.slug]),
        "Open it",
    )


def _waiting(workspace: Workspace, total: int) -> dict[str, Any]:
    queue = review_queries.review_queue(workspace)
    rows = queue.prefetch_related("targets")[:SHOWN]
    url = reverse("review")
    oldest = rows[0].created_at if rows else None
    return {
        "total": total,
        "url": url,
        "oldest": oldest,
        "next": [
            {
                "candidate": row,
                "label": candidate_label(row),
                "text": row.content or " ".join(bullet.content for bullet in row.targets.all()),
                "url": with_query(url, {"candidate": str(row.pk)}),
            }
            for row in rows
        ],
    }


def _desk(request: HttpRequest, workspace: Workspace) -> list[tuple[int, str, str]]:
    """What waits for the reader alone: how many, what they are, and their list."""
    user = membership_of(request).user
    counted = desk_counts(workspace, user, timezone.now() - DAY)
    audits = ReviewFilter(status=Candidate.Status.APPROVED.value, audit=Candidate.Audit.DUE.value)
    found = (
        (counted.assigned, "assigned to you", ReviewFilter(assigned=user.get_username()).url()),
        (counted.audits_due, "to be audited", audits.url()),
    )
    return [part for part in found if part[0]]


def _doubted(workspace: Workspace) -> dict[str, Any]:
    """Bullets that cite a tool which changed since."""
    kept = Tally.objects.within(workspace, kind=Tally.Kind.BULLET)
    stale = kept.filter(status=Bullet.Status.STALE).total()
    return {"count": stale, "url": with_query(reverse("entry-list"), {"status": "stale"})}


def _unusual(request: HttpRequest) -> dict[str, Any]:
    """Who did unusually much of something in the last day, as far as the reader may see it."""
    reader = event_queries.Reader.member(membership_of(request))
    count = event_queries.unusual_use(reader, since=timezone.now() - DAY)
    return {"count": count, "url": with_query(reverse("audit-list"), {"kind": FLAGGED})}


def _runs(workspace: Workspace) -> list[dict[str, Any]]:
    """Runs that have not ended, with how far they are."""
    found = _practised(workspace).filter(ended_at=None).select_related("environment")
    # An attempt with an arm is a trial, and no practice.
    tried = Q(attempts__arm=None)
    counted: Any = found.annotate(
        round=Max("attempts__task__round__number", filter=tried),
        judged=Count("attempts", filter=tried & Q(attempts__ended_at__isnull=False)),
    )
    return [
        {
            "run": run,
            "name": str(run),
            "url": run.get_absolute_url(),
            "status": run.status,
            "round": run.round or 1,
            "rounds": run.plan["rounds"],
            "attempts": run.judged,
            "attempts_total": run.plan["rounds"] * run.plan["tasks"] * run.plan["attempts"],
            "environment": run.environment.name,
            "cost": None,
        }
        for run in counted[:SHOWN]
    ]


def _practised(workspace: Workspace) -> QuerySet[Any]:
    """Runs that practise or go on learning; an experiment only measures."""
    return workspace.runs.exclude(kind="experiment")


def _figures(workspace: Workspace, counts: Mapping[str, int]) -> list[dict[str, Any]]:
    """Four numbers, each with the list it counts."""
    decided = counts[Candidate.Status.APPROVED] + counts[Candidate.Status.REJECTED]
    approved = counts[Candidate.Status.APPROVED]
    live = Tally.objects.within(workspace, kind=Tally.Kind.BULLET).filter(status__in=LIVE)
    since = timezone.now() - WEEK
    review = reverse("review")
    runs = _practised(workspace)
    return [
        {
            "label": "Bullets agents may use",
            "value": f"{live.total():,}",
            "note": f"{live.tokens():,} tokens in all playbooks",
            "url": with_query(reverse("entry-list"), {"status": IN_USE}),
        },
        {
            "label": "Approved",
            "value": f"{approved:,}",
            "note": f"of {decided:,} decided",
            "url": with_query(review, {"status": "approved"}),
        },
        {
            "label": "Rejected",
            "value": f"{counts[Candidate.Status.REJECTED]:,}",
            "note": "with a reason each",
            "url": with_query(review, {"status": "rejected"}),
        },
        {
            "label": "Practice runs",
            "value": f"{runs.count():,}",
            "note": f"{runs.filter(started_at__gte=since).count():,} in the last 7 days",
            "url": reverse("run-list"),
        },
    ]


def _served(workspace: Workspace) -> list[dict[str, Any]]:
    """The newest releases, with the labels that point at them."""
    found = release_queries.newest_releases(workspace)[:SHOWN]
    return [
        {
            "playbook": release.playbook,
            "release": release,
            "labels": list(release.labels.all()),
            "url": release.get_absolute_url(),
        }
        for release in found
    ]
