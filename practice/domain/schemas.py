"""A tool's schema read without its document: what each parameter takes. Pure.

Servers written with typed models (FastMCP, Pydantic, zod) say of a parameter only where its schema
stands (``$ref``) or that it may also be ``null`` (``anyOf``). Whoever plans a call needs what is
there. Schemas come from outside: circles are cut, and so is what unfolds without end.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import unquote

Schema = Mapping[str, Any]

DEEPEST = 12
MOST_NODES = 600
ENUM_CAP = 40
#: so many values of several choices are put into one; definitions that multiply hold millions.
MOST_VALUES = 2_000
#: words of a schema that hold, or may hold, another one.
_SINGLE = ("items", "additionalProperties")
_LISTS = ("anyOf", "oneOf", "allOf", "prefixItems")
#: what a reference says where it goes into a list: which item, from 0.
_PLACE = re.compile(r"0|[1-9]\d{0,6}", re.ASCII)
_FOLDED = frozenset({"$ref", "const", "anyOf", "oneOf", "allOf"})
_TYPES = {bool: "boolean", int: "integer", float: "number", str: "string"}


def unfolded(schema: Schema, root: Schema) -> Schema:
    """Return a schema of ``root`` with its references followed and its alternatives put together.

    "Either this or ``null``" becomes this with ``null`` among its types, a constant a choice of
    one, and choices told one by one a single choice.
    """
    return _Reader(root).read(schema, ()) if _is_folded(schema) else schema


def _is_folded(node: Any, depth: int = 0) -> bool:
    """Whether anything of it has to be read elsewhere, or otherwise than it stands."""
    if not isinstance(node, Mapping) or depth > DEEPEST:
        return False
    if not _FOLDED.isdisjoint(node) or ("enum" in node and "type" not in node):
        return True
    named = node.get("properties")
    inner = [*named.values()] if isinstance(named, Mapping) else []
    inner += [node[key] for key in _SINGLE if key in node]
    return any(_is_folded(one, depth + 1) for one in inner)


class _Reader:
    """Reads one schema; ``root`` is the document its references point into."""

    def __init__(self, root: Schema) -> None:
        self._root = root
        self._nodes = 0

    def read(self, node: Any, refs: tuple[str, ...], depth: int = 0) -> dict[str, Any]:
        self._nodes += 1
        if not isinstance(node, Mapping) or depth > DEEPEST or self._nodes > MOST_NODES:
            return {}
        if isinstance(node.get("$ref"), str):
            return self._referred(node, refs, depth)
        made = {key: self._member(key, value, refs, depth) for key, value in node.items()}
        return _simplified(made)

    def _referred(self, node: Schema, refs: tuple[str, ...], depth: int) -> dict[str, Any]:
        ref = node["$ref"]
        beside = self.read({k: v for k, v in node.items() if k != "$ref"}, refs, depth + 1)
        target = self._target(ref)
        if ref in refs:
            # It holds itself: where it begins again, only its type and description are kept.
            return {**{k: target[k] for k in ("type", "description") if k in target}, **beside}
        return {**self.read(target, (*refs, ref), depth + 1), **beside}

    def _target(self, ref: str) -> Schema:
        """What a reference into the same document points to; nothing where it leads nowhere."""
        found: Any = self._root if ref.startswith("#") else {}
        for part in ref[1:].split("/")[1:]:
            found = _inside(found, unquote(part).replace("~1", "/").replace("~0", "~"))
        return found if isinstance(found, Mapping) else {}

    def _member(self, key: str, value: Any, refs: tuple[str, ...], depth: int) -> Any:
        if key in _SINGLE and isinstance(value, Mapping):
            return self.read(value, refs, depth + 1)
        if key in _LISTS and isinstance(value, list):
            return [self.read(one, refs, depth + 1) for one in value]
        if key == "properties" and isinstance(value, Mapping):
            return {name: self.read(one, refs, depth + 1) for name, one in value.items()}
        return value


def _inside(node: Any, key: str) -> Any:
    """What stands under a name of an object, or in a place of a list: zod refers to those too."""
    if isinstance(node, list):
        return node[int(key)] if _PLACE.fullmatch(key) and int(key) < len(node) else {}
    return node.get(key, {}) if isinstance(node, Mapping) else {}


def _simplified(made: dict[str, Any]) -> dict[str, Any]:
    if "const" in made and "enum" not in made:
        made = {**made, "enum": [made["const"]]}
    for key in ("allOf", "anyOf", "oneOf"):
        options = made.get(key)
        if isinstance(options, list) and options:
            made = _joined(made, key, options)
    return _typed(made)


def _joined(made: dict[str, Any], key: str, options: Sequence[Any]) -> dict[str, Any]:
    """Replace alternatives that leave one form, or choices only, by that form or one choice."""
    rest = {name: value for name, value in made.items() if name != key}
    real = [one for one in options if one and not _is_null(one)]
    nullable = any(_is_null(one) for one in options)
    if key != "allOf":
        if {} in options:
            # Beside one of which nothing is known, the others are not all that may be passed.
            return made
        if real and all(isinstance(one.get("enum"), list) for one in real):
            return _chosen(made, rest, real, nullable=nullable)
    if len(real) != 1:
        return made
    return _or_null({**real[0], **rest}, nullable=nullable)


def _is_null(one: Schema) -> bool:
    return one.get("type") == "null" or one.get("enum") == [None]


def _chosen(
    made: dict[str, Any], rest: Schema, real: Sequence[Schema], *, nullable: bool
) -> dict[str, Any]:
    """One choice of what several leave, of the type that all of them name."""
    if sum(len(one["enum"]) for one in real) > MOST_VALUES and len(real) > 1:
        return made
    declared = real[0].get("type")
    is_shared = isinstance(declared, str) and all(one.get("type") == declared for one in real)
    only = {"type": declared} if is_shared else {}
    values = [value for one in real for value in one["enum"]]
    return _or_null({"enum": values, **only, **rest}, nullable=nullable)


def _or_null(made: dict[str, Any], *, nullable: bool) -> dict[str, Any]:
    declared = made.get("type")
    return {**made, "type": [declared, "null"]} if nullable and isinstance(declared, str) else made


def _typed(made: dict[str, Any]) -> dict[str, Any]:
    """Name the type that all values of a choice have, where nothing else says it."""
    values = made.get("enum")
    if "type" in made or not isinstance(values, list):
        return made
    types = {_TYPES.get(type(value)) for value in values if value is not None}
    return {**made, "type": types.pop()} if len(types) == 1 and None not in types else made


def shape(schema: Schema, depth: int = 0) -> str:
    """Say in a few words what a value is, down to the fields of objects and items of lists.

    ``{sku: string, qty: integer (1 to 100), bin?: string or null}``; a ``?`` is an optional field.
    """
    if depth > DEEPEST or not isinstance(schema, Mapping):
        return "any"
    for key in ("anyOf", "oneOf"):
        options = schema.get(key)
        if isinstance(options, list) and options:
            return " or ".join(dict.fromkeys(shape(one, depth + 1) for one in options))
    declared = schema.get("type")
    types = declared if isinstance(declared, list) and declared else [declared or "any"]
    return " or ".join(_one_shape(str(one), schema, depth) for one in types)


def _one_shape(type_: str, schema: Schema, depth: int) -> str:
    enum = schema.get("enum")
    if type_ == "null":
        return "null"
    if isinstance(enum, list) and enum:
        shown = ", ".join(json.dumps(v, ensure_ascii=False, default=str) for v in enum[:ENUM_CAP])
        return f"one of [{shown}{', …' if len(enum) > ENUM_CAP else ''}]"
    if type_ == "array":
        items = schema.get("items")
        return f"list of {shape(items, depth + 1)}" if isinstance(items, Mapping) else "list"
    if type_ == "object":
        return _fields(schema, depth)
    limits = limits_of(schema)
    return f"{type_} ({limits})" if limits else type_


def _fields(schema: Schema, depth: int) -> str:
    inner = schema.get("properties")
    listed = schema.get("required")
    required = {n for n in listed if isinstance(n, str)} if isinstance(listed, list) else set()
    if isinstance(inner, Mapping) and inner:
        told = (
            f"{name}{'' if name in required else '?'}: {shape(one, depth + 1)}"
            for name, one in inner.items()
        )
        return f"{{{', '.join(told)}}}"
    values = schema.get("additionalProperties")
    if isinstance(values, Mapping) and values:
        return f"object of {shape(values, depth + 1)}"
    return "object"


def limits_of(schema: Schema) -> str:
    """Say the format, the pattern and the bounds of a single value; empty where it has none."""
    told = [str(schema[key]) for key in ("format", "pattern") if isinstance(schema.get(key), str)]
    told += _bounds(schema)
    longest = schema.get("maxLength")
    if isinstance(longest, int):
        told.append(f"at most {longest} characters")
    return ", ".join(told)


def _bounds(schema: Schema) -> list[str]:
    low, high, above, below = (
        schema.get(key) if _is_number(schema.get(key)) else None
        for key in ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")
    )
    if low is not None and high is not None:
        return [f"{low} to {high}"]
    ends = {"from": low, "above": above, "up to": high, "below": below}
    return [f"{word} {value}" for word, value in ends.items() if value is not None]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
