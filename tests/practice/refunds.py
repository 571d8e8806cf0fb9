"""An attempt that failed at refunding more than was paid, and the desk that tries it again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from practice.domain.types import Observation, Trajectory, Verdict
from practice.models import Attempt, Incident
from practice.orchestrator import decisive
from practice.services.incidents import attempt_analyse
from tests.factories import (
    AttemptFactory,
    StepFactory,
    TaskFactory,
)
from tests.practice.outages import analysed

ORDER = "ORD-2025-00017"


class Desk:
    """A world in which refunds above the price are refused; what was called is kept."""

    def __init__(self, *, price: int = 40) -> None:
        self.price = price
        self.sessions: list[list[tuple[str, Any]]] = []

    @contextmanager
    def open(self) -> Iterator[Desk]:
        self.sessions.append([])
        yield self

    def call(self, tool: str, arguments: Any) -> Observation:
        self.sessions[-1].append((tool, dict(arguments)))
        if tool == "get_order":
            return Observation(f'{{"order": "{ORDER}", "price": {self.price}}}')
        if arguments["amount"] > self.price:
            return Observation("AMOUNT_TOO_HIGH", is_error=True)
        return Observation(f'{{"refunded": {arguments["amount"]}}}')


class Judge:
    """Says success when the last call worked."""

    def validate(self, task: Any, trajectory: Trajectory, tools: Any) -> Any:
        done = not trajectory.steps[-1].is_error
        return Verdict(5, "Every tool exists.", 5 if done else 2, "Seen.")


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Desk:
    desk = Desk()
    monkeypatch.setattr(decisive, "world_of", lambda *_: desk)
    monkeypatch.setattr(decisive, "_validator", lambda _: Judge())
    return desk


@pytest.fixture
def failed(workspace: Any) -> Attempt:
    task = TaskFactory(
        round__run__workspace=workspace,
        round__run__environment__workspace=workspace,
        instruction=f"Refund order {ORDER} in full.",
        intended_tools=["get_order", "create_refund"],
    )
    attempt(task, 1, amount=400, label="failure")
    return Attempt.objects.get(label="failure")


def attempt(task: Any, number: int, *, amount: int, label: str) -> Attempt:
    made: Attempt = AttemptFactory(
        task=task,
        number=number,
        label=label,
        answer=f"Order {ORDER} was refunded with {amount}.",
        outcome="finished",
        completion_reason="The refund was refused.",
    )
    price = f'{{"order": "{ORDER}", "price": 40}}'
    StepFactory(
        attempt=made, number=1, tool="get_order", arguments={"id": ORDER}, observation=price
    )
    StepFactory(
        attempt=made,
        number=2,
        tool="create_refund",
        arguments={"order": ORDER, "amount": amount},
        observation='{"refunded": 40}' if label == "success" else "AMOUNT_TOO_HIGH",
        is_error=label != "success",
    )
    return made


def asked(attempt: Attempt, by: Any) -> Incident:
    incident = attempt_analyse(attempt=attempt, by=by)
    row = analysed(incident)
    assert row.status == "done", row.message
    return incident
