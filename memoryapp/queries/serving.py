"""What a label gives to agents: how often it is pulled, and how a release on trial does."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Q, QuerySet, Sum
from django.utils import timezone

from memoryapp.domain.canary import LEAST, Tally, difference
from memoryapp.models import (
    Event,
    PullCount,
    PullReceipt,
    ReceiptSource,
    Release,
    ReleaseLabel,
    Report,
)

PULL_DAYS = 7
TRIALS = ("canary.started", "canary.ended", "canary.promoted", "canary.reverted")


@dataclass(frozen=True, slots=True)
class Pulls:
    """How often a release was pulled by a label; ``unchanged`` by agents that held it already."""

    pulls: int = 0
    unchanged: int = 0


@dataclass(frozen=True, slots=True)
class Arm:
    """One of the two releases of a trial, with its outcomes since the trial began."""

    name: str
    release: Release
    share: int
    outcomes: Tally
    pulls: Pulls


@dataclass(frozen=True, slots=True)
class Trial:
    """A release on trial beside the label's own. ``missing``: outcomes until it can be judged."""

    canary: Arm
    stable: Arm
    since: datetime
    difference: tuple[float, float, float]
    missing: int


@dataclass(frozen=True, slots=True)
class Lost:
    """Receipts that never reached the database, of all this server handed out lately."""

    lost: int
    of: int


def trial_of(label: ReleaseLabel) -> Trial | None:
    """The trial under a label, its releases fetched with it; ``None`` where there is none."""
    tried, since = label.canary, label.canary_since
    if tried is None or since is None:
        return None
    pulls = pulls_of(label.name, (tried.pk, label.release_id))
    canary, stable = outcomes(label, tried), outcomes(label, label.release)
    return Trial(
        canary=Arm("on trial", tried, label.canary_share, canary, pulls.get(tried.pk, Pulls())),
        stable=Arm(
            "the label’s own",
            label.release,
            100 - label.canary_share,
            stable,
            pulls.get(label.release_id, Pulls()),
        ),
        since=since,
        difference=difference(canary, stable),
        missing=max(0, LEAST - min(canary.n, stable.n)),
    )


def outcomes(label: ReleaseLabel, release: Release) -> Tally:
    """Outcomes of a release, since the trial began, that were reported by who got it by the label.

    Agents of another label may have other work to do: theirs would end a trial for nothing.
    """
    since = label.canary_since
    if since is None:
        return Tally()
    counted = dict(
        Report.objects.filter(release=release, label=label.name, created_at__gte=since)
        .exclude(outcome="")
        .order_by()
        .values_list("outcome")
        .annotate(total=Count("pk"))
    )
    return Tally(counted.get("success", 0), counted.get("failure", 0))


def label_given(release: Release, key_id: int | None, agent: str) -> str:
    """The label by which an agent was last given a release; empty: by number, or not known.

    An agent is told by its key and the name it gives; a pull without one may be any agent's of the
    key. Where nothing is known, because the receipt is still on its way or was forgotten, it is the
    one label that gives the release out, while there is but one.
    """
    pulls = PullReceipt.objects.filter(release=release, key=key_id).order_by("-pulled_at")
    for name in dict.fromkeys((agent, "")):
        last = pulls.filter(agent=name).values_list("label", flat=True).first()
        if last is not None:
            return last
    giving = ReleaseLabel.objects.filter(Q(release=release) | Q(canary=release))
    names = list(giving.values_list("name", flat=True)[:2])
    return names[0] if len(names) == 1 else ""


def pulls_of(label: str, releases: Collection[int]) -> dict[int, Pulls]:
    """Pulls of releases by a label in the last ``PULL_DAYS`` days, by release."""
    since = timezone.localdate() - timedelta(days=PULL_DAYS - 1)
    rows = PullCount.objects.filter(release__in=releases, label=label, day__gte=since)
    summed = rows.values("release").annotate(all=Sum("pulls"), held=Sum("unchanged"))
    return {row["release"]: Pulls(row["all"], row["held"]) for row in summed.order_by()}


def trials_before(label: ReleaseLabel) -> QuerySet[Event]:
    """What happened to trials under a label, newest first."""
    return Event.objects.filter(
        workspace=label.playbook.workspace_id,
        kind__in=TRIALS,
        data__playbook=label.playbook.slug,
        data__label=label.name,
    ).select_related("actor")


def receipts_lost() -> Lost:
    """Receipts of the threads that were heard of since receipts are kept; of all workspaces."""
    found = ReceiptSource.objects.aggregate(highest=Sum("highest"), stored=Sum("stored"))
    highest, stored = found["highest"] or 0, found["stored"] or 0
    return Lost(lost=max(0, highest - stored), of=highest)
