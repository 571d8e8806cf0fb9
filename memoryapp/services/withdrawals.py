"""Taking a release out of use: retired because it is old, recalled because it is wrong."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.utils import timezone

from memoryapp.clients import pull_cache
from memoryapp.domain.errors import UnableToChange
from memoryapp.domain.text import cleaned
from memoryapp.models import Event, LabelMove, Playbook, Release
from memoryapp.services.canaries import canary_end

Withdrawal = Release.Withdrawal


def release_withdraw(
    *,
    release: Release,
    kind: str,
    reason: str,
    by: Any,
    replacement: Release | None = None,
) -> Release:
    """Serve a release to nobody any more; who asks for it is told what replaces it.

    Without ``replacement`` it is the newest earlier release still in use. Labels that point at the
    release move to the replacement in the same step; where there is none they stay, and agents that
    pull them get 410. A trial of the release ends. Withdrawn releases are kept for history.

    Raises:
        UnableToChange: no reason, withdrawn already, or a replacement that cannot serve.
    """
    if kind not in {Withdrawal.RETIRED, Withdrawal.RECALLED}:
        raise UnableToChange("A release can be retired or recalled: choose one.", field="kind")
    if not cleaned(reason):
        raise UnableToChange("Say why, so that agents and people can follow it.", field="reason")
    with transaction.atomic():
        playbook = Playbook.objects.select_for_update(no_key=True).get(pk=release.playbook_id)
        release = playbook.releases.light().get(pk=release.pk)
        if release.withdrawal:
            raise UnableToChange(f"{release} was {release.withdrawal} already.")
        replacement = _replacement(playbook, release, replacement)
        release.withdrawal, release.withdrawn_at = kind, timezone.now()
        release.withdrawn_by = by
        release.withdrawal_reason = cleaned(reason)[:300]
        release.replacement = replacement
        release.save(
            update_fields=[
                "withdrawal",
                "withdrawn_at",
                "withdrawn_by",
                "withdrawal_reason",
                "replacement",
            ]
        )
        # Whoever was sent to this one is sent on to its own replacement.
        playbook.releases.filter(replacement=release).update(replacement=replacement)
        for label in playbook.labels.filter(canary=release):
            canary_end(label=label, by=by, why=f"{release} was {kind}")
        moved = _move_labels(playbook, release, replacement, by)
        Event.objects.record_in(
            playbook,
            actor=by,
            kind=f"release.{kind}",
            subject=release,
            reason=release.withdrawal_reason,
            labels=moved,
            before={"in use": True},
            after={
                "in use": False,
                "replacement": replacement.number if replacement else "none",
            },
        )
        transaction.on_commit(pull_cache.forget)
    return release


def release_reinstate(*, release: Release, by: Any) -> Release:
    """Let a withdrawn release be pulled again. Labels stay where they are.

    Raises:
        UnableToChange: it is in use.
    """
    with transaction.atomic():
        Playbook.objects.select_for_update(no_key=True).get(pk=release.playbook_id)
        release = Release.objects.light().get(pk=release.pk)
        was = release.withdrawal
        if not was:
            raise UnableToChange(f"{release} is in use.")
        Release.objects.filter(pk=release.pk).update(
            withdrawal="",
            withdrawn_at=None,
            withdrawn_by=None,
            withdrawal_reason="",
            replacement=None,
        )
        release.refresh_from_db(fields=["withdrawal", "withdrawn_at", "withdrawal_reason"])
        Event.objects.record_in(
            release.playbook,
            actor=by,
            kind="release.reinstated",
            subject=release,
            before={"in use": False, "withdrawal": was},
            after={"in use": True},
        )
        transaction.on_commit(pull_cache.forget)
    return release


def _replacement(playbook: Playbook, release: Release, asked: Release | None) -> Release | None:
    if asked is not None and asked.pk == release.pk:
        raise UnableToChange("A release cannot replace itself: name another.", field="replacement")
    in_use = playbook.releases.light().filter(withdrawal="").exclude(pk=release.pk)
    if asked is None:
        return in_use.filter(number__lt=release.number).first()
    found = in_use.filter(pk=asked.pk).first()
    if found is None:
        raise UnableToChange("The replacement must be another release of this playbook in use.")
    return found


def _move_labels(
    playbook: Playbook, release: Release, replacement: Release | None, by: Any
) -> list[str]:
    if replacement is None:
        return []
    labels = list(playbook.labels.filter(release=release))
    for label in labels:
        label.release = replacement
        label.save(update_fields=["release", "updated_at"])
        if label.canary_id == replacement.pk:
            canary_end(label=label, by=by, why=f"it serves {label.name} now")
    LabelMove.objects.bulk_create(
        LabelMove(
            playbook=playbook,
            name=label.name,
            from_release=release,
            to_release=replacement,
            moved_by=by,
        )
        for label in labels
    )
    return [label.name for label in labels]
