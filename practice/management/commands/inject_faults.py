"""``manage.py inject_faults RUN``: how well the decisive step of a failure is found."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser

from practice.agents.injecting import Trial
from practice.agents.ports import EnvironmentUnavailable
from practice.models import Run
from practice.orchestrator.injection import injected


class Command(BaseCommand):
    help = "Inject faults into the successes of a run and print how well the faulty step is found."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("run", help="The run's number, as in its address, or its id.")
        parser.add_argument("--workspace", help="slug, where several have a run of that number")
        parser.add_argument("--seed", type=int, default=1)
        parser.add_argument("--attempts", type=int, default=10)
        parser.add_argument("--faults", type=int, default=5, help="The most faults per attempt.")

    def handle(self, *args: Any, **options: Any) -> None:
        run = _run(options["run"], options["workspace"])
        try:
            found = injected(
                run,
                seed=options["seed"],
                attempts=options["attempts"],
                faults=options["faults"],
                told=self._said,
            )
        except EnvironmentUnavailable as error:
            raise CommandError(f"{run.environment.name} could not be used: {error}") from error
        self.stdout.write(json.dumps(found, ensure_ascii=False))

    def _said(self, number: int, trial: Trial) -> None:
        """One line per trial, each of which starts the environment anew, beside the result."""
        judged = trial.label.value if trial.label else f"lost: {trial.lost}"
        self.stderr.write(f"{number}. {trial.fault.what} → {judged}")


def _run(said: str, workspace: str | None) -> Run:
    """The run of that number or id.

    Raises:
        CommandError: there is none, or there are several.
    """
    rows = Run.objects.select_related("environment")
    if workspace:
        rows = rows.filter(workspace__slug=workspace)
    try:
        is_number = said.isascii() and said.isdecimal() and len(said) < 10
        found = list((rows.filter(number=said) if is_number else rows.filter(pk=UUID(said)))[:2])
    except ValueError:
        found = []
    if len(found) > 1:
        raise CommandError(f"Several workspaces have a run {said}: name one by --workspace.")
    if not found:
        raise CommandError(f"There is no run {said}. Its address names it by a number.")
    return found[0]
