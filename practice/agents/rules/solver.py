"""The solver without a model: plan over schemas, act, read errors, try again.

It reads the instruction with its structured goal, the playbook and the live environment, and
nothing of proposer memory (Preping, arXiv 2605.13880, §3.3).
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Any

from memoryapp.domain.playbook import Playbook
from practice.agents.ports import EnvironmentSession, SolverLimits
from practice.agents.rules import goals, schema
from practice.agents.rules.answers import answer
from practice.agents.rules.breaking import wants_retry
from practice.agents.rules.documents import failure
from practice.agents.rules.doing import imperative
from practice.agents.rules.errors import Diagnosis, Trouble, diagnose, sign_in_tools
from practice.agents.rules.execution import Execution, Halted
from practice.agents.rules.filling import MAX_DEPTH, Filler
from practice.agents.rules.knowledge import Knowledge, Rule
from practice.agents.rules.linking import STRONG, match, producers
from practice.agents.rules.preparation import Preparation
from practice.agents.rules.recovery import (
    fixes,
    following,
    narrowed,
    nearest,
    reformatted,
    same_thing,
    variants,
)
from practice.agents.rules.schema import Role
from practice.agents.rules.twins import twins
from practice.agents.rules.words import parts, sentence
from practice.domain.types import Json, Outcome, Step, TaskSpec, ToolSpec, Trajectory

MAX_TRIES = 9
MAX_RETRIES = 2
MAX_PERIODS = 8


class RulesSolver:
    """Solves tasks deterministically for a seed."""

    def __init__(self, seed: int = 0) -> None:
        self._seed = seed

    def solve(
        self,
        task: TaskSpec,
        playbook: Playbook,
        session: EnvironmentSession,
        limits: SolverLimits,
    ) -> Trajectory:
        """Work on ``task`` until its calls are done, given up, or the limits say stop.

        Raises:
            EnvironmentUnavailable: the server itself failed.
        """
        seed = self._seed ^ zlib.crc32(task.instruction.encode())
        run = Execution(task, session, limits, seed)
        plan = _Plan(run, Knowledge(playbook))
        outcome = Outcome.FINISHED
        try:
            for call in goals.calls(task):
                plan.work(call)
        except Halted as halted:
            if halted.limit:
                outcome = Outcome.STEP_LIMIT
        return Trajectory(steps=tuple(run.steps), answer=answer(task, run.steps), outcome=outcome)


class _Plan:
    """Decides the next call of one attempt."""

    def __init__(self, run: Execution, knowledge: Knowledge) -> None:
        self._run = run
        self._knowledge = knowledge
        self._filler = Filler(run, knowledge, self.perform)
        self._preparation = Preparation(run, knowledge, self._filler, self.perform)
        #: per errand the depth it was given up at; nearer to the task there is more room for it.
        self._given_up: dict[str, int] = {}

    def work(self, call: Json) -> None:
        """Do one intended call, with whatever has to come before it."""
        tool = self._run.by_name.get(str(call["tool"]))
        if tool is None:
            return
        step = self.perform(tool, dict(call.get("arguments", {})), 0, {})
        if step is not None and call.get("all_pages"):
            self._filler.pages(tool, step)

    def perform(
        self, tool: ToolSpec, intended: dict[str, Any], depth: int, near: Json
    ) -> Step | None:
        """Call ``tool`` until it works or nothing is left to try; return the working step."""
        errand = f"{tool.name} {_key(intended)} {_key(near)}"
        if self._given_up.get(errand, depth + 1) <= depth:
            return None
        step = self._try(tool, intended, depth, near)
        if step is None:
            self._given_up[errand] = depth
            step = self._by_twin(tool, intended, depth, near)
        return step

    def _by_twin(
        self, tool: ToolSpec, intended: dict[str, Any], depth: int, near: Json
    ) -> Step | None:
        """Have a tool that does the same stand in for one that was tried and refused."""
        if not any(s.tool == tool.name for s in self._run.steps):
            return None
        found = (
            self.perform(other, intended, depth, near) for other in twins(tool, self._run.tools)
        )
        return next((step for step in found if step is not None), None)

    def _try(self, tool: ToolSpec, intended: dict[str, Any], depth: int, near: Json) -> Step | None:
        filled = self._filler.resolve(tool, intended, depth, near)
        arguments = self._apply_lessons(tool, filled, intended)
        if any(name not in arguments for name in (*tool.required, *intended)):
            return None
        self._preparation.before(tool, arguments, depth)
        thought = _because(tool)
        tried: set[str] = set()
        asked: dict[str, int] = {}
        retried = 0
        whole = arguments
        arguments, period = self._first_period(tool, arguments)
        for _ in range(MAX_TRIES):
            step = self._run.call(tool.name, arguments, thought)
            reason = failure(step)
            if not reason:
                return self._rest(tool, step, whole, period)
            tried.add(_key(arguments))
            found = diagnose(reason, tool, arguments, self._run.tools)
            if wants_retry(found.text) and retried < MAX_RETRIES:
                retried += 1
                thought = "The server could not answer just now, so I ask again."
                continue
            fix = next(
                (f for f in fixes(found, tool, arguments) if _key(f.arguments) not in tried), None
            )
            if fix is not None and found.trouble in (Trouble.ARGUMENT, Trouble.REFUSED):
                if found.days:
                    whole, period = arguments, (found.period, found.days)
                arguments, thought = dict(fix.arguments), fix.why
                if period is None:
                    # Dates that were not dates before can be known to be too far apart now.
                    whole = arguments
                    arguments, period = self._first_period(tool, arguments)
                continue
            repaired = None
            if found.trouble is not Trouble.REFUSED:
                repaired = self._repair(found, tool, arguments, depth, asked)
            if repaired is None:
                other = self._other_choice(found, tool, intended, arguments, tried, depth)
                if other is None:
                    return None
                whole, arguments = other, other
                thought = "That one is refused, so I take the next one."
                continue
            changed, thought = repaired
            if changed == arguments and found.trouble is Trouble.ARGUMENT:
                return None
            arguments = changed
        return None

    def _first_period(
        self, tool: ToolSpec, arguments: dict[str, Any]
    ) -> tuple[dict[str, Any], tuple[tuple[str, str], int] | None]:
        """Return arguments that keep to the longest period the playbook knows of."""
        for rule in self._knowledge.rules("span", tool.name):
            period = (str(rule["first"]), str(rule["last"]))
            shorter = narrowed(arguments, period, int(rule["days"]))
            if shorter is not None:
                return shorter, (period, int(rule["days"]))
        return arguments, None

    def _rest(
        self,
        tool: ToolSpec,
        step: Step,
        whole: Json,
        period: tuple[tuple[str, str], int] | None,
    ) -> Step:
        """Ask for the periods that are left of a longer one; return the last working step."""
        for _ in range(MAX_PERIODS if period else 0):
            names, days = period or (("", ""), 0)
            arguments = following(step.arguments, names, str(whole.get(names[1], "")), days)
            if not arguments:
                break
            thought = f"The period is longer than {days} days, so I ask for the next part."
            after = self._run.call(tool.name, arguments, thought)
            if failure(after):
                break
            step = after
        return step

    def _other_choice(
        self,
        found: Diagnosis,
        tool: ToolSpec,
        intended: dict[str, Any],
        arguments: dict[str, Any],
        tried: set[str],
        depth: int,
    ) -> dict[str, Any] | None:
        """Return arguments with another observed value where the choice was the agent's own."""
        code = found.code
        if found.trouble is Trouble.PREREQUISITE and failure(self._run.steps[-1]):
            last = self._run.steps[-1]
            helper = self._run.by_name[last.tool]
            code = diagnose(failure(last), helper, last.arguments, self._run.tools).code
        elif found.trouble is not Trouble.REFUSED:
            return None
        for name, value in arguments.items():
            wanted = intended.get(name)
            own = wanted is None or (goals.is_reference(wanted) and "$where" not in wanted)
            about = name == found.parameter or _about(name, code)
            about = about or (found.trouble is Trouble.REFUSED and "id" in parts(name))
            if not own or not about or schema.role(tool, name) is not Role.ENTITY:
                continue
            for other in self._filler.other_record(tool, name, value, code):
                # What was looked up for the refused thing does not belong to the other one.
                kept = {k: v for k, v in arguments.items() if k in intended}
                changed = self._filler.resolve(tool, {**kept, name: other}, depth, {})
                if _key(changed) not in tried and all(n in changed for n in tool.required):
                    return changed
        return None

    def _apply_lessons(
        self, tool: ToolSpec, arguments: dict[str, Any], intended: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Return arguments as the playbook says this tool wants them."""
        for name, value in list(arguments.items()):
            enum = self._knowledge.about("enum", tool.name, name)
            if enum is not None and value not in enum["values"]:
                # What was asked for is not replaced by another thing before it was refused.
                same = same_thing(value, enum["values"])
                own = value if name in intended else nearest(value, enum["values"])[0]
                arguments[name] = same if same is not None else own
            form = self._knowledge.about("format", tool.name, name)
            if form is not None:
                rewritten = reformatted(value, str(form["example"]))
                arguments[name] = rewritten[0] if rewritten else value
        for rule in self._knowledge.rules("required", tool.name):
            name = str(rule["parameter"])
            if name in tool.parameters and name not in arguments and _applies(rule, arguments):
                value = self._filler.fill(tool, name, 1, arguments)
                if value is not None:
                    arguments[name] = value
        return arguments

    def _repair(
        self,
        found: Diagnosis,
        tool: ToolSpec,
        arguments: dict[str, Any],
        depth: int,
        asked: dict[str, int],
    ) -> tuple[dict[str, Any], str] | None:
        """Change the world or the arguments so that a retry makes sense; ``None`` to give up."""
        name = found.parameter
        if depth >= MAX_DEPTH:
            return None
        match found.trouble:
            case Trouble.ARGUMENT if name and name not in arguments:
                value = self._filler.fill(tool, name, depth, arguments)
                if value is None:
                    return None
                return {**arguments, name: value}, f"The error asks for {name}, so I add it."
            case Trouble.SIGN_IN:
                return self._after(
                    sign_in_tools(tool, self._run.tools), found, arguments, depth, asked
                )
            case Trouble.PREREQUISITE:
                return self._after(found.tools, found, arguments, depth, asked)
            case Trouble.MISSING_THING:
                if name and self._preparation.reach(tool, name, arguments.get(name)):
                    return arguments, "It is here, so I try again."
                makers = [n for n in found.tools if not schema.is_read(self._run.by_name[n])]
                if makers and (made := self._after(tuple(makers), found, arguments, depth, asked)):
                    return made
                if self._preparation.made_for(tool, arguments, found.text, depth):
                    return arguments, "It was not there, so I made it and try again."
                return self._other_spelling(tool, name, arguments, depth) if name else None
            case _:
                return None

    def _after(
        self,
        options: tuple[str, ...],
        found: Diagnosis,
        arguments: dict[str, Any],
        depth: int,
        asked: dict[str, int],
    ) -> tuple[dict[str, Any], str] | None:
        """Do the call an error asked for, each of its variants once, then retry."""
        for name in options:
            first = self._run.by_name[name]
            shared = {k: v for k, v in arguments.items() if k in first.parameters}
            errand = f"{name} {_key(arguments)}"
            for place, guess in enumerate(variants(first, found.text, shared)):
                if asked.get(errand, 0) > place:
                    continue
                asked[errand] = place + 1
                if not self._filler.fillable(first, {**arguments, **guess}, depth + 1):
                    break
                if self.perform(first, guess, depth + 1, arguments) is not None:
                    return arguments, f"`{name}` is done, so I try again."
                break
        return None

    def _other_spelling(
        self, tool: ToolSpec, name: str, arguments: dict[str, Any], depth: int
    ) -> tuple[dict[str, Any], str] | None:
        """Look a value up under another spelling; a different thing is never taken instead."""
        wanted = arguments.get(name)
        for option in producers(tool, name, self._run.tools)[:2]:
            usable = schema.is_read(option.tool) and self._filler.fillable(
                option.tool, {}, depth + 1
            )
            if usable and not self._run.worked(option.tool.name):
                self.perform(option.tool, {}, depth + 1, {})
            seen = [
                leaf.value
                for _, leaf in self._run.observed()
                if isinstance(leaf.value, str) and match(tool, name, leaf.field) >= STRONG
            ]
            same = same_thing(wanted, seen)
            if same is not None:
                return {**arguments, name: same}, f"It is spelled {same!r} here."
        return None


def _applies(rule: Rule, arguments: Json) -> bool:
    """Whether a rule that holds above an amount holds for these arguments."""
    if not rule.get("above"):
        return True
    try:
        return float(arguments.get(str(rule.get("of")), 0)) > float(rule["above"])
    except (TypeError, ValueError, OverflowError):
        return False


def _about(name: str, code: str) -> bool:
    """Whether an error code such as ``agent_off_shift`` speaks of ``agent_id``."""
    return bool((set(parts(name)) - {"id", "name"}) & set(parts(code)))


def _because(tool: ToolSpec) -> str:
    does = imperative(tool.description, tool.name, reads=schema.is_read(tool), looks="see")
    return sentence(f"I call `{tool.name}` to {does}")


def _key(arguments: Json) -> str:
    return repr(sorted(arguments.items(), key=lambda item: item[0]))
