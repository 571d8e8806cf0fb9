"""Renaming and deleting what people sent in to find root causes, saying first what goes with it.

What was found stays: incidents keep their analyses and what was learned from them. A form shows
what goes (``…_holds``) and sends it back as ``seen``, so nothing goes that nobody was told of.
"""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import Sum

from memoryapp.domain.errors import UnableToChange
from memoryapp.models import Workspace
from memoryapp.services.events import event_record
from memoryapp.services.seen import check_seen
from practice.models import Analysis, CaseSet, Replay, ReplayCase, TelemetryFile, TelemetrySource
from practice.orchestrator.case_sets import forget
from practice.services.held import held
from practice.services.naming import check_free, named, spaced

Held = TelemetrySource | CaseSet | Replay


def name_of(row: Held) -> dict[str, Any]:
    """What a source, a set or a replay is called; ``domain.seen.shown`` of it is ``seen``."""
    return {"name": row.name}


def source_rename(
    *, source: TelemetrySource, name: str, by: Any, seen: str | None = None
) -> TelemetrySource:
    """Call a source otherwise. What alerts, files and exporters call it, its slug, stays.

    Raises:
        UnableToFind: it was deleted meanwhile.
        ChangedMeanwhile: it is called otherwise by now.
        UnableToChange: no usable name, or another source's.
    """
    name = named(name)
    with transaction.atomic():
        check_free(source.workspace, name, but=source)
        _rename(source, name, by, seen, source.workspace, "telemetry.source_renamed")
    return source


def case_set_rename(*, case_set: CaseSet, name: str, by: Any, seen: str | None = None) -> CaseSet:
    """Call a set otherwise, and keep that when it is read again.

    Raises:
        UnableToFind: it was deleted meanwhile.
        ChangedMeanwhile: it is called otherwise by now.
        UnableToChange: no usable name.
    """
    _rename(case_set, named(name), by, seen, case_set.workspace, "case_set.renamed", is_named=True)
    return case_set


def replay_rename(*, replay: Replay, name: str, by: Any, seen: str | None = None) -> Replay:
    """Say what a replay was made for, beside its number. An empty name takes that away.

    Raises:
        UnableToFind: it was deleted meanwhile.
        ChangedMeanwhile: it is called otherwise by now.
        UnableToChange: the name cannot be used.
    """
    _rename(replay, spaced(name), by, seen, replay.case_set.workspace, "replay.renamed")
    return replay


def _rename(
    row: Held, name: str, by: Any, seen: str | None, workspace: Workspace, kind: str, **also: Any
) -> None:
    rows: Any = type(row)._default_manager
    with transaction.atomic():
        was = name_of(held(rows.only("name"), row))
        row.name = name
        check_seen(seen, was, name_of(row))
        rows.filter(pk=row.pk).update(name=name, **also)
        if was != name_of(row):
            event_record(
                workspace=workspace,
                actor=by,
                kind=kind,
                subject=row,
                before=was,
                after=name_of(row),
            )


def source_holds(source: TelemetrySource) -> dict[str, Any]:
    """What goes with a source, and the incidents that stay without it."""
    counted = source.files.aggregate(rows=Sum("rows"))
    return {
        "files": source.files.count(),
        "rows": counted["rows"] or 0,
        "incidents": source.incidents.count(),
    }


def source_delete(*, source: TelemetrySource, by: Any, seen: str | None = None) -> dict[str, Any]:
    """Delete a source and the files that were sent for it; returns what went.

    Its incidents stay with what was found in them and learned of them. They have no telemetry any
    more, so looking at them again finds nothing new.

    Raises:
        UnableToFind: it was deleted meanwhile.
        ChangedMeanwhile: other things would go than were seen.
        UnableToChange: a file of it is being read, or an incident of it looked at.
    """
    with transaction.atomic():
        row = held(TelemetrySource.objects.all(), source)
        goes = source_holds(row)
        check_seen(seen, goes)
        if row.files.open().exists():
            raise UnableToChange(f"A file of {row} is being read. Wait for it, or cancel that.")
        under_way = Analysis.objects.open().light().filter(incident__source=row)
        busy = under_way.select_related("incident").first()
        if busy is not None:
            raise UnableToChange(
                f"{busy.incident} is being analysed. Wait for it, or cancel that first."
            )
        event_record(
            workspace=row.workspace,
            actor=by,
            kind="telemetry.source_deleted",
            subject=row,
            before={"name": row.name, **goes},
            after={},
        )
        row.incidents.update(source=None)
        # Only the keys: a file may have hundreds of megabytes.
        TelemetryFile.objects.filter(source=row).only("pk").delete()
        row.delete()
    return goes


def case_set_holds(case_set: CaseSet) -> dict[str, Any]:
    """What goes with a set."""
    return {"cases": len(case_set.cases), "replays": case_set.replays.count()}


def case_set_delete(*, case_set: CaseSet, by: Any, seen: str | None = None) -> dict[str, Any]:
    """Delete a set with its labels and its replays; returns what went.

    Raises:
        UnableToFind: it was deleted meanwhile.
        ChangedMeanwhile: other things would go than were seen.
        UnableToChange: it is being read, or replayed.
    """
    digest = case_set.digest
    with transaction.atomic():
        row = held(CaseSet.objects.light(), case_set)
        goes = case_set_holds(row)
        check_seen(seen, goes)
        if row.is_open:
            raise UnableToChange(f"{row} is being read. Cancel that first.")
        if row.replays.filter(ended_at=None).exists():
            raise UnableToChange(f"{row} is being replayed. Wait for that, or cancel it first.")
        event_record(
            workspace=row.workspace,
            actor=by,
            kind="case_set.deleted",
            subject=row,
            before={"name": row.name, **goes, "digest": digest},
            after={},
        )
        ReplayCase.objects.filter(replay__case_set=row).only("pk").delete()
        row.delete()
    forget(digest)
    return goes


def replay_holds(replay: Replay) -> dict[str, Any]:
    """What goes with a replay. Without their baseline, later replays are compared with nothing."""
    return {"answers": replay.cases.count(), "is_baseline": replay.is_baseline}


def replay_delete(*, replay: Replay, by: Any, seen: str | None = None) -> dict[str, Any]:
    """Delete a replay with its figures; returns what went. No other gets its number.

    Raises:
        UnableToFind: it was deleted meanwhile.
        ChangedMeanwhile: other things would go than were seen.
        UnableToChange: it is under way.
    """
    with transaction.atomic():
        # The set is held as replays begin under it: which number is next is told by what stands.
        case_set = held(CaseSet.objects.light(), replay, pk=replay.case_set_id)
        row = held(case_set.replays.all(), replay)
        goes = replay_holds(row)
        check_seen(seen, goes)
        if row.state == "running":
            raise UnableToChange(f"{row} is under way. Cancel it first.")
        case_set.last_replay = max(case_set.last_replay, row.number)
        case_set.save(update_fields=["last_replay"])
        event_record(
            workspace=case_set.workspace,
            actor=by,
            kind="replay.deleted",
            subject=row,
            before={"name": str(row), **goes},
            after={},
        )
        ReplayCase.objects.filter(replay=row).only("pk").delete()
        row.delete()
    return goes
