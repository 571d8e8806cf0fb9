"""What agents read: released playbooks and the lessons in them, for whatever protocol asks."""

from __future__ import annotations

from dataclasses import dataclass

from memoryapp.domain.errors import UnableToFind
from memoryapp.domain.retrieval import shared_words
from memoryapp.models import ApiKey, Playbook, Release, Workspace
from memoryapp.services.pulls import playbook_pull, receipt_leave
from memoryapp.services.releases import PRODUCTION
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
    """One released bullet that answers a query; ``score`` is above 0 and at most 1."""

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
    *, workspace: Workspace, query: str, playbook: str = "", label: str = PRODUCTION, k: int = 8
) -> list[Found]:
    """Return the released bullets that share most words with ``query``, the closest first.

    Raises:
        UnableToFind: a playbook that is not there.
    """
    if playbook and not workspace.playbooks.filter(slug=playbook).exists():
        raise UnableToFind(_missing(workspace, playbook, label, None))
    rows = Release.objects.filter(playbook__workspace=workspace, labels__name=label)
    if playbook:
        rows = rows.filter(playbook__slug=playbook)
    found = [
        Found(slug, number, section["name"], bullet["label"], bullet["content"], score)
        for slug, number, document in rows.values_list("playbook__slug", "number", "document")
        for section in document["sections"]
        for bullet in section["bullets"]
        if (score := shared_words(query, bullet["content"]))
    ]
    return sorted(found, key=lambda one: (-one.score, one.playbook, one.label))[:k]


def _missing(workspace: Workspace, slug: str, label: str, version: int | None) -> str:
    playbook = workspace.playbooks.filter(slug=slug).first()
    if playbook is None:
        known = ", ".join(workspace.playbooks.values_list("slug", flat=True)[:20]) or "none yet"
        return f"There is no playbook {slug!r} here. Playbooks: {known}."
    if version is not None:
        return f"{playbook.name} has no version {version}."
    known = ", ".join(playbook.labels.values_list("name", flat=True)) or "none yet"
    return f"{playbook.name} has no label {label!r}. Its labels: {known}."
