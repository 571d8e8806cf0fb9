"""The audit log, as each reader may see it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.db import connection
from django.db.models import Exists, OuterRef, Q, QuerySet

from memoryapp.domain.event_kinds import ABOUT_ACCOUNTS, is_about_account, kinds_that_say
from memoryapp.domain.watching import FAILED, FLAGGED
from memoryapp.models import (
    Event,
    Membership,
    Workspace,
)
from memoryapp.queries.asked import day
from memoryapp.queries.facets import first_facets

#: words one can search for: each is a condition of its own.
WORDS_MOST = 30
#: rows that are counted while somebody waits for the page.
COUNTED = 2_000


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads the log of a workspace; ``person`` is ``None`` for a key, which is nobody.

    Rows about an account, of what lets its person in and of who tried to, are for that person and
    for whoever administers the workspace. Everything that is read or counted begins with ``rows``.
    """

    workspace: Workspace
    person: Any
    administers: bool

    @classmethod
    def member(cls, membership: Membership) -> Reader:
        return cls(membership.workspace, membership.user, membership.may_administer)

    def rows(self) -> QuerySet[Event]:
        found = self.workspace.events.all()
        if self.administers:
            return found
        seen = ~_about_accounts()
        if self.person is not None:
            # By name too: a row that came with a file has the number of a stranger elsewhere.
            seen |= Q(
                subject_type=self.person._meta.model_name,
                subject_id=str(self.person.pk),
                subject_name=str(self.person)[:200],
            )
        return found.filter(seen)


def _about_accounts() -> Q:
    """Rows about accounts, those that say how often somebody's password was tried among them."""
    about = Q(kind=FLAGGED, data__what=FAILED)
    for beginning in ABOUT_ACCOUNTS:
        about |= Q(kind__startswith=beginning)
    return about


def events(
    reader: Reader,
    *,
    kind: str = "",
    actor: str = "",
    playbook: str = "",
    search: str = "",
    since: str = "",
    until: str = "",
) -> QuerySet[Event]:
    """What ``reader`` may see of the audit log, newest first.

    ``actor`` is a user name, ``playbook`` a slug, ``since`` and ``until`` are days (both included);
    ``search`` looks at what happened, in the words that are shown, at the subject, at who or what
    acted and at the playbook; nothing matches more than ``WORDS_MOST`` words.
    """
    found = reader.rows().select_related("actor")
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
            Q(kind__in=kinds_that_say(word))
            | Q(kind__icontains=word)
            | Q(subject_name__icontains=word)
            | Q(actor__username__icontains=word)
            | Q(through__icontains=word)
            | Q(data__playbook=word)
        )
    return found


def unusual_use(reader: Reader, *, since: datetime) -> int:
    """How often unusual use that ``reader`` may see was written down since then."""
    return reader.rows().filter(kind=FLAGGED, created_at__gt=since).count()


def unusual_use_everywhere(*, since: datetime) -> int:
    """How often unusual use was written down since then, in all workspaces."""
    # With the workspaces named, each is one look into the index of kinds.
    rows = Event.objects.filter(workspace__in=Workspace.objects.all(), kind=FLAGGED)
    return rows.filter(created_at__gt=since).count()


def event_actors(reader: Reader) -> list[str]:
    """Names of all who ever changed something in the workspace that ``reader`` may see."""
    # One look into the index per person; the log itself may hold millions of rows.
    acted = reader.rows().filter(actor=OuterRef("pk"))
    named = get_user_model().objects.filter(Exists(acted)).order_by("username")
    return list(named.values_list("username", flat=True))


def event_kinds(reader: Reader) -> list[str]:
    """Every kind of row that ``reader`` may see of the log of the workspace, sorted."""
    kinds = _kinds(reader.workspace)
    if reader.administers:
        return kinds
    doubtful = [kind for kind in kinds if kind == FLAGGED or is_about_account(kind)]
    within = reader.rows().filter(kind__in=doubtful).order_by()
    seen = set(within.values_list("kind", flat=True).distinct())
    return [kind for kind in kinds if kind not in doubtful or kind in seen]


def _kinds(workspace: Workspace) -> list[str]:
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
    newest = rows.order_by("-created_at", "-pk")
    kinds = Counter(dict(first_facets(newest, ["kind"], COUNTED + 1)))
    return EventCounts(kinds, is_exact=kinds.total() <= COUNTED)
