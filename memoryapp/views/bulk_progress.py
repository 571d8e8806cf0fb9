"""How far a job over many rows has come, as its page shows it."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest

from memoryapp.services.bulk import came_to
from memoryapp.views.links import chips, page_of, parameter


def progress_of(request: HttpRequest, bulk: Any, outcomes: QuerySet[Any]) -> dict[str, Any]:
    """Return bulk, done, left, remaining, page_obj of the outcomes asked for, and filters."""
    counts = came_to(outcomes)
    shown = parameter(request, "show")
    if shown in counts:
        outcomes = outcomes.filter(done=shown == "done")
    return {
        "bulk": bulk,
        **counts,
        "remaining": max(0, bulk.total - sum(counts.values())),
        "page_obj": page_of(request, outcomes),
        "filters": chips(request, "show", [("done", "Done"), ("left", "Left")], counts),
    }
