"""Replaying labelled sets, and what later replays are held against."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from memoryapp.domain.errors import UnableToChange, UnableToStart
from memoryapp.services.events import event_record
from memoryapp.services.seen import check_seen
from practice.domain.replays import VARIANTS, WHOLE, Kind, answered
from practice.models import CaseSet, Replay, ReplayCase
from practice.services.held import held
from practice.tasks import ring_for_replays


def replay_start(*, case_set: CaseSet, variants: Sequence[str], by: Any) -> Replay:
    """Have the workers replay a set, whole and under each asked variant.

    Raises:
        UnableToFind: the set was deleted meanwhile.
        UnableToStart: the set is not read, or a replay of it is under way; a variant that sets of
            its kind do not have.
    """
    chosen = list(dict.fromkeys([WHOLE, *variants]))
    with transaction.atomic():
        locked = held(CaseSet.objects.light(), case_set)
        if locked.is_open:
            raise UnableToStart(f"{locked} is still being read. Wait until that is done.")
        if locked.status != CaseSet.Status.DONE:
            raise UnableToStart(f"{locked} was not read. Read it again, or send another.")
        known = VARIANTS[Kind(locked.kind)]
        strange = [variant for variant in chosen if variant not in known]
        if strange:
            raise UnableToStart(
                f"{strange[0]} is not a variant of {locked}: {', '.join(known)}.", field="variants"
            )
        if locked.replays.filter(ended_at=None).exists():
            raise UnableToStart(f"{locked} is being replayed already. Wait, or cancel that one.")
        newest = locked.replays.aggregate(newest=Max("number"))["newest"] or 0
        newest = max(newest, locked.last_replay)  # what was said of a deleted one stays its own
        replay: Replay = locked.replays.create(
            number=newest + 1,
            variants=chosen,
            started_by=by if getattr(by, "pk", None) else None,
        )
        ReplayCase.objects.bulk_create(
            ReplayCase(replay=replay, variant=variant, case_id=case_id)
            for variant in chosen
            for case_id in locked.cases
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
        replay.cases.open().update(status=ReplayCase.Status.CANCELLED, ended_at=timezone.now())
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


def baseline_of(case_set: CaseSet) -> dict[str, Any]:
    """Which replay of a set is its baseline; ``domain.seen.shown`` of it is ``seen``."""
    numbers = case_set.replays.filter(is_baseline=True).values_list("number", flat=True)
    return {"baseline": numbers.first() or "none"}


def baseline_set(*, replay: Replay, by: Any, seen: str | None = None) -> Replay:
    """Make a finished replay what later ones of its set are held against.

    Cases of it that failed are left out when later ones are held against it.

    ``seen`` is the digest of ``baseline_of`` that was read.

    Raises:
        UnableToFind: it was deleted meanwhile.
        ChangedMeanwhile: another one is the baseline by now.
        UnableToChange: it is not finished, or no case of it was answered.
    """
    if replay.state != "finished":
        raise UnableToChange("Only a finished replay can be the baseline.")
    with transaction.atomic():
        held(CaseSet.objects.only("pk"), replay, pk=replay.case_set_id)
        held(Replay.objects.only("pk"), replay)
        if not answered(replay.result["variants"][WHOLE]):
            raise UnableToChange("Every case of it failed, so nothing can be compared with it.")
        was, wanted = baseline_of(replay.case_set), {"baseline": replay.number}
        check_seen(seen, was, wanted)
        replay.is_baseline = True
        if was == wanted:
            return replay
        replay.case_set.replays.filter(is_baseline=True).update(is_baseline=False)
        replay.save(update_fields=["is_baseline"])
        event_record(
            workspace=replay.case_set.workspace,
            actor=by,
            kind="replay.baseline",
            # It is the set that has another one now: what became of its baseline is one story.
            subject=replay.case_set,
            before=was,
            after=wanted,
        )
    return replay
