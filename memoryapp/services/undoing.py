"""Undoing everything one job did to a playbook, without eating what people wrote later."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import Prefetch
from django.utils import timezone

from memoryapp.domain.errors import UnableToUndo
from memoryapp.domain.formats import digest
from memoryapp.domain.playbook import Op
from memoryapp.domain.text import cleaned
from memoryapp.domain.undoing import Effect, Undoing, Written, undoing
from memoryapp.models import Bullet, BulletRevision, Candidate, Event, Playbook
from memoryapp.services.applying import check_room, votes_part, wait_again
from memoryapp.services.events import bullet_said

UNDONE, RESTORED = "run.undone", "run.restored"
#: where the row of an undo in the audit log keeps what ``services.restoring`` needs: ``bullets``
#: (label to the undo's own revision and the job's last candidate), ``waiting`` (ids of candidates)
#: and ``approved`` (of each, the decision it had).
TAKEN = "taken_back"
WITHDRAWN_BECAUSE = "Run undone: "


@dataclass(frozen=True, slots=True)
class Undone:
    """One bullet with what undoing does to it.

    ``revision`` is the one that comes back, or the later one of a person that is spared;
    ``candidate`` is the job's last one that changed the bullet.
    """

    bullet: Bullet
    effect: Effect
    candidate: Candidate
    revision: BulletRevision | None = None

    @property
    def after(self) -> str:
        reverts = self.effect is Effect.REVERT and self.revision is not None
        return self.revision.content if reverts and self.revision else self.bullet.content


@dataclass(frozen=True, slots=True)
class UndoReport:
    """All bullets a job touched, and the candidates of it that still wait."""

    rows: Sequence[Undone]
    waiting: int
    #: what the person saw; undoing asks for it back.
    seen: str

    @property
    def changing(self) -> int:
        return sum(row.effect in {Effect.RETIRE, Effect.REVERT} for row in self.rows)

    @property
    def spared(self) -> int:
        return sum(row.effect is Effect.SPARE for row in self.rows)


def job_preview(*, playbook: Playbook, origin_link: str) -> UndoReport:
    """Say what undoing a job would do; nothing is changed."""
    rows = [_planned(bullet, origin_link) for bullet in _touched(playbook, origin_link)]
    waiting = playbook.candidates.pending().filter(origin_link=origin_link).count()
    said = [f"{row.bullet.label} {row.bullet.revision_count} {row.effect}" for row in rows]
    return UndoReport(rows, waiting, digest("\n".join([*said, str(waiting)])))


def job_undo(
    *, playbook: Playbook, origin_link: str, reason: str, seen: str, by: Any
) -> UndoReport:
    """Take back all a job changed in a playbook, and withdraw what of it still waits.

    Bullets the job made are retired, those it changed get their earlier text; bullets a person
    changed since stay as they are. Its candidates become *superseded*, so that the same lesson may
    be proposed again. ``seen`` is the ``seen`` of the preview the person looked at.

    Raises:
        UnableToUndo: no reason, nothing to undo, something changed since the preview, or what comes
            back no longer fits the token budget.
    """
    if not cleaned(reason):
        raise UnableToUndo(
            "Undoing a run needs a reason, so that the next reader can follow it.", field="reason"
        )
    with transaction.atomic():
        playbook = Playbook.objects.select_for_update(no_key=True).get(pk=playbook.pk)
        report = job_preview(playbook=playbook, origin_link=origin_link)
        if report.seen != seen:
            raise UnableToUndo(
                "The playbook changed while you were reading. Nothing was undone; read what "
                "would happen now, below."
            )
        if not report.changing and not report.waiting:
            raise UnableToUndo("Nothing of this run is left in the playbook.")
        taken = [row for row in report.rows if row.effect in _CHANGING]
        was = {row.bullet.label: bullet_said(row.bullet) for row in taken}
        tokens = playbook.as_value().tokens
        merged = _merged_away(taken)
        for row in taken:
            _take_back(row, by, reason)
        for candidate, gone in merged:
            votes_part(candidate, gone)
        check_room(playbook, tokens)
        spared = [row.bullet.pk for row in report.rows if row.effect is Effect.SPARE]
        name, withdrawn = _withdraw(playbook, origin_link, by, reason, spared)
        revised = {
            row.bullet.label: {
                "revision": row.bullet.revision_count,
                "candidate": str(row.candidate.pk),
            }
            for row in taken
        }
        Event.objects.record_in(
            playbook,
            actor=by,
            kind=UNDONE,
            subject=playbook,
            run=name,
            link=origin_link,
            before=was,
            after={row.bullet.label: bullet_said(row.bullet) for row in taken},
            spared=[r.bullet.label for r in report.rows if r.effect is Effect.SPARE],
            withdrawn=report.waiting,
            reason=cleaned(reason)[:300],
            **{TAKEN: {"bullets": revised, **withdrawn}},
        )
    return report


_CHANGING = frozenset({Effect.RETIRE, Effect.REVERT})


def _touched(playbook: Playbook, origin_link: str) -> list[Bullet]:
    found = playbook.bullets.filter(revisions__candidate__origin_link=origin_link).distinct()
    revisions = BulletRevision.objects.select_related("candidate", "author").order_by("number")
    return list(
        found.order_by("label")
        .select_related("playbook")
        .prefetch_related(Prefetch("revisions", revisions))
    )


def _written(row: BulletRevision, origin_link: str) -> Written:
    of_job = row.candidate is not None and row.candidate.origin_link == origin_link
    # An author may have been removed since; what they wrote is a person's still.
    others = not row.is_automatic or row.candidate_id is not None
    return Written(row.number, of_job=of_job, by_person=not of_job and others)


def _planned(bullet: Bullet, origin_link: str) -> Undone:
    revisions = list(bullet.revisions.all())
    plan = undoing([_written(row, origin_link) for row in revisions])
    by_number = {row.number: row for row in revisions}
    last = next(row for row in reversed(revisions) if _written(row, origin_link).of_job)
    assert last.candidate is not None
    revision = by_number.get(plan.number)
    return Undone(bullet, _effect(bullet, plan, revision), last.candidate, revision)


def _effect(bullet: Bullet, plan: Undoing, back: BulletRevision | None) -> Effect:
    """A bullet that is already what undoing would make of it needs nothing."""
    if plan.effect is Effect.RETIRE and bullet.status == Bullet.Status.RETIRED:
        return Effect.NOTHING
    if plan.effect is Effect.REVERT and back is not None:
        now = (bullet.content, bullet.section, bullet.status)
        return Effect.NOTHING if now == (back.content, back.section, back.status) else plan.effect
    return plan.effect


def _merged_away(taken: Sequence[Undone]) -> list[tuple[Candidate, list[BulletRevision]]]:
    """The job's merges with the revisions that retired bullets which now come back."""
    found: dict[Any, tuple[Candidate, list[BulletRevision]]] = {}
    for row in taken:
        if row.candidate.op == Op.MERGE and row.bullet.status == Bullet.Status.RETIRED:
            _, gone = found.setdefault(row.candidate.pk, (row.candidate, []))
            gone.append(row.candidate.revisions.filter(bullet=row.bullet)[0])
    return list(found.values())


