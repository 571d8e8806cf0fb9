"""A failed attempt: which step decided it, and whether that holds when it is run again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from practice.agents.ports import EnvironmentUnavailable, Validator
from practice.agents.rules import build_engine
from practice.clients.discovery import World
from practice.domain import decisive, validation
from practice.domain.rootcause.trajectories import actions_of, analyse_trajectory
from practice.domain.rootcause.types import Alert, Analysis, Outcome
from practice.domain.types import Label, Step, Trajectory
from practice.models import Attempt, Environment
from practice.orchestrator.worlds import tools_of, world_of

USUAL = 20
#: So many ranked steps are tested until one stands.
TESTED = 3
#: Only here does opening a session bring the very same state back.
RESETS = (Environment.Transport.STDIO, Environment.Transport.PACK)


def found_in(attempt: Attempt, alert: Alert) -> tuple[Analysis, dict[str, Any]]:
    """The analysis of a failed attempt and what its page draws, the test of the step included."""
    trajectory = attempt.as_trajectory()
    actions = actions_of(trajectory)
    told = analyse_trajectory(
        actions, task=attempt.task.instruction, usual=[_tools(won) for won in _won(attempt)]
    )
    found = decisive.as_analysis(told, actions, alert)
    drawn: dict[str, Any] = {"trace": _steps(trajectory, found), "rows": {"traces": len(actions)}}
    if found.outcome is Outcome.FOUND and found.causes:
        drawn["test"] = _first_tested(attempt, [one.index for one in decisive.ranked(told)])
        if drawn["test"]["verdict"] == decisive.CONFIRMED:
            step = drawn["test"]["step"]
            node = next(c.node for c in found.causes if c.node.startswith(f"step:{step} "))
            found = decisive.put_first(found, node)
    return found, drawn


def _first_tested(attempt: Attempt, numbers: Sequence[int]) -> dict[str, Any]:
    """The test of the first ranked step that stands one, else of the first that could be made."""
    made: list[dict[str, Any]] = []
    for number in numbers[:TESTED]:
        made.append(tested(attempt, number))
        if made[-1]["verdict"] == decisive.CONFIRMED:
            return made[-1]
    could = [test for test in made if test["verdict"] != decisive.UNTESTED]
    return (could or made)[0]


def _won(attempt: Attempt) -> list[Attempt]:
    """Successes at the same kind of task in the same environment, the same task's first."""
    rows = Attempt.objects.filter(
        run__environment=attempt.run.environment_id,
        label=Attempt.Label.SUCCESS,
        task__intended_tools=attempt.task.intended_tools,
    ).exclude(pk=attempt.pk)
    found = list(rows.select_related("task").order_by("-pk")[:USUAL])
    return sorted(found, key=lambda won: won.task_id != attempt.task_id)


def _tools(attempt: Attempt) -> list[str]:
    return [step.tool for step in attempt.as_trajectory().steps]


def tested(attempt: Attempt, number: int) -> dict[str, Any]:
    """Run again from step ``number``, once put right and once as it was, each from a reset.

    The right value is that of an attempt at the same task that succeeded. ``verdict`` is
    ``confirmed``, ``refuted`` or ``untested``, with ``why`` as a sentence.
    """
    environment = attempt.run.environment
    if environment.transport not in RESETS:
        return _untested(number, f"{environment.name} cannot be brought back to its first state.")
    same = [won for won in _won(attempt) if won.task_id == attempt.task_id]
    if not same:
        return _untested(number, "No attempt at this task succeeded, so no right value is known.")
    for won in same:
        plan = decisive.counterfactual(attempt.as_trajectory(), won.as_trajectory(), number)
        if plan is not None:
            break
    else:
        return _untested(number, "No success of this task calls the tool with other values.")
    try:
        world = world_of(environment, attempt.run.frozen, attempt.run.snapshot)
        corrected = _judged(attempt, world, plan.prefix, plan.corrected, plan.answer)
        control = _judged(attempt, world, plan.prefix, plan.control, plan.answer)
    except EnvironmentUnavailable as error:
        return _untested(number, f"{environment.name} could not be used: {error}")
    if corrected is None or control is None:
        return _untested(
            number, f"{environment.name} answered the steps before it otherwise than then."
        )
    verdict, why = decisive.judged(corrected, control)
    return {
        "step": number,
        "verdict": verdict,
        "why": why,
        "tool": plan.step.tool,
        "was": dict(plan.step.arguments),
        "right": dict(plan.right.arguments),
        "corrected": corrected.value,
        "control": control.value,
        "against": won.pk,
        "validator": f"rules, {len(plan.prefix)} steps replayed",
    }


def _untested(number: int, why: str) -> dict[str, Any]:
    return {"step": number, "verdict": decisive.UNTESTED, "why": why}


def _judged(
    attempt: Attempt, world: World, prefix: Sequence[Step], rest: Sequence[Step], answer: str
) -> Label | None:
    """The label of one re-run; ``None`` where the past did not repeat itself."""
    steps: list[Step] = []
    with world.open() as session:
        for step in (*prefix, *rest):
            seen = session.call(step.tool, dict(step.arguments))
            if len(steps) < len(prefix) and seen.text != step.observation:
                return None
            number = len(steps) + 1
            steps.append(Step(number, step.tool, step.arguments, seen.text, seen.is_error))
    verdict = _validator(attempt).validate(
        attempt.task.as_spec(),
        Trajectory(steps=tuple(steps), answer=answer),
        tools_of(attempt.run.environment, attempt.run.frozen),
    )
    return validation.label(verdict)


def _validator(attempt: Attempt) -> Validator:
    """The rules engine's, whatever engine the run had: a test asks no model and costs nothing."""
    return build_engine(attempt.run.seed).validator


def _steps(trajectory: Trajectory, found: Analysis) -> dict[str, Any]:
    """The steps as the page draws a trace."""
    said = {visit.node: visit.verdict.value for visit in found.visits}
    total = max((step.started_ms + step.duration_ms for step in trajectory.steps), default=0)
    return {
        "trace_id": "steps of the attempt",
        "total_ms": total,
        "left_out": 0,
        "spans": [
            {
                "service": f"{step.number} {step.tool}",
                "operation": "",
                "depth": 0,
                "start_ms": step.started_ms,
                "duration_ms": step.duration_ms,
                "has_end": True,
                "status": "error" if step.is_error else "",
                "verdict": said.get(f"step:{step.number} {step.tool}", ""),
            }
            for step in trajectory.steps[:60]
        ],
    }
