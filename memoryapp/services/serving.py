"""What agents read over MCP: the same releases a pull gives, and the lessons in them."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import QuerySet

from memoryapp.domain.errors import UnableToFind
from memoryapp.models import ApiKey, Playbook, ReleaseLabel
from memoryapp.queries.releases import heavy
from memoryapp.services.pulls import (
    SEARCH,
    playbook_pull,
    receipt_leave,
    release_given,
    release_missing,
)
from memoryapp.services.releases import PRODUCTION
from memoryapp.services.retrieval import memory_retrieve, served_scope
from memoryapp.services.tokens import playbooks_bound


@dataclass(frozen=True, slots=True)
class Served:
    """One released playbook in one form, with the digest its ETag is made of."""

    slug: str
    release_id: int
    number: int
    text: str
    digest: str


@dataclass(frozen=True, slots=True)
class Found:
    """One released bullet that answers a query; ``score`` is of both legs, by their places."""

    playbook: str
    version: int
    release: str
    section: str
    label: str
    content: str
    score: float


def playbook_serve(
    *,
    key: ApiKey,
    slug: str,
    agent: str = "",
    label: str = PRODUCTION,
    version: int | None = None,
    form: str = "md",
    max_tokens: int = 0,
) -> Served:
    """Return the release the holder of ``key`` asked for, and leave a receipt as a pull does.

    ``agent`` is what the caller calls itself; without a name it goes by its key.

    Raises:
        UnableToFind: no such playbook, label or version; the message names what there is.
        UnableToServe: the release was withdrawn.
    """
    pulled = playbook_pull(
        workspace=key.workspace,
        slug=slug,
        agent=agent or key.prefix,
        label=label,
        version=version,
        form=form,
        max_tokens=max_tokens,
        bound_to=playbooks_bound(key),
    )
    text = pulled.body().decode()
    receipt_leave(release=pulled.release_id, label=pulled.label, form=form, key=key, agent=agent)
    return Served(slug, pulled.release_id, pulled.number, text, pulled.etag)


def playbooks_open_to(key: ApiKey) -> QuerySet[Playbook]:
    """The playbooks a key is good for."""
    rows = Playbook.objects.filter(workspace=key.workspace)
    bound = playbooks_bound(key)
    return rows.filter(pk__in=bound) if bound else rows


def memory_search(
    *,
    key: ApiKey,
    query: str,
    agent: str = "",
    playbook: str = "",
    label: str = PRODUCTION,
    k: int = 8,
) -> list[Found]:
    """Return the released bullets that bear on ``query``, the best first, by words and vectors.

    ``agent`` is as in ``playbook_serve``. Each release of which something was found has a receipt.

    Raises:
        UnableToFind: a playbook that is not there for this key, or a label that none has.
        NotReleasedYet: of the playbook named, agents are given nothing yet.
    """
    playbooks = playbooks_open_to(key)
    if playbook:
        playbooks = playbooks.filter(slug=playbook)
    ends = ("release", "canary")
    rows = ReleaseLabel.objects.filter(playbook__in=playbooks, name=label)
    rows = rows.select_related("playbook", *ends).defer(*heavy(*ends))
    # A search and a pull of one agent are of one release, also while another is on trial.
    given = [(row.playbook, release_given(row, agent or key.prefix)) for row in rows]
    if not given and playbook:
        raise release_missing(key.workspace, playbook, label, None, playbooks_bound(key))
    if not given:
        _refuse_unknown(label, playbooks)
    served = {book.pk: (book, release) for book, release in given if not release.withdrawal}
    scope = served_scope([release for _, release in served.values()])
    found = memory_retrieve(workspace=key.workspace, query=query, scope=scope, k=k, key=key)
    for book in dict.fromkeys(hit.playbook_id for hit in found.hits):
        release = served[book][1]
        receipt_leave(release=release.pk, label=label, form=SEARCH, key=key, agent=agent)
    return [
        Found(
            playbook=book.slug,
            version=release.number,
            release=str(release.pk),
            section=hit.section,
            label=hit.label,
            content=hit.content,
            score=round(hit.score, 6),
        )
        for hit in found.hits
        for book, release in [served[hit.playbook_id]]
    ]


def _refuse_unknown(label: str, playbooks: QuerySet[Playbook]) -> None:
    """Raise where others are known: an agent that asks for a misspelt label would find nothing."""
    known = ReleaseLabel.objects.filter(playbook__in=playbooks).order_by("name")
    names = list(known.values_list("name", flat=True).distinct()[:20])
    if names:
        raise UnableToFind(f"No playbook here has the label {label!r}. Labels: {', '.join(names)}.")
