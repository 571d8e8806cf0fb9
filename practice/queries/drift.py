"""Bullets in doubt because a tool of an environment changed."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from django.db.models import OuterRef, QuerySet, Subquery

from memoryapp.domain import doubt
from memoryapp.models import Bullet, BulletRevision, Playbook
from memoryapp.models.entries import BulletQuerySet
from memoryapp.queries.entries import newest_reason
from practice.models import Environment, Steering


def changed_tools(environment: Environment) -> QuerySet[Steering]:
    """The standing wishes of drift watch: a tool that changed, when, and what of it."""
    return environment.steering.standing().filter(
        kind=Steering.Kind.FOCUS, origin=Steering.Origin.DRIFT
    )


def stale_bullets(environment: Environment) -> BulletQuerySet:
    """The stale bullets of playbooks that were practised here, the newest doubt first.

    ``doubt`` is why each is.
    """
    practised = environment.runs.order_by().values("playbook")
    found = Bullet.objects.filter(playbook__in=practised, status=Bullet.Status.STALE)
    newest = BulletRevision.objects.filter(bullet=OuterRef("pk")).order_by("-number")
    found = found.annotate(doubt=Subquery(newest.values("reason")[:1]))
    return found.select_related("playbook").order_by("-updated_at")


def doubted_for(wish: Steering) -> dict[int, list[str]]:
    """Playbook to labels of the bullets that are in doubt for this changed tool alone."""
    stale = stale_bullets(wish.environment)
    others = changed_tools(wish.environment).exclude(pk=wish.pk)
    since = stale.filter(updated_at__gte=wish.created_at).citing(wish.tool)
    return _unless_citing(others.values_list("tool", flat=True), since, stale)


def doubted_as_gone(environment: Environment, tool: str) -> dict[int, list[str]]:
    """Playbook to labels of the bullets that no longer have reason to be in doubt.

    They are in doubt because of tools that were gone, of which ``tool``, now back, was the last.
    """
    stale = stale_bullets(environment)
    changed = changed_tools(environment).values_list("tool", flat=True)
    gone = environment.tools.filter(is_present=False).values_list("name", flat=True)
    others = {*changed, *gone} - {tool}
    said = doubt.reason("", environment=environment.name, why=doubt.GONE)
    doubted = [each for each in stale.citing(tool) if newest_reason(each).endswith(said)]
    return _unless_citing(others, doubted, stale)


def settled_by(playbook: Playbook, labels: Collection[str], worked: Collection[str]) -> list[str]:
    """Those of ``labels`` whose doubt is about one of the tools that worked, or about no tool."""
    stale = playbook.bullets.filter(status=Bullet.Status.STALE, label__in=list(labels))
    return [each.label for each in stale if doubt.tool_of(newest_reason(each)) in {"", *worked}]


def _unless_citing(
    others: Iterable[str], bullets: Iterable[Bullet], stale: BulletQuerySet
) -> dict[int, list[str]]:
    """Playbook to labels of ``bullets``, without those that cite one of the ``others`` too."""
    left = {bullet.pk: bullet for bullet in bullets}
    for tool in others:
        if not left:
            break
        for pk in stale.filter(pk__in=[*left]).citing(tool).values_list("pk", flat=True):
            del left[pk]
    found: dict[int, list[str]] = {}
    for bullet in left.values():
        found.setdefault(bullet.playbook_id, []).append(bullet.label)
    return found
