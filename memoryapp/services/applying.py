"""Carrying an approved operation out, and taking it back. The caller has the playbook's lock."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F, QuerySet, Sum, Value
from django.db.models.functions import Greatest

from memoryapp.domain import playbook as domain
from memoryapp.domain import review
from memoryapp.domain.errors import UnableTo, UnableToUndo
from memoryapp.domain.playbook import Delta, DeltaRefused, Op, OverBudget
from memoryapp.domain.ranking import room_report
from memoryapp.models import Bullet, BulletRevision, Candidate, Playbook
from memoryapp.services.events import said

#: Bullet label to what it said before and after, as the history keeps it.
Changes = dict[str, dict[str, Any]]
#: counters of a bullet; each is somebody else's word and counted by itself.
VOTES = ("practice_helpful", "practice_harmful", "deployed_helpful", "deployed_harmful")


def carry_out(
    playbook: Playbook,
    candidate: Candidate,
    delta: Delta,
    before: domain.Playbook,
    after: domain.Playbook,
    *,
    by: Any,
) -> Changes:
    """Store what ``delta`` made of the playbook: each changed bullet with a new revision.

    ``after`` is what ``tried`` made of ``before``.
    """
    if (restored := _restored(candidate, delta, by)) is not None:
        return restored
    known = {bullet.label: bullet for bullet in before.bullets}
    changed = [value for value in after.bullets if value != known.get(value.label)]
    labels = [value.label for value in changed if value.label in known]
    found = playbook.bullets.filter(label__in=labels) if labels else ()
    rows = {bullet.label: bullet for bullet in found}
    changes: Changes = {}
    for value in changed:
        row = rows.get(value.label)
        was = {} if row is None else _state(row)
        if row is None:
            row = Bullet(playbook=playbook, label=playbook.take_label(value.section))
        row.trust = min(row.trust, candidate.trust)
        row.revise(
            content=value.content,
            section=value.section,
            status=value.status.value,
            rule=value.rule,
            author=by,
            reason=delta.reason[:300],
            candidate=candidate,
        )
        changes[row.label] = {"before": was, "after": _state(row)}
        if value.status is domain.BulletStatus.RETIRED:
            supersede_waiting([row], because=candidate)
    if delta.op is Op.MERGE and delta.targets[0] in rows:
        # One that stays as it is got no votes: they would have changed it.
        kept, *others = (rows[label] for label in delta.targets)
        votes_move(kept, others)
    return changes


def votes_move(kept: Bullet, others: Sequence[Bullet]) -> None:
    """Count the votes on ``others`` for ``kept`` too; this transaction has changed both before."""
    given = Bullet.objects.filter(pk__in=[row.pk for row in others])
    # Read anew: a report may have come since they were, and none does while their rows are held.
    held = given.aggregate(**{name: Sum(name, default=0) for name in VOTES})
    if more := {name: F(name) + held[name] for name in VOTES if held[name]}:
        _count_votes(kept, more)


def votes_part(candidate: Candidate, gone: Iterable[BulletRevision]) -> None:
    """Take from the bullet that stays in a merge what ``votes_move`` gave it of the others.

    ``gone`` are the revisions that retired them; this transaction has changed their bullets since.
    What was reported of them after that, by agents that still read an earlier release, was never
    counted for the one that stays.
    """
    moved: Counter[str] = Counter()
    for revision in gone:
        bullet = revision.bullet
        bullet.refresh_from_db(fields=VOTES)
        late = bullet.votes.filter(created_at__gt=revision.created_at)
        later = Counter(f"deployed_{value}" for value in late.values_list("value", flat=True))
        for name in VOTES:
            moved[name] += max(0, getattr(bullet, name) - later[name])
    if less := {name: Greatest(F(name) - moved[name], Value(0)) for name in VOTES if moved[name]}:
        # The first one, as ``as_delta`` names them.
        _count_votes(min(candidate.targets.all(), key=lambda row: row.label), less)


def _count_votes(bullet: Bullet, counted: dict[str, Any]) -> None:
    Bullet.objects.filter(pk=bullet.pk).update(**counted)
    bullet.refresh_from_db(fields=VOTES)


def wait_again(superseded: QuerySet[Candidate]) -> None:
    """Put back into the queue what a decision had made pointless, unless its twin waits by now."""
    for other in superseded.filter(status=review.Status.SUPERSEDED, decided_at=None):
        try:
            with transaction.atomic():
                Candidate.objects.filter(pk=other.pk).update(
                    status=review.Status.PENDING, superseded_by=None
                )
        except IntegrityError:
            continue


def tried(before: domain.Playbook, delta: Delta, unable: type[UnableTo]) -> domain.Playbook:
    """Return the playbook after ``delta``.

    Raises:
        UnableTo: as ``unable``, if the playbook refuses it; the message says why and what to do.
    """
    try:
        return domain.apply(before, delta)
    except OverBudget as refusal:
        raise unable(f"{refusal} {room_report(before, delta)}") from refusal
    except DeltaRefused as refusal:
        raise unable(str(refusal), field=refusal.field) from refusal


def changed_since(candidate: Candidate) -> list[str]:
    """Labels of bullets that were changed after this candidate was approved: undo would lose it."""
    newest = _newest(candidate).values()
    return sorted(r.bullet.label for r in newest if r.bullet.revision_count != r.number)


def take_back(candidate: Candidate, *, by: Any) -> Changes:
    """Give every bullet the text it had before the candidate was approved.

    Raises:
        UnableToUndo: a bullet was changed after it.
    """
    changes: Changes = {}
    newest = list(_newest(candidate).values())
    gone = [row for row in newest if row.bullet.status == Bullet.Status.RETIRED]
    for revision in newest:
        bullet = revision.bullet
        if bullet.revision_count != revision.number:
            raise UnableToUndo(
                f"{bullet.label} was changed after this decision, so undoing it would lose that "
                "change. Edit or retire the bullet instead."
            )
        was = _state(bullet)
        earlier = bullet.revisions.filter(number=revision.number - 1).first()
        bullet.revise(
            content=earlier.content if earlier else bullet.content,
            section=earlier.section if earlier else bullet.section,
            status=earlier.status if earlier else Bullet.Status.RETIRED,
            rule=earlier.rule if earlier else bullet.rule,
            author=by,
            reason="Decision undone",
            candidate=candidate,
        )
        changes[bullet.label] = {"before": was, "after": _state(bullet)}
    if candidate.op == Op.MERGE:
        votes_part(candidate, gone)
    return changes


def check_room(playbook: Playbook, was: int) -> None:
    """Refuse a change that took a playbook of ``was`` tokens over its budget, within the change.

    A playbook that is above it already, since the budget was lowered, may be undone into less.

    Raises:
        UnableToUndo: it grew, and no longer fits.
    """
    now = playbook.as_value()
    if now.token_budget and now.tokens > max(now.token_budget, was):
        raise UnableToUndo(
            f"After the undo the playbook would need {now.tokens:,} of {now.token_budget:,} "
            "tokens. Nothing was changed: retire or shorten a bullet, or raise the budget, then "
            "undo."
        )


def _newest(candidate: Candidate) -> dict[Any, BulletRevision]:
    """The last revision the standing decision made of each bullet."""
    newest: dict[Any, BulletRevision] = {}
    revisions = candidate.revisions.select_related("bullet__playbook")
    for revision in revisions.filter(created_at__gte=candidate.decided_at):
        kept = newest.get(revision.bullet_id)
        if kept is None or kept.number < revision.number:
            newest[revision.bullet_id] = revision
    return newest


def _restored(candidate: Candidate, delta: Delta, by: Any) -> Changes | None:
    """Approve an undone ADD once more: the bullet it made comes back under its own label."""
    if delta.op is not Op.ADD:
        return None
    bullet = (
        Bullet.objects.filter(revisions__candidate=candidate, status=Bullet.Status.RETIRED)
        .order_by("created_at")
        .first()
    )
    if bullet is None:
        return None
    was = _state(bullet)
    bullet.trust = min(bullet.trust, candidate.trust)
    bullet.revise(
        content=delta.content,
        section=delta.section,
        status=Bullet.Status.APPROVED,
        rule=delta.rule,
        author=by,
        reason=delta.reason[:300],
        candidate=candidate,
    )
    return {bullet.label: {"before": was, "after": _state(bullet)}}


def _state(bullet: Bullet) -> dict[str, Any]:
    return {
        "status": str(bullet.status),
        "revision": bullet.revision_count,
        "text": said(bullet.content),
    }


def supersede_waiting(gone: Sequence[Bullet], *, because: Candidate | None = None) -> None:
    """Supersede what waits to change bullets that have just been retired.

    ``because`` is the candidate that retired them, where it was not a person.
    """
    waiting = Candidate.objects.pending().filter(targets__in=gone)
    if because is not None:
        waiting = waiting.exclude(pk=because.pk)
    waiting.update(status=Candidate.Status.SUPERSEDED, superseded_by=because)
