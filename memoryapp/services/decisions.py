"""Deciding candidates: by one person, by several who have to agree, or by a written policy.

Every decision is one transaction under the playbook's lock: votes, the candidate's transition, the
playbook, and the audit row that says from what to what.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from memoryapp.domain import moments, provenance, review
from memoryapp.domain import playbook as domain
from memoryapp.domain.errors import UnableToDecide, UnableToUndo
from memoryapp.domain.playbook import Delta, DeltaRefused, Op, apply
from memoryapp.domain.text import cleaned
from memoryapp.domain.warnings import warnings_of
from memoryapp.models import Candidate, Event, Playbook
from memoryapp.models.candidates import load_targets
from memoryapp.services.applying import (
    Changes,
    carry_out,
    changed_since,
    check_room,
    take_back,
    tried,
    wait_again,
)
from memoryapp.services.events import said
from memoryapp.services.locking import playbook_locked
from memoryapp.services.twins import candidates_part
from memoryapp.services.votes import (
    APPROVED,
    REJECTED,
    cast,
    needed,
    standing_word,
    take_back_words,
    withdraw,
)


def candidate_approve(
    *, candidate: Candidate, by: Any, content: str | None = None, seen: str = ""
) -> Candidate:
    """Approve an operation, in the operator's words where ``content`` is given.

    The playbook changes once as many people as its policy wants approved the same wording; until
    then this is a vote. Approving the same thing twice changes nothing more. ``seen`` is the digest
    of what the operator was shown (``Candidate.shown``); a mismatch means it changed since.

    Raises:
        UnableToDecide: not waiting any more, changed while being read, in somebody else's hands,
            or the playbook refuses it.
    """
    with transaction.atomic():
        playbook = _locked(candidate)
        wording = cleaned(candidate.content if content is None else content)
        if _decided_so_already(playbook, candidate, by, APPROVED, wording):
            return candidate
        _check_open(candidate, by, seen)
        if not wording and candidate.op != Op.RETIRE:
            raise UnableToDecide(
                "The bullet has no text. Write it, or reject the candidate.", field="content"
            )
        _check_targets(candidate)
        delta = candidate.as_delta(wording)
        before = playbook.as_value()
        after = tried(before, delta, UnableToDecide)
        before_vote = standing_word(candidate, by) if needed(playbook) > 1 else ""
        result = cast(playbook, candidate, by, APPROVED, content=wording)
        if result.decision is None:
            _record(
                candidate,
                by,
                "candidate.voted",
                missing=result.missing,
                before={"vote": before_vote or "none"},
                after={"vote": APPROVED.value},
            )
        else:
            _approve(playbook, candidate, delta, before, after, by=by)
    return candidate


def candidate_reject(*, candidate: Candidate, by: Any, reason: str, seen: str = "") -> Candidate:
    """Reject with a reason; the playbook is untouched. One person is enough.

    Raises:
        UnableToDecide: no reason, not waiting any more, in somebody else's hands, or changed while
            being read.
    """
    reason = cleaned(reason)
    if not reason:
        raise UnableToDecide(
            "A rejection needs a reason, so that the next reader can follow it.", field="reason"
        )
    with transaction.atomic():
        playbook = _locked(candidate)
        if _decided_so_already(playbook, candidate, by, REJECTED, ""):
            return candidate
        _check_open(candidate, by, seen)
        cast(playbook, candidate, by, REJECTED, reason=reason[:300])
        if not candidate.decide(
            REJECTED, by=by, at=timezone.now(), reason=reason[:300], content=""
        ):
            raise UnableToDecide(_already_decided(candidate))
        _record(
            candidate,
            by,
            "candidate.rejected",
            reason=reason[:300],
            before={"status": review.Status.PENDING.value},
            after={"status": REJECTED.value},
        )
    return candidate


def candidate_undo(*, candidate: Candidate, by: Any) -> Candidate:
    """Take a decision back: the candidate waits again and the playbook is as it was before it.

    On a candidate that waits for more people, it takes back one's own vote; one that was put
    together with another waits by itself again.

    Raises:
        UnableToUndo: nothing to undo, a bullet was changed after this decision, or what it took
            away no longer fits the token budget.
    """
    if candidate.is_merged:
        return candidates_part(other=candidate, by=by)
    with transaction.atomic():
        _locked(candidate)
        was = candidate.status
        if was == review.Status.PENDING:
            word = standing_word(candidate, by)
            if not withdraw(candidate, by):
                raise UnableToUndo("This candidate is waiting already; there is nothing to undo.")
            _record(
                candidate,
                by,
                "candidate.vote_withdrawn",
                before={"vote": word},
                after={"vote": "none"},
            )
            return candidate
        changes: Changes = {}
        if was == APPROVED:
            tokens = candidate.playbook.as_value().tokens
            changes = take_back(candidate, by=by)
            check_room(candidate.playbook, tokens)
        _reopen(candidate)
        take_back_words(candidate, was, by)
        wait_again(candidate.supersedes.all())
        _record(
            candidate,
            by,
            "candidate.reopened",
            before={"status": was},
            after={"status": review.Status.PENDING.value},
            bullets=changes,
        )
    return candidate


def audit_uphold(*, candidate: Candidate, by: Any, is_right: bool = True) -> Candidate:
    """Say that what a policy admitted is right, or that it was not.

    To overturn it, undo the decision. Saying that it was wrong is for where that can no longer be
    done because somebody has changed the bullet since: the playbook stays as it is.

    Raises:
        UnableToDecide: no audit is due, or what is wrong can be undone.
    """
    with transaction.atomic():
        _locked(candidate)
        if candidate.audit != Candidate.Audit.DUE:
            raise UnableToDecide("No audit of this candidate is due. Nothing was changed.")
        if not is_right and not changed_since(candidate):
            raise UnableToDecide(
                "Its bullet is still as the policy left it: undo the decision, which overturns it."
            )
        audit = Candidate.Audit.UPHELD if is_right else Candidate.Audit.OVERTURNED
        Candidate.objects.filter(pk=candidate.pk).update(audit=audit)
        candidate.audit = audit
        _record(
            candidate,
            by,
            f"audit.{audit.value}",
            before={"audit": Candidate.Audit.DUE.value},
            after={"audit": audit.value},
        )
    return candidate


def admit_by_policy(candidate: Candidate, playbook: Playbook) -> list[str]:
    """Let the playbook's policy decide a new candidate. The caller holds the playbook's lock.

    Returns why a person has to decide instead; the decision is recorded as the policy's.
    """
    row = playbook.standing_policy
    if row is None or row.admit_from is None:
        return ["People review everything here."]
    policy = row.as_value()
    evidence = candidate.evidence.count()
    asked = review.reasons_to_ask(
        policy,
        op=Op(candidate.op),
        scores=candidate.scores,
        warnings=[
            *provenance.reasons_to_ask(candidate.trust),
            *(warned.text for warned in warnings_of(candidate.content)),
        ],
        evidence=evidence,
        labels=playbook.label_names,
    )
    if asked:
        return asked
    delta, before = candidate.as_delta(), playbook.as_value()
    try:
        after = apply(before, delta)
    except DeltaRefused as refusal:
        asked = [str(refusal)]
    else:
        drawn = review.sampled(str(candidate.pk), policy.audit_share, "audit")
        audit = Candidate.Audit.DUE if drawn else ""
        _approve(playbook, candidate, delta, before, after, by=None, policy=row, audit=audit)
    return asked


def _approve(
    playbook: Playbook,
    candidate: Candidate,
    delta: Delta,
    before: domain.Playbook,
    after: domain.Playbook,
    *,
    by: Any,
    policy: Any = None,
    audit: str = "",
) -> None:
    if not candidate.decide(
        APPROVED,
        by=by,
        at=timezone.now(),
        reason="",
        content=delta.content,
        policy=policy,
        audit=audit,
    ):
        raise UnableToDecide(_already_decided(candidate))
    changes = carry_out(playbook, candidate, delta, before, after, by=by)
    if delta.op is Op.ADD:
        candidate.made_label = next(iter(changes), "")
    extra: dict[str, Any] = {"edited": delta.content != candidate.content}
    if policy is not None:
        extra = {
            "through": f"{policy} of {playbook.name}"[:120],
            "confidence": candidate.confidence,
            "admit_from": policy.admit_from,
            "audit": audit or "not drawn",
        }
    _record(
        candidate,
        by,
        "candidate.admitted" if policy else "candidate.approved",
        before={"status": review.Status.PENDING.value},
        after={"status": APPROVED.value},
        bullets=changes,
        **extra,
    )


def _locked(candidate: Candidate) -> Playbook:
    """Take the playbook's lock and read the candidate anew under it."""
    playbook = playbook_locked(candidate)
    candidate.refresh_from_db()
    candidate.playbook = playbook
    load_targets([candidate])
    return playbook


