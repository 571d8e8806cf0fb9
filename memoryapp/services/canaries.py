"""A release on trial: some of the agents that pull a label get it, and outcomes decide."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.utils import timezone

from memoryapp.clients import pull_cache
from memoryapp.domain.canary import regressed
from memoryapp.domain.errors import UnableToChange
from memoryapp.domain.text import cleaned
from memoryapp.models import Event, LabelMove, Playbook, Release, ReleaseLabel
from memoryapp.queries.releases import heavy
from memoryapp.queries.serving import outcomes
from memoryapp.services.seen import check_seen


def canary_start(
    *, label: ReleaseLabel, release: Release, share: int, by: Any, seen: str | None = None
) -> ReleaseLabel:
    """Give ``release`` to ``share`` percent of the agents that pull ``label``.

    Started again with another share, agents that had it keep it as the share grows. ``seen`` is
    the digest of ``trial_said`` that was read.

    Raises:
        ChangedMeanwhile: a trial was started, changed or ended since.
        UnableToChange: no share of 1 to 99, another playbook's release, one that is withdrawn, or
            the one the label points at.
    """
    if not 1 <= share <= 99:
        raise UnableToChange(
            "The share must be 1 to 99 percent; for 100, move the label instead.", field="share"
        )
    with transaction.atomic():
        label = _locked(label)
        check_seen(seen, trial_said(label), {"on trial": release.number, "share": share})
        if release.playbook_id != label.playbook_id:
            raise UnableToChange("That release belongs to another playbook.")
        release.refresh_from_db(fields=["withdrawal"])
        if release.withdrawal:
            raise UnableToChange(f"{release} was {release.withdrawal}; it cannot be tried.")
        if release.pk == label.release_id:
            raise UnableToChange(f"{label.name} points at {release} already.")
        was = trial_said(label)
        if label.canary_id != release.pk:
            label.canary, label.canary_since = release, timezone.now()
        label.canary_share = share
        label.save(update_fields=["canary", "canary_share", "canary_since", "updated_at"])
        _record(label, by, "canary.started", release, before=was, after=trial_said(label))
    return label


def canary_end(*, label: ReleaseLabel, by: Any, why: str = "") -> ReleaseLabel:
    """Give all agents of a label its own release again.

    Raises:
        UnableToChange: nothing is on trial.
    """
    with transaction.atomic():
        label = _locked(label)
        release, was = _on_trial(label), trial_said(label)
        _clear(label)
        why = cleaned(why)[:300]
        _record(label, by, "canary.ended", release, before=was, after={}, reason=why)
    return label


def canary_promote(*, label: ReleaseLabel, by: Any, seen: str | None = None) -> ReleaseLabel:
    """Point the label at the release on trial. ``seen`` is as for ``canary_start``.

    Raises:
        ChangedMeanwhile: another release is on trial, or for other agents.
        UnableToChange: nothing is on trial.
    """
    with transaction.atomic():
        label = _locked(label)
        release = _on_trial(label)
        check_seen(seen, trial_said(label))
        before = label.release
        label.release = release
        label.save(update_fields=["release", "updated_at"])
        _clear(label)
        LabelMove.objects.create(
            playbook=label.playbook,
            name=label.name,
            from_release=before,
            to_release=release,
            moved_by=by,
        )
        _record(
            label,
            by,
            "canary.promoted",
            release,
            before={"release": before.number},
            after={"release": release.number},
        )
    return label


def canaries_judge(release: Release) -> list[str]:
    """End the trials that ``release`` takes part in where the canary does credibly worse.

    Called with each reported outcome. Returns the labels whose trial ended.
    """
    reverted = []
    trials = ReleaseLabel.objects.exclude(canary=None).filter(playbook=release.playbook_id)
    for pk in trials.values_list("pk", flat=True):
        with transaction.atomic():
            label = _locked(ReleaseLabel(pk=pk, playbook_id=release.playbook_id))
            if label.canary is None:
                continue
            canary, stable = outcomes(label, label.canary), outcomes(label, label.release)
            if not regressed(canary, stable):
                continue
            tried, was = label.canary, trial_said(label)
            _clear(label)
            _record(
                label,
                None,
                "canary.reverted",
                tried,
                before=was,
                after={},
                canary=[canary.successes, canary.failures],
                stable=[stable.successes, stable.failures],
            )
            reverted.append(label.name)
    return reverted


def _locked(label: ReleaseLabel) -> ReleaseLabel:
    """The label as it stands, under its playbook's lock."""
    Playbook.objects.select_for_update(no_key=True).get(pk=label.playbook_id)
    found = ReleaseLabel.objects.select_related("release", "canary", "playbook__workspace")
    return found.defer(*heavy("release", "canary")).get(pk=label.pk)


def _on_trial(label: ReleaseLabel) -> Release:
    if label.canary is None:
        raise UnableToChange(f"No release is on trial under {label.name}.")
    return label.canary


def trial_said(label: ReleaseLabel) -> dict[str, Any]:
    """What is on trial, as the log keeps it; ``domain.seen.shown`` of it is ``seen``."""
    if label.canary is None:
        return {}
    return {"on trial": label.canary.number, "share": label.canary_share}


def _clear(label: ReleaseLabel) -> None:
    label.canary, label.canary_share, label.canary_since = None, 0, None
    label.save(update_fields=["canary", "canary_share", "canary_since", "updated_at"])


def _record(label: ReleaseLabel, by: Any, kind: str, release: Release, **data: Any) -> None:
    Event.objects.record_in(
        label.playbook,
        actor=by,
        kind=kind,
        subject=release,
        label=label.name,
        **data,
    )
    transaction.on_commit(pull_cache.forget)
