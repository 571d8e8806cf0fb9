"""Playbooks as practice and their pages see them."""

from __future__ import annotations

from dataclasses import replace

from django.db.models import Count, Q, QuerySet, Sum
from django.db.models.functions import Length

from memoryapp.domain import formats
from memoryapp.domain import playbook as domain
from memoryapp.domain.changes import Draft, changes
from memoryapp.domain.playbook import CHARS_PER_TOKEN, BulletStatus, Op
from memoryapp.models import (
    Bullet,
    Evaluation,
    Playbook,
    Workspace,
)

DRAFT_HEX = 12


#: ``domain.playbook.estimate_tokens`` in SQL: each text is rounded up by itself.
TOKENS = (Length("content") + (CHARS_PER_TOKEN - 1)) / CHARS_PER_TOKEN


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


def waiting_growth(playbook: Playbook) -> tuple[int, int]:
    """Waiting proposals of new bullets, and the estimated tokens they would add."""
    found = playbook.candidates.pending().filter(op=Op.ADD)
    asked = found.aggregate(total=Count("pk"), tokens=Sum(TOKENS))
    return asked["total"], asked["tokens"] or 0
