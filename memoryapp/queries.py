"""Reads that span tables: the review queue, a playbook as practice sees it, what waits where."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Sum
from django.db.models.functions import Length

from memoryapp.domain import formats
from memoryapp.domain import playbook as domain
from memoryapp.domain.changes import Draft, changes
from memoryapp.domain.playbook import CHARS_PER_TOKEN, BulletStatus, Op
from memoryapp.domain.retrieval import near_duplicates
from memoryapp.models import (
    Bullet,
    BulletRevision,
    Candidate,
    Evaluation,
    Event,
    Evidence,
    LabelMove,
    Playbook,
    Release,
    Workspace,
)

DRAFT_HEX = 12
#: ``domain.playbook.estimate_tokens`` in SQL: each text is rounded up by itself.
TOKENS = (Length("content") + (CHARS_PER_TOKEN - 1)) / CHARS_PER_TOKEN
#: columns of a release that a list does not need.
HEAVY = ("document", "bodies")


@dataclass(frozen=True, slots=True)
class ReviewItem:
    """One candidate with its place in the filtered queue."""

    candidate: Candidate | None
    previous: Candidate | None
    next: Candidate | None
    position: int
    total: int
    #: whether the candidate itself matches the filter; a decided one opened by its address may not.
    inside: bool
    #: up to ``window`` candidates around the current one, for the queue column.
    around: Sequence[Candidate]


def draft_playbook(playbook: Playbook, *, origin_link: str) -> domain.Playbook:
    """The playbook a run practises with: what is live, then what this run itself has proposed.

    A proposed bullet is labelled ``draft-<id>``, so that a later round may refine it while it
    still waits for review.
    """
    value = playbook.as_value()
    waiting = playbook.candidates.pending().filter(origin_link=origin_link, op=Op.ADD)
    drafts = tuple(
        domain.Bullet(
            label=f"draft-{candidate.pk.hex[:DRAFT_HEX]}",
            section=candidate.section,
            content=candidate.content,
            # Live for the solver that practises with it; only review makes it live for agents.
            status=BulletStatus.APPROVED,
            rule=candidate.rule,
        )
        for candidate in waiting.in_queue_order()
    )
    return replace(value, bullets=(*value.live, *drafts), token_budget=0)


def review_queue(
    workspace: Workspace,
    *,
    status: str = "pending",
    playbook: str = "",
    op: str = "",
    section: str = "",
    search: str = "",
    run: str = "",
) -> QuerySet[Candidate]:
    """The candidates of a workspace that match a filter, oldest first.

    ``run`` is the number of the practice run they came from.
    """
    found = Candidate.objects.filter(playbook__workspace=workspace)
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
    for word in search.split():
        changed = Bullet.objects.filter(candidates=OuterRef("pk")).matching(word)
        found = found.filter(Q(content__icontains=word) | Exists(changed))
    return found.select_related("playbook", "decided_by").in_queue_order()


def review_item(
    queue: QuerySet[Candidate], wanted: Candidate | None, *, window: int = 60
) -> ReviewItem:
    """Place ``wanted`` (or the first of the queue) in the queue, with its neighbours."""
    total = queue.count()
    current = wanted or queue.first()
    if current is None:
        return ReviewItem(None, None, None, 0, total, False, ())
    earlier = Q(created_at__lt=current.created_at) | Q(
        created_at=current.created_at, pk__lt=current.pk
    )
    later = Q(created_at__gt=current.created_at) | Q(
        created_at=current.created_at, pk__gt=current.pk
    )
    before = list(queue.filter(earlier).reverse()[: window // 2])[::-1]
    after = list(queue.filter(later)[:window])
    inside = queue.filter(pk=current.pk).exists()
    return ReviewItem(
        candidate=current,
        previous=before[-1] if before else None,
        next=after[0] if after else None,
        position=queue.filter(earlier).count() + 1,
        total=total,
        inside=inside,
        around=[*before, *([current] if inside else []), *after],
    )


def review_counts(workspace: Workspace) -> dict[str, int]:
    """Candidates per status, every status present."""
    rows = (
        Candidate.objects.filter(playbook__workspace=workspace)
        .values_list("status")
        .annotate(total=Count("pk"))
    )
    return dict.fromkeys(Candidate.Status.values, 0) | dict(rows)


def decided_since(workspace: Workspace, user: Any, since: datetime) -> int:
    """How many candidates ``user`` decided since a moment."""
    return Candidate.objects.filter(
        playbook__workspace=workspace, decided_by=user, decided_at__gte=since
    ).count()


def similar_bullets(candidate: Candidate, *, limit: int = 5) -> list[tuple[Bullet, int]]:
    """Live bullets of the playbook that say nearly the same, with similarity in percent."""
    targets = set(candidate.targets.values_list("pk", flat=True))
    live = candidate.playbook.bullets.live().select_related("playbook")
    near = near_duplicates(candidate.content, ((b, b.content) for b in live if b.pk not in targets))
    return [(bullet, round(100 * score)) for bullet, score in near[:limit]]


def playbooks_with_figures(workspace: Workspace) -> QuerySet[Playbook]:
    """Playbooks with live bullets, estimated tokens and waiting candidates counted."""
    live = Q(bullets__status__in=domain.LIVE)
    return (
        workspace.playbooks.annotate(
            live_count=Count("bullets", filter=live, distinct=True),
            waiting_count=Count(
                "candidates", filter=Q(candidates__status="pending"), distinct=True
            ),
        )
        .prefetch_related("labels__release")
        .order_by("name")
    )


def tokens_by_playbook(workspace: Workspace) -> dict[int, int]:
    """Playbook id to the estimated tokens of its live bullets."""
    rows = (
        Bullet.objects.filter(playbook__workspace=workspace)
        .live()
        .values_list("playbook")
        .annotate(estimate=Sum(TOKENS))
    )
    return dict(rows)


def entries(
    workspace: Workspace, *, status: str = "", playbook: str = "", section: str = "", q: str = ""
) -> QuerySet[Bullet]:
    """Every bullet of a workspace that matches a filter, newest change first."""
    found = Bullet.objects.filter(playbook__workspace=workspace)
    if status:
        found = found.filter(status=status)
    if playbook:
        found = found.filter(playbook__slug=playbook)
    if section:
        found = found.filter(section=section)
    if q:
        found = found.matching(q)
    return found.select_related("playbook").order_by("-updated_at", "pk")


def facet(rows: QuerySet[Any], field: str) -> Counter[str]:
    """True totals of one field over a filtered list."""
    counted = rows.order_by().values_list(field).annotate(total=Count("pk", distinct=True))
    return Counter(dict(counted))


def evidence_counts(bullets: Sequence[Bullet]) -> dict[Any, int]:
    """Bullet id to the number of evidence steps behind all its candidates."""
    rows = (
        Candidate.objects.filter(revisions__bullet__in=bullets)
        .values_list("revisions__bullet")
        .annotate(total=Count("evidence", distinct=True))
    )
    return dict(rows)


def pulled_release(workspace: Workspace, slug: str, *, label: str, version: int | None) -> Release:
    """The release an agent asked for, without its documents.

    Raises:
        Release.DoesNotExist: no such playbook, label or version.
    """
    found = Release.objects.filter(playbook__workspace=workspace, playbook__slug=slug)
    if version is not None:
        return found.only("number", "digests").get(number=version)
    return found.only("number", "digests").get(labels__name=label)


def candidates_by_origin(workspace: Workspace, links: Sequence[str]) -> dict[str, Counter[str]]:
    """Origin link to candidates per status, for the jobs behind ``links``; each link present."""
    found: dict[str, Counter[str]] = {link: Counter() for link in links}
    rows = (
        Candidate.objects.filter(playbook__workspace=workspace, origin_link__in=links)
        .values_list("origin_link", "status")
        .annotate(total=Count("pk"))
    )
    for link, status, total in rows:
        found[link][status] += total
    return found


def first_evidence(workspace: Workspace, origin_link: str) -> dict[Any, str]:
    """Candidate id to the link of the step it was first learned from, for one job."""
    rows = (
        Evidence.objects.filter(
            candidate__playbook__workspace=workspace, candidate__origin_link=origin_link
        )
        .order_by("-pk")
        .values_list("candidate_id", "link")
    )
    # The oldest row comes last, so it is the one each candidate keeps.
    return dict(rows)


def evidence_from(workspace: Workspace, link: str) -> QuerySet[Evidence]:
    """The evidence whose steps stand on the page at ``link``, oldest first."""
    return (
        Evidence.objects.filter(
            candidate__playbook__workspace=workspace, link__startswith=f"{link}#"
        )
        .select_related("candidate__playbook")
        .order_by("pk")
    )


def candidates_by_tool(workspace: Workspace, links: Sequence[str]) -> dict[str, Counter[str]]:
    """Tool to candidates per status that cite a call of it, for the jobs behind ``links``."""
    found: dict[str, Counter[str]] = {}
    rows = (
        Evidence.objects.filter(
            candidate__playbook__workspace=workspace, candidate__origin_link__in=links
        )
        .values_list("tool", "candidate__status")
        .annotate(total=Count("candidate", distinct=True))
        .order_by("tool")
    )
    for tool, status, total in rows:
        found.setdefault(tool, Counter())[status] += total
    return found


def draft(playbook: Playbook, value: domain.Playbook | None = None) -> Draft:
    """Compare a playbook as it stands (``value``, where it is read already) with what is served."""
    value = value or playbook.as_value()
    newest = playbook.releases.defer("bodies").first()
    number = newest.number + 1 if newest else 1
    document = formats.document(
        value,
        slug=playbook.slug,
        name=playbook.name,
        description=playbook.description,
        version=number,
    )
    return Draft(
        next_number=number,
        changes=changes(newest.document if newest else None, document),
        newest=str(newest or ""),
        bullet_count=len(value.live),
        tokens=value.tokens,
    )


def gating_evaluation(playbook: Playbook, digest: str) -> Evaluation | None:
    """The newest measurement of exactly these bullets that passed or failed them."""
    return playbook.evaluations.filter(digest=digest, passed__isnull=False).first()


def served_through(playbook: Playbook, labels: Sequence[str]) -> list[str]:
    """Names of the release labels that give agents any of these bullets."""
    wanted = set(labels)
    found = []
    for label in playbook.labels.select_related("release").defer("release__bodies"):
        held = (b["label"] for s in label.release.document["sections"] for b in s["bullets"])
        if wanted.intersection(held):
            found.append(label.name)
    return found


def bullet_evidence(bullet: Bullet) -> QuerySet[Evidence]:
    """Every step the bullet's candidates rest on, oldest first."""
    taught = bullet.revisions.exclude(candidate=None).values("candidate")
    return Evidence.objects.filter(candidate__in=taught).order_by("pk")


