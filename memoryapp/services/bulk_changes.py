"""One change to everything a filter of the memory browser matches: what came of each bullet."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from memoryapp.domain.errors import UnableTo, UnableToChange
from memoryapp.domain.playbook import SECTION_NAME
from memoryapp.domain.text import cleaned
from memoryapp.models import BulkChange, BulkChangeOutcome, Bullet, Workspace
from memoryapp.queries.browsing import EntryFilter
from memoryapp.services.bulk_jobs import (
    MOST_CHOSEN,
    ROWS,
    as_they_are,
    came_to,
    carried_on,
    job_record,
)
from memoryapp.services.bullets import bullet_restore, bullet_retire
from memoryapp.services.curation import TAG, bullet_move, bullet_tag

Action = BulkChange.Action


def bulk_change_start(
    *,
    workspace: Workspace,
    action: str,
    asked: EntryFilter,
    chosen: Sequence[str],
    value: str,
    reason: str,
    by: Any,
) -> BulkChange:
    """Ask for a change of all bullets under a filter, or of those ``chosen``. Nothing changes yet.

    ``value`` is the section to move to, or the tag.

    Raises:
        UnableToChange: nothing matches, or the reason, the section or the tag is missing.
    """
    if action not in {Action.RETIRE, Action.RESTORE, Action.MOVE, Action.TAG, Action.UNTAG}:
        raise UnableToChange(
            "Choose what to do: retire, restore, move, add or remove a tag.", field="action"
        )
    reason, value = cleaned(reason)[:300], value.strip().lower()
    if action == Action.RETIRE and not reason:
        raise UnableToChange(
            "Retiring bullets needs a reason, so that the next reader can follow.", field="reason"
        )
    if action == Action.MOVE and not SECTION_NAME.fullmatch(value):
        raise UnableToChange(
            "Name the section: lower-case letters, digits and _, at most 60.", field="value"
        )
    if action in {Action.TAG, Action.UNTAG} and not TAG.fullmatch(value):
        raise UnableToChange(
            "Name the tag: lower-case letters, digits and hyphens, at most 40.", field="value"
        )
    if len(chosen) > MOST_CHOSEN:
        raise UnableToChange(
            f"Up to {MOST_CHOSEN:,} bullets can be chosen; narrow the filter instead.",
            field="chosen",
        )
    bulk = BulkChange(
        workspace=workspace,
        action=action,
        query={"filter": dict(asked.said), "chosen": list(chosen)},
        value=value if action not in {Action.RETIRE, Action.RESTORE} else "",
        reason=reason,
        asked_by=by,
        total=matching(workspace, asked, chosen).count(),
    )
    if not bulk.total:
        raise UnableToChange("No bullet matches this filter, so there is nothing to change.")
    with transaction.atomic():
        bulk.save()
        job_record(
            bulk,
            by,
            "bulk_change.asked",
            query=asked.as_query(),
            chosen=len(chosen),
            before={"matching": bulk.total},
            after={"action": bulk.action},
        )
    return bulk


def bulk_change_undo(*, bulk: BulkChange, by: Any) -> BulkChange:
    """Ask to take back all that a bulk change did; bullets changed since stay, and say so.

    Raises:
        UnableToChange: it is not finished, changed nothing, or is an undo itself.
    """
    if bulk.ended_at is None:
        raise UnableToChange("This change is not finished. Finish it, then undo it.")
    done = bulk.outcomes.filter(done=True).count()
    if not bulk.can_be_undone or not done:
        raise UnableToChange("There is no change here to take back.")
    with transaction.atomic():
        back = BulkChange.objects.create(
            workspace=bulk.workspace,
            action=Action.UNDO,
            query={"filter": {}, "chosen": []},
            reason=f"Undo of “{bulk}”"[:300],
            undoes=bulk,
            asked_by=by,
            total=done,
        )
        job_record(
            back,
            by,
            "bulk_change.asked",
            undoes=bulk.pk,
            before={"changed": done},
            after={"action": back.action},
        )
    return back


def bulk_change_continue(*, bulk: BulkChange, by: Any, seconds: float = 2.0) -> BulkChange:
    """Change the next bullets, for about ``seconds``; the same from two windows is done once."""
    rows = BulkChange.objects.select_related("workspace", "undoes")
    return carried_on(bulk, rows, lambda locked: _change_some(locked, by), seconds=seconds)


def matching(workspace: Workspace, asked: EntryFilter, chosen: Sequence[str]) -> QuerySet[Bullet]:
    """The bullets a change would cover."""
    if not chosen:
        return asked.rows(workspace)
    # A list in order of merit also shows what says the same in other words.
    narrowed = asked.changed(q="") if asked.is_ranked else asked
    return narrowed.rows(workspace).filter(pk__in=chosen)


def _change_some(bulk: BulkChange, by: Any) -> None:
    rows = _next_rows(bulk)
    BulkChangeOutcome.objects.bulk_create(
        [_changed(bulk, bullet, by) for bullet in as_they_are(rows)], ignore_conflicts=True
    )
    if rows:
        bulk.done_until = rows[-1].pk
    if len(rows) < ROWS:
        bulk.ended_at = timezone.now()
        job_record(
            bulk,
            by,
            "bulk_change.ended",
            before={"to change": bulk.total},
            after=came_to(bulk.outcomes),
        )
    bulk.save(update_fields=["done_until", "ended_at"])


def _next_rows(bulk: BulkChange) -> list[Bullet]:
    found: QuerySet[Bullet]
    if bulk.undoes is not None:
        changed = bulk.undoes.outcomes.filter(done=True).values("bullet")
        found = Bullet.objects.filter(pk__in=changed)
    else:
        asked = EntryFilter(**bulk.query["filter"])
        found = matching(bulk.workspace, asked, bulk.query["chosen"])
        found = found.filter(created_at__lte=bulk.created_at)
    if bulk.done_until is not None:
        found = found.filter(pk__gt=bulk.done_until)
    return list(found.select_related("playbook__workspace").order_by("pk")[:ROWS])


def _changed(bulk: BulkChange, bullet: Bullet, by: Any) -> BulkChangeOutcome:
    """Change one bullet, or say why it was left."""
    outcome = BulkChangeOutcome(bulk=bulk, bullet=bullet, before=_state(bullet))
    try:
        with transaction.atomic():
            now = _take_back(bulk, bullet, by) if bulk.undoes else _change(bulk, bullet, by)
    except UnableTo as refusal:
        outcome.done, outcome.message = False, str(refusal)[:500]
    else:
        outcome.done, outcome.after = True, _state(now)
    return outcome


def _change(bulk: BulkChange, bullet: Bullet, by: Any) -> Bullet:
    if bulk.action == Action.RETIRE:
        return bullet_retire(bullet=bullet, reason=bulk.reason, by=by)
    if bulk.action == Action.RESTORE:
        return bullet_restore(bullet=bullet, reason=bulk.reason, by=by)
    if bulk.action == Action.MOVE:
        return bullet_move(bullet=bullet, section=bulk.value, reason=bulk.reason, by=by)
    tags = {*bullet.tags, bulk.value}
    if bulk.action == Action.UNTAG:
        tags.discard(bulk.value)
    return bullet_tag(bullet=bullet, tags=sorted(tags), by=by)


def _take_back(bulk: BulkChange, bullet: Bullet, by: Any) -> Bullet:
    assert bulk.undoes is not None
    outcome = bulk.undoes.outcomes.get(bullet=bullet)
    before = outcome.before
    if bulk.undoes.action in {Action.TAG, Action.UNTAG}:
        if bullet.tags != outcome.after["tags"]:
            raise UnableToChange(f"The tags of {bullet.label} were changed since.")
        return bullet_tag(bullet=bullet, tags=before["tags"], by=by)
    if bullet.revision_count != outcome.after["revision"]:
        raise UnableToChange(f"{bullet.label} was changed since.")
    if bulk.undoes.action == Action.RETIRE:
        return bullet_restore(bullet=bullet, reason=bulk.reason, by=by, status=before["status"])
    if bulk.undoes.action == Action.RESTORE:
        return bullet_retire(bullet=bullet, reason=bulk.reason, by=by)
    return bullet_move(bullet=bullet, section=before["section"], reason=bulk.reason, by=by)


def _state(bullet: Bullet) -> dict[str, Any]:
    return {
        "status": str(bullet.status),
        "section": bullet.section,
        "tags": list(bullet.tags),
        "revision": bullet.revision_count,
    }
