"""The validator without a model: evidence first, then two scores with one plain reason each.

It reads the instruction and the trajectory, never the playbook (Preping, arXiv 2605.13880, §3.3).
Feasibility asks whether the *task* could be done here at all; completion whether the agent did it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from practice.agents.rules import goals, schema
from practice.agents.rules.documents import failure, is_empty
from practice.agents.rules.errors import Diagnosis, Trouble, diagnose
from practice.agents.rules.schema import Role
from practice.domain.types import Check, Outcome, Step, TaskSpec, ToolSpec, Trajectory, Verdict

VALIDATOR = "rules-1"
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
_MARKED = re.compile(r"\b(?:[A-Za-z]+[-_])+\d[\w-]*\b")


@dataclass(frozen=True, slots=True)
class _Obstacle:
    """Why an intended call never worked."""

    step: Step | None
    found: Diagnosis | None
    tool: str
    asked: tuple[str, ...] = ()


class RulesValidator:
    """Judges attempts by deterministic checks; the same attempt always gets the same verdict."""

    def validate(
        self, task: TaskSpec, trajectory: Trajectory, tools: Sequence[ToolSpec]
    ) -> Verdict:
        """Return feasibility and completion, 1 to 5 each, with the checks they rest on."""
        known = schema.by_name(tools)
        checks = tuple(_checks(task, trajectory, known))
        obstacles = list(_obstacles(task, trajectory, known))
        feasibility, why = _feasibility(task, trajectory, obstacles, known)
        completion, how = _completion(task, trajectory, obstacles, checks)
        return Verdict(
            feasibility=feasibility,
            feasibility_reason=why,
            completion=min(completion, feasibility) if feasibility < 3 else completion,
            completion_reason=how,
            confidence=_confidence(task, trajectory, obstacles, checks),
            checks=checks,
            validator=VALIDATOR,
        )


def _checks(task: TaskSpec, trajectory: Trajectory, known: dict[str, ToolSpec]) -> Iterator[Check]:
    steps = trajectory.steps
    good = [s for s in steps if not failure(s)]
    yield _check(
        "tools_exist",
        "calls of tools that do not exist",
        [s.number for s in steps if s.tool not in known],
    )
    yield _check(
        "schema_valid",
        "calls whose arguments break the tool's schema",
        [s.number for s in good if s.tool in known and schema.problems(known[s.tool], s.arguments)],
    )
    outstanding = [
        s.number
        for s in steps
        if failure(s) and not any(g.tool == s.tool and g.number > s.number for g in good)
    ]
    yield _check("errors_recovered", "errors that were never recovered from", outstanding)
    yield _check(
        "arguments_grounded",
        "arguments that appear in nothing the agent was shown",
        [n for n in _ungrounded(task, steps, known) if n in {s.number for s in good}],
    )
    done = {s.tool for s in good}
    missing = [str(c["tool"]) for c in goals.calls(task) if c["tool"] not in done]
    yield Check(
        "intended_tools_ran",
        not missing,
        f"Without a working call: {', '.join(missing)}." if missing else "Every one worked.",
        tuple(s.number for s in good if s.tool in {c["tool"] for c in goals.calls(task)}),
    )
    dropped = list(_dropped(task, good))
    yield Check(
        "intended_arguments_used",
        not dropped,
        f"Left out: {', '.join(dropped)}." if dropped else "Every argument asked for was passed.",
    )
    if task.kind == "action":
        changed = [s.number for s in good if s.tool in known and not schema.is_read(known[s.tool])]
        yield Check(
            "state_changed",
            bool(changed),
            "A call that changes something succeeded." if changed else "Nothing was changed.",
            tuple(changed),
        )
    invented = _invented(task, trajectory)
    yield Check(
        "answer_grounded",
        bool(trajectory.answer.strip()) and not invented,
        f"Not in any observation: {', '.join(invented)}."
        if invented
        else (
            "Every value of the answer was observed."
            if trajectory.answer.strip()
            else "There is no answer."
        ),
    )


def _dropped(task: TaskSpec, good: Sequence[Step]) -> Iterator[str]:
    """Yield arguments the task asks for that no working call of the tool carries."""
    for call in goals.calls(task):
        own = [s for s in good if s.tool == call["tool"]]
        for name in call.get("arguments", {}):
            if own and not any(name in s.arguments for s in own):
                yield f"{name} of {call['tool']}"


def _check(name: str, wrong: str, numbers: list[int]) -> Check:
    if not numbers:
        return Check(name, True, f"No {wrong}.")
    where = ", ".join(str(n) for n in numbers)
    return Check(name, False, f"There are {wrong}: step {where}.", tuple(numbers))


def _ungrounded(task: TaskSpec, steps: Sequence[Step], known: dict[str, ToolSpec]) -> Iterator[int]:
    seen = task.instruction.lower()
    for step in steps:
        tool = known.get(step.tool)
        for name, value in step.arguments.items():
            if tool is None or name not in tool.parameters:
                continue
            if schema.role(tool, name) not in (Role.ENTITY, Role.CREDENTIAL, Role.PAGING):
                continue
            offered = str(tool.parameters[name]).lower()
            if not all(t in seen or t in offered for t in _scalars(value)):
                yield step.number
                break
        seen += f"\n{step.observation.lower()}"


def _scalars(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [t for v in value.values() for t in _scalars(v)]
    if isinstance(value, list):
        return [t for v in value for t in _scalars(v)]
    if value is None or isinstance(value, bool):
        return []
    text = str(value).lower()
    return [text.removesuffix(".0")]


def _invented(task: TaskSpec, trajectory: Trajectory) -> list[str]:
    """Return identifiers and numbers of the answer that nothing showed; counts are allowed."""
    shown = task.instruction + "".join(
        f"{s.observation} {s.arguments} {s.tool}" for s in trajectory.steps
    )
    numbers = set(_NUMBER.findall(shown))
    told = [v for v in _MARKED.findall(trajectory.answer) if v not in shown]
    told += [n for n in _NUMBER.findall(trajectory.answer) if n not in numbers and float(n) > 200]
    return list(dict.fromkeys(told))


def _obstacles(
    task: TaskSpec, trajectory: Trajectory, known: dict[str, ToolSpec]
) -> Iterator[_Obstacle]:
    for call in goals.calls(task):
        name, asked = str(call["tool"]), set(call.get("arguments", {}))
        own = [s for s in trajectory.steps if s.tool == name]
        if any(not failure(s) and asked <= set(s.arguments) for s in own):
            continue
        own = [s for s in own if asked <= set(s.arguments)]
        if name not in known:
            yield _Obstacle(None, None, name)
        elif own:
            last = own[-1]
            found = diagnose(failure(last), known[name], last.arguments, tuple(known.values()))
            yield _Obstacle(last, found, name)
        else:
            yield _Obstacle(None, None, name, tuple(sorted(asked)))


def _feasibility(
    task: TaskSpec,
    trajectory: Trajectory,
    obstacles: list[_Obstacle],
    known: dict[str, ToolSpec],
) -> tuple[int, str]:
    for obstacle in obstacles:
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
    return 5, "Every thing the task names exists and the tools can do what it asks."


def _impossible(
    task: TaskSpec, obstacle: _Obstacle, trajectory: Trajectory
) -> tuple[int, str] | None:
    step, found = obstacle.step, obstacle.found
    if step is None or found is None:
        return None
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
            return 3, f"`{step.tool}` refuses what the task asks for: {said}."
        case Trouble.PREREQUISITE if (
            not task.goal.get("report_refusal") and len({s.tool for s in trajectory.steps}) == 1
        ):
            return 4, f"Nothing the agent may do leads to what `{step.tool}` needs: {said}."
        case _:
            return None


def _unobtainable(
    obstacle: _Obstacle, trajectory: Trajectory, known: dict[str, ToolSpec]
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
    needs = " and ".join(f"`{n}`" for n in names)
    where = ", ".join(str(n) for n in looked)
    return 4, f"`{tool.name}` needs {needs} and what was looked up (step {where}) has none."


def _stated(task: TaskSpec, step: Step, parameter: str) -> bool:
    """Whether the value that was refused comes from the task itself."""
    instruction = task.instruction.lower()
    names = [parameter] if parameter in step.arguments else list(step.arguments)
    values = [t for n in names for t in _scalars(step.arguments[n])]
    return any(v in instruction for v in values)


def _nothing_there(
    task: TaskSpec, trajectory: Trajectory, known: dict[str, ToolSpec]
) -> Step | None:
    """Return the last look-up of a named thing where all look-ups of it came back empty."""
    instruction = task.instruction.lower()
    for name in dict.fromkeys(str(c["tool"]) for c in goals.calls(task)):
        tool = known.get(name)
        own = [s for s in trajectory.steps if s.tool == name and not failure(s)]
        if tool is None or not own or not schema.is_read(tool):
            continue
        if not all(is_empty(s.observation) for s in own):
            continue
        for parameter, value in own[-1].arguments.items():
            entity = schema.role(tool, parameter) is Role.ENTITY
            if entity and any(len(t) > 2 and t in instruction for t in _scalars(value)):
                return own[-1]
    return None


def _completion(
    task: TaskSpec,
    trajectory: Trajectory,
    obstacles: list[_Obstacle],
    checks: Sequence[Check],
) -> tuple[int, str]:
    failed = {c.name: c for c in checks if not c.passed}
    if trajectory.outcome is Outcome.STEP_LIMIT:
        return 2, "The agent ran out of steps before it was done."
    if not trajectory.steps:
        return 1, "The agent did nothing."
    if obstacles and task.goal.get("report_refusal"):
        said = next((o.found.text for o in obstacles if o.found), "")
        if said and " ".join(said.split())[:60] in " ".join(trajectory.answer.split()):
            return 5, "The request was refused and the answer gives the reason that was told."
    intended = {str(c["tool"]) for c in goals.calls(task)}
    if obstacles:
        names = ", ".join(f"`{o.tool}`" for o in obstacles)
        share = 1 - len(obstacles) / max(1, len(intended))
        return (3 if share >= 0.5 else 2 if share > 0 else 1), f"No working call of {names}."
    if "state_changed" in failed:
        return 2, "The task asks for a change and nothing was changed."
    if "intended_arguments_used" in failed:
        return 3, failed["intended_arguments_used"].detail
    if "arguments_grounded" in failed:
        return 3, failed["arguments_grounded"].detail
    if "answer_grounded" in failed:
        return 3, failed["answer_grounded"].detail
    if "schema_valid" in failed or "errors_recovered" in failed:
        worst = failed.get("errors_recovered") or failed["schema_valid"]
        return 4, f"Everything asked for was done. {worst.detail}"
    return 5, "Every intended call worked and the answer rests on what was observed."


def _confidence(
    task: TaskSpec,
    trajectory: Trajectory,
    obstacles: list[_Obstacle],
    checks: Sequence[Check],
) -> float:
    """Return how sure the evidence makes us, 0..1: lower where it was read from prose."""
    sure = 1.0
    if not task.goal.get("calls"):
        sure -= 0.35
    unsure = (Trouble.REFUSED, Trouble.PREREQUISITE)
    if any(o.found and o.found.trouble in unsure for o in obstacles):
        sure -= 0.2
    if any(not c.passed and c.name in ("errors_recovered", "schema_valid") for c in checks):
        sure -= 0.1
    return round(max(0.3, sure), 2)