def _reopen(candidate: Candidate) -> None:
    try:
        with transaction.atomic():
            reopened = candidate.reopen()
    except IntegrityError as twin:
        raise UnableToUndo(
            "The same lesson was learned again and waits for review already. Decide that one."
        ) from twin
    if not reopened:
        raise UnableToUndo("This decision no longer stands. Nothing was changed.")


def _decided_so_already(
    playbook: Playbook, candidate: Candidate, by: Any, decision: review.Status, content: str
) -> bool:
    """Whether this very person did this very thing: a double click, or a retry after a timeout.

    Where one word is enough, one that stands on a waiting candidate was given under a policy that
    wanted more: it is no answer any more.
    """
    settled = candidate.status == decision.value and candidate.decided_by_id == by.pk
    if not settled and (not candidate.is_pending or needed(playbook) == 1):
        return False
    return candidate.votes.filter(
        reviewer=by, withdrawn_at=None, decision=decision.value, content=content
    ).exists()


def _check_open(candidate: Candidate, by: Any, seen: str) -> None:
    if not candidate.is_pending:
        raise UnableToDecide(_already_decided(candidate))
    if seen and seen != candidate.shown():
        raise UnableToDecide(
            "What you were reading has changed meanwhile: practice reworded the lesson, or the "
            "bullet it changes was edited. Nothing was decided; read the comparison below."
        )
    readers = list(
        candidate.reservations.filter(expires_at__gt=timezone.now())
        .select_related("membership__user")
        .order_by("expires_at")
    )
    if not readers or any(row.membership.user_id == by.pk for row in readers):
        return
    if len(readers) >= needed(candidate.playbook):
        raise UnableToDecide(_in_other_hands(readers[0].membership.user, readers[0].expires_at))


