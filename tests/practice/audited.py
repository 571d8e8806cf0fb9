"""The workspace in which every service of practice is tried once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from practice.models import Environment, Run
from practice.services import incidents, runs
from tests.auditing import Scenarios
from tests.factories import AttemptFactory, RoundFactory, RunFactory, StepFactory, TaskFactory
from tests.practice.outages import alert

scenarios = Scenarios()
leaves = scenarios.leaves


@dataclass(frozen=True, slots=True)
class World:
    """A workspace with a connected environment of one tool, and a playbook."""

    workspace: Any
    environment: Environment
    playbook: Any
    by: Any

    def run(self) -> Run:
        return runs.run_start(
            environment=self.environment,
            playbook=self.playbook,
            engine="rules",
            by=self.by,
        )

    def attempt(self) -> Any:
        run = RunFactory(workspace=self.workspace, environment=self.environment)
        attempt = AttemptFactory(
            task=TaskFactory(round=RoundFactory(run=run)),
            outcome="finished",
            label="failure",
            completion_reason="The thing was not found.",
        )
        StepFactory(attempt=attempt)
        return attempt

    def incident(self) -> Any:
        return incidents.incident_create(
            workspace=self.workspace, alert=alert(), source=None, by=self.by
        )
