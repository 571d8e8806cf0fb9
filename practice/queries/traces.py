"""Traces of deployed agents and what became of them."""

from __future__ import annotations

from django.db.models import Count, QuerySet

from memoryapp.models import Workspace
from practice.models import SentTrace


def trace_counts(workspace: Workspace) -> dict[str, int]:
    """Traces by status, every status present."""
    rows = (
        SentTrace.objects.filter(playbook__workspace=workspace)
        .values_list("status")
        .annotate(total=Count("pk"))
    )
    return dict.fromkeys(SentTrace.Status.values, 0) | dict(rows)


def refused_traces(workspace: Workspace) -> QuerySet[SentTrace]:
    """Traces that became no trajectory, the newest first."""
    rows = SentTrace.objects.filter(playbook__workspace=workspace, status=SentTrace.Status.REFUSED)
    return rows.order_by("-pk")
