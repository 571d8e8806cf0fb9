"""The words people give on a candidate: what each said, what of it stands, who sees the verdict."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from memoryapp.domain import review
from memoryapp.models import Candidate, Playbook, Reservation, ReviewVote

APPROVED, REJECTED = review.Status.APPROVED, review.Status.REJECTED


def needed(playbook: Playbook) -> int:
    """How many people have to agree on a candidate of this playbook."""
    row = playbook.standing_policy
    return row.as_value().needed(playbook.label_names) if row else 1


def is_blind(candidate: Candidate, voter: Any = None) -> bool:
    """Whether the validator's verdict stays hidden until a person has decided.

    For ``voter`` it is out once they have given a word, also one that was taken back since.
    """
    row = candidate.playbook.standing_policy
    drawn = row is not None and candidate.is_drawn_blind(row.blind_share)
    return drawn and (voter is None or not candidate.votes.filter(reviewer=voter).exists())


def cast(
    playbook: Playbook,
    candidate: Candidate,
    voter: Any,
    decision: review.Status,
    *,
    content: str = "",
    reason: str = "",
) -> review.Outcome:
    """Store a person's word in place of their last one, and say what all words come to."""
    blind = is_blind(candidate, voter)
    withdraw(candidate, voter)
    candidate.votes.create(
        reviewer=voter, decision=decision.value, content=content, reason=reason, blind=blind
    )
    Reservation.objects.filter(membership__user=voter, candidate=candidate).delete()
    wanted = needed(playbook)
    if wanted == 1:
        return review.Outcome(decision, content, 0, 1)
    standing = ReviewVote.objects.filter(candidate=candidate, withdrawn_at=None)
    if decision is APPROVED:
        # A rejection decides at once: one beside a candidate that waits was undone.
        standing = standing.filter(decision=APPROVED.value)
    casts = [review.Cast(review.Status(vote.decision), vote.content) for vote in standing]
    return review.outcome(casts, wanted)


def standing_word(candidate: Candidate, voter: Any) -> str:
    """What a person has said of a waiting candidate so far; empty where nothing."""
    vote = candidate.votes.filter(reviewer=voter, withdrawn_at=None).first()
    return vote.decision if vote else ""


def take_back_words(candidate: Candidate, was: str, voter: Any) -> None:
    """Withdraw what made a decision that is undone; what had been said before it still stands.

    That is the rejection, whoever gave it; of an approval the word of whoever undoes it, and where
    they gave none, everybody's.
    """
    if was == REJECTED:
        rejections = candidate.votes.filter(decision=REJECTED.value, withdrawn_at=None)
        rejections.update(withdrawn_at=timezone.now())
    elif not withdraw(candidate, voter):
        candidate.votes.filter(withdrawn_at=None).update(withdrawn_at=timezone.now())


def withdraw(candidate: Candidate, voter: Any) -> bool:
    """Take a person's word back. Whether they had given one."""
    mine = candidate.votes.filter(reviewer=voter, withdrawn_at=None)
    return bool(mine.update(withdrawn_at=timezone.now()))