def _take_back(row: Undone, by: Any, reason: str) -> None:
    bullet, back = row.bullet, row.revision if row.effect is Effect.REVERT else None
    bullet.revise(
        content=back.content if back else bullet.content,
        section=back.section if back else bullet.section,
        status=back.status if back else Bullet.Status.RETIRED,
        rule=back.rule if back else bullet.rule,
        author=by,
        reason=f"{WITHDRAWN_BECAUSE}{cleaned(reason)}"[:300],
        # It belongs to the job's own changes, so that undoing twice finds nothing left.
        candidate=row.candidate,
    )


def _withdraw(
    playbook: Playbook, origin_link: str, by: Any, reason: str, spared: Sequence[Any]
) -> tuple[str, dict[str, Any]]:
    """Supersede the job's candidates that wait or were taken back.

    Returns the job's name, and what they were: the ``waiting`` and ``approved`` of ``TAKEN``.
    """
    rows = playbook.candidates.filter(origin_link=origin_link)
    name = rows.order_by("created_at").values_list("origin_name", flat=True).first() or ""
    open_or_taken = rows.filter(
        status__in=(Candidate.Status.PENDING, Candidate.Status.APPROVED)
    ).exclude(status=Candidate.Status.APPROVED, revisions__bullet__in=spared)
    found = list(open_or_taken.only("status", "decided_by", "decided_at", "decision_reason"))
    keys = [row.pk for row in found]
    Candidate.objects.filter(pk__in=keys).update(
        status=Candidate.Status.SUPERSEDED,
        decided_by=by,
        decided_at=timezone.now(),
        decision_reason=f"{WITHDRAWN_BECAUSE}{cleaned(reason)}"[:300],
    )
    # What others proposed to a bullet that the job had retired is to the point again. After the
    # job's own are withdrawn: one of them may say the same, and only one of two may wait.
    wait_again(Candidate.objects.filter(superseded_by__in=keys).exclude(origin_link=origin_link))
    return str(name), {
        "waiting": [str(row.pk) for row in found if row.status == Candidate.Status.PENDING],
        "approved": [
            {
                "id": str(row.pk),
                "by": row.decided_by_id,
                "at": row.decided_at.isoformat(),
                "reason": row.decision_reason,
            }
            for row in found
            if row.decided_at is not None and row.status == Candidate.Status.APPROVED
        ],
    }
