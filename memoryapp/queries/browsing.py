"""The memory browser: one filter over every bullet, true totals, pages by position in the order.

Lists are paged by the last row seen instead of by number, so that the last page of a million rows
costs what the first one does. Totals come from tallies where the filter asks for nothing else, and
are counted up to ``COUNTED`` rows otherwise; beyond that a page says so and offers to count all.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from django.contrib.postgres.search import SearchHeadline
from django.db.models import Count, F, Func, QuerySet, Sum, TextField, Value
from django.utils import timezone

from memoryapp.domain.playbook import LIVE
from memoryapp.models import Bullet, Playbook, Tally, Workspace
from memoryapp.models.entries import SEARCH_CONFIG, search_query
from memoryapp.queries.asked import Asked
from memoryapp.queries.facets import first_facets
from memoryapp.queries.keyset import KeysetPage, Order, keyset_page
from memoryapp.queries.search import Hit, QueryVector, Scope, search

PAGE = 50
#: rows that are counted while somebody waits for the page.
COUNTED = 2_000
#: the usual order, said where a filter asks for nothing else: of a bullet that was opened in it.
NEWEST = "newest"
#: hits that are put in order of merit.
BEST = 100
#: texts up to this length are shown with the words found in them marked.
MARKED_CHARS = 20_000
DAYS = ("7", "30", "90")
#: a status of the filter that bullets do not have: whatever a release could hold.
IN_USE = "live"
#: where a bullet comes from: the kind of job that taught it, a file, or a person's hand.
HAND = "hand"
KINDS = (
    ("run", "Practice"),
    ("incident", "Root causes"),
    ("agent", "Agents"),
    ("file", "A file"),
    (HAND, "Written by hand"),
)
TRUST = (("tried", "Won a trial"), ("lost", "Only lost trials"), ("untried", "Never tried"))
EVIDENCE = (("steps", "With observed steps"), ("none", "Without any"))
#: the characters between which a found word stands; ``templatetags.ui`` makes marks of them.
MARK_START, MARK_END = "\ue000", "\ue001"


@dataclass(frozen=True, slots=True)
class EntryFilter(Asked):
    """What a query string asks of the memory browser; empty fields ask for nothing."""

    status: str = ""
    playbook: str = ""
    section: str = ""
    use: str = ""
    tag: str = ""
    #: one of ``TRUST``.
    trust: str = ""
    #: one of ``KINDS``.
    kind: str = ""
    #: the name of the environment it was learned in.
    environment: str = ""
    #: one of ``EVIDENCE``.
    evidence: str = ""
    #: changed within so many days.
    days: str = ""
    q: str = ""
    #: empty or ``NEWEST`` for the newest change first, ``oldest``, or ``best`` for merit.
    sort: str = ""

    @property
    def statuses(self) -> list[str]:
        """The statuses it asks for; none where any will do."""
        if self.status == IN_USE:
            return sorted(LIVE)
        return [self.status] if self.status else []

    @property
    def is_tallied(self) -> bool:
        """Whether the tallies hold the totals of this filter."""
        return not (self.q or self.is_faceted)

    @property
    def is_faceted(self) -> bool:
        """Whether it asks for something that neither tallies nor searches know by themselves."""
        return bool(
            self.tag or self.trust or self.days or self.kind or self.environment or self.evidence
        )

    @property
    def is_ranked(self) -> bool:
        """Whether rows come in order of merit."""
        return self.sort == "best" and bool(self.q)

    def rows(self, workspace: Workspace) -> QuerySet[Bullet]:
        """Every bullet of a workspace that matches, in no order."""
        found = Bullet.objects.filter(playbook__workspace=workspace)
        if self.status == IN_USE:
            found = found.filter(status__in=LIVE)
        elif self.status:
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
        elif self.trust == "lost":
            found = found.filter(verified_wins=0, verified_losses__gt=0)
        if self.kind:
            found = found.filter(origin_kind="" if self.kind == HAND else self.kind)
        if self.environment:
            found = found.filter(environment=self.environment)
        if self.evidence == "steps":
            found = found.filter(evidence_count__gt=0)
        elif self.evidence == "none":
            found = found.filter(evidence_count=0)
        if self.days in DAYS:
            found = found.filter(updated_at__gte=timezone.now() - timedelta(days=int(self.days)))
        return found.matching(self.q) if self.q else found


def entry_page(
    workspace: Workspace, asked: EntryFilter, *, after: str = "", before: str = "", size: int = PAGE
) -> KeysetPage[Bullet]:
    """The rows after or before one that was seen, by the time of their last change."""
    found = asked.rows(workspace).select_related("playbook")
    page = keyset_page(found, _order(asked), after=after, before=before, size=size)
    _marked(page.rows, asked.q)
    return page


def _order(asked: EntryFilter) -> Order:
    return Order("updated_at", key_ascends=True, oldest_first=asked.sort == "oldest")


def entry_place(asked: EntryFilter, bullet: Bullet) -> str:
    """Where a bullet stands in the list of a filter; empty where the list goes by merit."""
    return "" if asked.is_ranked else _order(asked).address(bullet)


def entry_neighbors(
    workspace: Workspace,
    asked: EntryFilter,
    bullet: Bullet,
    *,
    vector: QueryVector | None = None,
    place: str = "",
) -> tuple[Bullet | None, Bullet | None]:
    """The bullets before and after one in the list of a filter, which it may have left.

    ``place`` is where it stood before it was changed: a change moves it to an end of the list, and
    whoever goes through the list would begin anew.
    """
    if asked.is_ranked:
        rows: Sequence[Any] = [row for row, _ in best_entries(workspace, asked, vector)]
        rank = next((at for at, row in enumerate(rows) if row.pk == bullet.pk), len(rows))
        return (
            rows[rank - 1] if 0 < rank < len(rows) else None,
            rows[rank + 1] if rank + 1 < len(rows) else None,
        )
    order, here = _order(asked), place or entry_place(asked, bullet)
    found = asked.rows(workspace).exclude(pk=bullet.pk).select_related("playbook")
    before = keyset_page(found, order, before=here, size=1).rows
    after = keyset_page(found, order, after=here, size=1).rows
    return (before[0] if before else None, after[0] if after else None)


def best_entries(
    workspace: Workspace, asked: EntryFilter, vector: QueryVector | None = None
) -> list[tuple[Bullet, Hit]]:
    """The bullets that answer a question best, each with what every leg said of it.

    Without ``vector`` the words alone rank them.
    """
    playbooks = Playbook.objects.filter(workspace=workspace)
    if asked.playbook:
        playbooks = playbooks.filter(slug=asked.playbook)
    scope = Scope(
        playbooks=list(playbooks.values_list("pk", flat=True)),
        sections=[asked.section] if asked.section else [],
        statuses=asked.statuses or list(Bullet.Status.values),
        among=asked.changed(q="").rows(workspace) if asked.is_faceted or asked.use else None,
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
    #: all bullets of the workspace, where they were counted along.
    of_all: int | None = None

    def of(self, facet: str, value: str) -> int:
        """What choosing a value shows."""
        held = self.by[facet]
        if (facet, value) == ("status", IN_USE):
            return sum(held[status] for status in LIVE)
        return held[value]


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
    # Where neither is chosen, both are counted over the same rows, which are then read once.
    apart = bool(asked.status or asked.section)
    for names in [("status",), ("section",)] if apart else [("status", "section")]:
        rows = asked.changed(**dict.fromkeys(names, "")).rows(workspace).values_list(*names)
        by |= _grouped(rows.order_by(), names, limit)
        exact = exact and (count_all or by[names[0]].total() <= COUNTED)
    found = EntryCounts(by["status"].total(), by | {"use": Counter()}, is_exact=exact)
    return replace(found, total=found.of("status", asked.status)) if asked.status else found


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
    total = of_all = 0
    for *values, amount in parts:
        row = dict(zip(FACETS, values, strict=True))
        of_all += amount
        missed = [name for name in FACETS if chosen[name] and chosen[name] != row[name]]
        if chosen["status"] == IN_USE and row["status"] in LIVE:
            missed.remove("status")
        if not missed:
            total += amount
        for name in FACETS:
            if not missed or missed == [name]:
                by[name][row[name]] += amount
    return EntryCounts(total, by, of_all=None if playbook else of_all)


def _grouped(
    rows: QuerySet[Any, Any], names: Sequence[str], limit: int | None
) -> dict[str, Counter[str]]:
    """How many of the first ``limit`` rows have each value of each of ``names``."""
    found = rows.annotate(total=Count("pk")) if limit is None else first_facets(rows, names, limit)
    by: dict[str, Counter[str]] = {name: Counter() for name in names}
    for *values, amount in found:
        for name, value in zip(names, values, strict=True):
            by[name][value] += amount
    return by


def _marked(rows: Sequence[Any], q: str) -> None:
    """Give each row ``marked``: its text with the words found in it between two characters."""
    if not q or not rows:
        return
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
