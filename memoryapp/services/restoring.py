"""Taking the undo of a run back, without eating what people changed after it.

The undo's own row in the audit log says which bullets and candidates it took (``undoing.TAKEN``).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.auth import get_user_model
from django.db import IntegrityError, transaction
from django.db.models import F

from memoryapp.domain.errors import UnableToUndo
from memoryapp.domain.playbook import LIVE, Op
from memoryapp.models import Bullet, BulletRevision, Candidate, Event, Playbook
from memoryapp.services.applying import check_room, supersede_waiting, votes_move
from memoryapp.services.events import bullet_said
from memoryapp.services.undoing import (
    RESTORED,
    TAKEN,
    UNDONE,
    WITHDRAWN_BECAUSE,
)


@dataclass(frozen=True, slots=True)
class Back:
    """One bullet as it comes back: the revision before the undo, and the job's last candidate."""

    bullet: Bullet
    revision: BulletRevision
    candidate: Candidate


@dataclass(frozen=True, slots=True)
class StandingUndo:
    """An undo that may be taken back: its row in the log, and what that would come to."""

    event: Event
    rows: Sequence[Back]
    #: bullets that somebody changed since; they stay as they are.
    spared: Sequence[Bullet]
    #: candidates that would wait again.
    waiting: Sequence[Any]


def standing_undo(*, playbook: Playbook, origin_link: str) -> StandingUndo | None:
    """The last undo of a job in a playbook, unless it was taken back already."""
    said_of_it = playbook.workspace.events.filter(
        subject_id=str(playbook.pk), kind__in=(UNDONE, RESTORED), data__link=origin_link
    )
    event = said_of_it.select_related("actor").first()
    if event is None or event.kind != UNDONE or TAKEN not in event.data:
        return None
    taken = event.data[TAKEN]
    rows, spared = _planned(playbook, taken["bullets"])
    gone = playbook.candidates.filter(
        pk__in=taken["waiting"],
        status=Candidate.Status.SUPERSEDED,
        decision_reason__startswith=WITHDRAWN_BECAUSE,
    )
    # Nothing waits to change what is retired; what comes back now is not retired any more.
    coming = [row.bullet.pk for row in rows if row.revision.status in LIVE]
    going = [row.bullet.pk for row in rows if row.revision.status not in LIVE]
    pointless = playbook.bullets.filter(status=Bullet.Status.RETIRED).exclude(pk__in=coming)
    gone = gone.exclude(targets__in=pointless).exclude(targets__in=going)
    return StandingUndo(event, rows, spared, list(gone.values_list("pk", flat=True)))


def job_restore(*, playbook: Playbook, origin_link: str, undo: int, by: Any) -> StandingUndo:
    """Take the undo of a job back: its bullets as they were, its proposals waiting again.

    ``undo`` is the number of the undo's row in the audit log, as the person saw it. What somebody
    changed after the undo stays, and with it the others of a merge. Returns what was done.

    Raises:
        UnableToUndo: it was taken back or done anew meanwhile, nothing of it is left, or what comes
            back no longer fits the token budget.
    """
    with transaction.atomic():
        playbook = Playbook.objects.select_for_update(no_key=True).get(pk=playbook.pk)
        found = standing_undo(playbook=playbook, origin_link=origin_link)
        if found is None or found.event.pk != undo:
            raise UnableToUndo(
                "This undo was reversed or repeated while you were reading. Look again."
            )
        if not found.rows and not found.waiting:
            raise UnableToUndo(
                "Everything it took back has been changed since, so there is nothing to bring back."
            )
        was = {row.bullet.label: bullet_said(row.bullet) for row in found.rows}
        tokens = playbook.as_value().tokens
        for row in found.rows:
            _bring_back(row, by)
        for kept, others in _merges(found.rows):
            votes_move(kept, others)
        check_room(playbook, tokens)
        spared = [bullet.pk for bullet in found.spared]
        _approve_again(playbook, found.event.data[TAKEN]["approved"], spared)
        waiting = sum(_wait_again(key) for key in found.waiting)
        Event.objects.record_in(
            playbook,
            actor=by,
            kind=RESTORED,
            subject=playbook,
            run=found.event.data.get("run", ""),
            link=origin_link,
            undo=undo,
            before=was,
            after={row.bullet.label: bullet_said(row.bullet) for row in found.rows},
            spared=[bullet.label for bullet in found.spared],
            waiting=waiting,
        )
    return found


