"""Counting how bullets fared. Practice and deployment are counted apart."""

from __future__ import annotations

from collections.abc import Mapping

from django.db.models import F

from memoryapp.models import Playbook


def practice_tags_count(*, playbook: Playbook, tags: Mapping[str, str]) -> None:
    """Add one practice vote to each tagged bullet; drafts and unknown labels are passed over."""
    _count(playbook, tags, "practice")


def deployment_tags_count(*, playbook: Playbook, tags: Mapping[str, str]) -> None:
    """Add one vote of a deployed agent's trajectory to each tagged bullet."""
    _count(playbook, tags, "deployed")


def deployment_tags_take_back(*, playbook: Playbook, tags: Mapping[str, str]) -> None:
    """Take one such vote back from each tagged bullet that has any of its kind."""
    _count(playbook, tags, "deployed", by=-1)


def _count(playbook: Playbook, tags: Mapping[str, str], origin: str, by: int = 1) -> None:
    for verdict in ("helpful", "harmful"):
        labels = [label for label, said in tags.items() if said == verdict]
        if labels:
            # The lock of its bullets comes first, as with all that changes several of them.
            Playbook.objects.select_for_update(no_key=True).get(pk=playbook.pk)
            column = f"{origin}_{verdict}"
            counted = playbook.bullets.filter(label__in=labels, **{f"{column}__gte": max(0, -by)})
            counted.update(**{column: F(column) + by})
