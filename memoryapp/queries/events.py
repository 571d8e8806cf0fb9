"""The audit log."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib.auth import get_user_model
from django.db import connection
from django.db.models import Exists, OuterRef, Q, QuerySet

from memoryapp.domain.watching import FLAGGED
from memoryapp.models import (
    Event,
    Workspace,
)
from memoryapp.queries.asked import day

#: words one can search for: each is a condition of its own.
WORDS_MOST = 30
#: rows that are counted while somebody waits for the page.
COUNTED = 2_000


def events(
    workspace: Workspace,
    *,
    kind: str = "",
    actor: str = "",
    playbook: str = "",
    search: str = "",
    since: str = "",
    until: str = "",
) -> QuerySet[Event]:
    """The audit log, newest first.

    ``actor`` is a user name, ``playbook`` a slug, ``since`` and ``until`` are days (both included);
    ``search`` looks at the subject, at who or what acted and at the playbook; nothing matches more
    than ``WORDS_MOST`` words.
    """
    found = workspace.events.select_related("actor")
    words = search.split()
    if len(words) > WORDS_MOST:
        return found.none()
    if actor:
        found = found.filter(actor__username=actor)
    if kind:
        found = found.filter(kind=kind)
    if playbook:
        found = found.filter(data__playbook=playbook)
    if (first := day(since)) is not None:
        found = found.filter(created_at__gte=first)
    if (last := day(until)) is not None:
        found = found.filter(created_at__lt=last + timedelta(days=1))
    for word in words:
        found = found.filter(
            Q(subject_name__icontains=word)
            | Q(actor__username__icontains=word)
            | Q(through__icontains=word)
            | Q(data__playbook=word)
        )
    return found


def unusual_use(*workspaces: Workspace, since: datetime) -> int:
    """How often unusual use was written down since then; of all workspaces where none is named."""
    # With the workspaces named, each is one look into the index of kinds.
    within = workspaces or Workspace.objects.all()
    rows = Event.objects.filter(workspace__in=within, kind=FLAGGED, created_at__gt=since)
    return rows.count()


def event_actors(workspace: Workspace) -> list[str]:
    """Names of all who ever changed something in the workspace."""
    # One look into the index per person; the log itself may hold millions of rows.
    acted = Event.objects.filter(workspace=workspace, actor=OuterRef("pk"))
    named = get_user_model().objects.filter(Exists(acted)).order_by("username")
    return list(named.values_list("username", flat=True))


def event_kinds(workspace: Workspace) -> list[str]:
    """Every kind of row the log of the workspace holds, sorted."""
    # From each kind straight to the next one in the index, however many rows a kind has.
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            WITH RECURSIVE kinds AS (
              (SELECT kind FROM {Event._meta.db_table} WHERE workspace_id = %(workspace)s
               ORDER BY kind LIMIT 1)
              UNION ALL
              SELECT (SELECT e.kind FROM {Event._meta.db_table} e
                      WHERE e.workspace_id = %(workspace)s AND e.kind > kinds.kind
                      ORDER BY e.kind LIMIT 1)
              FROM kinds WHERE kinds.kind IS NOT NULL
            )
            SELECT kind FROM kinds WHERE kind IS NOT NULL
            """,
            {"workspace": workspace.pk},
        )
        return [kind for (kind,) in cursor.fetchall()]


@dataclass(frozen=True, slots=True)
class EventCounts:
    """Rows per kind, counted over the newest ``COUNTED``; there are more unless ``is_exact``."""

    kinds: Counter[str]
    is_exact: bool


def event_counts(rows: QuerySet[Event]) -> EventCounts:
    newest = rows.order_by("-created_at", "-pk").values_list("kind", flat=True)
    kinds = Counter(newest[: COUNTED + 1])
    return EventCounts(kinds, is_exact=kinds.total() <= COUNTED)
