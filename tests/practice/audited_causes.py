"""What people do to incidents, telemetry and labelled sets, each once."""

from __future__ import annotations

from typing import Any

from practice.models import CaseSet, Replay
from practice.services import (
    case_sets,
    causes,
    holdings,
    incidents,
    replays,
    telemetry,
)
from tests.practice.audited import World, leaves
from tests.practice.case_sets import read_in, set_files, zipped
from tests.practice.outages import TOPOLOGY, metrics_csv, outage

#: What a replay found of which one case was answered.
REPLAYED = {"variants": {"whole": {"per_case": [{"case_id": "case-0", "outcome": "found"}]}}}


@leaves("incident.confirmed")
def cause_confirm(world: World) -> None:
    _confirmed(world)


@leaves("incident.corrected")
def cause_correct(world: World) -> None:
    incident = outage(world.workspace)
    causes.cause_correct(incident=incident, node="service:web", reason="A deploy", by=world.by)


@leaves("incident.dismissed")
def incident_dismiss(world: World) -> None:
    causes.incident_dismiss(incident=world.incident(), reason="A drill", by=world.by)


@leaves("incident.reopened")
def decision_undo(world: World) -> None:
    incident = world.incident()
    causes.incident_dismiss(incident=incident, reason="A drill", by=world.by)
    causes.decision_undo(incident=incident, by=world.by)


@leaves("incident.lesson_sent")
def lesson_submit(world: World) -> None:
    causes.lesson_submit(incident=_confirmed(world), playbook=world.playbook, by=world.by)


def _confirmed(world: World) -> Any:
    incident = outage(world.workspace)
    return causes.cause_confirm(incident=incident, node=incident.top_cause, by=world.by)


@leaves("incident.opened")
def incident_create(world: World) -> None:
    world.incident()


@leaves("incident.opened")
def attempt_analyse(world: World) -> None:
    incidents.attempt_analyse(attempt=world.attempt(), by=world.by)


@leaves("incident.analysis_started")
def analysis_start(world: World) -> None:
    incident = world.incident()
    incidents.analysis_cancel(incident=incident, by=world.by)
    incidents.analysis_start(incident=incident, by=world.by)


@leaves("incident.analysis_cancelled")
def analysis_cancel(world: World) -> None:
    incidents.analysis_cancel(incident=world.incident(), by=world.by)


@leaves("case_set.sent")
def case_set_send(world: World) -> None:
    _case_set(world)


@leaves("replay.started")
def replay_start(world: World) -> None:
    _replay(world)


@leaves("replay.cancelled")
def replay_cancel(world: World) -> None:
    replays.replay_cancel(replay=_replay(world), by=world.by)


@leaves("replay.baseline")
def baseline_set(world: World) -> None:
    replay = _replay(world)
    Replay.objects.filter(pk=replay.pk).update(ended_at=replay.started_at, result=REPLAYED)
    replay.refresh_from_db()
    replays.baseline_set(replay=replay, by=world.by)


def _replay(world: World) -> Replay:
    return replays.replay_start(case_set=read_in(_case_set(world)), variants=[], by=world.by)


def _case_set(world: World) -> CaseSet:
    return case_sets.case_set_send(
        workspace=world.workspace, name="shop.zip", data=zipped(set_files(1)), by=world.by
    )


@leaves("case_set.cancelled")
def case_set_cancel(world: World) -> None:
    case_sets.case_set_cancel(case_set=_case_set(world), by=world.by)


@leaves("case_set.read_again")
def case_set_read_again(world: World) -> None:
    case_set = _case_set(world)
    case_sets.case_set_cancel(case_set=case_set, by=world.by)
    case_sets.case_set_read_again(case_set=case_set, by=world.by)


@leaves("case_set.deleted")
def case_set_delete(world: World) -> None:
    case_set = _case_set(world)
    case_sets.case_set_cancel(case_set=case_set, by=world.by)
    holdings.case_set_delete(case_set=case_set, by=world.by)


@leaves("case_set.renamed")
def case_set_rename(world: World) -> None:
    holdings.case_set_rename(case_set=_case_set(world), name="Autumn", by=world.by)


@leaves("replay.renamed")
def replay_rename(world: World) -> None:
    holdings.replay_rename(replay=_replay(world), name="new engine", by=world.by)


@leaves("replay.deleted")
def replay_delete(world: World) -> None:
    replay = replays.replay_cancel(replay=_replay(world), by=world.by)
    holdings.replay_delete(replay=replay, by=world.by)


@leaves("telemetry.source_renamed")
def source_rename(world: World) -> None:
    holdings.source_rename(source=_source(world), name="Till", by=world.by)


@leaves("telemetry.source_deleted")
def source_delete(world: World) -> None:
    holdings.source_delete(source=_source(world), by=world.by)


@leaves("telemetry.source_added")
def source_create(world: World) -> None:
    _source(world)


@leaves("telemetry.mapping_saved")
def mapping_save(world: World) -> None:
    telemetry.mapping_save(
        source=_source(world), kind="metrics", mapping={"value": "val"}, by=world.by
    )


@leaves("telemetry.file_sent")
def file_send(world: World) -> None:
    telemetry.file_send(
        source=_source(world), kind="metrics", name="m.csv", data=metrics_csv(), by=world.by
    )


@leaves("telemetry.file_deleted")
def file_delete(world: World) -> None:
    telemetry.file_delete(row=_topology(world), by=world.by)


@leaves("telemetry.file_cancelled")
def file_cancel(world: World) -> None:
    telemetry.file_cancel(row=_topology(world), by=world.by)


@leaves("telemetry.file_read_again")
def file_read_again(world: World) -> None:
    row = _topology(world)
    telemetry.file_cancel(row=row, by=world.by)
    telemetry.file_read_again(row=row, by=world.by)


def _topology(world: World) -> Any:
    return telemetry.file_send(
        source=_source(world), kind="topology", name="t.csv", data=TOPOLOGY, by=world.by
    )


def _source(world: World) -> Any:
    return telemetry.source_create(workspace=world.workspace, name="Shop", by=world.by)
