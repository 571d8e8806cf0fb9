"""What people do to environments, runs and what they teach, each once."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

from practice.agents.prompting import built_in_text
from practice.models import ModelPrice, SentTrajectory, Steering
from practice.services import (
    artifact,
    deployment,
    drift,
    environments,
    experiments,
    facts,
    overrules,
    prices,
    prompts,
    retention,
    runs,
    snapshots,
    steering,
    tools,
)
from tests.practice.audited import World, leaves

MEMORY = Path(__file__).parents[1] / "domain" / "artifact" / "proposer_memory.json"


@leaves("memory.imported")
def artifact_import(world: World) -> None:
    artifact.artifact_import(
        environment=world.environment,
        playbook=world.playbook,
        file=MEMORY.name,
        document=json.loads(MEMORY.read_text()),
        by=world.by,
    )


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
    tools.tool_allow(tool=world.environment.tools.get(), allowed=False, by=world.by)


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
    retention.retention_set(
        workspace=world.workspace, steps_days=90, calls_days=None, telemetry_days=None, by=world.by
    )
