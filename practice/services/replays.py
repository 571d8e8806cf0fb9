"""Labelled sets: taking one in, replaying it, and what later replays are held against."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from memoryapp.domain.errors import UnableToChange, UnableToStart
from memoryapp.models import Workspace
from memoryapp.services.events import event_record
from practice.domain.replays import VARIANTS, WHOLE
from practice.models import CaseSet, Replay, ReplayCase
from practice.orchestrator.replays import read_set
from practice.orchestrator.telemetry import UnreadableTelemetry
from practice.services.telemetry import MAX_BYTES, UnableToRead
from practice.tasks import ring_for_replays


def case_set_send(*, workspace: Workspace, name: str, data: bytes, by: Any) -> CaseSet:
    """Store a labelled set that comes as one archive; the same bytes twice are stored once.

    Raises:
        UnableToRead: too large, damaged, or not one set. The message says what to do.
    """
    if len(data) > MAX_BYTES:
        raise UnableToRead(f"{name} has more than {MAX_BYTES >> 20} MB: send its sets one by one.")
    digest = hashlib.sha256(data).hexdigest()
    try:
        found, cases, truths, notes = read_set(data, digest)
    except UnreadableTelemetry as error:
        raise UnableToRead(f"{error}. Nothing was stored.") from error
    with transaction.atomic():
        case_set, is_new = CaseSet.objects.get_or_create(
            workspace=workspace,
            digest=digest,
            defaults={
                "name": (found or name.partition(".")[0])[:100],
                "archive": data,
                "size": len(data),
                "cases": cases,
                "truths": truths,
                "notes": notes,
                "sent_by": by if getattr(by, "pk", None) else None,
            },
        )
        if is_new:
            event_record(
                workspace=workspace,
                actor=by,
                kind="case_set.sent",
                subject=case_set,
                before={},
                after={"cases": len(cases)},
            )
    return case_set


def replay_start(*, case_set: CaseSet, variants: Sequence[str], by: Any) -> Replay:
    """Have the workers replay a set, whole and under each asked variant.

    Raises:
        UnableToStart: an unknown variant, or a replay of it is under way.
    """
    strange = [variant for variant in variants if variant not in VARIANTS]
    if strange:
        raise UnableToStart(f"{strange[0]} is no variant: {', '.join(VARIANTS)}.")
    chosen = list(dict.fromkeys([WHOLE, *variants]))
    with transaction.atomic():
        CaseSet.objects.select_for_update(no_key=True).only("pk").get(pk=case_set.pk)
        if case_set.replays.filter(ended_at=None).exists():
            raise UnableToStart(f"{case_set} is being replayed already. Wait, or cancel that one.")
        newest = case_set.replays.aggregate(newest=Max("number"))["newest"] or 0
        replay: Replay = case_set.replays.create(
            number=newest + 1,
            variants=chosen,
            started_by=by if getattr(by, "pk", None) else None,
        )
        ReplayCase.objects.bulk_create(
            ReplayCase(replay=replay, variant=variant, case_id=case_id)
            for variant in chosen
            for case_id in case_set.cases
        )
        event_record(
            workspace=case_set.workspace,
            actor=by,
            kind="replay.started",
            subject=replay,
            before={},
            after={"variants": list(chosen)},
        )
        ring_for_replays.delay_on_commit()
    return replay


def replay_cancel(*, replay: Replay, by: Any) -> Replay:
    """End a replay; what was answered stays on its page, and nothing is compared.

    Raises:
        UnableToStart: it has ended.
    """
    with transaction.atomic():
        moved = Replay.objects.filter(pk=replay.pk, ended_at=None).update(
            ended_at=timezone.now(), cancelled_at=timezone.now()
        )
        if not moved:
            raise UnableToStart(f"{replay} has ended already.")
        replay.cases.filter(
            status__in=[ReplayCase.Status.WAITING, ReplayCase.Status.RUNNING]
        ).update(status=ReplayCase.Status.CANCELLED, ended_at=timezone.now())
        event_record(
            workspace=replay.case_set.workspace,
            actor=by,
            kind="replay.cancelled",
            subject=replay,
            before={"state": "running"},
            after={"state": "cancelled"},
        )
    replay.refresh_from_db()
    return replay


def baseline_set(*, replay: Replay, by: Any) -> Replay:
    """Make a finished replay what later ones of its set are held against.

    Raises:
        UnableToChange: it is not finished, or cases of it failed.
    """
    if replay.state != "finished":
        raise UnableToChange("Only a finished replay can be the baseline.")
    if replay.result.get("failed"):
        raise UnableToChange("Cases of it failed, so it cannot be the baseline. Replay again.")
    with transaction.atomic():
        CaseSet.objects.select_for_update(no_key=True).only("pk").get(pk=replay.case_set_id)
        baselines = replay.case_set.replays.filter(is_baseline=True)
        was = baselines.values_list("number", flat=True).first()
        baselines.update(is_baseline=False)
        replay.is_baseline = True
        replay.save(update_fields=["is_baseline"])
        event_record(
            workspace=replay.case_set.workspace,
            actor=by,
            kind="replay.baseline",
            subject=replay,
            before={"baseline": was or "none"},
            after={"baseline": replay.number},
        )
    return replay
