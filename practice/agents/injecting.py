"""Inject faults into a trajectory that succeeded, run it again, and ask which step decided."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from practice.agents.ports import Environment, EnvironmentUnavailable, Validator
from practice.domain import decisive, validation
from practice.domain.injection import Fault, faults
from practice.domain.rootcause.trajectories import actions_of, analyse_trajectory
from practice.domain.types import Label, TaskSpec, ToolSpec, Trajectory

#: A busy machine can be too slow to start a process in time; the next try mostly is not.
_TRIES = 2


@dataclass(frozen=True, slots=True)
class Trial:
    """What became of one fault. ``rank`` is that of the faulty step, ``None`` if it was not found.

    Where the validator still accepts the result the fault decided nothing, and it is no label; nor
    is it where ``lost`` says that the environment was away each time it was tried.
    """

    fault: Fault
    label: Label | None
    rank: int | None
    lost: str = ""

    @property
    def is_kept(self) -> bool:
        return self.label is not None and self.label is not Label.SUCCESS


def trials(
    task: TaskSpec,
    won: Trajectory,
    *,
    world: Environment,
    validator: Validator,
    tools: Sequence[ToolSpec],
    seed: int,
    limit: int = 5,
) -> Iterator[Trial]:
    """Run ``won`` again from a reset with one fault each, at most ``limit`` times."""
    for fault in faults(won, seed=seed)[:limit]:
        again, lost = _run_again(fault, world)
        if again is None:
            yield Trial(fault, None, None, lost)
            continue
        label = validation.label(validator.validate(task, again, tools))
        told = analyse_trajectory(
            actions_of(again), task=task.instruction, usual=[[step.tool for step in won.steps]]
        )
        ranked = [cause.index for cause in decisive.ranked(told)]
        rank = ranked.index(fault.number) + 1 if fault.number in ranked else None
        yield Trial(fault, label, rank)


def _run_again(fault: Fault, world: Environment) -> tuple[Trajectory | None, str]:
    """The trajectory with the fault in it, or ``None`` and why the world was away each time."""
    why = ""
    for _ in range(_TRIES):
        try:
            steps = []
            with world.open() as session:
                for step in fault.steps:
                    seen = session.call(step.tool, dict(step.arguments))
                    steps.append(replace(step, observation=seen.text, is_error=seen.is_error))
        except EnvironmentUnavailable as error:
            why = str(error)
        else:
            return Trajectory(steps=tuple(steps), answer=fault.answer), ""
    return None, why