def _planned(
    playbook: Playbook, taken: dict[str, dict[str, Any]]
) -> tuple[list[Back], list[Bullet]]:
    """What comes back, and what stays: a bullet changed since, with the others of its merge."""
    bullets = playbook.bullets.filter(label__in=taken).select_related("playbook").order_by("label")
    found = playbook.candidates.in_bulk({one["candidate"] for one in taken.values()})
    candidates = {str(key): candidate for key, candidate in found.items()}
    last_but_one = BulletRevision.objects.filter(
        bullet__in=bullets.order_by(), number=F("bullet__revision_count") - 1
    )
    before = {revision.bullet_id: revision for revision in last_but_one}
    rows, spared = [], []
    for bullet in bullets:
        told = taken[bullet.label]
        candidate, back = candidates.get(told["candidate"]), before.get(bullet.pk)
        if candidate is None or back is None or bullet.revision_count != told["revision"]:
            spared.append(bullet)
        else:
            rows.append(Back(bullet, back, candidate))
    live = list(playbook.bullets.live().values_list("pk", "content"))
    while staying := _staying(rows, {taken[one.label]["candidate"] for one in spared}, live):
        spared.extend(row.bullet for row in staying)
        rows = [row for row in rows if row not in staying]
    return rows, spared


def _staying(
    rows: Sequence[Back], merges: Collection[str], live: Sequence[tuple[Any, str]]
) -> list[Back]:
    """Those that cannot come back: another says just this by now, or one of their merge stays.

    ``merges`` are the candidates of bullets that stay. What comes back is in nobody's way itself:
    a merge may have given one bullet the text of another.
    """
    coming = {row.bullet.pk for row in rows}
    said = {content for pk, content in live if pk not in coming}
    return [
        row
        for row in rows
        if (row.revision.status in LIVE and row.revision.content in said)
        or (row.candidate.op == Op.MERGE and str(row.candidate.pk) in merges)
    ]


def _bring_back(row: Back, by: Any) -> None:
    row.bullet.revise(
        content=row.revision.content,
        section=row.revision.section,
        status=row.revision.status,
        rule=row.revision.rule,
        author=by,
        reason="The undo of its run was taken back",
        # It belongs to the job's own changes, so that undoing the job again finds it.
        candidate=row.candidate,
    )
    if row.revision.status == Bullet.Status.RETIRED:
        supersede_waiting([row.bullet], because=row.candidate)


def _merges(rows: Sequence[Back]) -> list[tuple[Bullet, list[Bullet]]]:
    """Of each merge that is done again the bullet that stays and those that go into it."""
    groups: dict[Any, list[Back]] = defaultdict(list)
    for row in rows:
        if row.candidate.op == Op.MERGE:
            groups[row.candidate.pk].append(row)
    found = []
    for group in groups.values():
        kept = [row.bullet for row in group if row.revision.status != Bullet.Status.RETIRED]
        gone = [row.bullet for row in group if row.revision.status == Bullet.Status.RETIRED]
        if len(kept) == 1 and gone:
            found.append((kept[0], gone))
    return found


def _approve_again(
    playbook: Playbook, approved: Sequence[dict[str, Any]], spared: Sequence[Any]
) -> None:
    """Give the job's candidates the decisions they had, but for those whose bullets stay."""
    told = {one["id"]: one for one in approved}
    people = get_user_model().objects.in_bulk({one["by"] for one in approved if one["by"]})
    rows = playbook.candidates.filter(pk__in=told, status=Candidate.Status.SUPERSEDED)
    for row in rows.exclude(revisions__bullet__in=spared):
        was = told[str(row.pk)]
        Candidate.objects.filter(pk=row.pk).update(
            status=Candidate.Status.APPROVED,
            decided_by=people.get(was["by"]),
            decided_at=datetime.fromisoformat(was["at"]),
            decision_reason=was["reason"],
        )


def _wait_again(key: Any) -> bool:
    """Let a candidate wait again, unless its twin waits by now."""
    try:
        with transaction.atomic():
            Candidate.objects.filter(pk=key).update(
                status=Candidate.Status.PENDING,
                decided_by=None,
                decided_at=None,
                decision_reason="",
                superseded_by=None,
            )
    except IntegrityError:
        return False
    return True
