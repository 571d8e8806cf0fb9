"""One decision about everything a filter matches, row by row, with the outcome of each.

A bulk decision covers what waited when it was asked for. What needs a person's eye is left waiting
and says why.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from memoryapp.domain import review
from memoryapp.domain.errors import UnableTo, UnableToChange, UnableToDecide, UnableToUndo
from memoryapp.domain.provenance import Trust
from memoryapp.domain.text import cleaned
from memoryapp.domain.warnings import warnings_of
from memoryapp.models import BulkDecision, BulkOutcome, Candidate, Membership, Workspace
from memoryapp.queries.review import review_queue
from memoryapp.services.bulk_jobs import (
    MOST_CHOSEN,
    ROWS,
    as_they_are,
    came_to,
    carried_on,
    job_record,
)
from memoryapp.services.decisions import candidate_approve, candidate_reject, candidate_undo
from memoryapp.services.desk import candidate_assign
from memoryapp.services.votes import is_blind

Action = BulkDecision.Action


def bulk_start(
    *,
    workspace: Workspace,
    action: str,
    narrowed: Mapping[str, str],
    chosen: Sequence[str],
    reason: str,
    assignee: Membership | None,
    by: Any,
) -> BulkDecision:
    """Ask for a decision about all that waits under a filter, or about the rows ``chosen`` of it.

    ``narrowed`` are the arguments of ``review_queue``. Nothing is decided yet.

    Raises:
        UnableToChange: nothing waits there, a reason or an assignee is missing.
    """
    if action not in {Action.APPROVE, Action.REJECT, Action.ASSIGN}:
        raise UnableToChange("Choose what to do: approve, reject or assign.", field="action")
    reason = cleaned(reason)[:300]
    if action == Action.REJECT and not reason:
        raise UnableToChange(
            "A rejection needs a reason, so that the next reader can follow it.", field="reason"
        )
    if action == Action.ASSIGN and assignee is None:
        raise UnableToChange("Choose whom to assign these candidates to.", field="assignee")
    if len(chosen) > MOST_CHOSEN:
        raise UnableToChange(
            f"Up to {MOST_CHOSEN:,} rows can be chosen; narrow the filter instead.", field="chosen"
        )
    query = {"filter": {**narrowed, "status": review.Status.PENDING.value}, "chosen": list(chosen)}
    bulk = BulkDecision(
        workspace=workspace,
        action=action,
        query=query,
        reason=reason,
        assignee=assignee.user if assignee else None,
        asked_by=by,
        total=_matching(workspace, query).count(),
    )
    if not bulk.total:
        raise UnableToChange("Nothing waits under this filter, so there is nothing to decide.")
    with transaction.atomic():
        bulk.save()
        job_record(
            bulk,
            by,
            "bulk.asked",
            query=query["filter"],
            chosen=len(chosen),
            before={"waiting": bulk.total},
            after={"action": bulk.action},
        )
    return bulk


def bulk_undo(*, bulk: BulkDecision, by: Any) -> BulkDecision:
    """Ask to take back every decision a bulk decision made; rows changed since say so.

    Raises:
        UnableToChange: it decided nothing, or is not finished.
    """
    if bulk.ended_at is None:
        raise UnableToChange("This bulk decision is not finished. Finish it, then undo it.")
    done = bulk.outcomes.filter(done=True).count()
    if not bulk.can_be_undone or not done:
        raise UnableToChange("There is no decision here to take back.")
    with transaction.atomic():
        back = BulkDecision.objects.create(
            workspace=bulk.workspace,
            action=Action.UNDO,
            query={"filter": {}, "chosen": []},
            undoes=bulk,
            asked_by=by,
            total=done,
        )
        job_record(
            back,
            by,
            "bulk.asked",
            undoes=bulk.pk,
            before={"decided": done},
            after={"action": back.action},
        )
    return back


def bulk_continue(*, bulk: BulkDecision, by: Any, seconds: float = 2.0) -> BulkDecision:
    """Decide the next rows, for about ``seconds``; the same from two windows is done once."""
    rows = BulkDecision.objects.select_related("workspace", "undoes", "assignee")
    return carried_on(bulk, rows, lambda locked: _decide_some(locked, by), seconds=seconds)


def _decide_some(bulk: BulkDecision, by: Any) -> None:
    rows = _next_rows(bulk)
    outcomes = []
    for candidate in as_they_are(rows):
        message = _decide(bulk, candidate, by)
        outcomes.append(
            BulkOutcome(bulk=bulk, candidate=candidate, done=not message, message=message[:500])
        )
    BulkOutcome.objects.bulk_create(outcomes, ignore_conflicts=True)
    if rows:
        last = rows[-1]
        bulk.done_until = [last.created_at.isoformat(), str(last.pk)]
    if len(rows) < ROWS:
        bulk.ended_at = timezone.now()
        job_record(
            bulk,
            by,
            "bulk.ended",
            before={"to decide": bulk.total},
            after=came_to(bulk.outcomes),
        )
    bulk.save(update_fields=["done_until", "ended_at"])


def _next_rows(bulk: BulkDecision) -> list[Candidate]:
    found: QuerySet[Candidate]
    if bulk.undoes is not None:
        found = Candidate.objects.filter(
            pk__in=bulk.undoes.outcomes.filter(done=True).values("candidate")
        ).in_queue_order()
    else:
        found = _matching(bulk.workspace, bulk.query).filter(created_at__lte=bulk.created_at)
    if bulk.done_until:
        when, pk = parse_datetime(bulk.done_until[0]), bulk.done_until[1]
        found = found.filter(Q(created_at__gte=when) & (Q(created_at__gt=when) | Q(pk__gt=pk)))
    return list(found.select_related("playbook__workspace")[:ROWS])


def _matching(workspace: Workspace, query: Mapping[str, Any]) -> QuerySet[Candidate]:
    found = review_queue(workspace, **query["filter"])
    return found.filter(pk__in=query["chosen"]) if query["chosen"] else found


def _decide(bulk: BulkDecision, candidate: Candidate, by: Any) -> str:
    """Decide one row. Returns why it was left as it is, empty where it was done."""
    try:
        with transaction.atomic():
            _act(bulk, candidate, by)
    except UnableTo as refusal:
        return str(refusal)
    return ""


def _act(bulk: BulkDecision, candidate: Candidate, by: Any) -> None:
    """Do to one row what the bulk decision says.

    Raises:
        UnableTo: it has to be left as it is; the message says why.
    """
    if bulk.undoes is not None:
        if not _stands(bulk.undoes, candidate):
            raise UnableToUndo(
                "Nothing that this bulk decision did here still stands. It was left as it is."
            )
        candidate_undo(candidate=candidate, by=by)
    elif bulk.action == Action.REJECT:
        candidate_reject(candidate=candidate, by=by, reason=bulk.reason)
    elif bulk.action == Action.ASSIGN:
        to = Membership.objects.filter(workspace=bulk.workspace, user=bulk.assignee).first()
        if to is None:
            raise UnableToChange("The person it was to be assigned to is no longer a member.")
        candidate_assign(candidate=candidate, to=to, by=by)
    else:
        if why := _needs_eyes(candidate):
            raise UnableToDecide(why)
        candidate_approve(candidate=candidate, by=by)


def _stands(bulk: BulkDecision, candidate: Candidate) -> bool:
    """Whether the word a bulk decision gave on a candidate has not been taken back since.

    Another one may have been given in its place: that is somebody's own, and no part of the bulk.
    """
    meant = review.Status.APPROVED if bulk.action == Action.APPROVE else review.Status.REJECTED
    given = candidate.votes.filter(withdrawn_at=None, decision=meant.value)
    return given.filter(created_at__gte=bulk.created_at, created_at__lte=bulk.ended_at).exists()


def _needs_eyes(candidate: Candidate) -> str:
    """Why a candidate must not be approved unseen."""
    now = dict(candidate.targets.values_list("label", "revision_count"))
    moved = review.moved_on(candidate.proposed_against, now)
    if moved:
        return f"{', '.join(sorted(moved))} changed since this was proposed. Review it on its own."
    warned = warnings_of(candidate.content)
    if warned:
        return f"{warned[0].text}. Review it on its own."
    if candidate.trust == Trust.QUARANTINED:
        return "It is in quarantine because of its sources. Review it on its own."
    if is_blind(candidate):
        return "The validator's verdict on it is kept blind. Decide it on its own."
    return ""
