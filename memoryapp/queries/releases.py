"""What agents are served, through which label, and who moved it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import Func, JSONField, QuerySet

from memoryapp.models import (
    LabelMove,
    Playbook,
    Release,
    ReleaseLabel,
    Workspace,
)
from memoryapp.models.releases import HEAVY
from memoryapp.queries.people import named
from memoryapp.queries.replica import unchanging


def heavy(*ends: str) -> list[str]:
    """The columns that ``light`` leaves out, of the releases at these ends of a join."""
    return [f"{end}__{column}" for end in ends for column in HEAVY]


class BodySizes(Func):
    """Form name to the bytes of its stored text: of bodies, which are large."""

    template = (
        "(SELECT jsonb_object_agg(key, octet_length(value)) FROM jsonb_each_text(%(expressions)s))"
    )
    output_field = JSONField()


def with_sizes(releases: QuerySet[Release]) -> QuerySet[Release]:
    """Releases with ``sizes`` instead of their bodies; one without any has ``None``."""
    return releases.annotate(sizes=BodySizes("bodies")).defer("bodies")


#: what a pull reads of a release: neither documents nor bodies.
_PULLED = ("playbook", "number", "digests", "withdrawal", "withdrawal_reason", "replacement")


def pulled_version(workspace: Workspace, slug: str, version: int) -> Release | None:
    """One release of a playbook without its documents, withdrawn or not."""
    found = Release.objects.filter(playbook__workspace=workspace, playbook__slug=slug)
    return found.only(*_PULLED).filter(number=version).first()


def pulled_label(workspace: Workspace, slug: str, name: str) -> ReleaseLabel | None:
    """A label with the release it points at and the one on trial, without their documents."""
    ends = [f"{end}__{column}" for end in ("release", "canary") for column in _PULLED]
    found = ReleaseLabel.objects.filter(
        playbook__workspace=workspace, playbook__slug=slug, name=name
    )
    return found.select_related("release", "canary").only("canary_share", *ends).first()


def frozen(release_id: int, column: str) -> Any:
    """One column of a release that is written once: its document, or ``bodies__`` and a form."""
    return unchanging(
        lambda database: (
            Release.objects.using(database).values_list(column, flat=True).get(pk=release_id)
        )
    )


def served_through(playbook: Playbook, labels: Sequence[str]) -> list[str]:
    """Names of the release labels that give agents any of these bullets."""
    wanted = set(labels)
    found: list[str] = []
    if not wanted:
        return found
    for label in playbook.labels.select_related("release").defer("release__bodies"):
        held = (b["label"] for s in label.release.document["sections"] for b in s["bullets"])
        if wanted.intersection(held):
            found.append(label.name)
    return found


def newest_releases(workspace: Workspace) -> QuerySet[Release]:
    """Releases of all playbooks, newest first, without their texts."""
    return (
        Release.objects.light()
        .filter(playbook__workspace=workspace)
        .select_related("playbook")
        .prefetch_related("labels")
        .order_by("-created_at", "-pk")
    )


def named_releases(playbook: Playbook) -> QuerySet[Release]:
    """Releases as a line names them: number, when and by whom."""
    shown = ("number", "created_at", "playbook", *named("published_by"))
    return playbook.releases.select_related("published_by").only(*shown)


def labels_of(playbook: Playbook) -> QuerySet[ReleaseLabel]:
    """The labels of a playbook, each with the number of the release it points at."""
    shown = (
        "name",
        "updated_at",
        "canary",
        "playbook",
        "release__number",
        "release__playbook__slug",
    )
    return playbook.labels.select_related("release__playbook").only(*shown)


#: what a page says of a move. Of five whole rows, their names cost more than the move.
_MOVED = (
    "name",
    "created_at",
    "playbook__name",
    "playbook__slug",
    "from_release__number",
    "to_release__number",
    "to_release__playbook__slug",
    *named("moved_by"),
)


def label_moves(moves: QuerySet[LabelMove]) -> QuerySet[LabelMove]:
    """Moves with who and what, as far as a page names them."""
    ends = ("from_release", "to_release__playbook")
    return moves.select_related("playbook", "moved_by", *ends).only(*_MOVED)
