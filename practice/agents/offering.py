"""What a solver is told of an environment's tools, bounded: it is sent with every request.

Where everything together is too long, tools that neither the task nor the playbook speaks of are
told shorter first, all of them alike: descriptions, then the texts inside their schemas, then what
a schema says beyond names and types. No tool is ever left out. A schema told shorter is still
enforced as a whole, so a call that breaks it is answered with what is wrong.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pydantic_ai.tools import ToolDefinition

from memoryapp.domain.playbook import estimate_tokens
from practice.agents.prompting import clipped
from practice.domain.types import Json

#: tokens of names, descriptions and schemas together. Only bare names may exceed it.
OFFER_TOKENS = 24_000
ANYTHING: Json = {"type": "object", "properties": {}}
_TEXTS = ("description", "title", "$comment")
_MAPS = ("properties", "patternProperties", "$defs", "definitions", "dependentSchemas")
#: keywords whose value is data, not a schema.
_DATA = ("enum", "const", "default", "required")
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_WORD = re.compile(r"[a-z0-9]+")


@dataclass(frozen=True, slots=True)
class _Form:
    """How a tool is told: characters of its description and of each text inside its schema.

    ``detail`` is 2 for the whole schema, 1 for the names and types of its parameters, 0 for nothing
    of it.
    """

    description: int
    texts: int
    detail: int = 2


#: from mild to harsh.
_FORMS = (
    _Form(4_000, 4_000),
    _Form(1_000, 1_000),
    _Form(400, 400),
    _Form(400, 120),
    _Form(160, 40),
    _Form(160, 0),
    _Form(160, 0, detail=1),
    _Form(40, 0, detail=1),
    _Form(0, 0, detail=0),
)


def offered(
    definitions: Sequence[ToolDefinition], named: Collection[str], token_budget: int = OFFER_TOKENS
) -> list[ToolDefinition]:
    """Return all of ``definitions``, in their order, told as fully as ``token_budget`` allows.

    Those ``named`` are shortened only where shortening all others is not enough.
    """
    told = [_Told(definition) for definition in definitions]
    last = len(_FORMS) - 1
    for own, other in [(0, n) for n in range(last + 1)] + [(n, last) for n in range(1, last + 1)]:
        forms = [own if t.definition.name in named else other for t in told]
        if sum(t.tokens(form) for t, form in zip(told, forms, strict=True)) <= token_budget:
            break
    return [t.form(form) for t, form in zip(told, forms, strict=True)]


def mentioned(names: Collection[str], instruction: str, playbook: str) -> frozenset[str]:
    """Return the names that a playbook writes, or whose words an instruction says."""
    words = _words(instruction)
    written = set(re.findall(r"[\w-]+", f"{instruction} {playbook}"))
    return frozenset(name for name in names if name in written or set() < _words(name) <= words)


class _Told:
    """One tool and the forms in which it was told so far."""

    def __init__(self, definition: ToolDefinition) -> None:
        self.definition = definition
        self._forms: dict[int, tuple[ToolDefinition, int]] = {}

    def form(self, place: int) -> ToolDefinition:
        return self._form(place)[0]

    def tokens(self, place: int) -> int:
        return self._form(place)[1]

    def _form(self, place: int) -> tuple[ToolDefinition, int]:
        if place not in self._forms:
            shown = _as(_FORMS[place], self.definition)
            text = json.dumps(shown.parameters_json_schema, ensure_ascii=False)
            size = estimate_tokens(f"{shown.name}{shown.description or ''}{text}")
            self._forms[place] = (shown, size)
        return self._forms[place]


def _as(form: _Form, tool: ToolDefinition) -> ToolDefinition:
    description = clipped(tool.description or "", form.description) if form.description else ""
    schema = tool.parameters_json_schema
    if form.detail == 2:
        shown = _shorter(schema, form.texts)
    else:
        shown = _names_and_types(schema) if form.detail else dict(ANYTHING)
    return replace(tool, description=description or None, parameters_json_schema=shown)


def _shorter(schema: Any, cap: int) -> Any:
    """Return a schema with every text in it cut to ``cap`` characters; without texts at 0."""
    if isinstance(schema, list):
        return [_shorter(item, cap) for item in schema]
    if not isinstance(schema, Mapping):
        return schema
    shown: dict[str, Any] = {}
    for key, value in schema.items():
        if key in _MAPS and isinstance(value, Mapping):
            # What stands here are names: a parameter may well be called ``title``.
            shown[key] = {name: _shorter(inner, cap) for name, inner in value.items()}
        elif key in _TEXTS and isinstance(value, str):
            if cap:
                shown[key] = clipped(value, cap)
        elif key == "examples":
            if len(json.dumps(value)) <= cap:
                shown[key] = value
        else:
            shown[key] = value if key in _DATA else _shorter(value, cap)
    return shown


def _names_and_types(schema: Json) -> dict[str, Any]:
    properties = schema.get("properties", {})
    shown = {
        name: {"type": inner["type"]} if isinstance(inner, Mapping) and "type" in inner else {}
        for name, inner in properties.items()
    }
    required = {"required": schema["required"]} if schema.get("required") else {}
    return {"type": "object", "properties": shown, **required}


def _words(text: str) -> set[str]:
    """The words of a text or a name, without the ``s`` of a plural."""
    return {word.rstrip("s") for word in _WORD.findall(_HUMP.sub(" ", text).lower())}
