"""What agents read: released playbooks and the lessons in them, for whatever protocol asks."""

from __future__ import annotations

from dataclasses import dataclass

from memoryapp.domain.errors import UnableToFind
from memoryapp.models import ApiKey, Playbook, Release, Workspace
from memoryapp.services.pulls import playbook_pull, receipt_leave
from memoryapp.services.releases import PRODUCTION
from memoryapp.services.retrieval import memory_retrieve, served_scope
from memoryapp.services.tokens import playbooks_bound


@dataclass(frozen=True, slots=True)
class Served:
    """One released playbook in one form, with the digest its ETag is made of."""

    playbook: Playbook
    release: Release
    form: str
    text: str
    digest: str


@dataclass(frozen=True, slots=True)
class Found:
    """One released bullet that answers a query; ``score`` is of both legs, by their places."""

    playbook: str
    version: int
    section: str
    label: str
    content: str
    score: float


def playbook_serve(
    *,
    key: ApiKey,
    slug: str,
    label: str = PRODUCTION,
    version: int | None = None,
    form: str = "md",
) -> Served:
    """Return the release the holder of a key asked for, by label or version, with a receipt.

    Raises:
        UnableToFind: no such playbook, label or version; the message names what there is.
        UnableToServe: the release was withdrawn; the message names its replacement.
    """
    pulled = playbook_pull(
        workspace=key.workspace,
        slug=slug,
        agent=key.prefix,
        label=label,
        version=version,
        form=form,
        bound_to=playbooks_bound(key),
    )
    text = pulled.body().decode()
    receipt_leave(pulled=pulled, key=key, agent="", unchanged=False)
    release = Release.objects.only("number", "playbook").get(pk=pulled.release_id)
    playbook = key.workspace.playbooks.get(pk=release.playbook_id)
    return Served(playbook, release, form, text, pulled.etag)


def memory_search(
    *,
    key: ApiKey,
    query: str,
    playbook: str = "",
    label: str = PRODUCTION,
    k: int = 8,
) -> list[Found]:
    """Return the released bullets that bear on ``query``, the best first, by words and vectors.

    Raises:
        UnableToFind: a playbook that is not there.
    """
    workspace, bound = key.workspace, playbooks_bound(key)
    rows = Release.objects.filter(playbook__workspace=workspace, labels__name=label, withdrawal="")
    if bound:
        rows = rows.filter(playbook__in=bound)
    if playbook:
        if not workspace.playbooks.filter(slug=playbook).exists():
            raise UnableToFind(_missing(workspace, playbook, label, None))
        rows = rows.filter(playbook__slug=playbook)
    served = list(rows.select_related("playbook").defer("document", "bodies"))
    found = memory_retrieve(
        workspace=workspace, query=query, scope=served_scope(served), k=k, key=key
    )
    releases = {release.playbook_id: release for release in served}
    return [
        Found(
            playbook=releases[hit.playbook_id].playbook.slug,
            version=releases[hit.playbook_id].number,
            section=hit.section,
            label=hit.label,
            content=hit.content,
            score=round(hit.score, 6),
        )
        for hit in found.hits
    ]


def _missing(workspace: Workspace, slug: str, label: str, version: int | None) -> str:
    playbook = workspace.playbooks.filter(slug=slug).first()
    if playbook is None:
        known = ", ".join(workspace.playbooks.values_list("slug", flat=True)[:20]) or "none yet"
        return f"There is no playbook {slug!r} here. Playbooks: {known}."
    if version is not None:
        return f"{playbook.name} has no version {version}."
    known = ", ".join(playbook.labels.values_list("name", flat=True)) or "none yet"
    return f"{playbook.name} has no label {label!r}. Its labels: {known}."
