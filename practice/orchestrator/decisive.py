"""A failed attempt: which step decided it, and whether that holds when it is run again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from practice.agents.ports import EnvironmentUnavailable, Validator
from practice.agents.rules import build_engine
from practice.clients.discovery import World
from practice.domain import decisive, validation
from practice.domain.carrying import Carrier
from practice.domain.decisive import Counterfactual
from practice.domain.rootcause.trajectories import actions_of, analyse_trajectory
from practice.domain.rootcause.types import Alert, Analysis, Outcome
from practice.domain.types import Label, Step, Trajectory
from practice.models import Attempt
from practice.orchestrator.worlds import tools_of, world_of

USUAL = 20
#: So many ranked steps are tested until one stands.
TESTED = 3
#: So many values that nobody knows to be right are tried.
AT_HAND = 3


def found_in(
    attempt: Attempt, alert: Alert, asked: Mapping[str, Any]
) -> tuple[Analysis, dict[str, Any]]:
    """The analysis of a failed attempt and what its page draws, the test of the step included.

    ``asked`` is the test a person wants, as ``Analysis.test`` has it; empty leaves it to us.
    """
    trajectory = attempt.as_trajectory()
    actions = actions_of(trajectory)
    told = analyse_trajectory(
        actions, task=attempt.task.instruction, usual=[_tools(won) for won in _won(attempt)]
    )
    found = decisive.as_analysis(told, actions, alert)
    drawn: dict[str, Any] = {"trace": _steps(trajectory, found), "rows": {"traces": len(actions)}}
    if found.causes and (asked or found.outcome is Outcome.FOUND):
        drawn["test"] = (
            tested_with(attempt, asked["step"], asked["arguments"])
            if asked
            else _first_tested(attempt, [one.index for one in decisive.ranked(told)])
        )
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
    if could or _same_task(attempt) or not attempt.run.environment.has_own_state:
        return (could or made)[0]
    return _tested_at_hand(attempt, numbers[:TESTED]) or made[0]


def _tested_at_hand(attempt: Attempt, numbers: Sequence[int]) -> dict[str, Any] | None:
    """Where no success tells the right value: try what was read beside the one that was used.

    A value nobody knows to be right can confirm a step, never refute one.
    """
    failed = attempt.as_trajectory()
    tries = [(number, other) for number in numbers for other in decisive.at_hand(failed, number)]
    for number, arguments in tries[:AT_HAND]:
        test = tested_with(attempt, number, arguments)
        if test["verdict"] == decisive.CONFIRMED:
            return test
        if test["verdict"] == decisive.UNTESTED:
            return _untested(numbers[0], test["why"])
    if not tries:
        return None
    count = min(len(tries), AT_HAND)
    values = "The value" if count == 1 else f"Each of {count} values"
    return _untested(
        numbers[0],
        "No attempt at this task succeeded, so no right value is known. "
        f"{values} that was read beside one in use was tried and failed too.",
    )


def _won(attempt: Attempt) -> list[Attempt]:
    """Successes at the same kind of task in the same environment, the same task's first."""
    rows = Attempt.objects.filter(
        run__environment=attempt.run.environment_id,
        label=Attempt.Label.SUCCESS,
        task__intended_tools=attempt.task.intended_tools,
        run__steps_dropped_at=None,
    ).exclude(pk=attempt.pk)
    found = list(rows.select_related("task").order_by("-pk")[:USUAL])
    return sorted(found, key=lambda won: won.task_id != attempt.task_id)


def _same_task(attempt: Attempt) -> list[Attempt]:
    return [won for won in _won(attempt) if won.task_id == attempt.task_id]


def _tools(attempt: Attempt) -> list[str]:
    return [step.tool for step in attempt.as_trajectory().steps]


