"""Every change a person makes to practice leaves a row in the audit log: from what to what."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from practice import services
from practice.agents.prompting import built_in_text
from practice.models import CaseSet, ModelPrice, Replay, SentTrajectory, Steering
from practice.orchestrator import engines
from practice.services import (
    artifact,
    case_sets,
    causes,
    deployment,
    drift,
    environments,
    experiments,
    facts,
    incidents,
    overrules,
    prices,
    prompts,
    replays,
    retention,
    runs,
    snapshots,
    steering,
    telemetry,
)
from tests.auditing import Scenarios, writing_services
from tests.factories import (
    BulletFactory,
    EnvironmentFactory,
    PlaybookFactory,
    ToolFactory,
)
from tests.practice.audited import World
from tests.practice.case_sets import read_in, set_files, zipped
from tests.practice.outages import TOPOLOGY, metrics_csv, outage

pytestmark = pytest.mark.django_db

#: Services that say who acts and leave the row of another one.
ELSEWHERE = {
    "alerts_send": "each alert is an incident_create",
    "reading_begin_anew": "its row is that of file_read_again or case_set_read_again",
    "reading_cancel": "its row is that of file_cancel or case_set_cancel",
    "trajectories_stream": "each batch is a trajectories_send",
}
MEMORY = Path(__file__).parents[1] / "domain" / "artifact" / "proposer_memory.json"
scenarios = Scenarios()
leaves = scenarios.leaves


@pytest.fixture
def world(
    workspace: Any, ada: Any, settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> World:
    settings.DATA_DIR, settings.SEED_DIR = tmp_path / "data", tmp_path / "seeds"
    settings.LLM_PROVIDER, settings.LLM_MODEL, settings.LLM_API_KEY = "openai", "m", "k"
    # An analysis is worked at once here and would ask that model to explain it.
    monkeypatch.setattr(engines, "explained", lambda row, found: None)
    (tmp_path / "seeds" / "desk").mkdir(parents=True)
    (tmp_path / "seeds" / "desk" / "note.txt").write_text("As it was.")
    environment = EnvironmentFactory(workspace=workspace, seed="desk", is_sample=False)
    ToolFactory(environment=environment, name="get_thing")
    playbook = PlaybookFactory(workspace=workspace)
    BulletFactory(playbook=playbook)
    return World(workspace, environment, playbook, ada)


@pytest.mark.parametrize("service", writing_services(services))
def test_it_leaves_a_row_that_says_from_what_to_what(world: World, service: str) -> None:
    scenarios.try_out(service, world, elsewhere=ELSEWHERE)


def test_no_scenario_is_of_a_service_that_is_gone() -> None:
    assert scenarios.keys() | ELSEWHERE.keys() == set(writing_services(services))


@leaves("memory.imported")
def artifact_import(world: World) -> None:
    artifact.artifact_import(
        environment=world.environment,
        playbook=world.playbook,
        file=MEMORY.name,
        document=json.loads(MEMORY.read_text()),
        by=world.by,
    )


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


@leaves("trajectories.sent")
def trajectories_send(world: World) -> None:
    given = [{"id": "t1", "instruction": "Look.", "steps": [{"tool": "get_thing"}]}]
    deployment.trajectories_send(
        playbook=world.playbook, environment=world.environment, given=given, by=world.by
    )


@leaves("trajectories.judged_again")
def trajectories_judge_again(world: World) -> None:
    trajectories_send(world)
    SentTrajectory.objects.update(status=SentTrajectory.Status.UNJUDGED)
    deployment.trajectories_judge_again(workspace=world.workspace, by=world.by)


@leaves("environment.watched")
def drift_watch(world: World) -> None:
    world.environment.drift_watch = False
    drift.drift_watch(environment=world.environment, watched=True, by=world.by)


@leaves("run.started")
def drift_practise(world: World) -> None:
    world.run()
    world.environment.steering.create(
        kind=Steering.Kind.FOCUS, tool="get_thing", origin=Steering.Origin.DRIFT
    )
    drift.drift_practise(environment=world.environment, by=world.by)


@leaves("environment.connected")
def environment_connect(world: World) -> list[str]:
    environments.environment_connect(
        workspace=world.workspace,
        name="Store",
        transport="stdio",
        command="helpdesk",
        secrets={"TOKEN": "tok-5ecret-value"},
        by=world.by,
    )
    return ["tok-5ecret-value"]


@leaves("environment.checked")
def environment_check(world: World) -> None:
    environments.environment_check(environment=world.environment, by=world.by)


@leaves("environment.resized")
def environment_resize(world: World) -> None:
    environments.environment_resize(environment=world.environment, slots=9, by=world.by)


@leaves("environment.reached_anew")
def environment_reach(world: World) -> None:
    environments.environment_reach(
        environment=world.environment, secrets={"TOKEN": "t0p-s3cret"}, by=world.by
    )


@leaves("environment.reset_checked")
def environment_check_reset(world: World) -> None:
    environments.environment_check_reset(environment=world.environment, by=world.by)


@leaves("tool.forbidden")
def tool_allow(world: World) -> None:
    environments.tool_allow(tool=world.environment.tools.get(), allowed=False, by=world.by)


@leaves("run.started")
def experiment_start(world: World) -> None:
    experiments.experiment_start(
        environment=world.environment, playbook=world.playbook, engine="rules", by=world.by
    )


@leaves("fact.excluded")
def fact_exclude(world: World) -> None:
    task = world.attempt().task
    fact = world.environment.facts.create(run=task.round.run, task=task, text="Ids are numbers.")
    facts.fact_exclude(fact=fact, excluded=True, by=world.by)


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


@leaves("verdict.overruled")
def attempt_overrule(world: World) -> None:
    overrules.attempt_overrule(attempt=world.attempt(), label="success", by=world.by)


@leaves("overrule.undone")
def overrule_undo(world: World) -> None:
    attempt = world.attempt()
    overrules.attempt_overrule(attempt=attempt, label="success", by=world.by)
    overrules.overrule_undo(attempt=attempt, by=world.by)


@leaves("price.set")
def price_set(world: World) -> None:
    _price(world)


@leaves("price.removed")
def price_remove(world: World) -> None:
    prices.price_remove(price=_price(world), by=world.by)


def _price(world: World) -> ModelPrice:
    return prices.price_set(
        workspace=world.workspace,
        model="m",
        input=Decimal("0.25"),
        output=Decimal(1),
        cached_input=None,
        by=world.by,
    )


@leaves("prompt.saved")
def prompt_save(world: World) -> None:
    _prompt(world)


@leaves("prompt.activated")
def prompt_activate(world: World) -> None:
    prompts.prompt_activate(version=_prompt(world), by=world.by)


@leaves("prompt.deactivated")
def prompt_deactivate(world: World) -> None:
    prompts.prompt_activate(version=_prompt(world), by=world.by)
    prompts.prompt_deactivate(environment=world.environment, role="reflector", by=world.by)


@leaves("prompt.tried")
def prompt_try(world: World) -> None:
    prompts.prompt_try(
        environment=world.environment,
        role="reflector",
        text=_text(),
        attempt=world.attempt(),
        by=world.by,
    )


def _prompt(world: World) -> Any:
    return prompts.prompt_save(
        environment=world.environment,
        role="reflector",
        text=_text(),
        note="",
        activate=False,
        by=world.by,
    )


def _text() -> str:
    title, _, rest = built_in_text("reflector").partition("\n")
    return f"{title}\n\nBe brief.\n{rest}"


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
    Replay.objects.filter(pk=replay.pk).update(ended_at=replay.started_at, result={"failed": 0})
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
    case_sets.case_set_delete(case_set=case_set, by=world.by)


@leaves("run.started")
def run_start(world: World) -> None:
    world.run()


@leaves("run.paused")
def run_pause(world: World) -> None:
    runs.run_pause(run=world.run(), by=world.by)


@leaves("run.resumed")
def run_resume(world: World) -> None:
    runs.run_resume(run=runs.run_pause(run=world.run(), by=world.by), by=world.by)


@leaves("run.cancelled")
def run_cancel(world: World) -> None:
    runs.run_cancel(run=world.run(), by=world.by)


@leaves("snapshot.taken")
def snapshot_take(world: World) -> None:
    snapshots.snapshot_take(environment=world.environment, by=world.by)


@leaves("snapshot.deleted")
def snapshot_delete(world: World) -> None:
    taken = snapshots.snapshot_take(environment=world.environment, by=world.by)
    snapshots.snapshot_delete(snapshot=taken, by=world.by)


@leaves("steering.added")
def steering_add(world: World) -> None:
    _wish(world)


@leaves("steering.ended")
def steering_end(world: World) -> None:
    steering.steering_end(wish=_wish(world), by=world.by)


def _wish(world: World) -> Steering:
    return steering.steering_add(
        environment=world.environment, kind="focus", tool="get_thing", by=world.by
    )


@leaves("retention.set")
def retention_set(world: World) -> None:
    retention.retention_set(workspace=world.workspace, steps_days=90, calls_days=None, by=world.by)


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
