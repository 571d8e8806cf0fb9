"""The review queue: what waits, what comes next, and who is reading what.

Nothing here scans the candidates of a workspace: lists are ranges of one index, totals come from
counts kept by the database, and a place far down the queue is not counted, only said to be far.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet, Sum
from django.db.models.fields.json import KT
from django.db.models.functions import Left

from memoryapp.domain.playbook import Op
from memoryapp.domain.retrieval import near_duplicates
from memoryapp.models import (
    Bullet,
    Candidate,
    Membership,
    Reservation,
    ReviewPolicy,
    ReviewVote,
    Tally,
    Workspace,
)
from memoryapp.models.candidates import SEARCHED
from memoryapp.models.entries import beginning_with
from memoryapp.models.tallies import TallyQuerySet
from memoryapp.models.workspaces import REVIEWING
from memoryapp.queries.asked import on_day
from memoryapp.queries.events import WORDS_MOST
from memoryapp.queries.facets import facet

RELATED = ("playbook__workspace", "decided_by", "assigned_to", "policy")
#: What waits was decided by nobody, and joining no more than it has halves the time for planning.
OF_THE_NEXT = ("playbook__workspace", "assigned_to")
#: What the kept counts can be narrowed by.
TALLIED = frozenset({"playbook", "op", "section"})
COLUMNS = {"status": 0, "section": 1, "op": 2}
#: Rows of the queue shown around the current one: a third before it, the rest after it.
WINDOW = 20
#: The same where only the previous and the next are shown; some may be taken by others.
NEIGHBORS = 3
#: Candidates before the current one are counted up to here.
COUNTED = 1_000
#: Texts a candidate is compared with word by word, and how many of them are named.
COMPARED, MOST_TWINS = 50, 3
#: Characters of a text that a row of the queue shows.
ROW_CHARS = 300
#: All that a row of the queue shows besides the beginning of its text and two scores.
OF_A_ROW = (
    "op",
    "section",
    "status",
    "trust",
    "audit",
    "playbook",
    "created_at",
    *(f"assigned_to__{name}" for name in ("username", "first_name", "last_name")),
)


@dataclass(frozen=True, slots=True)
class ReviewItem:
    """One candidate with its place in the filtered queue."""

    candidate: Candidate | None
    previous: Candidate | None
    next: Candidate | None
    #: 1 for the first; ``None`` where more than ``COUNTED`` come before.
    position: int | None
    #: whether the candidate itself matches the filter; a decided one opened by its address may not.
    inside: bool
    #: up to ``window`` candidates around the current one, for the queue column.
    around: Sequence[Candidate]
    more_before: bool
    more_after: bool
    #: where nothing waits for the reader: the first one that waits for the word of others; all of
    #: ``around`` do so then.
    voted: Candidate | None = None


@dataclass(frozen=True, slots=True)
class Taken:
    """What one member need not read now."""

    reading: frozenset[Any]
    voter: int
    #: playbook id to the policy that stands; without one nobody votes before they decide.
    policies: Mapping[int, ReviewPolicy]

    def left_of(self, queue: QuerySet[Candidate]) -> QuerySet[Candidate]:
        """A queue without what is taken."""
        if self.reading:
            queue = queue.exclude(pk__in=self.reading)
        return self.without_voted(queue)

    def without_voted(self, queue: QuerySet[Candidate]) -> QuerySet[Candidate]:
        """A queue without what waits only for the word of others."""
        if self.policies:
            voted = ReviewVote.objects.filter(
                candidate=OuterRef("pk"), reviewer=self.voter, withdrawn_at=None
            )
            queue = queue.exclude(Exists(voted), status=Candidate.Status.PENDING)
        return queue


def review_queue(
    workspace: Workspace,
    *,
    status: str = "pending",
    playbook: str = "",
    op: str = "",
    section: str = "",
    search: str = "",
    run: str = "",
    assigned: str = "",
    audit: str = "",
    day: str = "",
) -> QuerySet[Candidate]:
    """The candidates of a workspace that match a filter, oldest first.

    ``run`` is the number of the practice run they came from, ``assigned`` a user name, ``day``
    the one on which they were decided, as 2026-11-25. Nothing matches more than ``WORDS_MOST``
    words of ``search``.
    """
    found = Candidate.objects.filter(workspace=workspace)
    if status:
        found = found.filter(status=status)
    if playbook:
        found = found.filter(playbook__slug=playbook)
    if op:
        found = found.filter(op=op)
    if section:
        found = found.filter(section=section)
    if run:
        found = found.filter(origin_kind="run", origin_name=f"Run {run}")
    if assigned:
        found = found.filter(assigned_to__username=assigned)
    if audit:
        found = found.filter(audit=audit)
    if day:
        found = on_day(found, "decided_at", day)
    words = search.split()
    if len(words) > WORDS_MOST:
        found, words = found.none(), []
    if words:
        found = found.annotate(words=SEARCHED)
    for word in words:
        changed = Bullet.objects.filter(candidates=OuterRef("pk")).matching(word)
        found = found.filter(Q(words=beginning_with(word)) | Exists(changed))
    return found.select_related(*RELATED).in_queue_order()


def review_item(
    queue: QuerySet[Candidate],
    wanted: Candidate | None,
    *,
    taken: Taken,
    window: int = WINDOW,
) -> ReviewItem:
    """Place ``wanted`` (or the first of the queue) in the queue, with its neighbors.

    What is taken is not offered as next, nor as first while something else waits; what the reader
    has voted on is not offered at all.
    """
    offered = taken.left_of(queue)
    current = wanted or offered.first()
    if current is None and taken.reading:
        current = taken.without_voted(queue).first()
    if current is None:
        left = list(_as_rows(queue)[: window + 1]) if taken.policies else []
        voted = left[0] if left else None
        more = len(left) > window
        return ReviewItem(None, None, None, None, False, left[:window], False, more, voted)
    rows = _as_rows(queue)
    before = list(rows.filter(_earlier(current)).reverse()[: window // 3 + 1])[::-1]
    onward = list(rows.filter(_from(current))[: window + 2])
    here = onward[:1] if onward and onward[0].pk == current.pk else []
    after = onward[len(here) :][: window + 1]
    free = None
    if after and not taken.policies:
        free = next((row for row in after if row.pk not in taken.reading), None)
    if after and free is None:
        free = _as_rows(offered).filter(_later(current)).first()
    more_before = len(before) > window // 3
    return ReviewItem(
        candidate=current,
        previous=before[-1] if before else None,
        next=free,
        position=_position(queue, current) if more_before else len(before) + 1,
        inside=bool(here),
        around=[
            *(before[1:] if more_before else before),
            *here,
            *after[:window],
        ],
        more_before=more_before,
        more_after=len(after) > window,
    )


def following(queue: QuerySet[Candidate], current: Candidate, taken: Taken) -> Candidate | None:
    """What to read after ``current``: the next of the queue, else the one before it."""
    offered = taken.left_of(queue).select_related(None).select_related(*OF_THE_NEXT)
    return (
        offered.filter(_later(current)).first()
        or offered.filter(_earlier(current)).reverse().first()
    )


def taken(membership: Membership, now: datetime) -> Taken:
    """What a member need not read now: others are reading it, or they have voted on it already."""
    reading = Reservation.objects.filter(
        membership__workspace=membership.workspace, expires_at__gt=now
    ).exclude(membership=membership)
    return Taken(
        reading=frozenset(reading.values_list("candidate", flat=True)),
        voter=membership.user_id,
        policies=policies(membership.workspace),
    )


#: (status, section, op, how many)
Part = tuple[str, str, str, int]


@dataclass(frozen=True, slots=True)
class Tallied:
    """The kept counts of a workspace's candidates, each read once when it is first asked for."""

    workspace: Workspace
    #: playbook slug to its parts; those of the whole workspace under an empty one.
    _parts: dict[str, list[Part]] = field(default_factory=dict)

    def by(self, name: str, status: str = "", **narrowed: str) -> Counter[str]:
        """Candidates per value of ``name`` (status, playbook, op or section) under a filter.

        The arguments are those of ``review_queue``; what the kept counts do not know is counted.
        """
        asked = {given: value for given, value in narrowed.items() if value}
        if asked.keys() - TALLIED:
            queue = review_queue(self.workspace, status=status, **narrowed)
            return facet(queue, "playbook__slug" if name == "playbook" else name)
        playbook = asked.pop("playbook", "")
        if status:
            asked["status"] = status
        if name == "playbook":
            return self._by_playbook(playbook, asked)
        wanted = [(COLUMNS[given], value) for given, value in asked.items()]
        found: Counter[str] = Counter()
        for part in self._of(playbook):
            if all(part[column] == value for column, value in wanted):
                found[str(part[COLUMNS[name]])] += part[3]
        return +found

    def _of(self, playbook: str) -> list[Part]:
        if playbook not in self._parts:
            rows = self._rows(playbook).order_by().values_list("status", "section", "use")
            self._parts[playbook] = list(rows.annotate(total=Sum("amount")))
        return self._parts[playbook]

    def _by_playbook(self, playbook: str, asked: Mapping[str, str]) -> Counter[str]:
        rows = self._rows(playbook) if playbook else self._kept().filter(playbook__isnull=False)
        narrowed = {"use" if name == "op" else name: value for name, value in asked.items()}
        return rows.filter(**narrowed).by("playbook__slug")

    def _rows(self, playbook: str) -> TallyQuerySet:
        """The parts of one playbook, or those that are kept for the whole workspace."""
        if playbook:
            return self._kept().filter(playbook__slug=playbook)
        return self._kept().filter(playbook=None)

    def _kept(self) -> TallyQuerySet:
        return Tally.objects.filter(workspace=self.workspace, kind=Tally.Kind.CANDIDATE)


