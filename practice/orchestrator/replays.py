"""Replaying a labelled set case by case: claim, analyse, save; the last one sums up."""

from __future__ import annotations

import logging
import time
import zlib
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from memoryapp.services.events import event_record
from practice.clients.case_archives import unpack
from practice.clients.telemetry import UnreadableTelemetry, case
from practice.clients.telemetry_sets import Shared, sets_in, shared
from practice.clients.trajectory_sets import entries, trajectory
from practice.domain.reading import whole_characters
from practice.domain.replays import NO_REFERENCE, WHOLE, Kind, figures, gate, unanswered, varied
from practice.domain.rootcause import serial
from practice.domain.rootcause.analysis import analyse
from practice.domain.rootcause.evaluation import Replayed, Truth, of_telemetry, of_trajectory
from practice.domain.rootcause.trajectories import analyse_trajectory
from practice.domain.rootcause.window import Reference, learn
from practice.domain.trajectory_cases import told_of_steps, varied_trajectory
from practice.models import CaseSet, Replay, ReplayCase
from practice.orchestrator.case_sets import home_of
from practice.orchestrator.leases import lease
from practice.orchestrator.pieces import Failing, carry_out

logger = logging.getLogger(__name__)

#: So many cases of one replay are rung for at a time; each that ends rings for the next.
PARALLEL = 2


def due() -> list[int]:
    """Cases to ring for, marked as rung: a few per replay, whatever a dead worker left too."""
    now = timezone.now()
    found: list[int] = []
    with transaction.atomic():
        for replay in Replay.objects.filter(ended_at=None).select_for_update(
            skip_locked=True, no_key=True
        ):
            rung = replay.cases.filter(status=ReplayCase.Status.RUNNING).count()
            rung += replay.cases.filter(
                status=ReplayCase.Status.WAITING, dispatched_at__isnull=False
            ).count()
            silent = replay.cases.due(now, lease()).exclude(dispatched_at=None)
            found += silent.values_list("pk", flat=True)
            new = replay.cases.filter(status=ReplayCase.Status.WAITING, dispatched_at=None)
            found += new.values_list("pk", flat=True)[: max(0, PARALLEL - rung)]
        ReplayCase.objects.filter(pk__in=found).update(dispatched_at=now)
    return found


def finish_left() -> None:
    """Sum up what a worker left that died between its last case and the sum."""
    open_ones = ReplayCase.objects.open().filter(replay=OuterRef("pk"))
    left = Replay.objects.filter(~Exists(open_ones), ended_at=None)
    for replay_id in left.values_list("pk", flat=True):
        finish(replay_id)


def work(case_pk: int) -> None:
    """Claim a case, replay it, and sum up when it was the last."""
    row = ReplayCase.objects.claim(case_pk, now=timezone.now(), lease=lease())
    if row is None:
        return
    carry_out(
        row,
        lambda: ReplayCase.objects.held(row),
        lambda: _replayed(row),
        lambda answer: _save(row, answer),
        Failing(
            lambda message: _fail(row, message),
            died="Its worker died each time it was tried.",
            unreadable="{error}",
            broken="{error}",
        ),
    )
    finish(row.replay_id)


def _save(row: ReplayCase, answer: dict[str, Any]) -> None:
    with transaction.atomic():
        row.end(ReplayCase.Status.DONE, at=timezone.now(), answer=whole_characters(answer))


def _fail(row: ReplayCase, message: str) -> None:
    # Names inside the set are the sender's; where it lies here is not.
    said = message.replace(f"{home_of(row.replay.case_set.digest)}/", "")
    row.end(ReplayCase.Status.FAILED, at=timezone.now(), message=said)


def _replayed(row: ReplayCase) -> dict[str, Any]:
    case_set = CaseSet.objects.light().get(replays=row.replay_id)
    if not home_of(case_set.digest).is_dir():  # another machine's worker read it
        unpack(
            bytes(CaseSet.objects.values_list("archive", flat=True).get(pk=case_set.pk)),
            home_of(case_set.digest),
        )
    of_kind = {Kind.TELEMETRY: _outage, Kind.TRAJECTORIES: _trajectory}
    return of_kind[Kind(case_set.kind)](case_set.digest, row)


