"""One attempt as it unfolds: executed calls, what they showed, and which values may be used.

A value may be used when the task states it, an earlier observation shows it, or the schema offers
it. Identifiers and credentials come from nowhere else.
"""

from __future__ import annotations

import random
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import date
from typing import Any

from practice.agents.ports import EnvironmentSession, SolverLimits
from practice.agents.rules import checking, schema
from practice.agents.rules.documents import Leaf, failure, leaves
from practice.agents.rules.linking import WEAK, match
from practice.agents.rules.schema import Role
from practice.agents.rules.words import parts
from practice.domain.types import OBSERVATION_CAP, Json, Step, TaskSpec, ToolSpec

_QUOTED = re.compile(r"[\"“]([^\"”]{1,200})[\"”]")
#: Of few parts: one made of thousands would be looked at anew from each of them.
_IDENTIFIER = re.compile(r"\b(?:[A-Za-z]{1,64}[-_]){1,16}\d[\w-]*\b|\b[A-Z]{2,}\d+\w*\b")
_CODE = re.compile(r"(?=.*\d)(?=.*[A-Za-z])[A-Za-z0-9]+(?:[-_][A-Za-z0-9]+)+")
_NUMBER = re.compile(r"(?<![\w.-])-?\d+(?:\.\d+)?(?![\w-])")
#: a day as records give it; ``0001-01-01`` and ``9999-12-31`` stand for none.
_ISO = re.compile(r"(?:19[7-9]|20\d)\d-\d\d-\d\d")
#: any day does where a date is asked for and none is told; one seed does the same on every day.
_DAY = date(2025, 7, 16)


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
            whole=seen.whole,
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

    def shown(self, step: Step) -> tuple[Leaf, ...]:
        """Return what a call showed."""
        return leaves(step.observation, step.tool)

    def shows(self, value: Any) -> bool:
        """Whether a call that worked showed ``value`` in its answer."""
        return any(str(leaf.value) == str(value) for _, leaf in self.observed())

    def from_observations(
        self,
        tool: ToolSpec,
        parameter: str,
        avoid: Sequence[Any] = (),
        near: Json | None = None,
    ) -> Any | None:
        """Return the best observed value for a parameter that is not in ``avoid``, or ``None``.

        ``near`` holds arguments already known: only values of the same thing are taken then.
        """
        ranked = self.offers(tool, parameter, near)
        return next((value for value, _ in ranked if value not in avoid), None)

    def offers(
        self, tool: ToolSpec, parameter: str, near: Json | None = None
    ) -> list[tuple[Any, dict[str, Any]]]:
        """Return (value, its record) of the observed values for a parameter, best first."""
        wanted = tool.parameters.get(parameter, {})
        told = telling(near or {})
        found: list[tuple[float, int, Any, dict[str, Any]]] = []
        for step, leaf in self.observed():
            if not checking.fits(leaf.value, wanted):
                continue
            score = match(tool, parameter, leaf.field)
            if score < WEAK:
                continue
            shared = _ties(step, leaf, told) if told else 0
            if told and not shared:
                continue
            value = checking.coerce(leaf.value, wanted)
            found.append((score + 0.3 * shared, -len(found), value, record_of(step, leaf)))
        ranked = sorted(found, key=lambda f: (-f[0], -f[1]))
        return [(value, record) for _, _, value, record in ranked]

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
            if self.task.goal.get("calls"):
                return None
            numbers = _NUMBER.findall(instruction)
            return checking.coerce(numbers[0], wanted) if len(numbers) == 1 else None
        shapes = {_shape(e) for e in schema.examples(wanted)}
        fitting = [v for v in self._stated if _shape(v) in shapes]
        if kind in (Role.ENTITY, Role.CREDENTIAL):
            identifiers = [v for v in self._stated if _IDENTIFIER.fullmatch(v)]
            # A goal says itself which identifier goes where; only bare prose is guessed at.
            guess = "id" in parameter.lower() and not self.task.goal.get("calls")
            options = fitting or (identifiers if guess else [])
            return checking.coerce(options[0], wanted) if len(set(options)) == 1 else None
        if kind in (Role.TEXT, Role.NEW) and not self.task.goal.get("calls"):
            quoted = _QUOTED.findall(instruction)
            return quoted[0] if quoted else None
        return None

    def _day(self) -> date:
        """Any day does, but none that lies before what happens here."""
        days = (str(leaf.value)[:10] for _, leaf in self.observed() if _ISO.match(str(leaf.value)))
        with suppress(ValueError):
            return max(_DAY, date.fromisoformat(max(days, default="")))
        return _DAY

    def from_schema(self, tool: ToolSpec, parameter: str) -> Any | None:
        """Return a value the schema itself offers or that anyone may choose, or ``None``."""
        wanted = tool.parameters.get(parameter, {})
        kind = schema.role(tool, parameter)
        if "default" in wanted and wanted["default"] not in (None, "None"):
            return wanted["default"]
        if offered := schema.examples(wanted):
            return checking.coerce(offered[0], wanted)
        if options := schema.choices(wanted):
            return [options[0]] if kind is Role.LIST else options[0]
        match kind:
            case Role.FLAG:
                return True
            case Role.NUMBER:
                return schema.number(parameter, wanted, self.rng)
            case Role.DATE:
                return self._day().strftime(schema.date_format(parameter, wanted))
            case Role.AMOUNT:
                return str(schema.number(parameter, wanted, self.rng))
            case Role.TEXT:
                return schema.text_value(parameter, self.rng)
            case Role.LIST | Role.OBJECT:
                return schema.texts(wanted, self.rng)
            case Role.ENTITY if schema.DESCRIBING & set(parts(parameter)):
                return schema.common(parameter, self.rng)
            case _:
                return None


def telling(arguments: Json) -> list[Any]:
    """Return the argument values that say which thing is meant: identifiers, codes, numbers.

    A token or a password says who asks, and is no thing.
    """
    return [
        v
        for n, v in arguments.items()
        if isinstance(v, (str, int))
        and not isinstance(v, bool)
        and not schema.CREDENTIAL & set(parts(n))
        and str(v) not in ("", "0")
        and ("id" in parts(n) or (isinstance(v, str) and _CODE.fullmatch(v)))
    ]


def record_of(step: Step, leaf: Leaf) -> dict[str, Any]:
    """Return the scalars of the record a leaf lies in, and those of what contains it."""
    record: dict[str, Any] = {}
    for other in leaves(step.observation, step.tool):
        if other.path == leaf.path[: len(other.path)]:
            record.setdefault(other.field, other.value)
    return record


def _ties(step: Step, leaf: Leaf, told: Sequence[Any]) -> int:
    """Return how many of the values in ``told`` belong to the same thing as ``leaf``."""
    asked = list(step.arguments.values())
    all_ = leaves(step.observation, step.tool)
    return sum(
        value in asked or any(o.value == value and o.beside(leaf.path) for o in all_)
        for value in told
    )


def _stated(instruction: str) -> list[str]:
    quoted = _QUOTED.findall(instruction)
    return list(dict.fromkeys([*quoted, *_IDENTIFIER.findall(instruction)]))


def _shape(value: Any) -> str:
    text = re.sub(r"\d+", "9", str(value))
    return re.sub(r"[a-z]+", "a", text)
