"""Bullets in doubt because a tool of an environment changed."""

from __future__ import annotations

from django.db.models import QuerySet

from memoryapp.models import Bullet
from practice.models import Environment, Steering


def changed_tools(environment: Environment) -> QuerySet[Steering]:
    """The standing wishes of drift watch: a tool that changed, when, and what of it."""
    return environment.steering.standing().filter(
        kind=Steering.Kind.FOCUS, origin=Steering.Origin.DRIFT
    )


def stale_bullets(environment: Environment) -> QuerySet[Bullet]:
    """The stale bullets of playbooks that were practised here, the newest doubt first."""
    practised = environment.runs.order_by().values("playbook")
    found = Bullet.objects.filter(playbook__in=practised, status=Bullet.Status.STALE)
    return found.select_related("playbook").order_by("-updated_at")
