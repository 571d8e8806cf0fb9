"""What agents are served, through which label, and who moved it."""

from __future__ import annotations

from collections.abc import Sequence

from django.db.models import QuerySet

from memoryapp.models import (
    LabelMove,
    Playbook,
    Release,
    Workspace,
)

#: columns of a release that a list does not need.
HEAVY = ("document", "bodies")


def pulled_release(workspace: Workspace, slug: str, *, label: str, version: int | None) -> Release:
    """The release an agent asked for, without its documents.

    Raises:
        Release.DoesNotExist: no such playbook, label or version.
    """
    found = Release.objects.filter(playbook__workspace=workspace, playbook__slug=slug)
    if version is not None:
        return found.only("number", "digests").get(number=version)
    return found.only("number", "digests").get(labels__name=label)


def served_through(playbook: Playbook, labels: Sequence[str]) -> list[str]:
    """Names of the release labels that give agents any of these bullets."""
    wanted = set(labels)
    found = []
    for label in playbook.labels.select_related("release").defer("release__bodies"):
        held = (b["label"] for s in label.release.document["sections"] for b in s["bullets"])
        if wanted.intersection(held):
            found.append(label.name)
    return found


def newest_releases(workspace: Workspace) -> QuerySet[Release]:
    """Releases of all playbooks, newest first, without their texts."""
    return (
        Release.objects.filter(playbook__workspace=workspace)
        .select_related("playbook")
        .prefetch_related("labels")
        .defer(*HEAVY)
        .order_by("-created_at", "-pk")
    )


def label_moves(moves: QuerySet[LabelMove]) -> QuerySet[LabelMove]:
    """Moves with who and what, without the texts of the releases."""
    heavy = [f"{end}__{part}" for end in ("from_release", "to_release") for part in HEAVY]
    ends = ("from_release", "to_release__playbook")
    return moves.select_related("playbook", "moved_by", *ends).defer(*heavy)