def totals(
    workspace: Workspace, *, by: str = "status", status: str = "", **narrowed: str
) -> Counter[str]:
    """Candidates per value of ``by`` (status, playbook, op or section) under a filter."""
    return Tallied(workspace).by(by, status, **narrowed)


def review_counts(workspace: Workspace) -> dict[str, int]:
    """Candidates per status, every status present."""
    return dict.fromkeys(Candidate.Status.values, 0) | dict(totals(workspace))


def may_be_assigned(workspace: Workspace) -> QuerySet[Membership]:
    """The members who may decide, by name."""
    return (
        workspace.memberships.filter(role__in=REVIEWING)
        .select_related("user")
        .order_by("user__username")
    )


def policies(workspace: Workspace) -> dict[int, ReviewPolicy]:
    """Playbook id to the review policy that stands, where one was written."""
    rows = ReviewPolicy.objects.filter(playbook__workspace=workspace)
    newest = rows.order_by("playbook_id", "-number").distinct("playbook_id")
    return {row.playbook_id: row for row in newest}


def words_of(voter: Any, candidates: Sequence[Candidate]) -> dict[Any, str]:
    """What one person said of candidates that wait, by primary key: ``approved``, ``rejected``."""
    given = ReviewVote.objects.filter(candidate__in=candidates, reviewer=voter, withdrawn_at=None)
    return dict(given.values_list("candidate", "decision"))


