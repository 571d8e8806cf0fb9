"""Celery entry points. Each is dull: the row says what to do, the orchestrator does it."""

from __future__ import annotations

from celery import shared_task
from celery.contrib.django.task import DjangoTask

from practice.models import Run
from practice.orchestrator import rounds, worlds


@shared_task(base=DjangoTask)
def drive_run(run_id: str) -> None:
    """Ask what a run needs now and ring for it. Safe at any time, any number of times."""
    for unit_id in rounds.drive(run_id):
        run_unit.delay(unit_id)


@shared_task(base=DjangoTask)
def run_unit(unit_id: int) -> None:
    run_id = rounds.work(unit_id)
    if run_id is not None:
        drive_run(str(run_id))


@shared_task(base=DjangoTask)
def sweep_runs() -> None:
    """Beat's safety net: whatever a dead worker or a lost message left behind moves again."""
    for run_id in Run.objects.unfinished().values_list("pk", flat=True):
        drive_run(str(run_id))
    for environment_id in worlds.unchecked():
        check_environment(environment_id)


@shared_task(base=DjangoTask)
def check_environment(environment_id: int) -> None:
    worlds.check(environment_id)
