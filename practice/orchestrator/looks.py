"""Beginning to look at an incident: because somebody asks, or because a lesson that led is gone."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from memoryapp.queries.rules import bullets_with_rule
from memoryapp.services.events import event_record
from practice.domain.recollection import lesson_name
from practice.models import Analysis, Incident
from practice.orchestrator.verdicts import RULE_KIND

#: The most analyses that may wait for a worker when another is begun because a lesson is gone:
#: alerts that arrive meanwhile must not wait behind all of them. The next sweep follows soon.
MOST_WAITING = 20
GONE = "The lesson that led it was retired or reworded."


def begin(
    *,
    incident: Incident,
    by: Any,
    window: tuple[datetime | None, datetime | None] = (None, None),
    budget: Mapping[str, Any],
    uses_memory: bool = True,
    test: Mapping[str, Any] | None = None,
    dispatched_at: datetime | None = None,
    **about: Any,
) -> Analysis | None:
    """Add an analysis that waits for a worker; ``None`` while another one is under way.

    The caller holds the transaction and rings for it. ``about`` is said in the event besides.
    """
    incident = Incident.objects.select_for_update(no_key=True).get(pk=incident.pk)
    newest = incident.analyses.light().first()
    if newest is not None and newest.is_open:
        return None
    analysis: Analysis = incident.analyses.create(
        number=newest.number + 1 if newest else 1,
        window_from=window[0],
        window_to=window[1],
        budget=dict(budget),
        uses_memory=uses_memory,
        test=dict(test or {}),
        dispatched_at=dispatched_at,
        started_by=by if getattr(by, "pk", None) else None,
    )
    event_record(
        workspace=incident.workspace,
        actor=by,
        kind="incident.analysis_started",
        subject=incident,
        before={},
        after={"analysis": analysis.number},
        **about,
    )
    return analysis


def begin_without_gone_lessons() -> int:
    """Look again at open incidents whose answer follows a lesson that is gone; return how many.

    Safe at any time, any number of times: each is looked at once, however many lessons went, in
    the window it was answered in.
    """
    room = MOST_WAITING - Analysis.objects.filter(status=Analysis.Status.WAITING).count()
    if room <= 0:
        return 0
    count = 0
    live: dict[int, set[str]] = {}
    for row in _led():
        workspace = row.incident.workspace_id
        if workspace not in live:
            bullets = bullets_with_rule(workspace, RULE_KIND)
            live[workspace] = {lesson_name(b.playbook.slug, b.label) for b in bullets}
        if row.followed in live[workspace]:
            continue
        with transaction.atomic():
            window = (row.window_from, row.window_to)
            count += bool(
                begin(incident=row.incident, by=None, window=window, budget=row.budget, reason=GONE)
            )
        if count >= room:
            break
    return count


def _led() -> QuerySet[Analysis]:
    """Answers of open incidents that a lesson leads, and after which nobody has looked again.

    A later look that found nothing counts only where it was at the same window: another one there
    would find nothing either. Of a deleted workspace lessons go before incidents, and nothing there
    is looked at any more.
    """
    later = Analysis.objects.filter(incident=OuterRef("incident"), number__gt=OuterRef("number"))
    is_again = Q(is_aside=False) | Q(window_from=None) | Q(window_from=OuterRef("window_from"))
    rows = Analysis.objects.answers().exclude(followed="").exclude(Exists(later.filter(is_again)))
    open_ones = rows.filter(
        incident__status=Incident.Status.OPEN, incident__workspace__deleted_at=None
    ).order_by("pk")
    return open_ones.select_related("incident__workspace").light()
