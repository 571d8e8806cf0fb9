"""Waiting candidates that say the same: put together, and taken apart again."""

from __future__ import annotations

from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from memoryapp.domain import review
from memoryapp.domain.errors import UnableToDecide, UnableToUndo
from memoryapp.models import Candidate, Event, Evidence, Trail
from memoryapp.services.events import said
from memoryapp.services.locking import playbook_locked

PENDING, SUPERSEDED = review.Status.PENDING, review.Status.SUPERSEDED


def candidates_merge(*, kept: Candidate, other: Candidate, by: Any) -> Candidate:
    """Let ``other`` wait no more because ``kept`` says the same. Returns ``kept``.

    What ``other`` was seen in is evidence of ``kept`` from then on, and stays so if the two are
    taken apart with ``candidates_part``.

    Raises:
        UnableToDecide: one of them does not wait, or they do not propose the same kind of change.
    """
    if kept.pk == other.pk:
        raise UnableToDecide("These two are one and the same candidate.", field="other")
    with transaction.atomic():
        playbook = playbook_locked(kept)
        rows = {row.pk: row for row in playbook.candidates.filter(pk__in=[kept.pk, other.pk])}
        if len(rows) != 2:
            raise UnableToDecide(
                "The two belong to different playbooks. Nothing was changed.", field="other"
            )
        kept, other = rows[kept.pk], rows[other.pk]
        if not (kept.is_pending and other.is_pending):
            raise UnableToDecide(
                "One of the two was decided meanwhile, so they cannot be put together."
            )
        if _aim(kept) != _aim(other):
            raise UnableToDecide("The two change different bullets, so they are not the same.")
        before = kept.seen_count
        _add_evidence(kept, other)
        kept.seen_count += other.seen_count
        # It rests on what the other was seen in as well, and that may come from outside.
        kept.trust = min(kept.trust, other.trust)
        kept.save(update_fields=["seen_count", "trust"])
        other.status, other.superseded_by = SUPERSEDED.value, kept
        other.decided_by, other.decided_at = by, timezone.now()
        other.save(update_fields=["status", "superseded_by", "decided_by", "decided_at"])
        Event.objects.record_in(
            playbook,
            actor=by,
            kind="candidate.merged",
            subject=other,
            text=said(other.content),
            before={"status": PENDING.value, "seen in the other": before},
            after={"status": SUPERSEDED.value, "into": str(kept.pk), "seen": kept.seen_count},
        )
    return kept


def candidates_part(*, other: Candidate, by: Any) -> Candidate:
    """Let a candidate that was put together with another wait again by itself.

    Raises:
        UnableToUndo: it was not, or the same lesson waits already.
    """
    with transaction.atomic():
        playbook = playbook_locked(other)
        other = playbook.candidates.select_related("superseded_by").get(pk=other.pk)
        kept = other.superseded_by
        if not other.is_merged or kept is None:
            raise UnableToUndo("This candidate was not put together with another one.")
        other.status, other.superseded_by = PENDING.value, None
        other.decided_by = other.decided_at = None
        try:
            with transaction.atomic():
                other.save(update_fields=["status", "superseded_by", "decided_by", "decided_at"])
        except IntegrityError as twin:
            raise UnableToUndo(
                "The same lesson was learned again and waits for review already. Decide that one."
            ) from twin
        kept.seen_count = max(1, kept.seen_count - other.seen_count)
        kept.save(update_fields=["seen_count"])
        Event.objects.record_in(
            playbook,
            actor=by,
            kind="candidate.parted",
            subject=other,
            text=said(other.content),
            before={"status": SUPERSEDED.value, "into": str(kept.pk)},
            after={"status": PENDING.value},
        )
    return other


def _aim(candidate: Candidate) -> tuple[str, frozenset[Any]]:
    """What kind of change a candidate proposes, and to which bullets."""
    return candidate.op, frozenset(candidate.targets.values_list("pk", flat=True))


def _add_evidence(kept: Candidate, other: Candidate) -> None:
    found = list(other.evidence.all())
    for row in found:
        row.pk, row.candidate = None, kept
    Evidence.objects.bulk_create(found, ignore_conflicts=True)
    trails = list(other.trails.all())
    for trail in trails:
        trail.pk, trail.candidate = None, kept
    Trail.objects.bulk_create(trails, ignore_conflicts=True)
