"""Playbooks as practice and their pages see them."""

from __future__ import annotations

from dataclasses import replace

from django.db.models import Count, Prefetch, QuerySet, Sum
from django.db.models.functions import Length

from memoryapp.domain import formats
from memoryapp.domain import playbook as domain
from memoryapp.domain.changes import Draft, changes
from memoryapp.domain.playbook import CHARS_PER_TOKEN, BulletStatus, Op
from memoryapp.models import Evaluation, Playbook, ReleaseLabel, Workspace
from memoryapp.queries.releases import HEAVY

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


def playbooks_with_labels(workspace: Workspace) -> QuerySet[Playbook]:
    """Playbooks by name, each with its labels and the releases they point at."""
    heavy = [f"release__{part}" for part in HEAVY]
    labels = ReleaseLabel.objects.select_related("release").defer(*heavy)
    return workspace.playbooks.prefetch_related(Prefetch("labels", labels)).order_by("name")


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
