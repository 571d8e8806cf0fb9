"""What people said against verdicts, or in support of them."""

from __future__ import annotations

from django.db.models import Exists, OuterRef, QuerySet, Subquery

from memoryapp.models import Workspace
from practice.models import Attempt, Overrule


def standing_label() -> Subquery:
    """The label a person gave an attempt, where their word still stands; for ``annotate``."""
    spoken = Overrule.objects.filter(attempt=OuterRef("pk"), undone_at=None).order_by("-pk")
    return Subquery(spoken.values("label")[:1])


def standing(attempt: Attempt) -> Overrule | None:
    """The newest word on an attempt that was not taken back."""
    rows = attempt.overrules.filter(undone_at=None).select_related("by")
    return rows.order_by("-pk").first()


def all_standing(
    workspace: Workspace, *, environment: str = "", validator: str = ""
) -> QuerySet[Overrule]:
    """The word that stands on each attempt of a workspace, newest first."""
    newer = Overrule.objects.filter(
        attempt=OuterRef("attempt"), undone_at=None, pk__gt=OuterRef("pk")
    )
    found = Overrule.objects.filter(
        ~Exists(newer), attempt__run__workspace=workspace, undone_at=None
    )
    if environment:
        found = found.filter(attempt__run__environment__slug=environment)
    if validator:
        found = found.filter(attempt__validator=validator)
    return found.select_related("by", "attempt__task", "attempt__run").order_by("-pk")
