"""Reading one labelled set that was sent: claim, unpack, look at its cases, save under the claim.

Nothing here enqueues, and the archive as it was sent is in the row: whichever line a worker dies
at, the next begins anew.
"""

from __future__ import annotations

import logging
import shutil
from pathlib import Path
from typing import Any, NamedTuple

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from memoryapp.services.events import event_record
from practice.clients.case_archives import MAX_FILES, look, unpack
from practice.clients.telemetry import UnreadableTelemetry, alert
from practice.clients.telemetry_sets import CaseSet as Folder
from practice.clients.telemetry_sets import sets_in
from practice.clients.trajectory_sets import entries
from practice.domain.replays import Kind
from practice.domain.rootcause import serial
from practice.models import CaseSet
from practice.orchestrator.leases import lease, telling
from practice.orchestrator.pieces import Failing, carry_out, rung

__all__ = ["UnreadableTelemetry", "due", "forget", "home_of", "look", "work"]

logger = logging.getLogger(__name__)

#: So many lines of a set that are no trajectory are told one by one.
_TOLD = 5


class _Read(NamedTuple):
    """What a set holds. ``truths`` are its labels as JSON."""

    name: str
    kind: Kind
    cases: list[str]
    truths: dict[str, Any]
    notes: list[str]


def home_of(digest: str) -> Path:
    """Where the set with these bytes lies unpacked on this machine."""
    return Path(settings.DATA_DIR) / "rootcause-sets" / digest


def due() -> list[int]:
    """Sets to ring for, marked as rung. Safe at any time, any number of times."""
    now = timezone.now()
    return rung(CaseSet.objects.due(now, lease()), now)


def work(set_id: int) -> None:
    """Claim a set and read it. Nothing happens when it is not ours to read."""
    row = CaseSet.objects.claim(set_id, now=timezone.now(), lease=lease())
    if row is None:
        return
    carry_out(
        row,
        lambda: CaseSet.objects.held(row),
        lambda: _read(row),
        lambda found: _save(row, found),
        Failing(
            lambda message: _fail(row, message),
            died="Its worker died each time it was tried. Send fewer cases at a time.",
        ),
    )


def forget(digest: str, *, but: int = 0) -> None:
    """Take away what was unpacked of a set, unless another workspace than ``but`` has it too."""
    if not CaseSet.objects.filter(digest=digest).exclude(workspace=but).exists():
        shutil.rmtree(home_of(digest), ignore_errors=True)


def _read(row: CaseSet) -> _Read:
    home = home_of(row.digest)
    unpack(bytes(row.archive), home, telling(lambda: CaseSet.objects.held(row)))
    try:
        folder = _only_set(home)
        kind = Kind.TRAJECTORIES if folder.trajectories else Kind.TELEMETRY
        cases, notes = (_trajectories if folder.trajectories else _outages)(folder)
        truths = folder.truths() or {}
    except UnreadableTelemetry as error:
        shutil.rmtree(home, ignore_errors=True)
        # Names inside the archive are the sender's; where it lies here is not.
        said = str(error).replace(f"{home}/", "").replace(f"{home}", "The archive")
        raise UnreadableTelemetry(said) from error
    if not truths:
        notes.append("It has no ground_truth.json: rankings are shown, nothing is scored.")
    unknown = sorted(set(truths) - set(cases))
    if unknown:
        notes.append(f"Labels without a case: {', '.join(unknown[:5])}.")
    name = folder.name if folder.folder != home else row.name
    labels = {key: serial.to_json(truth) for key, truth in truths.items()}
    return _Read(name, kind, cases, labels, notes)


def _outages(folder: Folder) -> tuple[list[str], list[str]]:
    """The names of the cases of a set of telemetry; each has an alert."""
    cases = folder.case_folders()
    for case in cases:
        alert(case)
    return [case.name for case in cases], []


def _trajectories(folder: Folder) -> tuple[list[str], list[str]]:
    """The names of the cases of a set of trajectories, and notes on lines that are none."""
    cases, trouble = [], []
    for entry in entries(folder.trajectories or folder.folder):
        cases.append(entry.case_id)
        if entry.case is None:
            trouble.append(entry.trouble)
        if len(cases) > MAX_FILES:
            raise UnreadableTelemetry(
                f"The set holds more than {MAX_FILES} trajectories: send fewer at a time"
            )
    if len(trouble) == len(cases):
        raise UnreadableTelemetry(trouble[0] if trouble else "The set holds no trajectory")
    notes = [f"{why}. This case fails." for why in trouble[:_TOLD]]
    if len(trouble) > _TOLD:
        notes.append(f"So do {len(trouble) - _TOLD} more.")
    if folder.case_folders():
        notes.append("It has cases of telemetry too. They are not replayed: send them apart.")
    return cases, notes


def _only_set(home: Path) -> Folder:
    found = sets_in(home)
    if len(found) > 1:
        raise UnreadableTelemetry(
            f"The archive holds {len(found)} sets ({', '.join(one.name for one in found[:5])}): "
            "send them one by one"
        )
    return found[0]


def _save(row: CaseSet, found: _Read) -> None:
    with transaction.atomic():
        ended = row.end(
            CaseSet.Status.DONE,
            at=timezone.now(),
            name=found.name[:100],
            kind=found.kind.value,
            cases=found.cases,
            truths=found.truths,
            notes=found.notes,
            percent=100,
        )
        if not ended:
            logger.warning("case set %s lost its claim before saving", row.pk)
            return
        event_record(
            workspace=row.workspace,
            actor=None,
            kind="case_set.read",
            subject=row,
            before={},
            after={"cases": len(found.cases)},
        )


def _fail(row: CaseSet, message: str) -> None:
    row.end(CaseSet.Status.FAILED, at=timezone.now(), message=message)
