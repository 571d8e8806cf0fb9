"""One attempt as it unfolds: executed calls, what they showed, and which values may be used.

A value may be used when the task states it, an earlier observation shows it, or the schema offers
it. Identifiers and credentials come from nowhere else.
"""

from __future__ import annotations

import random
import re
import time
from collections.abc import Iterator, Sequence
from typing import Any

from practice.agents.ports import EnvironmentSession, SolverLimits
from practice.agents.rules import schema
from practice.agents.rules.documents import Leaf, failure, leaves
from practice.agents.rules.linking import WEAK, match
from practice.agents.rules.schema import Role
from practice.agents.rules.words import parts
from practice.domain.types import OBSERVATION_CAP, Json, Step, TaskSpec, ToolSpec

_QUOTED = re.compile(r"[\"“]([^\"”]{1,200})[\"”]")
_IDENTIFIER = re.compile(r"\b(?:[A-Za-z]+[-_])+\d[\w-]*\b|\b[A-Z]{2,}\d+\w*\b")
_NUMBER = re.compile(r"(?<![\w.-])-?\d+(?:\.\d+)?(?![\w-])")


class Halted(Exception):
    """The attempt may make no further call. ``limit`` tells the step limit from a cancellation."""

    def __init__(self, *, limit: bool) -> None:
        super().__init__("step limit" if limit else "cancelled")
        self.limit = limit


class Execution:
    """The calls of one attempt and what they made known."""

    def __init__(
        self, task: TaskSpec, session: EnvironmentSession, limits: SolverLimits, seed: int
    ) -> None:
        self.task = task
        self.tools: Sequence[ToolSpec] = session.tools()
        self.by_name = schema.by_name(self.tools)
        self.steps: list[Step] = []
        self.rng = random.Random(seed)
        self._session = session
        self._limits = limits
        self._started = time.monotonic()
        self._stated = _stated(task.instruction)

    def call(self, tool: str, arguments: Json, thought: str) -> Step:
        """Execute one call and keep it as a step.

        Raises:
            Halted: the step limit is reached or the run was cancelled.
            EnvironmentUnavailable: the server itself failed.
        """
        if self._limits.should_stop():
            raise Halted(limit=False)
        if len(self.steps) >= self._limits.steps:
            raise Halted(limit=True)
        began = time.monotonic()
        seen = self._session.call(tool, arguments)
        step = Step(
            number=len(self.steps) + 1,
            tool=tool,
            arguments=dict(arguments),
            observation=seen.text[:OBSERVATION_CAP],
            is_error=seen.is_error,
            thought=thought,
            started_ms=int((began - self._started) * 1000),
            duration_ms=int((time.monotonic() - began) * 1000),
        )
        self.steps.append(step)
        self._limits.on_step(step)
        return step

    def worked(self, tool: str) -> bool:
        """Whether a call of ``tool`` has succeeded in this attempt."""
        return any(s.tool == tool and not failure(s) for s in self.steps)

    def observed(self) -> Iterator[tuple[Step, Leaf]]:
        """Yield what successful calls showed, the latest call first."""
        for step in reversed(self.steps):
            if not failure(step):
                for leaf in leaves(step.observation, step.tool):
                    yield step, leaf

    def from_observations(
        self, tool: ToolSpec, parameter: str, avoid: Sequence[Any] = ()
    ) -> Any | None:
        """Return the best observed value for a parameter that is not in ``avoid``, or ``None``."""
        wanted = tool.parameters.get(parameter, {})
        best: tuple[float, Any] = (WEAK - 0.01, None)
        for _, leaf in self.observed():
            if not schema.fits(leaf.value, wanted):
                continue
            score = match(tool, parameter, leaf.field)
            if leaf.value not in avoid and score > best[0]:
                best = (score, leaf.value)
        return None if best[1] is None else schema.coerce(best[1], wanted)

    def from_task(self, tool: ToolSpec, parameter: str) -> Any | None:
        """Return a value the instruction states for a parameter, or ``None``.

        A choice is found by its word, an identifier by looking like the schema's examples or being
        the only one, free text by its quotes.
        """
        wanted = tool.parameters.get(parameter, {})
        instruction = self.task.instruction
        for option in schema.choices(wanted):
            if re.search(rf"\b{re.escape(str(option))}\b", instruction, re.IGNORECASE):
                return option
        kind = schema.role(tool, parameter)
        if kind is Role.NUMBER:
            numbers = _NUMBER.findall(instruction)
            return schema.coerce(numbers[0], wanted) if len(numbers) == 1 else None
        shapes = {_shape(e) for e in schema.examples(wanted)}
        fitting = [v for v in self._stated if _shape(v) in shapes]
        if kind in (Role.ENTITY, Role.CREDENTIAL):
            identifiers = [v for v in self._stated if _IDENTIFIER.fullmatch(v)]
            # A goal says itself which identifier goes where; only bare prose is guessed at.
            guess = "id" in parameter.lower() and not self.task.goal.get("calls")
            options = fitting or (identifiers if guess else [])
            return schema.coerce(options[0], wanted) if len(set(options)) == 1 else None
        if kind in (Role.TEXT, Role.NEW):
            quoted = _QUOTED.findall(instruction)
            return quoted[0] if quoted else None
        return None

    def from_schema(self, tool: ToolSpec, parameter: str) -> Any | None:
        """Return a value the schema itself offers or that anyone may choose, or ``None``."""
        wanted = tool.parameters.get(parameter, {})
        kind = schema.role(tool, parameter)
        if "default" in wanted and wanted["default"] not in (None, "None"):
            return wanted["default"]
        if offered := schema.examples(wanted):
            return schema.coerce(offered[0], wanted)
        if options := schema.choices(wanted):
            return [options[0]] if kind is Role.LIST else options[0]
        match kind:
            case Role.FLAG:
                return True
            case Role.NUMBER:
                return schema.number(parameter, wanted, self.rng)
            case Role.TEXT:
                return schema.text_value(parameter, self.rng)
            case Role.ENTITY if schema.DESCRIBING & set(parts(parameter)):
                return schema.common(parameter, self.rng)
            case _:
                return None


def _stated(instruction: str) -> list[str]:
    quoted = _QUOTED.findall(instruction)
    return list(dict.fromkeys([*quoted, *_IDENTIFIER.findall(instruction)]))


def _shape(value: Any) -> str:
    text = re.sub(r"\d+", "9", str(value))
    return re.sub(r"[a-z]+", "a", text)
