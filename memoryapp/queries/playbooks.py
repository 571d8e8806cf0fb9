"""Playbooks as practice and their pages see them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import groupby
from uuid import UUID

from django.db.models import Count, Max, Prefetch, Q, QuerySet, Sum
from django.db.models.functions import Length

from memoryapp.domain import formats
from memoryapp.domain import playbook as domain
from memoryapp.domain.changes import Change, Draft, changes, said
from memoryapp.domain.playbook import CHARS_PER_TOKEN, BulletStatus, Op
from memoryapp.domain.seen import shown
from memoryapp.models import (
    BulletRevision,
    Candidate,
    Evaluation,
    Playbook,
    Release,
    ReleaseLabel,
    Workspace,
)
from memoryapp.queries.releases import heavy

DRAFT, DRAFT_HEX = "draft-", 12


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
            label=f"{DRAFT}{candidate.pk.hex[:DRAFT_HEX]}",
            section=candidate.section,
            content=candidate.content,
            # Live for the solver that practises with it; only review makes it live for agents.
            status=BulletStatus.APPROVED,
            rule=candidate.rule,
        )
        for candidate in waiting.in_queue_order()
    )
    return replace(value, bullets=(*value.live, *drafts), token_budget=0)


def drafts_named(playbook: Playbook, labels: Iterable[str]) -> dict[str, Candidate]:
    """The proposals that ``draft_playbook`` gave these labels; no query where none is a draft's."""
    asked = Q()
    for label in labels:
        digits = label.removeprefix(DRAFT)
        if label.startswith(DRAFT) and re.fullmatch(f"[0-9a-f]{{{DRAFT_HEX}}}", digits):
            rest = 32 - DRAFT_HEX
            asked |= Q(pk__range=(UUID(digits + "0" * rest), UUID(digits + "f" * rest)))
    if not asked:
        return {}
    return {f"{DRAFT}{row.pk.hex[:DRAFT_HEX]}": row for row in playbook.candidates.filter(asked)}


def playbooks_with_labels(workspace: Workspace) -> QuerySet[Playbook]:
    """Playbooks by name, each with its labels and the releases they point at."""
    labels = ReleaseLabel.objects.select_related("release").defer(*heavy("release"))
    return workspace.playbooks.prefetch_related(Prefetch("labels", labels)).order_by("name")


def draft(playbook: Playbook, value: domain.Playbook | None = None) -> Draft:
    """Compare a playbook as it stands (``value``, where it is read already) with what is served."""
    value = value or playbook.as_value()
    newest = playbook.releases.defer("bodies").first()
    number = newest.number + 1 if newest else 1
    read = _document((bullet.section, bullet.label, bullet.content) for bullet in value.live)
    return Draft(
        next_number=number,
        changes=changes(newest.document if newest else None, read),
        newest=str(newest or ""),
        bullet_count=len(value.live),
        tokens=value.tokens,
        shown=shown(said(read)),
    )


def newest_revision(playbook: Playbook) -> int:
    """The newest revision of any bullet: a later one has a higher number, whichever bullet's."""
    found = BulletRevision.objects.filter(bullet__playbook=playbook).aggregate(newest=Max("pk"))
    return found["newest"] or 0


@dataclass(frozen=True, slots=True)
class ChangeSince:
    """What became of a bullet of the draft, and the last revision that made it so."""

    change: Change
    revision: BulletRevision | None


def draft_since(playbook: Playbook, revision: int) -> list[ChangeSince]:
    """What changed in the draft since ``newest_revision`` was this one, in the order of a release.

    Empty where nothing but the order of bullets did: places are in no revision.
    """
    rows = BulletRevision.objects.filter(bullet__playbook=playbook)
    newest = rows.order_by("bullet", "-pk").distinct("bullet").select_related("bullet")
    then = {row.bullet.label: row for row in newest.filter(pk__lte=revision)}
    since = newest.filter(pk__gt=revision).select_related("bullet", "author")
    by = {row.bullet.label: row for row in since}
    value = playbook.as_value()
    before = [
        (row.section, bullet.label, row.content)
        for bullet in value.bullets
        if (row := then.get(bullet.label)) and row.status in domain.LIVE
    ]
    now = [(bullet.section, bullet.label, bullet.content) for bullet in value.live]
    found = changes(_document(before), _document(now))
    return [ChangeSince(change, by.get(change.label)) for change in found]


def _document(read: Iterable[tuple[str, str, str]]) -> formats.Document:
    """The part of a document that ``changes`` reads."""
    return {
        "sections": [
            {"name": name, "bullets": [{"label": row[1], "content": row[2]} for row in rows]}
            for name, rows in groupby(read, key=lambda row: row[0])
        ]
    }


@dataclass(frozen=True, slots=True)
class Gating:
    """What was measured of some bullets as a gate, and whether that still decides.

    ``moved_on`` is the release that is served now, where the measurement did not compare with it:
    it says nothing of what publishing would replace.
    """

    evaluation: Evaluation | None
    moved_on: Release | None = None

    @property
    def passed(self) -> bool:
        return bool(self.evaluation and self.evaluation.passed and not self.moved_on)


def gating(playbook: Playbook, digest: str, label: str) -> Gating:
    """The newest measurement of exactly these bullets that passed or failed them.

    ``label`` is the one whose release agents are served, which it must have been compared with.
    """
    newest = playbook.evaluations.filter(digest=digest, passed__isnull=False).first()
    served = Release.objects.filter(playbook=playbook, labels__name=label).defer("bodies").first()
    if newest is None or served is None or newest.is_held_against(served.fingerprint):
        return Gating(newest)
    return Gating(newest, moved_on=served)


@dataclass(frozen=True, slots=True)
class Waiting:
    """Proposals that wait for review: all, those of new bullets, and the tokens these would add."""

    total: int
    added: int
    tokens: int


def waiting_in(playbook: Playbook) -> Waiting:
    added = Q(op=Op.ADD)
    asked = playbook.candidates.pending().aggregate(
        total=Count("pk"), added=Count("pk", filter=added), tokens=Sum(TOKENS, filter=added)
    )
    return Waiting(asked["total"], asked["added"], asked["tokens"] or 0)