def _outage(digest: str, row: ReplayCase) -> dict[str, Any]:
    folders, common = _shared(digest)
    usual = _usual(digest, row.variant)
    began = time.perf_counter()
    one = case(folders[row.case_id], common.topology)
    answer = analyse(varied(one.telemetry, row.variant), one.alert, reference=usual)
    seconds = time.perf_counter() - began
    found = of_telemetry(row.case_id, answer, seconds, (*one.notes, *common.notes))
    return {"replayed": serial.to_json(found), "model_calls": answer.spent.model_calls}


def _trajectory(digest: str, row: ReplayCase) -> dict[str, Any]:
    line = _lines(digest)[row.case_id]
    if line.trouble:
        raise UnreadableTelemetry(line.trouble)
    began = time.perf_counter()
    one = varied_trajectory(trajectory(zlib.decompress(line.packed).decode()), row.variant)
    answer = analyse_trajectory(one.actions, task=one.task)
    found = of_trajectory(row.case_id, answer, time.perf_counter() - began)
    steps = told_of_steps(one, answer)
    return {"replayed": serial.to_json(found), "model_calls": 0, "steps": steps}


@lru_cache(maxsize=2)
def _shared(digest: str) -> tuple[dict[str, Path], Shared]:
    """The folders of a set's cases by name, and what all of them share."""
    found = sets_in(home_of(digest))[0]
    return found.cases(), shared(found)


@lru_cache(maxsize=2)
def _usual(digest: str, variant: str) -> Reference | None:
    """What is usual in a set under a variant: learned once, not anew for each case."""
    normal = _shared(digest)[1].normal
    return learn(varied(normal, variant)) if normal and variant != NO_REFERENCE else None


class _Line(NamedTuple):
    """One trajectory of a set, packed; or why it cannot be read."""

    packed: bytes
    trouble: str


@lru_cache(maxsize=1)
def _lines(digest: str) -> dict[str, _Line]:
    """The lines of a set of trajectories by the names of their cases.

    Packed they take no more than what was sent, and no case has to look for its line in the file.
    """
    path = sets_in(home_of(digest))[0].trajectories
    found = entries(path) if path else ()
    return {one.case_id: _Line(zlib.compress(one.text.encode(), 1), one.trouble) for one in found}


def finish(replay_id: int) -> bool:
    """Sum a replay up once no case is open. Idempotent; the terminal step is one transaction."""
    with transaction.atomic():
        replay = Replay.objects.select_for_update(no_key=True).get(pk=replay_id)
        if replay.ended_at or replay.cases.open().exists():
            return False
        replay.result = _result(replay)
        replay.passed = replay.result.get("gate", {}).get("passed")
        replay.ended_at = timezone.now()
        replay.save(update_fields=["result", "passed", "ended_at"])
        event_record(
            workspace=replay.case_set.workspace,
            actor=None,
            kind="replay.finished",
            subject=replay,
            before={"state": "running"},
            after={"state": "finished", "passed": replay.passed},
        )
    return True


def _result(replay: Replay) -> dict[str, Any]:
    kind = Kind(replay.case_set.kind)
    truths = truths_of(replay.case_set)
    variants = {}
    for variant in replay.variants:
        rows = list(replay.cases.filter(variant=variant))
        variants[variant] = figures(
            replay.case_set.name,
            [
                serial.from_json(Replayed, row.answer["replayed"])
                if row.answer
                else unanswered(row.case_id, row.message)
                for row in rows
            ],
            truths,
            [row.answer["model_calls"] for row in rows if row.answer],
            kind,
        )
    baseline = replay.case_set.replays.filter(is_baseline=True).exclude(pk=replay.pk).first()
    result: dict[str, Any] = {
        "variants": variants,
        "failed": replay.cases.filter(status=ReplayCase.Status.FAILED).count(),
    }
    if baseline is not None:
        before = baseline.result["variants"][WHOLE]
        held = gate(variants[WHOLE], before, truths, kind)
        result["gate"] = held | {"against": baseline.number}
    return result


def truths_of(case_set: CaseSet) -> dict[str, Truth]:
    return {key: serial.from_json(Truth, value) for key, value in case_set.truths.items()}
