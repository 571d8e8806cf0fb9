"""Changes a person makes to a bullet outside the review queue. Each appends a revision."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from django.db import transaction

from memoryapp.domain.errors import UnableToChange
from memoryapp.domain.playbook import Delta, Op
from memoryapp.domain.text import cleaned
from memoryapp.models import Bullet, BulletRevision, Candidate, Event, Playbook
from memoryapp.services.applying import supersede_waiting, tried, wait_again
from memoryapp.services.events import said
from memoryapp.services.locking import bullet_locked
from memoryapp.services.names import check_section


def bullet_add(*, playbook: Playbook, section: str, content: str, by: Any) -> Bullet:
    """Write a bullet by hand.

    Raises:
        UnableToChange: no section's name, empty, a duplicate, or over the token budget.
    """
    delta = Delta(op=Op.ADD, section=section.strip(), content=cleaned(content))
    check_section(delta.section)
    with transaction.atomic():
        playbook = Playbook.objects.select_for_update(no_key=True).get(pk=playbook.pk)
        _check(playbook, delta)
        bullet = Bullet(playbook=playbook, label=playbook.take_label(delta.section))
        bullet.revise(
            content=delta.content,
            section=delta.section,
            status=Bullet.Status.APPROVED,
            rule=None,
            author=by,
            reason="Written by hand",
        )
        _record(bullet, by, "bullet.added")
    return bullet


def bullet_edit(*, bullet: Bullet, content: str, reason: str, by: Any, revision: int) -> Bullet:
    """Reword a bullet. ``revision`` is the one the editor started from.

    Raises:
        UnableToChange: empty, over budget, retired, or changed meanwhile.
    """
    content = cleaned(content)
    with transaction.atomic():
        playbook, bullet = bullet_locked(bullet)
        # A second click sends what the first one has saved.
        if bullet.revision_count != revision and content != bullet.content:
            raise UnableToChange(
                f"{bullet.label} was changed while you were writing. Your text was not saved; "
                "compare it with the new revision and save again."
            )
        _check(playbook, Delta(op=Op.UPDATE, content=content, targets=(bullet.label,)))
        if content == bullet.content:
            raise UnableToChange("The text is unchanged, so there is nothing to save.")
        bullet.revise(
            content=content,
            section=bullet.section,
            status=Bullet.Status.APPROVED,
            rule=None,
            author=by,
            reason=cleaned(reason)[:300],
        )
        _record(bullet, by, "bullet.edited", reason=cleaned(reason))
    return bullet


def bullet_retire(*, bullet: Bullet, reason: str, by: Any) -> Bullet:
    """Stop giving a bullet to agents from the next release on. It can be restored.

    Raises:
        UnableToChange: no reason, or retired already.
    """
    if not cleaned(reason):
        raise UnableToChange("Retiring a bullet needs a reason.", field="reason")
    with transaction.atomic():
        playbook, bullet = bullet_locked(bullet)
        _check(playbook, Delta(op=Op.RETIRE, targets=(bullet.label,)))
        _set_status(bullet, Bullet.Status.RETIRED, by, reason)
        supersede_waiting([bullet])
        _record(bullet, by, "bullet.retired", reason=cleaned(reason))
    return bullet


def bullet_restore(
    *, bullet: Bullet, reason: str, by: Any, status: str = Bullet.Status.APPROVED
) -> Bullet:
    """Bring a retired bullet back, in doubt where ``status`` says that it was.

    What waited to change it when it was retired waits again.

    Raises:
        UnableToChange: it is not retired, or it no longer fits the budget.
    """
    with transaction.atomic():
        playbook, bullet = bullet_locked(bullet)
        if bullet.status != Bullet.Status.RETIRED:
            raise UnableToChange(f"{bullet.label} is not retired.")
        _check(playbook, Delta(op=Op.ADD, section=bullet.section, content=bullet.content))
        _set_status(bullet, status, by, reason or "Restored")
        waited = Candidate.objects.filter(targets=bullet)
        wait_again(waited.exclude(targets__status=Bullet.Status.RETIRED))
        _record(bullet, by, "bullet.restored", reason=cleaned(reason))
    return bullet


def bullet_confirm(*, bullet: Bullet, by: Any, reason: str = "") -> Bullet:
    """Say that a stale bullet still holds.

    Raises:
        UnableToChange: it is not stale.
    """
    with transaction.atomic():
        _, bullet = bullet_locked(bullet)
        if bullet.status != Bullet.Status.STALE:
            raise UnableToChange(f"{bullet.label} is {bullet.status}, so there is no doubt to end.")
        _set_status(bullet, Bullet.Status.APPROVED, by, reason.strip() or "Still holds")
        _record(bullet, by, "bullet.confirmed", reason=cleaned(reason))
    return bullet


def bullets_go_stale(*, playbook_ids: Sequence[int], tool: str, reason: str) -> int:
    """Mark the approved bullets that cite a tool; agents are given them still. Returns how many.

    A bullet cites a tool by its evidence, its rule or its text.
    """
    found = 0
    for playbook in (
        Playbook.objects.select_for_update(no_key=True).filter(pk__in=playbook_ids).order_by("pk")
    ):
        for bullet in playbook.bullets.filter(status=Bullet.Status.APPROVED).citing(tool):
            _set_status(bullet, Bullet.Status.STALE, None, reason)
            _record(bullet, None, "bullet.stale", reason=reason)
            found += 1
    return found


def bullets_reverify(
    *, playbook_id: int, labels: Collection[str], tools: Collection[str], reason: str
) -> int:
    """End the doubt about stale bullets that helped with the tools they cite. Returns how many.

    ``labels`` are the bullets that helped, ``tools`` those that were called and worked.
    """
    playbook = Playbook.objects.select_for_update(no_key=True).get(pk=playbook_id)
    doubted = playbook.bullets.filter(status=Bullet.Status.STALE, label__in=labels)
    found = {bullet.pk: bullet for tool in tools for bullet in doubted.citing(tool)}
    for bullet in found.values():
        _set_status(bullet, Bullet.Status.APPROVED, None, reason)
        _record(bullet, None, "bullet.verified", reason=reason)
    return len(found)


def _check(playbook: Playbook, delta: Delta) -> None:
    """Make sure that the playbook takes ``delta``, as ``tried`` says."""
    tried(playbook.as_value(), delta, UnableToChange)


def _set_status(bullet: Bullet, status: str, by: Any, reason: str) -> None:
    bullet.revise(
        content=bullet.content,
        section=bullet.section,
        status=status,
        rule=bullet.rule,
        author=by,
        reason=cleaned(reason)[:300],
    )


def _record(bullet: Bullet, by: Any, kind: str, **data: Any) -> None:
    """Write the audit row: the last revision against the one before it, and why."""
    newest = list(bullet.revisions.order_by("-number")[:2])
    Event.objects.record_in(
        bullet.playbook,
        actor=by,
        kind=kind,
        subject=bullet,
        before=_said(newest[1]) if len(newest) > 1 else {},
        after=_said(newest[0]),
        **data,
    )


def _said(revision: BulletRevision) -> dict[str, Any]:
    return {
        "revision": revision.number,
        "status": revision.status,
        "text": said(revision.content),
    }
