"""The review queue: what waits, what is next, how far a person is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet

from memoryapp.domain.retrieval import near_duplicates
from memoryapp.models import (
    Bullet,
    Candidate,
    Tally,
    Workspace,
)


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
    rows = Tally.objects.within(workspace, kind=Tally.Kind.CANDIDATE).by("status")
    return dict.fromkeys(Candidate.Status.values, 0) | rows


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
