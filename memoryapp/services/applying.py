"""Carrying an approved operation out, and taking it back. The caller has the playbook's lock."""

from __future__ import annotations

from typing import Any

from memoryapp.domain import playbook as domain
from memoryapp.domain.errors import UnableToDecide, UnableToUndo
from memoryapp.domain.playbook import Delta, DeltaRefused, Op, OverBudget
from memoryapp.domain.ranking import room_report
from memoryapp.models import Bullet, BulletRevision, Candidate, Playbook
from memoryapp.services.events import said

#: Bullet label to what it said before and after, as the history keeps it.
Changes = dict[str, dict[str, Any]]


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
        row.practice_helpful = max(row.practice_helpful, value.helpful - row.deployed_helpful)
        row.practice_harmful = max(row.practice_harmful, value.harmful - row.deployed_harmful)
        row.trust = min(row.trust, candidate.trust)
        _count_trials(row, value, candidate)
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
            _supersede_others(row, candidate)
    return changes


def tried(before: domain.Playbook, delta: Delta) -> domain.Playbook:
    """Return the playbook after ``delta``.

    Raises:
        UnableToDecide: the playbook refuses it; the message says why and what to do.
    """
    try:
        return domain.apply(before, delta)
    except OverBudget as refusal:
        raise UnableToDecide(f"{refusal} {room_report(before, delta)}") from refusal
    except DeltaRefused as refusal:
        raise UnableToDecide(str(refusal)) from refusal


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
    for revision in _newest(candidate).values():
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
    return changes


def check_room(playbook: Playbook, was: int) -> None:
    """Refuse what took a playbook of ``was`` tokens beyond its budget. Within the transaction.

    A playbook that is above it already, since the budget was lowered, may be undone into less.

    Raises:
        UnableToUndo: it grew, and no longer fits.
    """
    now = playbook.as_value()
    if now.token_budget and now.tokens > max(now.token_budget, was):
        raise UnableToUndo(
            f"Undone, the playbook would need {now.tokens:,} of {now.token_budget:,} tokens. "
            "Nothing was changed: retire or shorten a bullet, or raise the budget, then undo."
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


def _count_trials(row: Bullet, value: domain.Bullet, candidate: Candidate) -> None:
    """Set what trials said of a bullet's new text; a text that stays keeps what it has won."""
    if value.content == row.content:
        return
    # What was tried is the text of the candidate: an edited text was not.
    won = candidate.scores.get("verified", {}) if value.content == candidate.content else {}
    row.verified_wins = int(won.get("wins", 0))
    row.verified_losses = max(0, int(won.get("trials", 0)) - row.verified_wins)


def _supersede_others(bullet: Bullet, candidate: Candidate) -> None:
    """Waiting operations on a bullet that is gone would only confuse whoever opens them."""
    Candidate.objects.pending().filter(targets=bullet).exclude(pk=candidate.pk).update(
        status=Candidate.Status.SUPERSEDED, superseded_by=candidate
    )
