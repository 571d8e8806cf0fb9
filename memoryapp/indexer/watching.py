"""Looking for unusual use of workspaces, and writing down what was found."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.postgres.aggregates import ArrayAgg
from django.db import transaction
from django.db.models import Count
from django.utils import timezone

from memoryapp.domain.watching import FAILED, FLAGGED, HOUR, usual
from memoryapp.models import Event, Workspace

#: Keys and bulk decisions that are named of one person.
MOST_NAMED = 5


@dataclass(frozen=True, slots=True)
class _Much:
    """One person has more rows of a kind in the hour than is usual."""

    kind: str
    person_id: str
    count: int
    through: list[str]


def unusual_use_record(now: datetime | None = None) -> int:
    """Write a row into the audit log for whoever did more in the last hour than ``UNUSUAL_USE``.

    What goes on is said once an hour. Returns how many rows it wrote.
    """
    until = now or timezone.now()
    return sum(
        _record(workspace, much, until)
        for workspace in Workspace.objects.filter(deleted_at=None).order_by("pk")
        for much in _too_much(workspace, until)
    )


def _too_much(workspace: Workspace, now: datetime) -> Iterator[_Much]:
    most = usual(settings.UNUSUAL_USE)
    recent = Event.objects.filter(
        workspace=workspace, kind__in=most, created_at__gt=now - HOUR, created_at__lte=now
    ).order_by()
    for rows, person in (
        (recent.filter(actor__isnull=False).exclude(kind=FAILED), "actor_id"),
        (recent.filter(kind=FAILED), "subject_id"),
    ):
        counted = rows.values_list("kind", person).annotate(
            count=Count("pk"), through=ArrayAgg("through", distinct=True)
        )
        for kind, person_id, count, through in counted:
            if count > most[kind]:
                named = [name for name in through if name]
                yield _Much(kind, str(person_id), count, named[:MOST_NAMED])


@transaction.atomic
def _record(workspace: Workspace, much: _Much, now: datetime) -> bool:
    """Whether it was said anew: two that look at once say it once."""
    Workspace.objects.select_for_update(no_key=True).get(pk=workspace.pk)
    said = Event.objects.filter(
        workspace=workspace,
        kind=FLAGGED,
        subject_id=much.person_id,
        data__what=much.kind,
        created_at__gt=now - HOUR,
    )
    person: Any = get_user_model().objects.filter(pk=much.person_id).first()
    if person is None or said.exists():
        return False
    # The column of the log is for what wrote the row; this is what the person acted through.
    named = {"using": ", ".join(much.through)} if much.through else {}
    Event.objects.record(
        workspace=workspace,
        actor=None,
        kind=FLAGGED,
        subject=person,
        what=much.kind,
        count=much.count,
        usual=usual(settings.UNUSUAL_USE)[much.kind],
        **named,
    )
    return True
