"""Schemas of an OpenAPI document as plain JSON Schema: references resolved, 3.0 words translated.

An agent reads a tool's schema as it stands, so every ``$ref`` is replaced by what it refers to. A
schema that refers to itself is cut where it would begin again: what is left there says its type and
allows anything of that type.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote

from practice.domain.types import Json

REF_DEPTH = 8
DEPTH_CAP = 40
NODE_CAP = 3_000
_LINK_CAP = 20
#: words of OpenAPI that JSON Schema does not know, or that are translated.
_DROPPED = frozenset(
    {"xml", "discriminator", "externalDocs", "nullable", "example", "readOnly", "writeOnly"}
)
_SINGLE = frozenset(
    {"items", "additionalProperties", "not", "contains", "propertyNames", "if", "then", "else"}
)
_LISTS = frozenset({"allOf", "anyOf", "oneOf", "prefixItems"})
_NAMED = frozenset({"properties", "patternProperties", "dependentSchemas"})


class Unreadable(ValueError):
    """A part of the document cannot be used; ``str`` is a sentence for the operator."""


class Resolver:
    """Reads one document, whose root it is given."""

    def __init__(self, root: Json) -> None:
        self._root = root
        self._nodes = 0

    def follow(self, node: Any) -> Json:
        """The object a node is or refers to.

        Raises:
            Unreadable: a reference leads nowhere, in a circle, or out of the document.
        """
        for _ in range(_LINK_CAP):
            if not isinstance(node, Mapping):
                raise Unreadable("A part of it that should be an object is something else.")
            if "$ref" not in node:
                return node
            node = self._target(str(node["$ref"]))
        raise Unreadable(f"Its reference {node.get('$ref')} leads in a circle.")

    def schema(self, node: Any, *, sent: bool) -> dict[str, Any]:
        """A schema without references; ``sent`` leaves out what only the service may set.

        Raises:
            Unreadable: a reference leads nowhere or out of the document.
        """
        self._nodes = 0
        return self._schema(node, (), 0, sent)

    def _target(self, ref: str) -> Any:
        if not ref.startswith("#"):
            raise Unreadable(
                f"It refers to another document ({ref[:100]}). Bundle the documents into one."
            )
        found: Any = self._root
        for part in ref[1:].lstrip("/").split("/"):
            key = unquote(part).replace("~1", "/").replace("~0", "~")
            try:
                found = found[int(key)] if isinstance(found, list) else found[key]
            except (KeyError, IndexError, ValueError, TypeError) as error:
                raise Unreadable(f"Its reference {ref[:100]} leads nowhere.") from error
        return found

    def _schema(self, node: Any, refs: tuple[str, ...], depth: int, sent: bool) -> dict[str, Any]:
        self._nodes += 1
        if node is False:
            return {"not": {}}
        if not isinstance(node, Mapping) or self._nodes > NODE_CAP or depth > DEPTH_CAP:
            return {}
        if "$ref" in node:
            return self._referred(node, refs, depth, sent)
        made = {
            key: self._member(key, value, refs, depth, sent)
            for key, value in node.items()
            if key not in _DROPPED and not key.startswith("x-")
        }
        if sent and "properties" in made:
            self._leave_out_read_only(made, node["properties"])
        _translate(made, node)
        return _one_object(made)

    def _referred(
        self, node: Json, refs: tuple[str, ...], depth: int, sent: bool
    ) -> dict[str, Any]:
        ref = str(node["$ref"])
        target = self._target(ref)
        if ref in refs or len(refs) >= REF_DEPTH:
            kept = target if isinstance(target, Mapping) else {}
            return {key: kept[key] for key in ("type", "description") if key in kept}
        made = self._schema(target, (*refs, ref), depth + 1, sent)
        beside = {key: node[key] for key in ("description", "default") if key in node}
        return {**made, **beside}

    def _member(self, key: str, value: Any, refs: tuple[str, ...], depth: int, sent: bool) -> Any:
        if key in _SINGLE and isinstance(value, Mapping):
            return self._schema(value, refs, depth + 1, sent)
        if key in _LISTS and isinstance(value, list):
            return [self._schema(one, refs, depth + 1, sent) for one in value]
        if key in _NAMED and isinstance(value, Mapping):
            return {name: self._schema(one, refs, depth + 1, sent) for name, one in value.items()}
        return value

    def _leave_out_read_only(self, made: dict[str, Any], properties: Any) -> None:
        if not isinstance(properties, Mapping):
            return
        kept = {
            name
            for name, one in properties.items()
            if not isinstance(one, Mapping) or self.follow(one).get("readOnly") is not True
        }
        made["properties"] = {n: one for n, one in made["properties"].items() if n in kept}
        if isinstance(made.get("required"), list):
            made["required"] = [n for n in made["required"] if n in kept or n not in properties]


def _translate(made: dict[str, Any], node: Json) -> None:
    """Say in JSON Schema what OpenAPI 3.0 says in words of its own."""
    if "example" in node and "examples" not in made:
        made["examples"] = [node["example"]]
    elif isinstance(made.get("examples"), Mapping):
        made["examples"] = list(_example_values(made["examples"]))
    for bound, exclusive in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
        if isinstance(made.get(exclusive), bool) and made.pop(exclusive) and bound in made:
            made[exclusive] = made.pop(bound)
    if node.get("nullable") is True and isinstance(made.get("type"), str):
        made["type"] = [made["type"], "null"]
        if isinstance(made.get("enum"), list) and None not in made["enum"]:
            made["enum"] = [*made["enum"], None]


def _example_values(examples: Json) -> Iterator[Any]:
    for one in examples.values():
        if isinstance(one, Mapping) and "value" in one:
            yield one["value"]


def _one_object(made: dict[str, Any]) -> dict[str, Any]:
    """Write an ``allOf`` of plain objects as the one object it describes."""
    parts = made.get("allOf")
    if not isinstance(parts, list) or not parts:
        return made
    rest = {key: value for key, value in made.items() if key != "allOf"}
    if len(parts) == 1 and not set(rest) - {"description", "default", "examples"}:
        return {**parts[0], **rest}
    everything = [*parts, rest] if "properties" in rest else parts
    if not all(_is_plain_object(part) for part in everything):
        return made
    properties: dict[str, Any] = {}
    required: dict[str, None] = {}
    for part in everything:
        properties |= part.get("properties", {})
        required |= dict.fromkeys(part.get("required", ()))
    described: dict[str, Any] = {key: rest[key] for key in ("description", "title") if key in rest}
    named = {"required": list(required)} if required else {}
    return {"type": "object", **described, "properties": properties, **named}


def _is_plain_object(part: Json) -> bool:
    """Whether a schema says only which properties an object has."""
    known = {"type", "properties", "required", "description", "title", "examples"}
    if part.get("type", "object") != "object" or set(part) - known or not part:
        return False
    named = part.get("required", [])
    is_listed = isinstance(named, list) and all(isinstance(name, str) for name in named)
    return is_listed and isinstance(part.get("properties", {}), Mapping)
