"""Changes a person makes to a bullet outside the review queue. Each appends a revision."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from memoryapp.domain import playbook as domain
from memoryapp.domain.errors import UnableToChange
from memoryapp.domain.playbook import Delta, DeltaRefused, Op
from memoryapp.domain.text import strip_hidden
from memoryapp.models import Bullet, Candidate, Event, Playbook


def bullet_add(*, playbook: Playbook, section: str, content: str, by: Any) -> Bullet:
    """Write a bullet by hand.

    Raises:
        UnableToChange: empty, a duplicate, or over the token budget.
    """
    delta = Delta(op=Op.ADD, section=section.strip(), content=strip_hidden(content).strip())
    with transaction.atomic():
        playbook = Playbook.objects.select_for_update().get(pk=playbook.pk)
        _try(playbook, delta)
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
    content = strip_hidden(content).strip()
    with transaction.atomic():
        playbook, bullet = _locked(bullet)
        if bullet.revision_count != revision:
            raise UnableToChange(
                f"{bullet.label} was changed while you were writing. Your text was not saved; "
                "compare it with the new revision and save again."
            )
        _try(playbook, Delta(op=Op.UPDATE, content=content, targets=(bullet.label,)))
        if content == bullet.content:
            raise UnableToChange("The text is unchanged, so there is nothing to save.")
        bullet.revise(
            content=content,
            section=bullet.section,
            status=Bullet.Status.APPROVED,
            rule=None,
            author=by,
            reason=reason.strip()[:300],
        )
        _record(bullet, by, "bullet.edited", reason=reason)
    return bullet


def bullet_retire(*, bullet: Bullet, reason: str, by: Any) -> Bullet:
    """Stop giving a bullet to agents from the next release on. It can be restored.

    Raises:
        UnableToChange: no reason, or retired already.
    """
    if not reason.strip():
        raise UnableToChange("Retiring a bullet needs a reason.")
    with transaction.atomic():
        playbook, bullet = _locked(bullet)
        _try(playbook, Delta(op=Op.RETIRE, targets=(bullet.label,)))
        _set_status(bullet, Bullet.Status.RETIRED, by, reason)
        Candidate.objects.pending().filter(targets=bullet).update(
            status=Candidate.Status.SUPERSEDED
        )
        _record(bullet, by, "bullet.retired", reason=reason)
    return bullet


def bullet_restore(*, bullet: Bullet, reason: str, by: Any) -> Bullet:
    """Bring a retired bullet back.

    Raises:
        UnableToChange: it is not retired, or it no longer fits the budget.
    """
    with transaction.atomic():
        playbook, bullet = _locked(bullet)
        if bullet.status != Bullet.Status.RETIRED:
            raise UnableToChange(f"{bullet.label} is not retired.")
        _try(playbook, Delta(op=Op.ADD, section=bullet.section, content=bullet.content))
        _set_status(bullet, Bullet.Status.APPROVED, by, reason or "Restored")
        _record(bullet, by, "bullet.restored", reason=reason)
    return bullet


def _locked(bullet: Bullet) -> tuple[Playbook, Bullet]:
    playbook = Playbook.objects.select_for_update().get(pk=bullet.playbook_id)
    return playbook, Bullet.objects.select_related("playbook__workspace").get(pk=bullet.pk)


def _try(playbook: Playbook, delta: Delta) -> None:
    try:
        domain.apply(playbook.as_value(), delta)
    except DeltaRefused as refusal:
        raise UnableToChange(str(refusal)) from refusal


def _set_status(bullet: Bullet, status: str, by: Any, reason: str) -> None:
    bullet.revise(
        content=bullet.content,
        section=bullet.section,
        status=status,
        rule=bullet.rule,
        author=by,
        reason=reason.strip()[:300],
    )


def _record(bullet: Bullet, by: Any, kind: str, **data: Any) -> None:
    Event.objects.record(
        workspace=bullet.playbook.workspace, actor=by, kind=kind, subject=bullet, **data
    )
