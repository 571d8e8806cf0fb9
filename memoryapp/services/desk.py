"""What reviewers do around a decision: leave notes, hand candidates out, say what they read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from memoryapp.domain.errors import UnableToChange
from memoryapp.domain.text import cleaned
from memoryapp.models import Candidate, Event, Membership, Note, Reservation
from memoryapp.services.events import said
from memoryapp.services.seen import check_seen
from memoryapp.services.votes import needed

NOTE_CHARS = 4_000


def note_add(*, candidate: Candidate, text: str, by: Any) -> Note:
    """Leave a note for the next reviewer. Secrets in it are masked, as everywhere.

    Raises:
        UnableToChange: empty or too long.
    """
    text = cleaned(text)
    if not text:
        raise UnableToChange(
            "The note is empty. Write what the next reviewer should know.", field="text"
        )
    if len(text) > NOTE_CHARS:
        raise UnableToChange(
            f"The note has {len(text):,} characters and {NOTE_CHARS:,} fit. Shorten it.",
            field="text",
        )
    with transaction.atomic():
        note: Note = candidate.notes.create(author=by, text=text)
        _record(candidate, by, "candidate.noted", before={}, after={"note": said(text)})
    return note


def assigned_of(candidate: Candidate) -> dict[str, str]:
    """Whom a candidate is handed to; ``domain.seen.shown`` of it is ``seen``."""
    to = candidate.assigned_to
    return {"assigned to": to.get_username() if to else "nobody"}


def candidate_assign(
    *, candidate: Candidate, to: Membership | None, by: Any, seen: str | None = None
) -> Candidate:
    """Hand a candidate to a reviewer, or with ``to`` empty to nobody in particular.

    ``seen`` is the digest of ``assigned_of`` that was read.

    Raises:
        ChangedMeanwhile: it was handed to somebody else since.
        UnableToChange: decided already, or not somebody who decides in this workspace.
    """
    if to is not None and (to.workspace_id != candidate.workspace_id or not to.may_review):
        raise UnableToChange(
            "Only reviewers, editors and admins of this workspace can be assigned."
        )
    with transaction.atomic():
        row = (
            Candidate.objects.select_for_update(of=("self",), no_key=True)
            .select_related("assigned_to", "playbook__workspace")
            .get(pk=candidate.pk)
        )
        if not row.is_pending:
            raise UnableToChange("This candidate is decided already, so nobody has to read it.")
        before = assigned_of(row)
        row.assigned_to = to.user if to else None
        after = assigned_of(row)
        check_seen(seen, before, after)
        row.save(update_fields=["assigned_to"])
        if before != after:
            _record(row, by, "candidate.assigned", before=before, after=after)
    return row


@dataclass(frozen=True, slots=True)
class Reading:
    """Who has a candidate: the asking member until ``until``, or ``reader`` instead."""

    until: datetime | None = None
    reader: Reservation | None = None


def candidate_reserve(
    *,
    candidate: Candidate,
    membership: Membership,
    take_over: bool = False,
    is_free: bool = False,
) -> Reading:
    """Say that a member reads this candidate, and no other, from now on.

    Opening it again extends it. Where as many people as are needed read it already, the first of
    them is told instead; ``take_over`` ends their reservations. ``is_free`` where the caller has
    just seen that nobody else reads it.
    """
    minutes = settings.REVIEW_RESERVATION_MINUTES
    if not minutes or not candidate.is_pending:
        return Reading()
    now = timezone.now()
    live = candidate.reservations.filter(expires_at__gt=now).order_by("expires_at")
    others = (
        []
        if is_free
        else list(live.exclude(membership=membership).select_related("membership__user"))
    )
    if others and len(others) >= needed(candidate.playbook):
        if not take_over or not membership.may_review:
            return Reading(reader=others[0])
        _end(candidate, others, membership)
    if not membership.may_review:
        return Reading()
    until = now + timedelta(minutes=minutes)
    Reservation.objects.bulk_create(
        [Reservation(membership=membership, candidate=candidate, expires_at=until)],
        update_conflicts=True,
        unique_fields=["membership"],
        update_fields=["candidate", "expires_at"],
    )
    return Reading(until=until)


def _end(candidate: Candidate, others: Sequence[Reservation], membership: Membership) -> None:
    with transaction.atomic():
        Reservation.objects.filter(pk__in=[row.pk for row in others]).delete()
        names = sorted(row.membership.user.get_username() for row in others)
        _record(
            candidate,
            membership.user,
            "candidate.taken_over",
            before={"reading": names},
            after={"reading": [membership.user.get_username()]},
        )


def _record(candidate: Candidate, by: Any, kind: str, **data: Any) -> None:
    Event.objects.record_in(
        candidate.playbook,
        actor=by,
        kind=kind,
        subject=candidate,
        **data,
    )
