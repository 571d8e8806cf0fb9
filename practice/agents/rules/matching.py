"""Whether a step is the call a goal asks for, argument by argument.

Equal means equal in any spelling (``equality``). A reference is met by a value that the tool it
points to had shown before; one that says "the first" by the first alone (``handles``). A value the
environment refused is met by one it then said it takes; an agent whose memory says what is taken
may send that at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from practice.agents.rules import goals, schema
from practice.agents.rules.documents import Leaf, failure, leaves
from practice.agents.rules.equality import respelled, same, scalars
from practice.agents.rules.errors import Trouble, diagnose
from practice.agents.rules.execution import record_of
from practice.agents.rules.grounding import Shown
from practice.agents.rules.handles import (
    first,
    first_in_other_words,
    is_page,
    means_first,
    shown_in,
)
from practice.agents.rules.knowledge import Allowed
from practice.agents.rules.recovery import same_thing
from practice.agents.rules.schema import Role
from practice.agents.rules.serving import changing
from practice.agents.rules.words import parts
from practice.domain.types import Json, Step, ToolSpec


class Matching:
    """The steps of one attempt, asked which of them carry out a goal call."""

    def __init__(
        self,
        steps: Sequence[Step],
        known: Mapping[str, ToolSpec],
        allowed: Allowed,
        wanted: Sequence[Json] = (),
    ) -> None:
        self._steps = steps
        self._known = known
        self._allowed = allowed
        self._wanted = wanted

    @property
    def all(self) -> Sequence[Step]:
        """All steps, in order."""
        return self._steps

    @cached_property
    def good(self) -> tuple[Step, ...]:
        """The steps that worked, in order."""
        return tuple(s for s in self._steps if not failure(s))

    def differing(self, call: Json, step: Step) -> tuple[str, ...]:
        """Return the parameters in which a step is not what a goal call asks for.

        Besides what was asked it may pass what the tool requires, defaults, and values it was
        shown.
        """
        asked: Mapping[str, Any] = call.get("arguments", {})
        tool = self._known.get(step.tool)
        required = tool.required if tool else ()
        before = self._before(step)
        wrong = [n for n in asked if not self._met(n, asked, step, before)]
        for name, value in step.arguments.items():
            free = name in asked or name in required or self._default(step.tool, name, value)
            if not free and not _shown(value, before):
                wrong.append(name)
        return tuple(wrong)

    def replaced(self, call: Json, step: Step) -> tuple[str, ...]:
        """Return the parameters whose asked value is not taken and was replaced by one that is."""
        asked: Mapping[str, Any] = call.get("arguments", {})
        before = self._before(step)
        return tuple(
            name
            for name, value in asked.items()
            if not self._passes(name, value, step, before) and self._instead(name, value, step)
        )

    def fits_in_other_words(self, call: Json, step: Step, told: Shown) -> bool:
        """Whether a step differs from a call only in its record, which the words may mean too.

        ``told`` is the task.
        """
        asked: Mapping[str, Any] = call.get("arguments", {})
        return all(
            name in asked and self._first_in_other_words(name, asked[name], step, told)
            for name in self.differing(call, step)
        )

    def _first_in_other_words(self, name: str, reference: Any, step: Step, told: Shown) -> bool:
        is_first = goals.is_reference(reference) and means_first(reference, self._known)
        if not is_first or name not in step.arguments:
            return False
        listings = [s for s in self._before(step) if s.tool == reference["$from"]]
        shown = shown_in(str(reference["$field"]), name, listings)
        refused = [
            s.arguments[name]
            for s in self._steps
            if s.number < step.number and name in s.arguments and self._refused(s, step.tool)
        ]
        return first_in_other_words(step.arguments[name], shown, refused, told)

    def _refused(self, step: Step, tool: str) -> bool:
        """Whether a call of ``tool`` failed because of the thing, not of how it was called."""
        reason = failure(step) if step.tool == tool and tool in self._known else ""
        tools = tuple(self._known.values())
        found = diagnose(reason, self._known[tool], step.arguments, tools) if reason else None
        return found is not None and found.trouble in (Trouble.REFUSED, Trouble.PREREQUISITE)

    def _before(self, step: Step) -> list[Step]:
        return [s for s in self.good if s.number < step.number]

    def _met(self, name: str, asked: Mapping[str, Any], step: Step, before: Sequence[Step]) -> bool:
        return (
            self._passes(name, asked[name], step, before)
            or self._in_parts(name, asked, step)
            or self._instead(name, asked[name], step)
        )

    def _passes(self, name: str, value: Any, step: Step, before: Sequence[Step]) -> bool:
        """Whether a step passes ``value``: literally, as a reference, or by leaving a default."""
        if name not in step.arguments:
            return self._default(step.tool, name, value)
        passed = step.arguments[name]
        if goals.is_reference(value):
            return self._refers(name, value, passed, step, before)
        lists = isinstance(value, list) and isinstance(passed, list) and len(value) == len(passed)
        if lists and any(goals.is_reference(item) for item in value):
            return all(
                self._refers(name, v, p, step, before) if goals.is_reference(v) else same(v, p)
                for v, p in zip(value, passed, strict=True)
            )
        return same(value, passed) or respelled(value, passed, _text(before))

    def _refers(
        self, name: str, reference: Json, passed: Any, step: Step, before: Sequence[Step]
    ) -> bool:
        """Whether ``passed`` is what a reference means: the first, where it says so."""
        if means_first(reference, self._known):
            taken = [v for n, v in step.arguments.items() if n != name]
            listings = self._listings(str(reference["$from"]), before)
            meant = first(str(reference["$field"]), name, listings, taken)
            if meant:
                return any(same(value, passed) for value in meant)
        return _shows(reference, passed, before)

    def _listings(self, tool: str, before: Sequence[Step]) -> list[Step]:
        """Return the working calls of a listing, those the goal itself asks for first."""
        own = [s for s in before if s.tool == tool and not is_page(s)]
        asked = [call for call in self._wanted if call["tool"] == tool]
        return sorted(own, key=lambda s: all(self.differing(call, s) for call in asked))

    def _default(self, tool: str, name: str, value: Any) -> bool:
        spec = self._known.get(tool)
        parameter: Json = spec.parameters.get(name, {}) if spec else {}
        return "default" in parameter and same(parameter["default"], value)

    def _in_parts(self, name: str, asked: Mapping[str, Any], step: Step) -> bool:
        """Whether look-ups of one tool cover a period together, one end of it in each."""
        tool = self._known.get(step.tool)
        if tool is None or changing(step.tool, self._known):
            return False
        if schema.role(tool, name) is not Role.DATE:
            return False
        own = [s for s in self.good if s.tool == step.tool]
        ends = [n for n in asked if n in tool.parameters and schema.role(tool, n) is Role.DATE]
        return len(own) > 1 and all(
            any(same(asked[end], s.arguments.get(end)) for s in own) for end in ends
        )

    def _instead(self, name: str, value: Any, step: Step) -> bool:
        """Whether an earlier call was refused ``value`` and told what is taken, and this is that.

        The error has to be about this parameter. What the memory of the agent says of it counts
        like the error it comes from, for the same thing in another spelling. An identifier is never
        replaced: another order is not the order.
        """
        tool = self._known.get(step.tool)
        passed = step.arguments.get(name)
        if tool is None or name not in step.arguments or goals.is_reference(value):
            return False
        if "id" in parts(name):
            return False
        taken = self._allowed.get((step.tool, name), ())
        known = None if value in taken else same_thing(value, taken)
        if known is not None and same(known, passed):
            return True
        for failed in self._steps:
            tried = failed.arguments.get(name)
            before = failed.number < step.number and failed.tool == step.tool
            if not before or not failure(failed) or not same(value, tried):
                continue
            found = diagnose(failure(failed), tool, failed.arguments, tuple(self._known.values()))
            if found.trouble is not Trouble.ARGUMENT or found.parameter != name:
                continue
            if any(same(option, passed) for option in found.allowed) or _within(
                passed, found.low, found.high
            ):
                return True
        return False


def _within(value: Any, low: float | None, high: float | None) -> bool:
    """Whether a number keeps to limits; without a limit there is nothing to keep to."""
    if low is None and high is None:
        return False
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return False
    return (low is None or low <= number) and (high is None or number <= high)


def _shows(reference: Json, passed: Any, before: Sequence[Step]) -> bool:
    """Whether a value was shown by the tool a reference points to, in the record it describes."""
    where: Mapping[str, Any] = reference.get("$where", {})
    source = [s for s in before if s.tool == reference.get("$from")] or list(before)
    for step in source:
        for leaf in leaves(step.observation, step.tool):
            if same(leaf.value, passed) and _described(step, leaf, where):
                return True
    return not where and _shown(passed, before)


def _described(step: Step, leaf: Leaf, where: Mapping[str, Any]) -> bool:
    if not where:
        return True
    values = list(record_of(step, leaf).values())
    return all(any(same(w, v) for v in values) for w in where.values())


def _shown(value: Any, before: Sequence[Step]) -> bool:
    """Whether every scalar of a value stands in an earlier observation."""
    text = _text(before).lower()
    told = [str(v).lower().removesuffix(".0") for v in scalars(value) if v not in (None, "")]
    return bool(told) and all(len(t) > 1 and t in text for t in told)


def _text(steps: Sequence[Step]) -> str:
    return "\n".join(s.observation for s in steps)
