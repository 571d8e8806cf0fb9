"""Publishing a playbook and moving the labels agents pull by."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from django.db import transaction

from memoryapp.clients import pull_cache
from memoryapp.domain import formats
from memoryapp.domain import playbook as domain
from memoryapp.domain.changes import said
from memoryapp.domain.delivery import FORMS
from memoryapp.domain.errors import ChangedMeanwhile, UnableToChange, UnableToPublish
from memoryapp.domain.masking import secrets_in
from memoryapp.domain.ranking import room_report
from memoryapp.domain.seen import shown
from memoryapp.domain.text import cleaned
from memoryapp.models import BulletRevision, Event, LabelMove, Playbook, Release, ReleaseLabel
from memoryapp.queries.playbooks import gating
from memoryapp.queries.releases import heavy

LABEL_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
PRODUCTION = "production"


def release_publish(
    *,
    playbook: Playbook,
    by: Any,
    notes: str = "",
    label: str = "",
    seen: str | None = None,
    points_at: int | None = None,
) -> Release:
    """Freeze the live bullets as the next release; with ``label``, move it there at once.

    ``seen`` is ``shown`` of the draft that was looked at; ``None`` publishes whatever there is.
    ``points_at`` is as for ``label_move``.

    Raises:
        ChangedMeanwhile: the draft is not the one that was seen.
        UnableToChange: the label cannot move there, or was moved since.
        UnableToPublish: no approved bullet, more of them than the token budget holds, nothing
            changed since the newest release, a bullet holds what looks like a secret, or the
            playbook requires an evaluation and these bullets have not passed one against what
            ``production`` serves.
    """
    if label:
        _check_label(label, field="label")
    with transaction.atomic():
        playbook = Playbook.objects.select_for_update(no_key=True).get(pk=playbook.pk)
        value = playbook.as_value()
        newest = playbook.releases.first()
        number = newest.number + 1 if newest else 1
        frozen = formats.document(
            value,
            slug=playbook.slug,
            name=playbook.name,
            description=playbook.description,
            version=number,
        )
        _check_unchanged(frozen, seen)
        _check_publishable(playbook, value, frozen, newest)
        bodies = {
            name: form.render(frozen).decode() for name, form in FORMS.items() if form.is_stored
        }
        release = Release.objects.create(
            playbook=playbook,
            number=number,
            notes=cleaned(notes)[:500],
            document=frozen,
            bodies=bodies,
            digests={name: formats.digest(body) for name, body in bodies.items()},
            bullet_count=len(value.live),
            tokens=value.tokens,
            wordings=wordings(playbook, frozen),
            published_by=by,
        )
        Event.objects.record_in(
            playbook,
            actor=by,
            kind="release.published",
            subject=release,
            bullets=release.bullet_count,
            before={"newest": newest.number} if newest else {},
            after={"newest": number},
        )
        if label:
            label_move(playbook=playbook, name=label, release=release, points_at=points_at, by=by)
    return release


def _check_unchanged(frozen: Mapping[str, Any], seen: str | None) -> None:
    now = shown(said(frozen))
    if seen is not None and seen != now:
        raise ChangedMeanwhile(
            "The draft was changed while you were looking at it. Nothing was published; look "
            "at what changed, then publish it as it is now.",
            shown=now,
        )


def _check_publishable(
    playbook: Playbook, value: domain.Playbook, frozen: Mapping[str, Any], newest: Release | None
) -> None:
    """Refuse a draft that agents should not get, or that says what they get already."""
    if not value.live:
        raise UnableToPublish(
            "There is no approved bullet to publish. Approve a candidate in Review first."
        )
    try:
        domain.check_fits(value)
    except domain.OverBudget as refusal:
        raise UnableToPublish(f"{refusal} {room_report(value)}") from refusal
    _check_secrets(value)
    if newest and said(newest.document) == said(frozen):
        raise UnableToPublish(
            f"Nothing changed since v{newest.number}. Move a label to it instead."
        )
    if playbook.requires_evaluation:
        _check_evaluated(playbook, value)


def wordings(playbook: Playbook, frozen: Mapping[str, Any]) -> list[int]:
    """Return the revisions that say what a document says, in its order: the first of each text."""
    said = BulletRevision.objects.filter(bullet__playbook=playbook).order_by("-number")
    first = {
        (label, content): pk
        for pk, label, content in said.values_list("pk", "bullet__label", "content")
    }
    told = [(b["label"], b["content"]) for s in frozen["sections"] for b in s["bullets"]]
    return [first[key] for key in told if key in first]


def _check_secrets(value: domain.Playbook) -> None:
    """The last door to agents: bullets stored before texts were masked may hold one still."""
    for bullet in value.live:
        if kinds := secrets_in(bullet.content):
            raise UnableToPublish(
                f"{bullet.label} holds what looks like a secret ({', '.join(kinds)}). Nothing was "
                "published: edit the bullet, which masks it, then publish."
            )


def _check_evaluated(playbook: Playbook, value: domain.Playbook) -> None:
    """The newest word on exactly these bullets decides; other bullets' results say nothing."""
    found = gating(playbook, domain.fingerprint(value), PRODUCTION)
    if found.evaluation is None:
        raise UnableToPublish(
            "This playbook publishes only what passed an evaluation, and the bullets as they "
            "stand have none. Nothing was published: run an experiment as a gate, then publish."
        )
    if found.moved_on:
        raise UnableToPublish(
            f"Production has moved on to {found.moved_on}, and {found.evaluation.name} did not "
            "compare these bullets with it. Nothing was published: run a new experiment as a "
            "gate, then publish."
        )
    if not found.passed:
        raise UnableToPublish(
            f"This playbook publishes only what passed an evaluation, and {found.evaluation.name} "
            f"did not pass. {found.evaluation.message} Nothing was published.".replace("  ", " ")
        )


