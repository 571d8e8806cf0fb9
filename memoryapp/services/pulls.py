"""What an agent is handed when it pulls a playbook, and the receipt it leaves."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from memoryapp.clients import receipts, store
from memoryapp.domain.canary import is_on_trial
from memoryapp.domain.delivery import FORMS, RENDERING, trimmed
from memoryapp.domain.errors import NotReleasedYet, UnableToFind, UnableToServe
from memoryapp.domain.formats import digest
from memoryapp.domain.kept import Kept
from memoryapp.indexer.receipts import store_receipts
from memoryapp.models import ApiKey, Playbook, Release, ReleaseLabel, Workspace
from memoryapp.queries.releases import frozen, heavy, pulled_label, pulled_version
from memoryapp.services.releases import PRODUCTION

#: what a receipt says of who was given single bullets instead of the playbook in a form.
SEARCH = "search"
ONE_OF_TWO = "Give a label or a version, not both."
#: digests of forms that are rendered on demand are kept this long.
DIGEST_SECONDS = 24 * 3600
#: bodies a process keeps at hand, by their digest.
BODY_BYTES = 64 * 1024 * 1024

#: the bodies served most recently. What is asked for by its digest cannot be out of date.
BODIES: Kept[str, bytes] = Kept(BODY_BYTES, size=len)


@dataclass(frozen=True, slots=True)
class Pulled:
    """A release in one form. ``etag`` is the SHA-256 of the body, which is read only if asked."""

    release_id: int
    number: int
    label: str
    form: str
    etag: str
    body: Callable[[], bytes]


def playbook_pull(
    *,
    workspace: Workspace,
    slug: str,
    agent: str,
    label: str = PRODUCTION,
    version: int | None = None,
    form: str = "json",
    max_tokens: int = 0,
    bound_to: Sequence[int] = (),
) -> Pulled:
    """Find the release an agent is to be given. Reads no body and no bullet.

    ``bound_to`` are the playbooks the key is good for, empty for all; ``max_tokens`` 0 is all.

    Raises:
        UnableToFind: no such playbook, label or version, or it is not for this key.
        NotReleasedYet: of this playbook, agents are given nothing yet.
        UnableToServe: the release was withdrawn.
    """
    if version is not None:
        release, label = pulled_version(workspace, slug, version), ""
    else:
        found = pulled_label(workspace, slug, label)
        release = release_given(found, agent) if found else None
    if release is None or (bound_to and release.playbook_id not in bound_to):
        raise release_missing(workspace, slug, label or PRODUCTION, version, bound_to)
    if release.withdrawal:
        raise _withdrawn(release, slug)
    etag, body = _content(release, form, max_tokens)
    return Pulled(release.pk, release.number, label, form, etag, body)


def release_given(label: ReleaseLabel, agent: str) -> Release:
    """The release an agent gets at a label, to pull or to search: its own, or the one on trial."""
    canary = label.canary
    if canary is not None and not canary.withdrawal:
        trial = f"{label.pk}:{canary.pk}"
        if is_on_trial(agent, trial=trial, share=label.canary_share):
            return canary
    return label.release


def release_missing(
    workspace: Workspace, slug: str, label: str, version: int | None, bound_to: Sequence[int]
) -> UnableToFind:
    """Why there is no such release for an agent, and what there is or has to be done first."""
    open_to = Playbook.objects.filter(workspace=workspace)
    if bound_to:
        open_to = open_to.filter(pk__in=bound_to)
    playbook = open_to.filter(slug=slug).first()
    if playbook is None:
        known = ", ".join(open_to.values_list("slug", flat=True)[:20]) or "none yet"
        return UnableToFind(f"There is no playbook {slug!r} here. Playbooks: {known}.")
    newest = playbook.releases.values_list("number", flat=True).first()
    labels = list(playbook.labels.values_list("name", flat=True))
    if newest is None or (version is None and not labels):
        return _not_released(playbook, label, newest)
    if version is not None:
        return UnableToFind(f"{playbook.name} has no version {version}. Its newest is v{newest}.")
    known = ", ".join(labels)
    return UnableToFind(f"{playbook.name} has no label {label!r}. Its labels: {known}.")


def _not_released(playbook: Playbook, label: str, newest: int | None) -> NotReleasedYet:
    """Say what the people of a playbook do first: an agent is often there before its release."""
    address = f"/api/v1/playbooks/{playbook.slug}"
    page = f"Playbooks → {playbook.name} → Releases"
    draft = f"{address}/draft"
    if newest is None:
        asked = json.dumps({"label": label})
        said = (
            f"{playbook.name} has no release yet, so there is nothing to pull. Publish one: {page} "
            f"in the browser, or POST {address}/releases {asked}. What it says until then: GET "
            f"{draft}, with a key that may read."
        )
    else:
        asked = json.dumps({"version": newest})
        said = (
            f"{playbook.name} has releases, and no label points at one. Label one: {page} in the "
            f"browser, or PUT {address}/labels/{label} {asked}. Or pull by number: "
            f"{address}?version={newest}."
        )
    return NotReleasedYet(said, extra={"newest": newest, "draft": draft})


def _withdrawn(release: Release, slug: str) -> UnableToServe:
    why = release.withdrawal_reason.rstrip(".")
    said = f"{release} was {release.withdrawal}{f': {why}' if why else ''}."
    named = Release.objects.only("number").filter(pk=release.replacement_id or 0)
    replacement = named.first() or _in_production(release)
    if replacement is None:
        return UnableToServe(f"{said} Nothing replaces it yet.", extra={"replacement": None})
    return UnableToServe(
        f"{said} Pull version {replacement.number} instead.",
        extra={
            "replacement": {
                "version": replacement.number,
                "release": replacement.pk,
                "url": f"/api/v1/playbooks/{slug}?version={replacement.number}",
            }
        },
    )


def _in_production(release: Release) -> Release | None:
    """What agents get by now instead of a release that nothing could replace when it went."""
    labels = ReleaseLabel.objects.filter(playbook=release.playbook_id, name=PRODUCTION)
    served = labels.filter(release__withdrawal="").select_related("release")
    label = served.defer(*heavy("release")).first()
    return label.release if label else None


def _content(release: Release, form: str, max_tokens: int) -> tuple[str, Callable[[], bytes]]:
    """The digest of a release in a form, and how to get at the body."""
    if form in release.digests and not max_tokens:
        etag = str(release.digests[form])
        return etag, lambda: _kept(etag, lambda: _stored(release.pk, form))
    name = f"digest:{release.pk}:{form}:{max_tokens}:{RENDERING}"

    def rendered() -> bytes:
        return render(document_of(release.pk), form, max_tokens)

    etag = store.kept_text(name) or ""
    if not etag:
        body = rendered()
        etag = digest(body)
        BODIES.put(etag, body)
        store.keep_text(name, etag, seconds=DIGEST_SECONDS)
    return etag, lambda: _kept(etag, rendered)


def _kept(etag: str, read: Callable[[], bytes]) -> bytes:
    body = BODIES.get(etag)
    if body is None:
        body = read()
        # Bodies are shared by all workspaces: none may stand there under the digest of another.
        if digest(body) == etag:
            BODIES.put(etag, body)
    return body


def _stored(release_id: int, form: str) -> bytes:
    return str(frozen(release_id, f"bodies__{form}")).encode()


def document_of(release_id: int) -> dict[str, Any]:
    found: dict[str, Any] = frozen(release_id, "document")
    return found


def render(document: Mapping[str, Any], form: str, max_tokens: int = 0) -> bytes:
    """Return a released document in a form, cut to a budget where one is given."""
    return FORMS[form].render(trimmed(document, max_tokens) if max_tokens else document)


def receipt_leave(
    *,
    release: int,
    label: str,
    form: str,
    key: ApiKey | None,
    agent: str,
    unchanged: bool = False,
) -> None:
    """Note that an agent was given a release. Where Redis does not take it, the database does."""
    left_over = receipts.push(
        release=release,
        key=key.pk if key else None,
        agent=agent,
        label=label,
        form=form,
        unchanged=unchanged,
    )
    if left_over is not None:
        store_receipts([left_over])
