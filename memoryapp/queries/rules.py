"""Bullets by the machine-readable rule they carry."""

from __future__ import annotations

from django.db.models import QuerySet

from memoryapp.models import Bullet


def bullets_with_rule(workspace_id: int, kind: str) -> QuerySet[Bullet]:
    """Live bullets of a workspace whose rule is of a kind, oldest first.

    An edited text has no rule any more, so what a person reworded is not acted on by machine.
    """
    found = Bullet.objects.live().filter(playbook__workspace=workspace_id, rule__kind=kind)
    return found.select_related("playbook").order_by("created_at", "pk")
