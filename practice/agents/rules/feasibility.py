"""Whether a task could be done here at all, read from what stood in the way of it.

A mistake of the agent makes no task infeasible. What does: a tool that is not there, a thing the
task names that does not exist, a credential it does not give, a value or a change that is refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from practice.agents.rules import goals, schema, sent
from practice.agents.rules.breaking import broke
from practice.agents.rules.documents import failure, is_empty, parse
from practice.agents.rules.equality import scalars
from practice.agents.rules.errors import Diagnosis, Trouble, diagnose
from practice.agents.rules.schema import Role
from practice.agents.rules.serving import changing
from practice.agents.rules.twins import stand_ins
from practice.agents.rules.words import joined, parts
from practice.domain.types import Outcome, Step, TaskSpec, ToolSpec, Trajectory


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Why an intended call never worked. ``asked`` are the parameters it should have passed."""

    step: Step | None
    found: Diagnosis | None
    tool: str
    asked: tuple[str, ...] = ()


def obstacles(
    task: TaskSpec, trajectory: Trajectory, known: Mapping[str, ToolSpec]
) -> Iterator[Obstacle]:
    """Yield what kept the intended calls from working; without any, the calls that were tried."""
    intended = goals.calls(task)
    if not intended:
        yield from _unrecovered(task, trajectory, known)
    for call in intended:
        name, asked = str(call["tool"]), set(call.get("arguments", {}))
        if name not in known:
            yield Obstacle(None, None, name)
            continue
        own = [s for s in trajectory.steps if s.tool == name]
        worked = [s for s in own if not failure(s)] or stand_ins(name, trajectory.steps, known)
        if any(asked <= set(s.arguments) for s in worked):
            continue
        own = [s for s in own if asked <= set(s.arguments)]
        if own:
            yield _met(own[-1], known)
        else:
            yield Obstacle(None, None, name, tuple(sorted(asked)))


def _unrecovered(
    task: TaskSpec, trajectory: Trajectory, known: Mapping[str, ToolSpec]
) -> Iterator[Obstacle]:
    """Yield the last failure of each tool that never worked, and what works elsewhere only."""
    worked = {s.tool for s in trajectory.steps if not failure(s)}
    for name in sorted(worked - known.keys()) if goals.is_sent(task) else ():
        yield Obstacle(None, None, name)
    last = {s.tool: s for s in trajectory.steps if s.tool in known and s.tool not in worked}
    for step in last.values():
        yield _met(step, known)


def _met(step: Step, known: Mapping[str, ToolSpec]) -> Obstacle:
    found = diagnose(failure(step), known[step.tool], step.arguments, tuple(known.values()))
    return Obstacle(step, found, step.tool)


def feasibility(
    task: TaskSpec,
    trajectory: Trajectory,
    met: Sequence[Obstacle],
    known: Mapping[str, ToolSpec],
) -> tuple[int, str]:
    """Return the score, 1 to 5, and its reason."""
    for obstacle in met:
        if obstacle.tool not in known:
            return 1, f"There is no tool `{obstacle.tool}` here."
        judged = _impossible(task, obstacle, trajectory) or _unobtainable(
            obstacle, trajectory, known
        )
        if judged is not None:
            return judged
    empty = _nothing_there(task, trajectory, known)
    if empty is not None:
        return 4, (
            f"Step {empty.number} looked up what the task names and `{empty.tool}` has nothing "
            f"about it."
        )
    return 5, "Everything the task names exists and the tools can do what it asks."


