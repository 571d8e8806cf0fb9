"""Values to plain JSON and back, guided by the types themselves."""

from __future__ import annotations

import dataclasses
import math
import types
import typing
from enum import Enum
from functools import cache
from typing import Any, TypeVar

Value = TypeVar("Value")


def to_json(value: Any) -> Any:
    """Dataclasses become objects, tuples lists, enums their values; NaN and infinity ``None``."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: to_json(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, dict):
        return {str(key): to_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [to_json(item) for item in value]
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    return value


@cache
def _hints(kind: type) -> dict[str, Any]:
    return typing.get_type_hints(kind)


def from_json(kind: type[Value], data: Any) -> Value:
    """The value of type ``kind`` that ``to_json`` made ``data`` from.

    Raises:
        ValueError: ``data`` does not fit; the message names the type and the field.
    """
    read: Value = _read(kind, data)
    return read


def _read(kind: Any, data: Any) -> Any:
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        return _read_dataclass(kind, data)
    origin = typing.get_origin(kind)
    if origin in (types.UnionType, typing.Union):
        choices = [choice for choice in typing.get_args(kind) if choice is not type(None)]
        return None if data is None else _read(choices[0], data)
    if origin is tuple:
        return _read_tuple(typing.get_args(kind), data)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind(data)
    if kind is float:
        return math.nan if data is None else float(data)
    if isinstance(kind, type) and not isinstance(data, kind):
        raise ValueError(f"{data!r} is not {kind.__name__}")
    return data


def _read_dataclass(kind: type, data: Any) -> Any:
    if not isinstance(data, dict):
        raise ValueError(f"{kind.__name__} is read from an object, not from {type(data).__name__}")
    hints = _hints(kind)
    try:
        return kind(**{name: _read(hints[name], item) for name, item in data.items()})
    except (KeyError, TypeError) as error:
        raise ValueError(f"{kind.__name__} cannot be read: {error}") from error


def _read_tuple(parts: tuple[Any, ...], data: Any) -> tuple[Any, ...]:
    if not isinstance(data, list | tuple):
        raise ValueError(f"a list is needed, not {type(data).__name__}")
    if len(parts) == 2 and parts[1] is Ellipsis:
        return tuple(_read(parts[0], item) for item in data)
    if len(parts) != len(data):
        raise ValueError(f"{len(parts)} items are needed, not {len(data)}")
    return tuple(_read(part, item) for part, item in zip(parts, data, strict=True))
