"""Values held against a tool's own schema: what is wrong with them, and whether they would fit."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from jsonschema import Draft202012Validator
from referencing import Registry

from practice.agents.rules.schema import kind
from practice.domain.types import Json, ToolSpec


def problems(tool: ToolSpec, arguments: Json) -> list[str]:
    """Return what is wrong with ``arguments`` by the tool's own schema, in words."""
    schema = dict(tool.input_schema)
    if not schema:
        return []
    return [_plain(error) for error in _errors(schema, arguments)]


def _errors(schema: Mapping[str, Any], arguments: Json) -> Iterator[Any]:
    """Yield what a schema says is wrong; nothing is fetched, and one that breaks says nothing."""
    try:
        yield from list(
            Draft202012Validator(schema, registry=Registry()).iter_errors(dict(arguments))
        )
    except Exception:  # a schema of the server's own making can break the validator in any way
        return


def _plain(error: Any) -> str:
    where = ".".join(str(p) for p in error.absolute_path)
    return f"{where}: {error.message}" if where else str(error.message)


def coerce(value: Any, schema: Json) -> Any:
    """Return ``value`` as the type the schema names, unchanged where that cannot be done."""
    type_ = kind(schema)
    try:
        if type_ == "array" and not isinstance(value, list):
            return [value]
        if type_ == "integer" and not isinstance(value, bool):
            return int(value)
        if type_ == "number" and not isinstance(value, bool):
            number = float(value)
            return number if math.isfinite(number) else value  # "nan" is somebody's name
        if type_ == "string" and isinstance(value, (int, float)) and not isinstance(value, bool):
            return str(value)
    except (TypeError, ValueError, OverflowError):
        return value
    return value


def fits(value: Any, schema: Json) -> bool:
    """Whether an observed scalar could be passed for a parameter."""
    type_ = kind(schema)
    if isinstance(value, bool) or value is None or value == "":
        return False
    if type_ == "integer":
        return isinstance(value, int) or (isinstance(value, str) and value.isdigit())
    if type_ == "number":
        return isinstance(value, (int, float))
    # A number where text is asked for is another system's identifier more often than not.
    return isinstance(value, str) and 0 < len(value) <= 120
