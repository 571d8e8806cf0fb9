"""One decision about everything a filter matches, row by row, with what came of each row.

A bulk decision covers what waited when it was asked for. It is carried out in short transactions
and remembers how far it has come, so that a closed page or a lost connection stops it between two
rows and it can be continued later. What needs a person's eye is left waiting and says why.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from django.db import transaction
from django.db.models import Manager, Model, Q, QuerySet
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from memoryapp.domain import review
from memoryapp.domain.errors import UnableTo, UnableToChange
from memoryapp.domain.provenance import Trust
from memoryapp.domain.text import cleaned
from memoryapp.domain.warnings import warnings_of
from memoryapp.models import (
    BulkDecision,
    BulkOutcome,
    Candidate,
    Event,
    Membership,
    Playbook,
    Workspace,
)
from memoryapp.queries.review import review_queue
from memoryapp.services.decisions import (
    candidate_approve,
    candidate_reject,
    candidate_undo,
)
from memoryapp.services.desk import candidate_assign
from memoryapp.services.votes import is_blind

Job = TypeVar("Job", bound=Model)
Row = TypeVar("Row", bound=Model)
Action = BulkDecision.Action
#: Rows decided in one transaction, which holds the bulk decision's lock.
ROWS = 20
MOST_CHOSEN = 2_000


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
        raise UnableToChange("Choose what to do: approve, reject or assign.")
    reason = cleaned(reason)[:300]
    if action == Action.REJECT and not reason:
        raise UnableToChange("A rejection needs a reason, so that the next reader can follow it.")
    if action == Action.ASSIGN and assignee is None:
        raise UnableToChange("Choose whom to assign these candidates to.")
    if len(chosen) > MOST_CHOSEN:
        raise UnableToChange(
            f"Up to {MOST_CHOSEN:,} rows can be chosen; narrow the filter instead."
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
        _record(
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
    if bulk.action not in {Action.APPROVE, Action.REJECT} or not done:
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
        _record(
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


def carried_on(
    job: Job, rows: QuerySet[Job], some: Callable[[Job], None], *, seconds: float
) -> Job:
    """Do the next rows of a job for about ``seconds``: ``some`` does a few and moves its mark on.

    ``some`` is given the job's row of ``rows``, locked, in a transaction of its own, and sets
    ``ended_at`` when nothing is left.
    """
    until = time.monotonic() + seconds
    while job.ended_at is None:  # type: ignore[attr-defined]
        with transaction.atomic():
            waiting = rows.select_for_update(skip_locked=True, of=("self",), no_key=True)
            locked = waiting.filter(pk=job.pk, ended_at=None).first()
            if locked is None:  # another window is at it, or it has just ended
                job.refresh_from_db()
                break
            some(locked)
        job.refresh_from_db()
        if time.monotonic() >= until:
            break
    return job


def as_they_are(rows: Sequence[Row]) -> list[Row]:
    """The same rows read anew under the locks of their playbooks, until the transaction ends.

    What is looked at before a row is changed is then what is changed. The locks are taken in one
    order: two jobs over several playbooks would else wait for each other.
    """
    if not rows:
        return []
    keys = sorted({row.playbook_id for row in rows})  # type: ignore[attr-defined]
    locks = Playbook.objects.select_for_update(no_key=True).filter(pk__in=keys).order_by("pk")
    list(locks.values_list("pk"))
    fresh = type(rows[0])._default_manager.select_related("playbook__workspace")
    found = fresh.in_bulk([row.pk for row in rows])
    return [found[row.pk] for row in rows if row.pk in found]


def came_to(outcomes: Manager[Any] | QuerySet[Any]) -> dict[str, int]:
    """How many rows of a job were done, and how many were left as they were."""
    return {name: outcomes.filter(done=name == "done").count() for name in ("done", "left")}


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
        _record(
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
            if bulk.undoes is not None:
                if not _stands(bulk.undoes, candidate):
                    return (
                        "No word of that bulk decision stands on it any more. It is left as it is."
                    )
                candidate_undo(candidate=candidate, by=by)
            elif bulk.action == Action.REJECT:
                candidate_reject(candidate=candidate, by=by, reason=bulk.reason)
            elif bulk.action == Action.ASSIGN:
                to = Membership.objects.filter(workspace=bulk.workspace, user=bulk.assignee).first()
                if to is None:
                    return "Whom it was to be assigned to is no member any more."
                candidate_assign(candidate=candidate, to=to, by=by)
            elif why := _needs_eyes(candidate):
                return why
            else:
                candidate_approve(candidate=candidate, by=by)
    except UnableTo as refusal:
        return str(refusal)
    return ""


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
        return f"{', '.join(sorted(moved))} moved on since this was proposed. Look at it alone."
    warned = warnings_of(candidate.content)
    if warned:
        return f"{warned[0].text}. Look at it alone."
    if candidate.trust == Trust.QUARANTINED:
        return "It is in quarantine for what it rests on. Look at it alone."
    if is_blind(candidate):
        return "It is one of the share this playbook keeps blind. Decide it alone."
    return ""


def _record(bulk: BulkDecision, by: Any, kind: str, **data: Any) -> None:
    Event.objects.record(
        workspace=bulk.workspace,
        actor=by,
        kind=kind,
        subject=bulk,
        action=bulk.action,
        total=bulk.total,
        **({"reason": bulk.reason} if bulk.reason else {}),
        **data,
    )
