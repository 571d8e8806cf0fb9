"""Rows under the lock of their playbook, which has one writer at a time."""

from __future__ import annotations

from memoryapp.models import Bullet, Candidate, Playbook


def bullet_locked(bullet: Bullet) -> tuple[Playbook, Bullet]:
    """Lock the playbook of a bullet until the transaction ends; return both, read anew."""
    playbook = Playbook.objects.select_for_update(no_key=True).get(pk=bullet.playbook_id)
    return playbook, Bullet.objects.select_related("playbook__workspace").get(pk=bullet.pk)


def playbook_locked(candidate: Candidate) -> Playbook:
    """Lock the playbook of a candidate until the transaction ends; return it, read anew."""
    rows = Playbook.objects.select_for_update(of=("self",), no_key=True)
    return rows.select_related("workspace").get(pk=candidate.playbook_id)
