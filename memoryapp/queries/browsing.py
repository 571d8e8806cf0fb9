"""The memory browser: one filter over every bullet, true totals, pages by position in the order.

Lists are paged by the last row seen instead of by number, so that the last page of a million rows
costs what the first one does. Totals come from tallies where the filter asks for nothing else, and
are counted up to ``COUNTED`` rows otherwise; beyond that a page says so and offers to count all.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Self
from urllib.parse import urlencode
from uuid import UUID

from django.contrib.postgres.search import SearchHeadline
from django.db.models import Count, F, Func, Q, QuerySet, Sum, TextField, Value
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from memoryapp.models import Bullet, Playbook, Tally, Workspace
from memoryapp.models.entries import SEARCH_CONFIG, search_query
from memoryapp.queries.search import Hit, Scope, search

PAGE = 50
#: rows that are counted while somebody waits for the page.
COUNTED = 2_000
#: hits that are put in order of merit.
BEST = 100
#: texts up to this length are shown with the words found in them marked.
MARKED_CHARS = 20_000
DAYS = ("7", "30", "90")
#: the characters between which a found word stands; ``templatetags.ui`` makes marks of them.
MARK_START, MARK_END = "\ue000", "\ue001"


@dataclass(frozen=True, slots=True)
class EntryFilter:
    """What a query string asks of the memory browser; empty fields ask for nothing."""

    status: str = ""
    playbook: str = ""
    section: str = ""
    use: str = ""
    tag: str = ""
    #: ``tried``: won a trial; ``untried``: never was in one; ``hand``: written by a person.
    trust: str = ""
    #: changed within so many days.
    days: str = ""
    q: str = ""
    #: empty for the newest change first, ``oldest``, or ``best`` for the order of merit.
    sort: str = ""

    @classmethod
    def from_query(cls, given: Mapping[str, Any]) -> Self:
        """Read the fields from a query string; unknown ones are ignored."""
        # PostgreSQL cannot hold a NUL, so no row can match one.
        said = {name: str(given.get(name, "")).replace("\x00", "").strip() for name in _FIELDS}
        return cls(**said)

    def changed(self, **values: str) -> Self:
        return replace(self, **values)

    def as_query(self) -> str:
        """``?status=stale&q=refund``, or an empty text when nothing is asked for."""
        asked = {name: value for name, value in asdict(self).items() if value}
        return f"?{urlencode(asked)}" if asked else ""

    @property
    def is_tallied(self) -> bool:
        """Whether the tallies hold the totals of this filter."""
        return not (self.q or self.tag or self.trust or self.days)

    @property
    def is_ranked(self) -> bool:
        """Whether rows come in order of merit: words are asked for and nothing a search ignores."""
        return (
            self.sort == "best"
            and bool(self.q)
            and not (self.tag or self.trust or self.days or self.use)
        )

    def rows(self, workspace: Workspace) -> QuerySet[Bullet]:
        """Every bullet of a workspace that matches, in no order."""
        found = Bullet.objects.filter(playbook__workspace=workspace)
        if self.status:
            found = found.filter(status=self.status)
        if self.playbook:
            found = found.filter(playbook__slug=self.playbook)
        if self.section:
            found = found.filter(section=self.section)
        if self.use:
            found = found.used(self.use)
        if self.tag:
            found = found.filter(tags__contains=[self.tag])
        if self.trust == "tried":
            found = found.filter(verified_wins__gt=0)
        elif self.trust == "untried":
            found = found.filter(verified_wins=0, verified_losses=0)
        elif self.trust == "hand":
            found = found.exclude(revisions__candidate__isnull=False)
        if self.days in DAYS:
            found = found.filter(updated_at__gte=timezone.now() - timedelta(days=int(self.days)))
        return found.matching(self.q) if self.q else found


_FIELDS = tuple(EntryFilter.__dataclass_fields__)


@dataclass(frozen=True, slots=True)
class EntryPage:
    """Rows of one page, and the addresses of the pages beside it as ``after`` and ``before``."""

    rows: Sequence[Any]
    previous: str = ""
    next: str = ""


def entry_page(
    workspace: Workspace, asked: EntryFilter, *, after: str = "", before: str = "", size: int = PAGE
) -> EntryPage:
    """The rows after or before one that was seen, by the time of their last change.

    ``after`` and ``before`` are as ``EntryPage`` gave them; what is none is the beginning.
    """
    oldest_first = asked.sort == "oldest"
    backwards = bool(before)
    seen = _seen(before or after)
    descending = oldest_first == backwards
    found = asked.rows(workspace).select_related("playbook")
    if seen:
        found = found.filter(_beyond(*seen, descending=descending))
    order = ("-updated_at", "pk") if descending else ("updated_at", "-pk")
    rows = list(found.order_by(*order)[: size + 1])
    more = len(rows) > size
    rows = rows[:size]
    if backwards:
        rows.reverse()
    if not rows:
        return EntryPage(rows)
    has_previous, has_next = (more, True) if backwards else (bool(seen), more)
    return EntryPage(
        _marked(rows, asked.q),
        previous=_address(rows[0]) if has_previous else "",
        next=_address(rows[-1]) if has_next else "",
    )


def best_entries(
    workspace: Workspace, asked: EntryFilter, vector: Any = None
) -> list[tuple[Bullet, Hit]]:
    """The bullets that answer a question best, each with what every leg said of it."""
    playbooks = Playbook.objects.filter(workspace=workspace)
    if asked.playbook:
        playbooks = playbooks.filter(slug=asked.playbook)
    scope = Scope(
        playbooks=list(playbooks.values_list("pk", flat=True)),
        sections=[asked.section] if asked.section else [],
        statuses=[asked.status] if asked.status else list(Bullet.Status.values),
    )
    hits = search(asked.q, scope=scope, limit=BEST, vector=vector)
    found = Bullet.objects.select_related("playbook").in_bulk([hit.bullet_id for hit in hits])
    known = [(found[hit.bullet_id], hit) for hit in hits if hit.bullet_id in found]
    _marked([bullet for bullet, _ in known], asked.q)
    return known


@dataclass(frozen=True, slots=True)
class EntryCounts:
    """The total of a filter and, per facet, what choosing each value would show.

    ``is_exact`` is false where counting stopped at ``COUNTED``; then only ``total`` says anything,
    namely that there are more than that.
    """

    total: int
    by: Mapping[str, Counter[str]]
    is_exact: bool = True


FACETS = ("status", "section", "use")


def entry_counts(
    workspace: Workspace, asked: EntryFilter, *, count_all: bool = False
) -> EntryCounts:
    """Count a filter. ``count_all`` counts every row, however long that takes."""
    if asked.is_tallied:
        return _from_tallies(workspace, asked)
    by: dict[str, Counter[str]] = {}
    exact = True
    limit = None if count_all else COUNTED + 1
    for name in ("status", "section"):
        rows = asked.changed(**{name: ""}).rows(workspace).values_list(name).order_by()[:limit]
        by[name] = _grouped(rows, name, limited=limit is not None)
        exact = exact and (count_all or by[name].total() <= COUNTED)
    chosen = asked.status
    total = by["status"][chosen] if chosen else by["status"].total()
    return EntryCounts(total, by | {"use": Counter()}, is_exact=exact)


def entry_total(workspace: Workspace) -> int:
    return Tally.objects.within(workspace, kind=Tally.Kind.BULLET).total()


def _from_tallies(workspace: Workspace, asked: EntryFilter) -> EntryCounts:
    playbook = None
    if asked.playbook:
        playbook = workspace.playbooks.filter(slug=asked.playbook).first()
        if playbook is None:
            return EntryCounts(0, {name: Counter() for name in FACETS})
    held = Tally.objects.within(workspace, kind=Tally.Kind.BULLET, playbook=playbook)
    parts = held.order_by().values_list(*FACETS).annotate(total=Sum("amount"))
    chosen = {name: getattr(asked, name) for name in FACETS}
    by: dict[str, Counter[str]] = {name: Counter() for name in FACETS}
    total = 0
    for *values, amount in parts:
        row = dict(zip(FACETS, values, strict=True))
        missed = [name for name in FACETS if chosen[name] and chosen[name] != row[name]]
        if not missed:
            total += amount
        for name in FACETS:
            if not missed or missed == [name]:
                by[name][row[name]] += amount
    return EntryCounts(total, by)


def _grouped(rows: QuerySet[Any, Any], name: str, *, limited: bool) -> Counter[str]:
    if limited:
        return Counter(value for (value,) in rows)
    return Counter(dict(rows.annotate(total=Count("pk"))))


def _marked(rows: Sequence[Any], q: str) -> Sequence[Any]:
    """Give each row ``marked``: its text with the words found in it between two characters."""
    if not q or not rows:
        return rows
    short = [row.pk for row in rows if len(row.content) <= MARKED_CHARS]
    marks = Value(MARK_START + MARK_END)
    bare = Func(F("content"), marks, Value(""), function="translate", output_field=TextField())
    headline = SearchHeadline(
        bare,
        search_query(q),
        config=SEARCH_CONFIG,
        start_sel=MARK_START,
        stop_sel=MARK_END,
        highlight_all=True,
    )
    texts = dict(Bullet.objects.filter(pk__in=short).values_list("pk", headline))
    for row in rows:
        row.marked = texts.get(row.pk, row.content)
    return rows


def _seen(address: str) -> tuple[datetime, UUID] | None:
    moment, _, key = address.partition("_")
    try:
        parsed = parse_datetime(moment)
        return (parsed, UUID(key)) if parsed and parsed.tzinfo else None
    except ValueError:
        return None


def _address(row: Bullet) -> str:
    return f"{row.updated_at.isoformat()}_{row.pk}"


def _beyond(moment: datetime, key: UUID, *, descending: bool) -> Q:
    """The rows further on in the order. The first part lets an index begin at the right place."""
    if descending:
        return Q(updated_at__lte=moment) & (Q(updated_at__lt=moment) | Q(pk__gt=key))
    return Q(updated_at__gte=moment) & (Q(updated_at__gt=moment) | Q(pk__lt=key))