def _in_other_hands(user: Any, until: datetime) -> str:
    return (
        f"{user.get_username()} is reading this candidate until "
        f"{moments.hour(timezone.localtime(until))}. "
        "Nothing was decided; take it over, or go to the next one."
    )


def _check_targets(candidate: Candidate) -> None:
    against = candidate.proposed_against
    if candidate.op != Op.ADD and len(against) > len(candidate.targets.all()):
        raise UnableToDecide(
            "A bullet this candidate changes was deleted meanwhile. Nothing was decided; reject "
            "the candidate, or add its text as a new bullet in the playbook."
        )


def _already_decided(candidate: Candidate) -> str:
    candidate.refresh_from_db()
    if candidate.status == Candidate.Status.SUPERSEDED:
        return "The bullet this candidate changes was retired meanwhile. Nothing was decided."
    if candidate.policy_id:
        return "The playbook's policy admitted this candidate already. Nothing was changed."
    who = candidate.decided_by.get_username() if candidate.decided_by else "somebody"
    return f"{who} already {candidate.status} this candidate. Nothing was changed."


def _record(
    candidate: Candidate, by: Any, kind: str, *, bullets: Changes | None = None, **data: Any
) -> None:
    changed: dict[str, Any] = {"bullets": bullets} if bullets else {}
    Event.objects.record_in(
        candidate.playbook,
        actor=by,
        kind=kind,
        subject=candidate,
        text=said(candidate.decided_content or candidate.content),
        **changed,
        **data,
    )