def label_move(
    *, playbook: Playbook, name: str, release: Release, by: Any, points_at: int | None = None
) -> ReleaseLabel:
    """Point a label at a release, and keep who moved it from where.

    ``points_at`` is the version it was seen to point at, 0 for none; ``None`` from callers that
    read nothing.

    Raises:
        UnableToChange: not a label name, another playbook's release, already there, or moved since.
    """
    _check_label(name, field="name")
    if release.playbook_id != playbook.pk:
        raise UnableToChange("That release belongs to another playbook.")
    with transaction.atomic():
        Playbook.objects.select_for_update(no_key=True).get(pk=playbook.pk)
        release.refresh_from_db(fields=["withdrawal"])
        if release.withdrawal:
            raise UnableToChange(
                f"{release} was {release.withdrawal}. Reinstate it, or point {name} at another."
            )
        named = playbook.labels.select_related("release").defer(*heavy("release"))
        label = named.filter(name=name).first()
        before = label.release if label else None
        if before == release:
            raise UnableToChange(f"{name} already points at v{release.number}.")
        if points_at is not None and points_at != (before.number if before else 0):
            raise UnableToChange(
                f"{name} now points at {before or 'no release'}. Nothing was changed: look at who "
                "moved it and why, then move it from there."
            )
        label, _ = ReleaseLabel.objects.update_or_create(
            playbook=playbook,
            name=name,
            # A trial compared with the release that was here; it says nothing of the new one.
            defaults={
                "release": release,
                "canary": None,
                "canary_share": 0,
                "canary_since": None,
            },
        )
        LabelMove.objects.create(
            playbook=playbook, name=name, from_release=before, to_release=release, moved_by=by
        )
        Event.objects.record_in(
            playbook,
            actor=by,
            kind="label.moved",
            subject=release,
            label=name,
            before={"release": before.number} if before else {},
            after={"release": release.number},
        )
        transaction.on_commit(pull_cache.forget)
    return label


def _check_label(name: str, *, field: str) -> None:
    if not LABEL_NAME.fullmatch(name):
        raise UnableToChange(
            "A label is lower-case letters, digits and hyphens, at most 40.", field=field
        )


def label_revert(
    *, label: ReleaseLabel, version: int, by: Any, back_to: int | None = None
) -> ReleaseLabel:
    """Move a label back to where its last move came from. ``version`` is where it points now.

    ``back_to`` is where its reader was told it would go: a label that went away and came again
    points at ``version`` too, and its last move came from elsewhere.

    Raises:
        UnableToChange: it points elsewhere by now or would go elsewhere, was never moved, or that
            release is withdrawn.
    """
    with transaction.atomic():
        playbook = Playbook.objects.select_for_update(no_key=True).get(pk=label.playbook_id)
        labels = playbook.labels.select_related("release").defer(*heavy("release"))
        now = labels.get(pk=label.pk)
        if now.release.number != version:
            raise UnableToChange(
                f"{label} now points at {now.release}. Nothing was moved; look again."
            )
        moves = playbook.label_moves.filter(name=label.name).select_related("from_release")
        last = moves.defer(*heavy("from_release")).first()
        if last is None or last.from_release is None:
            raise UnableToChange(f"{label} was never moved, so there is nothing to go back to.")
        if back_to is not None and last.from_release.number != back_to:
            raise UnableToChange(
                f"{label} would now go back to {last.from_release}. Nothing was moved; look again."
            )
        return label_move(playbook=playbook, name=label.name, release=last.from_release, by=by)
