"""What every kind of environment offers a run: sessions, what it says of itself, and drift."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from jsonschema import Draft7Validator, Draft202012Validator, SchemaError
from jsonschema.validators import validator_for
from referencing import Registry

from practice.agents.ports import EnvironmentSession
from practice.domain.judged import judged_once
from practice.domain.types import Json, ToolSpec


@dataclass(frozen=True, slots=True)
class Drift:
    """How an environment's tools differ from those that were expected, by name."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.changed)

    def __str__(self) -> str:
        """A sentence for the operator, e.g. ``Tools changed: search. Tools removed: delete.``"""
        parts = (("changed", self.changed), ("added", self.added), ("removed", self.removed))
        told = [f"Tools {what}: {', '.join(names)}." for what, names in parts if names]
        return " ".join(told) or "The tools are as expected."


@dataclass(frozen=True, slots=True)
class Discovery:
    """What an environment says of itself. ``problems`` maps unusable tools to the reason.

    ``base_url`` is where calls go, where a document and not the operator says so.
    """

    server_name: str
    server_version: str
    tools: tuple[ToolSpec, ...]
    problems: Mapping[str, str]
    base_url: str = ""

    @property
    def usable(self) -> tuple[ToolSpec, ...]:
        return tuple(tool for tool in self.tools if tool.name not in self.problems)


class LiveSession(EnvironmentSession, Protocol):
    """A session of any transport, with what the orchestrator asks beside the calls."""

    def drift(self) -> Drift:
        """How the tools differ from the expected ones now; falsy if they do not."""

    def discovery(self) -> Discovery:
        """What the environment said of itself when it was last asked."""

    def remarks(self) -> tuple[str, ...]:
        """Sentences for the operator: where the environment did not keep its own word."""


class World(Protocol):
    """Somewhere to practise, over whichever transport. Each ``open`` is a reset."""

    def open(self) -> AbstractContextManager[LiveSession]:
        """Raises ``EnvironmentUnavailable`` when it cannot be reached or reset."""

    def discover(self) -> Discovery:
        """Ask for the tools without resetting anything. Raises ``EnvironmentUnavailable``."""


def compare(expected: Mapping[str, str], tools: Iterable[ToolSpec]) -> Drift:
    """Compare schema hashes by tool name."""
    actual = {tool.name: tool.schema_hash for tool in tools}
    return Drift(
        added=tuple(name for name in actual if name not in expected),
        removed=tuple(name for name in expected if name not in actual),
        changed=tuple(
            name for name, digest in actual.items() if expected.get(name, digest) != digest
        ),
    )


@judged_once
def schema_problem(schema: Any) -> str:
    """Say why an input schema cannot be used; empty if it can.

    A schema without ``$schema`` is read as draft 2020-12, as MCP has it, or as draft 7, which many
    servers still write.
    """
    try:
        dialect = validator_for(schema, default=Draft202012Validator)
    except (ValueError, TypeError, AttributeError):  # it is looked up as an address, unchecked
        return "Its input schema is not valid JSON Schema (at $schema: it names no dialect)."
    try:
        dialect.check_schema(schema)
    except SchemaError as error:
        if "$schema" in schema or not _is_valid_draft7(schema):
            where = "/".join(str(part) for part in error.absolute_path) or "the top"
            return f"Its input schema is not valid JSON Schema (at {where}: {error.message[:200]})."
    return _contradiction(schema)


def _contradiction(schema: Any) -> str:
    """Say what a schema both requires and forbids: no call could ever be right."""
    spec = ToolSpec("", input_schema=schema if isinstance(schema, Mapping) else {})
    open_ended = spec.input_schema.get("additionalProperties", True) is not False
    if open_ended or "patternProperties" in spec.input_schema or not spec.undescribed:
        return ""
    names = ", ".join(spec.undescribed[:5])
    return f"Its input schema requires {names} and allows nothing of that name."


def mismatch(value: Any, schema: Json) -> str:
    """Say where ``value`` departs from ``schema``; empty if it does not, or nobody can tell."""
    try:
        error = next(Draft202012Validator(schema, registry=Registry()).iter_errors(value), None)
    except Exception:  # a schema of the server's own making can break the validator in any way
        return ""
    if error is None:
        return ""
    where = "/".join(str(part) for part in error.absolute_path) or "the top"
    return f"at {where}: {error.message[:200]}"


def _is_valid_draft7(schema: Any) -> bool:
    try:
        Draft7Validator.check_schema(schema)
    except SchemaError:
        return False
    return True
