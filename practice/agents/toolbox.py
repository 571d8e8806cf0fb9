"""An environment's tools as a model may call them: names it can send, arguments checked first."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError, ValidationError
from jsonschema.protocols import Validator
from jsonschema.validators import validator_for
from pydantic_ai.messages import ToolCallPart
from pydantic_ai.tools import ToolDefinition
from referencing import Registry
from referencing.exceptions import Unresolvable

from memoryapp.domain.nesting import DEEPEST, nested_beyond
from practice.agents.offering import ANYTHING, mentioned, offered
from practice.agents.prompting import clipped
from practice.domain.judged import judged_once
from practice.domain.reading import whole_characters
from practice.domain.types import Json, ToolSpec

NAME_LIMIT = 64
PROBLEMS = 5
PROBLEM_CAP = 300
_UNSENDABLE = re.compile(r"[^a-zA-Z0-9_-]")


class WrongCall(Exception):
    """A call that cannot be made. ``str(error)`` tells the model what to correct."""


class Toolbox:
    """The tools of one session, under names every provider accepts.

    A schema that is no valid JSON Schema, or that points outside itself, is not enforced here: the
    model gets an open object instead and the server judges the arguments.
    """

    def __init__(self, tools: Sequence[ToolSpec]) -> None:
        self._tools: dict[str, ToolSpec] = {}
        self._validators: dict[str, Validator | None] = {}
        for tool in tools:
            name = _sendable(tool.name, taken=self._tools)
            self._tools[name] = tool
            self._validators[name] = _validator(tool.input_schema)

    def definitions(self, instruction: str = "", playbook: str = "") -> list[ToolDefinition]:
        """The tools as pydantic-ai hands them to a provider, bounded by tokens (``offering``).

        Those that the task or the playbook speaks of are told in full, if need be at the cost of
        the others. In the order of their names, whatever order the server lists them in: providers
        cache a request by its first bytes, and these are the first.
        """
        every = [
            ToolDefinition(
                name=name,
                description=tool.description or None,
                parameters_json_schema=dict(
                    _object(tool.input_schema) if self._validators[name] else ANYTHING
                ),
                strict=False,
            )
            for name, tool in sorted(self._tools.items())
        ]
        own = mentioned([tool.name for tool in self._tools.values()], instruction, playbook)
        return offered(every, [name for name, tool in self._tools.items() if tool.name in own])

    def name_of(self, call: ToolCallPart) -> str:
        """Return the environment's own name of the called tool, or what the model wrote."""
        tool = self._tools.get(call.tool_name)
        return tool.name if tool is not None else call.tool_name

    def arguments_of(self, call: ToolCallPart) -> dict[str, Any]:
        """Return the arguments of a call that may be made.

        Raises:
            WrongCall: no such tool, arguments that are not a JSON object, or not by its schema.
        """
        if call.tool_name not in self._tools:
            names = ", ".join(self._tools)
            raise WrongCall(f"There is no tool {call.tool_name!r}. The tools are: {names}.")
        try:
            arguments = call.args_as_dict(raise_if_invalid=True)
        except (ValueError, AssertionError):
            raw = clipped(call.args_as_json_str(), PROBLEM_CAP)
            raise WrongCall(f"The arguments are not a JSON object: {raw}") from None
        if not _storable(arguments):
            raise WrongCall(
                f"The arguments are nested more than {DEEPEST} levels deep, or contain a NUL "
                "character, half a character or a number such as NaN or infinity; leave "
                "it out."
            )
        problems = _problems(self._validators[call.tool_name], arguments)
        if problems:
            raise WrongCall("The arguments do not fit the tool's schema: " + "; ".join(problems))
        return arguments


def readable_arguments(call: ToolCallPart) -> dict[str, Any]:
    """Return the arguments for the record, empty where they cannot be read or stored."""
    try:
        arguments = call.args_as_dict(raise_if_invalid=True)
    except (ValueError, AssertionError):
        return {}
    return arguments if _storable(arguments) else {}


def _storable(arguments: Json) -> bool:
    """Whether a database holds the arguments as they are, and any service that reads JSON."""
    return not nested_beyond(arguments) and whole_characters(arguments) == arguments


def _sendable(name: str, taken: dict[str, ToolSpec]) -> str:
    """Return a name of letters, digits, ``_`` and ``-``, at most 64 long, not taken yet."""
    short = _UNSENDABLE.sub("_", name)[:NAME_LIMIT] or "tool"
    candidate, number = short, 2
    while candidate in taken:
        suffix = f"_{number}"
        candidate, number = short[: NAME_LIMIT - len(suffix)] + suffix, number + 1
    return candidate


def _object(schema: Json) -> Json:
    """Return the schema as the object schema providers insist on."""
    return {**schema, "type": "object", "properties": schema.get("properties", {})}


def _validator(schema: Json) -> Validator | None:
    """Return a validator that never fetches anything, or ``None`` for an unusable schema."""
    whole = dict(_object(schema))
    return _unchecked(whole) if _is_usable(whole) else None


@judged_once
def _is_usable(whole: Any) -> bool:
    """Whether arguments can be held against it: it is JSON Schema, and points nowhere outside."""
    kind = validator_for(whole, default=Draft202012Validator)
    try:
        kind.check_schema(whole)
        # An empty call reaches most references; one that points nowhere shows here, not mid-run.
        list(_unchecked(whole).iter_errors(dict.fromkeys(whole["properties"])))
    except (SchemaError, Unresolvable, RecursionError, TypeError, AttributeError, re.error):
        return False
    return True


def _unchecked(whole: Any) -> Validator:
    kind = validator_for(whole, default=Draft202012Validator)
    return kind(whole, registry=Registry())


def _problems(validator: Validator | None, arguments: dict[str, Any]) -> list[str]:
    if validator is None:
        return []
    try:
        errors = list(validator.iter_errors(arguments))
    except (Unresolvable, RecursionError, re.error):
        return []
    return [_sentence(error) for error in errors[:PROBLEMS]]


def _sentence(error: ValidationError) -> str:
    place = ".".join(str(part) for part in error.absolute_path)
    message = clipped(error.message, PROBLEM_CAP)
    return f"{place}: {message}" if place else message
