"""Bullets in doubt because a tool of an environment changed."""

from __future__ import annotations

from django.db.models import QuerySet

from memoryapp.models import Bullet
from memoryapp.models.entries import BulletQuerySet
from practice.models import Environment, Steering


def changed_tools(environment: Environment) -> QuerySet[Steering]:
    """The standing wishes of drift watch: a tool that changed, when, and what of it."""
    return environment.steering.standing().filter(
        kind=Steering.Kind.FOCUS, origin=Steering.Origin.DRIFT
    )


def stale_bullets(environment: Environment) -> BulletQuerySet:
    """The stale bullets of playbooks that were practised here, the newest doubt first."""
    practised = environment.runs.order_by().values("playbook")
    found = Bullet.objects.filter(playbook__in=practised, status=Bullet.Status.STALE)
    return found.select_related("playbook").order_by("-updated_at")


def doubted_for(wish: Steering) -> dict[int, list[str]]:
    """Playbook to labels of the bullets that are in doubt for this changed tool alone."""
    stale = stale_bullets(wish.environment)
    others = changed_tools(wish.environment).exclude(pk=wish.pk)
    elsewhere = {
        pk
        for tool in others.values_list("tool", flat=True)
        for pk in stale.citing(tool).values_list("pk", flat=True)
    }
    found: dict[int, list[str]] = {}
    for bullet in stale.filter(updated_at__gte=wish.created_at).citing(wish.tool):
        if bullet.pk not in elsewhere:
            found.setdefault(bullet.playbook_id, []).append(bullet.label)
    return found
