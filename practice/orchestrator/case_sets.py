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
from practice.domain.kept_files import place_of
from practice.domain.replays import Kind
from practice.domain.rootcause import serial
from practice.domain.rootcause.evaluation import Truth
from practice.models import CaseSet
from practice.orchestrator.leases import lease, telling
from practice.orchestrator.pieces import Failing, carry_out, rung

__all__ = ["UnreadableTelemetry", "due", "forget", "home_of", "look", "work"]

logger = logging.getLogger(__name__)

#: So many cases or labels of a set that cannot be read are told one by one.
_MOST_TOLD = 5


class _Read(NamedTuple):
    """What a set holds. ``truths`` are its labels as JSON."""

    name: str
    kind: Kind
    cases: list[str]
    truths: dict[str, Any]
    notes: list[str]


def home_of(digest: str) -> Path:
    """Where the set with these bytes lies unpacked on this machine."""
    return place_of(Path(settings.DATA_DIR) / "rootcause-sets", digest)


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
    except UnreadableTelemetry as error:
        shutil.rmtree(home, ignore_errors=True)
        raise UnreadableTelemetry(_inside(home, str(error))) from error
    truths, more = _labels(folder)
    unknown = sorted(set(truths) - set(cases))
    if unknown:
        rest = f" and {len(unknown) - _MOST_TOLD} more" if len(unknown) > _MOST_TOLD else ""
        more.append(f"Labels without a case: {', '.join(unknown[:_MOST_TOLD])}{rest}.")
    name = row.name if row.is_named or folder.folder == home else folder.name
    labels = {key: serial.to_json(truth) for key, truth in truths.items()}
    said = [_inside(home, note) for note in (*notes, *more)]
    return _Read(name, kind, cases, labels, said)


def _inside(home: Path, said: str) -> str:
    """What is said of an archive: names inside are the sender's, where it lies here is not."""
    return said.replace(f"{home}/", "").replace(f"{home}", "The archive")


def _labels(folder: Folder) -> tuple[dict[str, Truth], list[str]]:
    """The labels that can be read, and notes on those that cannot: the cases stand all the same."""
    unscored = "rankings are shown, nothing is scored."
    try:
        truths, notes = folder.labels()
    except UnreadableTelemetry as error:
        return {}, [f"{error}: {unscored}"]
    if truths is None:
        return {}, [f"It has no ground_truth.json: {unscored}"]
    return truths, _told([f"{note}. The others are scored." for note in notes])


def _told(trouble: list[str]) -> list[str]:
    """The first of what went wrong, and how much more did."""
    more = len(trouble) - _MOST_TOLD
    return [*trouble[:_MOST_TOLD], f"So do {more} more."] if more > 0 else trouble


def _outages(folder: Folder) -> tuple[list[str], list[str]]:
    """The names of the cases of a set of telemetry, and notes on those whose alert is none.

    Raises:
        UnreadableTelemetry: no case has an alert that can be read.
    """
    cases, trouble = folder.cases(), []
    for home in cases.values():
        try:
            alert(home)
        except UnreadableTelemetry as error:
            trouble.append(str(error))
    if trouble and len(trouble) == len(cases):
        raise UnreadableTelemetry(trouble[0])
    return list(cases), _told([f"{why}. This case fails." for why in trouble])


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
    notes = _told([f"{why}. This case fails." for why in trouble])
    if folder.case_folders():
        notes.append("It has cases of telemetry too. They are not replayed: send them separately.")
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
        # A person may have given it another name since it was claimed.
        is_named = CaseSet.objects.filter(pk=row.pk, is_named=True).exists()
        ended = row.end(
            CaseSet.Status.DONE,
            at=timezone.now(),
            **({} if is_named else {"name": found.name[:100]}),
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
