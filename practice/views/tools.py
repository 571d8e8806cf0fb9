"""A tool as a person reads it: effect, permission, parameters out of its JSON Schema."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from memoryapp.domain.json_texts import as_text
from memoryapp.domain.seen import shown
from memoryapp.queries.meanwhile import Meanwhile
from practice.domain.coverage import SHAPE_CAP, clip
from practice.domain.orders import orders_in
from practice.domain.schemas import shape, unfolded
from practice.domain.types import Effect
from practice.models import EnvironmentTool
from practice.queries.environments import why_off
from practice.services.tools import switch_of

#: characters of a description that fit into one line of a card.
BRIEF = 100
CHOICES_SHOWN = 12


@dataclass(frozen=True, slots=True)
class Parameter:
    name: str
    type: str
    required: bool
    description: str
    #: allowed values, default, format and bounds, each said in words.
    limits: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ToolCard:
    """One tool on its environment's page. ``refused`` is why a change was not made.

    ``seen`` is what turning it on sends back, and ``meanwhile`` what others made of it before.
    """

    tool: EnvironmentTool
    effect: str
    parameters: tuple[Parameter, ...]
    why: str
    seen: str
    refused: str = ""
    meanwhile: Meanwhile | None = None
    #: phrases of the description that read like orders to a model.
    orders: tuple[str, ...] = ()
    #: parameters the schema requires and says nothing of.
    undescribed: tuple[str, ...] = ()

    @property
    def is_on(self) -> bool:
        return not self.why

    @property
    def is_cautious(self) -> bool:
        return Effect(self.effect).is_cautious

    @property
    def is_brief(self) -> bool:
        """Whether the description stands in the line that opens the parameters."""
        return len(self.tool.description) <= BRIEF and "\n" not in self.tool.description


def card_of(
    tool: EnvironmentTool, *, refused: str = "", meanwhile: Meanwhile | None = None
) -> ToolCard:
    """A tool as its card shows it. ``refused`` is why a change of it was not made, if one was not;
    ``meanwhile`` is what others saved since its reader saw it.
    """
    return ToolCard(
        tool=tool,
        effect=tool.effect.value,
        parameters=parameters_of(tool.input_schema),
        why=why_off(tool),
        seen=shown(switch_of(tool)),
        refused=refused,
        meanwhile=meanwhile,
        orders=orders_in(tool.as_spec()),
        undescribed=tool.as_spec().undescribed,
    )


def parameters_of(schema: Any) -> tuple[Parameter, ...]:
    """Read the parameters out of an input schema; what a server got wrong is left out.

    Required parameters come first. The schema is a stranger's text: nothing about its shape is
    taken for granted.
    """
    properties = schema.get("properties") if isinstance(schema, Mapping) else None
    if not isinstance(properties, Mapping):
        return ()
    listed = schema.get("required")
    required = set(map(str, listed)) if isinstance(listed, list) else set()
    found = [
        Parameter(
            name=str(name),
            type=_type(given),
            required=name in required,
            description=str(given.get("description", "")),
            limits=_limits(given),
        )
        for name, given in _unfolded(properties, schema)
    ]
    return tuple(sorted(found, key=lambda parameter: not parameter.required))


def _unfolded(properties: Mapping[str, Any], schema: Any) -> Iterator[tuple[str, Any]]:
    for name, given in properties.items():
        if isinstance(given, Mapping):
            yield name, unfolded(given, schema)


def _type(schema: Mapping[str, Any]) -> str:
    """Words for a schema: ``string``, ``list of integer``, ``{sku: string, qty?: integer}``."""
    kind = schema.get("type")
    if isinstance(schema.get("properties"), Mapping):
        return clip(shape(schema), SHAPE_CAP)
    if isinstance(kind, list):
        return " or ".join(map(str, kind))
    for key in ("anyOf", "oneOf"):
        choices = schema.get(key)
        if isinstance(choices, list):
            return " or ".join(dict.fromkeys(_type(c) for c in choices if isinstance(c, Mapping)))
    items = schema.get("items")
    if kind == "array" and isinstance(items, Mapping):
        return f"list of {_type(items)}"
    if kind is None and "enum" in schema:
        return "one of a list"
    return str(kind or "any")


_BOUNDS = {
    "format": "format {}",
    "pattern": "matches {}",
    "minimum": "at least {}",
    "maximum": "at most {}",
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
}


def _limits(schema: Mapping[str, Any]) -> tuple[str, ...]:
    said = []
    choices = schema.get("enum")
    if isinstance(choices, list):
        shown = ", ".join(as_text(choice) for choice in choices[:CHOICES_SHOWN])
        more = len(choices) - CHOICES_SHOWN
        said.append(f"one of {shown}{f' and {more} more' if more > 0 else ''}")
    if "default" in schema:
        said.append(f"default {as_text(schema['default'])}")
    said += [words.format(schema[key]) for key, words in _BOUNDS.items() if key in schema]
    return tuple(said)
