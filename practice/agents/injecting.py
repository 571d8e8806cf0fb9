"""Inject faults into a trajectory that succeeded, run it again, and ask which step decided."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from practice.agents.ports import Environment, Validator
from practice.domain import decisive, validation
from practice.domain.injection import Fault, faults
from practice.domain.rootcause.trajectories import actions_of, analyse_trajectory
from practice.domain.types import Label, TaskSpec, ToolSpec, Trajectory


@dataclass(frozen=True, slots=True)
class Trial:
    """What became of one fault. ``rank`` is that of the faulty step, ``None`` if it was not found.

    Where the validator still accepts the result the fault decided nothing, and it is no label.
    """

    fault: Fault
    label: Label
    rank: int | None

    @property
    def is_kept(self) -> bool:
        return self.label is not Label.SUCCESS


def trials(
    task: TaskSpec,
    won: Trajectory,
    *,
    world: Environment,
    validator: Validator,
    tools: Sequence[ToolSpec],
    seed: int,
    limit: int = 5,
) -> list[Trial]:
    """Run ``won`` again from a reset with one fault each, at most ``limit`` times.

    Raises:
        EnvironmentUnavailable: the world cannot be reached or reset.
    """
    found = []
    for fault in faults(won, seed=seed)[:limit]:
        steps = []
        with world.open() as session:
            for step in fault.steps:
                seen = session.call(step.tool, dict(step.arguments))
                steps.append(replace(step, observation=seen.text, is_error=seen.is_error))
        again = Trajectory(steps=tuple(steps), answer=fault.answer)
        label = validation.label(validator.validate(task, again, tools))
        told = analyse_trajectory(
            actions_of(again), task=task.instruction, usual=[[step.tool for step in won.steps]]
        )
        ranked = [cause.index for cause in decisive.ranked(told)]
        rank = ranked.index(fault.number) + 1 if fault.number in ranked else None
        found.append(Trial(fault, label, rank))
    return found
