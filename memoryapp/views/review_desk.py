"""The decision column of Review: who reads, who voted, notes, the policy and the audit."""

from __future__ import annotations

from typing import Any

from memoryapp.domain import review
from memoryapp.domain.review import Policy
from memoryapp.domain.seen import shown
from memoryapp.models import Candidate, Membership
from memoryapp.queries import review as review_queries
from memoryapp.services.applying import changed_since
from memoryapp.services.desk import Reading, assigned_of
from memoryapp.services.votes import is_blind
from memoryapp.views.review_queue import ReviewFilter


def desk_context(
    candidate: Candidate, membership: Membership, chosen: ReviewFilter, reading: Reading
) -> dict[str, Any]:
    """What stands around the decision. The validator's verdict is hidden while ``blind``."""
    written = candidate.playbook.standing_policy
    policy = written.as_value() if written else Policy()
    needed = policy.needed(candidate.playbook.label_names) if written else 1
    votes = review_queries.votes(candidate)
    mine = next((vote for vote in votes if vote.reviewer_id == membership.user_id), None)
    others = [vote for vote in votes if vote != mine]
    blind = (
        candidate.is_pending
        and mine is None
        and membership.may_review
        and is_blind(candidate, membership.user)
    )
    return {
        "needed": needed,
        "given": len(votes),
        "my_vote": mine,
        # Nobody is swayed by what the others said before they have decided themselves.
        "votes": votes if mine or not candidate.is_pending else [],
        "hidden_votes": len(others) if candidate.is_pending and mine is None else 0,
        "wordings": len({vote.content for vote in votes if vote.decision == "approved"}),
        "blind": blind,
        "notes": list(candidate.notes.select_related("author")),
        "note_url": chosen.action("candidate-note", candidate),
        "assign_url": chosen.action("candidate-assign", candidate),
        "assign_seen": shown(assigned_of(candidate)),
        "assignees": review_queries.may_be_assigned(membership.workspace),
        "take_url": chosen.action("candidate-take", candidate),
        "uphold_url": chosen.action("candidate-uphold", candidate),
        "undo_refusal": _undo_refusal(candidate),
        "reserved_until": reading.until,
        "reader": reading.reader,
    }


def _undo_refusal(candidate: Candidate) -> str:
    """Why an approval cannot be undone, said before anybody tries."""
    if candidate.status != review.Status.APPROVED:
        return ""
    changed = changed_since(candidate)
    if not changed:
        return ""
    return (
        f"{', '.join(changed)} was changed after this decision. Undoing it would lose that change; "
        "edit or retire the bullet instead."
    )