def tools_shown(bullet: Bullet) -> list[str]:
    """The tools of the steps behind a bullet, in the order they were stored."""
    shown = bullet_evidence(bullet).exclude(tool="").values_list("tool", flat=True)
    return list(dict.fromkeys(shown))


def newest_reason(bullet: Bullet) -> str:
    """Why a bullet is what it is now."""
    return bullet.revisions.order_by("-number").values_list("reason", flat=True).first() or ""


def revisions_with_before(bullet: Bullet) -> list[tuple[BulletRevision, str]]:
    """Revisions newest first, each with the text it replaced (empty for the first)."""
    rows = list(bullet.revisions.select_related("author", "candidate__playbook"))
    return [
        (row, rows[place + 1].content if place + 1 < len(rows) else "")
        for place, row in enumerate(rows)
    ]


def waiting_growth(playbook: Playbook) -> tuple[int, int]:
    """Waiting proposals of new bullets, and the estimated tokens they would add."""
    found = playbook.candidates.pending().filter(op=Op.ADD)
    asked = found.aggregate(total=Count("pk"), tokens=Sum(TOKENS))
    return asked["total"], asked["tokens"] or 0


def events(
    workspace: Workspace, *, kind: str = "", actor: str = "", search: str = ""
) -> QuerySet[Event]:
    """The audit log, newest first.

    ``actor`` is a user name; ``search`` looks at the subject, at who acted and at the playbook.
    """
    found = workspace.events.select_related("actor")
    if actor:
        found = found.filter(actor__username=actor)
    if kind:
        found = found.filter(kind=kind)
    for word in search.split():
        found = found.filter(
            Q(subject_name__icontains=word)
            | Q(actor__username__icontains=word)
            | Q(data__playbook=word)
        )
    return found


def event_actors(workspace: Workspace) -> list[str]:
    """Names of all who ever changed something in the workspace."""
    named = workspace.events.exclude(actor=None).order_by("actor__username")
    return list(named.values_list("actor__username", flat=True).distinct())


def newest_releases(workspace: Workspace) -> QuerySet[Release]:
    """Releases of all playbooks, newest first, without their texts."""
    return (
        Release.objects.filter(playbook__workspace=workspace)
        .select_related("playbook")
        .prefetch_related("labels")
        .defer(*HEAVY)
        .order_by("-created_at", "-pk")
    )


def label_moves(moves: QuerySet[LabelMove]) -> QuerySet[LabelMove]:
    """Moves with who and what, without the texts of the releases."""
    heavy = [f"{end}__{part}" for end in ("from_release", "to_release") for part in HEAVY]
    ends = ("from_release", "to_release__playbook")
    return moves.select_related("playbook", "moved_by", *ends).defer(*heavy)
