"""What agents report of the tasks they did with a release. Counted once, whatever is sent twice."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from django.db.models import F

from memoryapp.domain.errors import UnableToChange
from memoryapp.domain.formats import ace_id
from memoryapp.domain.masking import redact
from memoryapp.domain.text import strip_hidden
from memoryapp.models import ApiKey, Bullet, Playbook, Release, Report, Vote
from memoryapp.queries.serving import label_given
from memoryapp.services.canaries import canaries_judge
from memoryapp.services.patience import PlaybookBusy, no_long_wait

EVIDENCE_MOST = 2_000
TASK_MOST, AGENT_MOST = 200, 120


@dataclass(frozen=True, slots=True)
class Said:
    """What a report says of one bullet: its id or label, a vote, and why."""

    bullet: str
    value: str
    evidence: str = ""


@dataclass(frozen=True, slots=True)
class Refused:
    """A vote that was not counted. ``place`` counts from 0, as in the list that was sent."""

    place: int
    bullet: str
    message: str


@dataclass(slots=True)
class Receipt:
    """What became of a report. ``known``: votes that were counted before; ``reverted``: labels
    whose trial of a release ended with this outcome."""

    task: str
    outcome: str
    counted: int = 0
    known: int = 0
    refused: list[Refused] = field(default_factory=list)
    reverted: list[str] = field(default_factory=list)


def report_take(
    *,
    release: Release,
    votes: Sequence[Said],
    outcome: str = "",
    task: str = "",
    agent: str = "",
    key: ApiKey | None = None,
) -> Receipt:
    """Count what an agent says of a task it did with ``release``.

    ``task`` is the agent's own name for it, among those of its key; without one each report is a
    task of its own. A report may be completed later, with more votes or the outcome, and never
    contradicted. Votes on bullets that are not in the release are refused one by one; the others
    count.

    Raises:
        PlaybookBusy: somebody has been changing the playbook for long; nothing is kept.
        UnableToChange: nothing is said, or the task was reported with another outcome or other
            votes before; nothing of this report is counted.
    """
    if not outcome and not votes:
        raise UnableToChange(
            "Say how the task ended, or what you think of its bullets.", field="outcome"
        )
    task = _named(task, TASK_MOST) or uuid.uuid4().hex
    receipt = Receipt(task=task, outcome=outcome)
    agent = _named(agent, AGENT_MOST)
    told: dict[str, Any] = {
        "outcome": outcome,
        "agent": agent,
        # Called for a new report only.
        "label": lambda: label_given(release, key.pk if key else None, agent),
    }
    with no_long_wait():
        report, is_new = _opened(release, key, task, told)
        if not is_new:
            _complete(report, release, outcome)
        receipt.outcome = report.outcome
        known = dict(report.votes.values_list("bullet", "value"))
        fresh = _readable(release, votes, known, receipt)
        # Counting waits for whoever merges these bullets, and a vote's time says which came first:
        # `votes_part` takes no vote out of a merge that it was no part of.
        _count(release, fresh)
        Vote.objects.bulk_create(
            Vote(report=report, bullet_id=bullet, value=said.value, evidence=_plain(said.evidence))
            for bullet, said in fresh.items()
        )
    if outcome:
        # The report is kept by now: while the playbook is busy, the next one has trials judged.
        with suppress(PlaybookBusy), no_long_wait():
            receipt.reverted = canaries_judge(release)
    return receipt


def _opened(
    release: Release, key: ApiKey | None, task: str, told: dict[str, Any]
) -> tuple[Report, bool]:
    """The report of a task, locked, and whether it was begun just now."""
    reports = Report.objects.select_for_update(no_key=True)
    if key is not None:
        return reports.get_or_create(release=release, key=key, task=task, defaults=told)
    # No constraint keeps apart what came without a key: keys that go leave such reports behind. By
    # the playbook's lock and not the release's, which a withdrawal takes after that one.
    Playbook.objects.select_for_update(no_key=True).get(pk=release.playbook_id)
    report = reports.filter(release=release, key=None, task=task).order_by("pk").first()
    if report is not None:
        return report, False
    values = {name: value() if callable(value) else value for name, value in told.items()}
    return Report.objects.create(release=release, task=task, **values), True


def _complete(report: Report, release: Release, outcome: str) -> None:
    """Add the outcome where none was said yet."""
    if not outcome or outcome == report.outcome:
        return
    if report.outcome:
        raise UnableToChange(
            f"Task {report.task!r} was reported as {report.outcome} before. Nothing was changed; "
            "a report can be completed, not taken back."
        )
    report.outcome = outcome
    # What was not known with the votes may be by now: receipts come a few seconds later.
    report.label = report.label or label_given(release, report.key_id, report.agent)
    report.save(update_fields=["outcome", "label", "updated_at"])


def _readable(
    release: Release, votes: Sequence[Said], known: dict[Any, str], receipt: Receipt
) -> dict[Any, Said]:
    """The votes that are new, by bullet id; the others go into the receipt."""
    held = _bullets_of(release)
    fresh: dict[Any, Said] = {}
    for place, said in enumerate(votes):
        bullet = held.get(said.bullet)
        if bullet is None:
            message = f"{release} holds no bullet {said.bullet[:80]!r}."
            receipt.refused.append(Refused(place, said.bullet[:80], message))
            continue
        before = known.get(bullet) or (fresh[bullet].value if bullet in fresh else None)
        if before is None:
            fresh[bullet] = said
        elif before == said.value:
            receipt.known += 1
        else:
            raise UnableToChange(
                f"{said.bullet[:80]} was called {before} for task {receipt.task!r} and now "
                f"{said.value}. Nothing was changed; a vote cannot be changed."
            )
    receipt.counted = len(fresh)
    return fresh


def _bullets_of(release: Release) -> dict[str, Any]:
    """Every name of each bullet of a release that is still there, to its id now.

    Agents know a bullet by its id, its label, or what ACE text calls it. Looked up by label in the
    release's own playbook: the ids in a document stay what they were when a workspace is imported,
    and may be another workspace's here.
    """
    document = Release.objects.values_list("document", flat=True).get(pk=release.pk)
    told = {b["label"]: b["id"] for s in document["sections"] for b in s["bullets"]}
    there = Bullet.objects.filter(playbook=release.playbook_id, label__in=told)
    return {
        name: pk
        for pk, label in there.values_list("pk", "label")
        for name in (str(pk), told[label], label, ace_id(label))
    }


def _count(release: Release, fresh: dict[Any, Said]) -> None:
    """Add the votes to the bullets, under the lock of their playbook as all that changes them."""
    for value, column in (("helpful", "deployed_helpful"), ("harmful", "deployed_harmful")):
        bullets = [bullet for bullet, said in fresh.items() if said.value == value]
        if bullets:
            Playbook.objects.select_for_update(no_key=True).get(pk=release.playbook_id)
            Bullet.objects.filter(pk__in=bullets).update(**{column: F(column) + 1})


def _named(text: str, most: int) -> str:
    """What an agent calls something, as people read it; always the same for the same name."""
    return redact(strip_hidden(text)).strip()[:most]


def _plain(evidence: str) -> str:
    return redact(strip_hidden(evidence)).strip()[:EVIDENCE_MOST]