def tested(attempt: Attempt, number: int) -> dict[str, Any]:
    """Run again from step ``number``, once put right and once as it was, each from a reset.

    The right value is that of an attempt at the same task that succeeded. ``verdict`` is
    ``confirmed``, ``refuted`` or ``untested``, with ``why`` as a sentence.
    """
    environment = attempt.run.environment
    if not environment.has_own_state:
        return _untested(number, f"{environment.name} cannot be brought back to its first state.")
    same = _same_task(attempt)
    if not same:
        return _untested(number, "No attempt at this task succeeded, so no right value is known.")
    for won in same:
        plan = decisive.counterfactual(attempt.as_trajectory(), won.as_trajectory(), number)
        if plan is not None:
            break
    else:
        return _untested(number, "No success of this task calls the tool with other values.")
    return _made(attempt, plan, against=won)


def tested_with(attempt: Attempt, number: int, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Run again from step ``number`` with ``arguments`` and once as it was, each from a reset.

    Both go on as the attempt did, with values that changed on the way carried on; if that fails,
    in the very words of the attempt. Returns what ``tested`` does.
    """
    environment = attempt.run.environment
    if not environment.has_own_state:
        return _untested(number, f"{environment.name} cannot be brought back to its first state.")
    plan = decisive.by_hand(attempt.as_trajectory(), number, arguments)
    if plan is None:
        return _untested(number, f"{attempt} has no step {number}.")
    return _made(attempt, plan, against=None)


def _made(attempt: Attempt, plan: Counterfactual, *, against: Attempt | None) -> dict[str, Any]:
    """Both runs of a test, judged. ``against`` is the success whose values are taken, if any."""
    environment, number = attempt.run.environment, plan.step.number
    try:
        world = world_of(environment, attempt.run.frozen, attempt.run.snapshot)
        carrier = None if against else _carrier(attempt, plan)
        corrected = _judged(attempt, world, plan.prefix, plan.corrected, plan.answer, carrier)
        if corrected is not Label.SUCCESS and carrier and carrier.has_changed:
            # Whether the attempt would have carried the values on, nobody knows: either counts.
            corrected = _judged(attempt, world, plan.prefix, plan.corrected, plan.answer)
        control = _judged(attempt, world, plan.prefix, plan.control, plan.answer)
    except EnvironmentUnavailable as error:
        return _untested(number, f"{environment.name} could not be used: {error}")
    if corrected is None or control is None:
        return _untested(
            number,
            f"{environment.name} answered the earlier steps differently from the first time.",
        )
    verdict, why = decisive.judged(corrected, control, is_known=against is not None)
    return {
        "step": number,
        "verdict": verdict,
        "why": why,
        "tool": plan.step.tool,
        "was": dict(plan.step.arguments),
        "right": dict(plan.right.arguments),
        "corrected": corrected.value,
        "control": control.value,
        "against": against.pk if against else None,
        "validator": f"rules, {len(plan.prefix)} steps replayed",
    }


def _carrier(attempt: Attempt, plan: Counterfactual) -> Carrier:
    read = "\n".join(step.observation for step in plan.prefix)
    carrier = Carrier(f"{attempt.task.instruction}\n{read}")
    carrier.called(plan.step.arguments, plan.right.arguments)
    return carrier


def _untested(number: int, why: str) -> dict[str, Any]:
    return {"step": number, "verdict": decisive.UNTESTED, "why": why}


def _judged(
    attempt: Attempt,
    world: World,
    prefix: Sequence[Step],
    rest: Sequence[Step],
    answer: str,
    carrier: Carrier | None = None,
) -> Label | None:
    """The label of one re-run; ``None`` where the past did not repeat itself.

    Without a ``carrier`` every step is made in the very words it was made in.
    """
    steps: list[Step] = []
    with world.open() as session:
        for place, was in enumerate((*prefix, *rest)):
            is_past = place < len(prefix)
            step = carrier.carried(was) if carrier and place > len(prefix) else was
            seen = session.call(step.tool, dict(step.arguments))
            if is_past and seen.text != step.observation:
                return None
            if carrier and not is_past:
                carrier.heard(was.observation, seen.text)
            steps.append(Step(place + 1, step.tool, step.arguments, seen.text, seen.is_error))
    verdict = _validator(attempt).validate(
        attempt.task.as_spec(),
        Trajectory(steps=tuple(steps), answer=carrier.told(answer) if carrier else answer),
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