def _impossible(
    task: TaskSpec, obstacle: Obstacle, trajectory: Trajectory
) -> tuple[int, str] | None:
    step, found = obstacle.step, obstacle.found
    if step is None or found is None:
        return None
    if goals.is_sent(task):
        return sent.impossible(task, step, found, trajectory)
    said = found.text.rstrip(".")
    stated = _stated(task, step, found.parameter)
    match found.trouble:
        case Trouble.UNSUPPORTED:
            return 1, f"`{step.tool}` cannot do this: {said}."
        case Trouble.MISSING_THING if stated:
            return 1, f"The task rests on something that does not exist: {said}."
        case Trouble.SIGN_IN | Trouble.CREDENTIAL:
            return 2, f"The task needs credentials that it does not give: {said}."
        case Trouble.ARGUMENT if stated:
            return 3, f"The task asks for a value `{step.tool}` does not take: {said}."
        case Trouble.REFUSED if not task.goal.get("report_refusal"):
            does = "fails at" if broke(said) else "refuses"
            return 3, f"`{step.tool}` {does} what the task asks for: {said}."
        case Trouble.PREREQUISITE if (
            not task.goal.get("report_refusal") and len({s.tool for s in trajectory.steps}) == 1
        ):
            return 4, f"Nothing the agent may do leads to what `{step.tool}` needs: {said}."
        case _:
            return None


def _unobtainable(
    obstacle: Obstacle, trajectory: Trajectory, known: Mapping[str, ToolSpec]
) -> tuple[int, str] | None:
    """A call that was never made because what it needs is nowhere to be found."""
    if obstacle.step is not None or trajectory.outcome is not Outcome.FINISHED:
        return None
    tool = known[obstacle.tool]
    asked = (Role.ENTITY, Role.CREDENTIAL)
    wanted = dict.fromkeys((*tool.required, *obstacle.asked))
    names = [n for n in wanted if n in tool.parameters and schema.role(tool, n) in asked]
    looked = [
        s.number
        for s in trajectory.steps
        if s.tool in known and schema.is_read(known[s.tool]) and not failure(s)
    ]
    if not names or not looked:
        return None
    needs = joined([f"`{n}`" for n in names])
    where = ", ".join(str(n) for n in looked)
    lacks = "has none" if len(names) == 1 else "has not all of them"
    return 4, f"`{tool.name}` needs {needs}, and what was looked up (step {where}) {lacks}."


def _stated(task: TaskSpec, step: Step, parameter: str) -> bool:
    """Whether the value that was refused comes from the task itself."""
    instruction = task.instruction.lower()
    names = [parameter] if parameter in step.arguments else list(step.arguments)
    values = [t for n in names for t in _plain(step.arguments[n])]
    return any(v in instruction for v in values)


def _nothing_there(
    task: TaskSpec, trajectory: Trajectory, known: Mapping[str, ToolSpec]
) -> Step | None:
    """Return the last look-up of a named thing where all look-ups of it came back empty."""
    instruction = task.instruction.lower()
    for name in dict.fromkeys(str(c["tool"]) for c in goals.calls(task)):
        tool = known.get(name)
        own = [s for s in trajectory.steps if s.tool == name and not failure(s)]
        if tool is None or not own or not schema.is_read(tool) or changing(name, known):
            continue
        if not all(is_empty(s.observation) for s in own):
            continue
        for parameter, value in own[-1].arguments.items():
            entity = schema.role(tool, parameter) is Role.ENTITY
            if _lists_of(parameter, own[-1]):
                continue
            if entity and any(len(t) > 2 and t in instruction for t in _plain(value)):
                return own[-1]
    return None


def _lists_of(parameter: str, step: Step) -> bool:
    """Whether an empty answer says that a thing has none of what was asked about it.

    No notes of a stay is an answer; no stays by the name of one says that there is no such stay.
    """
    told = parse(step.observation)
    about = set(parts(parameter)) - {"id"}
    if told == []:
        told = {step.tool: told}  # what it lists stands in the tool's name alone
    if "id" not in parts(parameter) or not isinstance(told, Mapping):
        return False
    return any(value == [] and about and not about & set(parts(key)) for key, value in told.items())


def _plain(value: object) -> list[str]:
    """Return the scalars of a value as the text of a task would have them."""
    told = [v for v in scalars(value) if v is not None and not isinstance(v, bool)]
    return [str(v).lower().removesuffix(".0") for v in told]