def votes(candidate: Candidate) -> list[ReviewVote]:
    """The words that stand, oldest first."""
    return list(candidate.votes.filter(withdrawn_at=None).select_related("reviewer"))


def twins(candidate: Candidate) -> list[tuple[Candidate, float]]:
    """Other waiting candidates that say nearly the same, the closest first, with how near.

    Only what would change the same bullets in the same way can stand in for each other.
    """
    if not candidate.is_pending or not candidate.bands:
        return []
    found = Candidate.objects.nearly_like(candidate)
    # An added bullet has no targets.
    aimed = found if candidate.op == Op.ADD else found.prefetch_related("targets")
    aim = {bullet.pk for bullet in candidate.targets.all()}
    texts = (
        (row, row.content)
        for row in aimed[:COMPARED]
        if candidate.op == Op.ADD or {bullet.pk for bullet in row.targets.all()} == aim
    )
    return list(near_duplicates(candidate.content, texts))[:MOST_TWINS]


def _earlier(current: Candidate) -> Q:
    # The first condition is a range of the index; the second only breaks ties inside of it.
    return Q(created_at__lte=current.created_at) & (
        Q(created_at__lt=current.created_at) | Q(pk__lt=current.pk)
    )


def _later(current: Candidate) -> Q:
    return Q(created_at__gte=current.created_at) & (
        Q(created_at__gt=current.created_at) | Q(pk__gt=current.pk)
    )


def _from(current: Candidate) -> Q:
    return Q(created_at__gte=current.created_at) & (
        Q(created_at__gt=current.created_at) | Q(pk__gte=current.pk)
    )


def _position(queue: QuerySet[Candidate], current: Candidate) -> int | None:
    before = queue.filter(_earlier(current)).reverse().values("pk")[:COUNTED].count()
    return before + 1 if before < COUNTED else None


def _as_rows(queue: QuerySet[Candidate]) -> QuerySet[Candidate]:
    few = queue.select_related(None).select_related("assigned_to").only(*OF_A_ROW)
    return few.annotate(
        line=Left("content", ROW_CHARS),
        feasibility=KT("scores__feasibility"),
        completion=KT("scores__completion"),
    )
