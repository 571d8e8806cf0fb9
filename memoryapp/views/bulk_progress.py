"""How far a job over many rows has come, as its page shows it."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest

from memoryapp.access import membership_of
from memoryapp.models import BulkChange, BulkDecision
from memoryapp.services.bulk_jobs import came_to
from memoryapp.views.links import chips, page_of, parameter


def progress_of(
    request: HttpRequest, bulk: BulkChange | BulkDecision, outcomes: QuerySet[Any], *, back_url: str
) -> dict[str, Any]:
    """Return what ``parts/bulk_progress.html`` shows, with the page of outcomes and its filters.

    The job goes on by itself only on the page of the person who asked for it: each change is made
    in the name of whoever has it go on.
    """
    counts, may_decide = came_to(outcomes), membership_of(request).may_review
    shown, choices = parameter(request, "show"), [("done", "Done"), ("left", "Left")]
    if shown in counts:
        outcomes = outcomes.filter(done=shown == "done")
    return {
        "bulk": bulk,
        **counts,
        "remaining": max(0, bulk.total - sum(counts.values())),
        "may_decide": may_decide,
        "is_mine": may_decide and bulk.asked_by_id == request.user.pk,
        "may_undo": may_decide and bulk.ended_at and counts["done"] and bulk.can_be_undone,
        "back_url": back_url,
        "page_obj": page_of(request, outcomes),
        "filters": chips(request, "show", choices, counts, path=bulk.get_absolute_url()),
    }
