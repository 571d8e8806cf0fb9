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
from practice.agents.rules.documents import cursor, failure, records
from practice.agents.rules.errors import Diagnosis, Trouble, diagnose, sign_in_tools
from practice.agents.rules.execution import Execution, Halted
from practice.agents.rules.knowledge import Knowledge
from practice.agents.rules.linking import STRONG, match, producers
from practice.agents.rules.recovery import fixes, reformatted, same_thing, variants
from practice.agents.rules.schema import Role
from practice.agents.rules.words import imperative, parts, sentence
from practice.domain.types import Json, Outcome, Step, TaskSpec, ToolSpec, Trajectory

MAX_TRIES = 7
MAX_PAGES = 10
MAX_DEPTH = 3


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
        self._given_up: set[str] = set()

    def work(self, call: Json) -> None:
        """Do one intended call, with whatever has to come before it."""
        tool = self._run.by_name.get(str(call["tool"]))
        if tool is None:
            return
        step = self.perform(tool, dict(call.get("arguments", {})), depth=0)
        if step is not None and call.get("all_pages"):
            self._pages(tool, step)

    def perform(self, tool: ToolSpec, intended: dict[str, Any], depth: int) -> Step | None:
        """Call ``tool`` until it works or nothing is left to try; return the working step."""
        errand = f"{tool.name} {_key(intended)}"
        if errand in self._given_up:
            return None
        step = self._try(tool, intended, depth)
        if step is None:
            self._given_up.add(errand)
        return step

    def _try(self, tool: ToolSpec, intended: dict[str, Any], depth: int) -> Step | None:
        self._prepare(tool, depth)
        arguments = self._apply_lessons(tool, self._resolve(tool, intended, depth))
        if any(name not in arguments for name in (*tool.required, *intended)):
            return None
        thought = _because(tool)
        tried: set[str] = set()
        asked: dict[str, int] = {}
        for _ in range(MAX_TRIES):
            step = self._run.call(tool.name, arguments, thought)
            reason = failure(step)
            if not reason:
                return step
            tried.add(_key(arguments))
            found = diagnose(reason, tool, arguments, self._run.tools)
            fix = next(
                (f for f in fixes(found, tool, arguments) if _key(f.arguments) not in tried), None
            )
            if fix is not None and found.trouble in (Trouble.ARGUMENT, Trouble.REFUSED):
                arguments, thought = dict(fix.arguments), fix.why
                continue
            other = self._other_choice(found, tool, intended, arguments, tried)
            if other is not None:
                arguments, thought = other, "That one is refused, so I take the next one."
                continue
            repaired = self._repair(found, tool, arguments, depth, asked)
            if repaired is None:
                return None
            changed, thought = repaired
            if changed == arguments and found.trouble is Trouble.ARGUMENT:
                return None
            arguments = changed
        return None

    def _other_choice(
        self,
        found: Diagnosis,
        tool: ToolSpec,
        intended: dict[str, Any],
        arguments: dict[str, Any],
        tried: set[str],
    ) -> dict[str, Any] | None:
        """Return arguments with another observed value where the choice was the agent's own."""
        if found.trouble is not Trouble.REFUSED:
            return None
        for name, value in arguments.items():
            wanted = intended.get(name)
            own = wanted is None or (goals.is_reference(wanted) and "$where" not in wanted)
            about = name == found.parameter or _about(name, found.code)
            if not own or not about or schema.role(tool, name) is not Role.ENTITY:
                continue
            used = [s.arguments.get(name) for s in self._run.steps if s.tool == tool.name]
            other = self._run.from_observations(tool, name, avoid=[value, *used])
            if other is not None and _key({**arguments, name: other}) not in tried:
                return {**arguments, name: other}
        return None

    def _prepare(self, tool: ToolSpec, depth: int) -> None:
        if depth >= MAX_DEPTH:
            return
        for rule in self._knowledge.prerequisites(tool.name):
            first = self._run.by_name.get(str(rule.get("needs")))
            if first is None or self._run.worked(first.name):
                continue
            base = dict(rule.get("settings", {}))
            if self._fillable(first, base, depth + 1):
                self.perform(first, base, depth + 1)

    def _resolve(self, tool: ToolSpec, intended: dict[str, Any], depth: int) -> dict[str, Any]:
        """Return executable arguments: references looked up, missing required ones filled."""
        resolved: dict[str, Any] = {}
        for name, value in intended.items():
            if goals.is_reference(value):
                found = self._follow(tool, name, value, depth)
                if found is not None:
                    resolved[name] = schema.coerce(found, tool.parameters.get(name, {}))
            else:
                resolved[name] = value
        for name in tool.required:
            if name not in resolved:
                found = self._fill(tool, name, depth)
                if found is not None:
                    resolved[name] = found
        return resolved

    def _fill(self, tool: ToolSpec, name: str, depth: int) -> Any | None:
        """Return a value for a required parameter from wherever one may come, or ``None``."""
        run = self._run
        found = run.from_task(tool, name)
        if found is None and schema.role(tool, name) in (Role.ENTITY, Role.CREDENTIAL, Role.NUMBER):
            found = run.from_observations(tool, name)
        if found is None:
            found = run.from_schema(tool, name)
        if found is None and depth < MAX_DEPTH:
            found = self._produce(tool, name, depth)
        return found

    def _produce(self, tool: ToolSpec, name: str, depth: int) -> Any | None:
        learned = self._knowledge.producer(tool.name, name)
        options = producers(tool, name, self._run.tools)
        options.sort(key=lambda p: p.tool.name != learned)
        for option in options[:3]:
            if self._run.worked(option.tool.name) or not schema.is_read(option.tool):
                continue
            if not self._fillable(option.tool, {}, depth + 1):
                continue
            self.perform(option.tool, {}, depth + 1)
            found = self._run.from_observations(tool, name)
            if found is not None:
                return found
        return None

    def _fillable(self, tool: ToolSpec, base: Json, depth: int) -> bool:
        """Whether every required argument can be had without inventing one."""
        for name in tool.required:
            if name in base or schema.role(tool, name) not in (Role.ENTITY, Role.CREDENTIAL):
                continue
            run = self._run
            known = (
                run.from_task(tool, name),
                run.from_observations(tool, name),
                run.from_schema(tool, name),
            )
            if all(value is None for value in known):
                options = producers(tool, name, run.tools)[:3]
                if depth >= MAX_DEPTH or not any(
                    schema.is_read(p.tool) and self._fillable(p.tool, {}, depth + 1)
                    for p in options
                ):
                    return False
        return True

    def _follow(self, tool: ToolSpec, name: str, ref: Json, depth: int) -> Any | None:
        """Return the value a reference points to, calling and paging its source as needed."""
        source = self._run.by_name.get(str(ref.get("$from", "")))
        found = self._seen(ref)
        if found is not None or source is None or depth >= MAX_DEPTH:
            return found if found is not None else self._run.from_observations(tool, name)
        if not self._run.worked(source.name):
            step = self.perform(source, dict(ref.get("$arguments", {})), depth + 1)
            found = self._seen(ref)
            if found is None and step is not None and ref.get("$where"):
                self._pages(source, step, until=ref)
                found = self._seen(ref)
        return found if found is not None else self._run.from_observations(tool, name)

    def _seen(self, ref: Json) -> Any | None:
        """Return the referenced value from what was observed, the latest observation first."""
        where: Mapping[str, Any] = ref.get("$where", {})
        source, field = ref.get("$from"), str(ref["$field"])
        shown = [s for s in self._run.steps if s.tool == source and not failure(s)]
        if "$call" in ref:
            shown = shown[ref["$call"] :][:1]
        for step in reversed(shown):
            rows = records(step.observation, step.tool)
            found = [
                r[field]
                for r in rows
                if r.get(field) not in (None, "") and all(r.get(k) == v for k, v in where.items())
            ]
            if found:
                distinct = list(dict.fromkeys(found))
                return distinct[min(int(ref.get("$skip", 0)), len(distinct) - 1)]
        return None

    def _pages(self, tool: ToolSpec, step: Step, until: Json | None = None) -> None:
        """Follow a result to its last page, or until ``until`` is found."""
        for _ in range(MAX_PAGES):
            following = cursor(step.observation)
            if following is None or (until is not None and self._seen(until) is not None):
                return
            name = cursor_parameter(tool, following[0])
            if not name:
                return
            value = schema.coerce(following[1], tool.parameters[name])
            thought = f"There is a next page, so I pass {following[0]} as {name}."
            step = self._run.call(tool.name, {**step.arguments, name: value}, thought)
            if failure(step):
                return

    def _apply_lessons(self, tool: ToolSpec, arguments: dict[str, Any]) -> dict[str, Any]:
        """Return arguments as the playbook says this tool wants them."""
        for name, value in list(arguments.items()):
            enum = self._knowledge.about("enum", tool.name, name)
            if enum is not None and value not in enum["values"]:
                same = same_thing(value, enum["values"])
                arguments[name] = same if same is not None else value
            form = self._knowledge.about("format", tool.name, name)
            if form is not None:
                rewritten = reformatted(value, str(form["example"]))
                arguments[name] = rewritten[0] if rewritten else value
        for rule in self._knowledge.rules("required", tool.name):
            name = str(rule["parameter"])
            if name in tool.parameters and name not in arguments:
                value = self._fill(tool, name, 1)
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
                value = self._fill(tool, name, depth)
                if value is None:
                    return None
                return {**arguments, name: value}, f"The error asks for {name}, so I add it."
            case Trouble.SIGN_IN:
                return self._after(
                    sign_in_tools(tool, self._run.tools), found, arguments, depth, asked
                )
            case Trouble.PREREQUISITE:
                return self._after(found.tools, found, arguments, depth, asked)
            case Trouble.MISSING_THING if name:
                return self._other_spelling(tool, name, arguments, depth)
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
            for place, guess in enumerate(variants(first, found.text, shared)):
                if asked.get(name, 0) > place:
                    continue
                asked[name] = place + 1
                if not self._fillable(first, guess, depth + 1):
                    break
                if self.perform(first, guess, depth + 1) is not None:
                    return arguments, f"`{name}` is done, so I try again."
                break
        return None

    def _other_spelling(
        self, tool: ToolSpec, name: str, arguments: dict[str, Any], depth: int
    ) -> tuple[dict[str, Any], str] | None:
        """Look a value up under another spelling; a different thing is never taken instead."""
        wanted = arguments.get(name)
        for option in producers(tool, name, self._run.tools)[:2]:
            usable = schema.is_read(option.tool) and self._fillable(option.tool, {}, depth + 1)
            if usable and not self._run.worked(option.tool.name):
                self.perform(option.tool, {}, depth + 1)
            seen = [
                leaf.value
                for _, leaf in self._run.observed()
                if isinstance(leaf.value, str) and match(tool, name, leaf.field) >= STRONG
            ]
            same = same_thing(wanted, seen)
            if same is not None:
                return {**arguments, name: same}, f"It is spelled {same!r} here."
        return None


def cursor_parameter(tool: ToolSpec, field: str) -> str:
    """Return the parameter that takes the value of a next-page field, or an empty string."""
    words = set(parts(field)) - {"next"}
    names = [n for n in tool.parameters if words and words <= set(parts(n))]
    if names:
        return names[0]
    paging = {"cursor", "page", "offset", "token", "start", "after"}
    return next((n for n in tool.parameters if paging & set(parts(n))), "")


def _about(name: str, code: str) -> bool:
    """Whether an error code such as ``agent_off_shift`` speaks of ``agent_id``."""
    return bool((set(parts(name)) - {"id", "name"}) & set(parts(code)))


def _because(tool: ToolSpec) -> str:
    return sentence(f"I call `{tool.name}` to {imperative(tool.description, tool.name)}")


def _key(arguments: Json) -> str:
    return repr(sorted(arguments.items(), key=lambda item: item[0]))
