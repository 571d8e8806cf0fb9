"""What practice did per day: attempts by label, and what models cost."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from django.db.models import Count, Q, Sum

from memoryapp.models import Workspace
from memoryapp.queries.trends import per_day
from practice.models import Attempt, ModelCall

LABELS = tuple(Attempt.Label.values)


def attempts_per_day(workspace: Workspace, since: datetime) -> dict[date, tuple[Any, ...]]:
    """Attempts of practice by the label they got, in the order of ``LABELS``."""
    made = Attempt.objects.filter(run__workspace=workspace, created_at__gte=since, arm=None)
    return per_day(
        made, "created_at", {label: Count("pk", filter=Q(label=label)) for label in LABELS}
    )


def spending_per_day(workspace: Workspace, since: datetime) -> dict[date, tuple[Any, ...]]:
    """US dollars, and calls, of models; a call without a price adds nothing to the dollars."""
    made = ModelCall.objects.filter(workspace=workspace, created_at__gte=since)
    return per_day(made, "created_at", {"dollars": Sum("cost"), "calls": Count("pk")})
