"""Rows of proposer memory for tests: an environment with tools, records, facts and wishes."""

from __future__ import annotations

from typing import Any

from practice.models import Environment, EnvironmentFact, PracticeRecord, Run
from tests.factories import EnvironmentFactory, RoundFactory, RunFactory, TaskFactory, ToolFactory


def desk(workspace: Any, *names: str) -> Environment:
    """An environment named Desk that offers tools of these names."""
    environment: Environment = EnvironmentFactory(workspace=workspace, slug="desk", name="Desk")
    for name in names or ("get_order", "list_orders", "refund_order"):
        ToolFactory(environment=environment, name=name)
    return environment


def run_in(environment: Environment, **changes: Any) -> Run:
    run: Run = RunFactory(workspace=environment.workspace, environment=environment, **changes)
    return run


def practised(
    run: Run, *calls: tuple[Any, ...], category: str = "trivial", **task: Any
) -> PracticeRecord:
    """One record; a call is (tool, failed) or (tool, failed, attempt)."""
    round_ = run.rounds.first() or RoundFactory(run=run, number=1)
    return PracticeRecord.objects.create(
        environment=run.environment,
        run=run,
        task=TaskFactory(round=round_, **task),
        category=category,
        used_tools=list(dict.fromkeys(call[0] for call in calls)),
        calls=[list(call) for call in calls],
        reason="It was refused.",
    )


def fact(run: Run, text: str, **changes: Any) -> EnvironmentFact:
    round_ = run.rounds.first() or RoundFactory(run=run, number=1)
    return EnvironmentFact.objects.create(
        environment=run.environment, run=run, task=TaskFactory(round=round_), text=text, **changes
    )
