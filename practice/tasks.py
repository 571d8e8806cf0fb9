"""Celery entry points. Each is dull: the row says what to do, the orchestrator does it."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from memoryapp.tasks import Bell
from practice.models import Run
from practice.orchestrator import (
    case_sets,
    environment_checks,
    looks,
    observations,
    online,
    prompt_trials,
    readings,
    removal,
    replays,
    resets,
    retention,
    rootcause,
    rounds,
    traces,
)


@shared_task(base=Bell)
def drive_run(run_id: str) -> None:
    """Ask what a run needs now and ring for it. Safe at any time, any number of times."""
    for unit_id in rounds.drive(run_id):
        run_unit.delay(unit_id)


@shared_task(base=Bell)
def run_unit(unit_id: int) -> None:
    run_id = rounds.work(unit_id)
    if run_id is not None:
        # Others first: this one would take what it has just given back.
        for other in rounds.sharing(run_id):
            drive_run(str(other))
        drive_run(str(run_id))


@shared_task(base=Bell)
def sweep_runs() -> None:
    """Beat's safety net: whatever a dead worker or a lost message left behind moves again."""
    for run_id in Run.objects.unfinished().values_list("pk", flat=True):
        drive_run(str(run_id))
    for environment_id in environment_checks.to_check(timezone.now()):
        check_environment.delay(environment_id)
    take_sent_trajectories()
    for trial_id in prompt_trials.sweep():
        try_prompt.delay(trial_id)
    ring_for_files()
    ring_for_analyses()
    ring_for_sets()
    ring_for_replays()


@shared_task(base=Bell)
def check_environment(environment_id: int) -> None:
    environment_checks.check(environment_id)
    # What agents sent waits until the tools of its environment are listed.
    take_sent_trajectories()


@shared_task(base=Bell)
def try_prompt(trial_id: int) -> None:
    prompt_trials.perform(trial_id)


@shared_task(base=Bell)
def take_sent_trajectories() -> None:
    """Begin to learn from what deployed agents sent in."""
    for run_id in online.take():
        drive_run(str(run_id))


@shared_task(base=Bell)
def assemble_traces() -> None:
    """Beat's look for traces that are whole: they become trajectories and are learned from."""
    if traces.assemble():
        take_sent_trajectories()


@shared_task(base=Bell)
def drop_old() -> None:
    """Beat's look for what workspaces do not want to keep any longer."""
    is_more = retention.drop()
    if observations.sweep() or is_more:
        drop_old.delay()


@shared_task(base=Bell)
def remove_workspaces() -> None:
    """Delete a part of deleted workspaces, and go on while there is more."""
    if removal.remove():
        remove_workspaces.delay()


@shared_task(base=Bell)
def check_reset(environment_id: int) -> None:
    resets.check_reset(environment_id)


@shared_task(base=Bell)
def ring_for_files() -> None:
    for file_id in readings.due():
        read_telemetry.delay(file_id)


@shared_task(base=Bell)
def read_telemetry(file_id: int) -> None:
    for analysis_id in readings.work(file_id):
        analyse_incident.delay(analysis_id)


@shared_task(base=Bell)
def ring_for_analyses() -> None:
    looks.begin_without_gone_lessons()
    for analysis_id in rootcause.due():
        analyse_incident.delay(analysis_id)


@shared_task(base=Bell)
def analyse_incident(analysis_id: int) -> None:
    rootcause.work(analysis_id)


@shared_task(base=Bell)
def ring_for_sets() -> None:
    for set_id in case_sets.due():
        read_case_set.delay(set_id)


@shared_task(base=Bell)
def read_case_set(set_id: int) -> None:
    case_sets.work(set_id)


@shared_task(base=Bell)
def ring_for_replays() -> None:
    for case_id in replays.due():
        replay_case.delay(case_id)
    replays.finish_left()


@shared_task(base=Bell)
def replay_case(case_id: int) -> None:
    replays.work(case_id)
    ring_for_replays()
