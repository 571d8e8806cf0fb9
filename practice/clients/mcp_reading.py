"""What an MCP server sent, as the values of practice: tool specs, observations, drift."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import mcp_types as types
from jsonschema import Draft7Validator, Draft202012Validator, SchemaError
from jsonschema.validators import validator_for

from memoryapp.domain.text import redact, redact_value
from practice.clients.mcp_servers import WORKDIR
from practice.domain.types import OBSERVATION_CAP, Json, Observation, ToolSpec

# A secret may begin before the cut and end after it: mask with this much more than is kept.
_OVERLAP = 4_000
_NOTE_ROOM = 60
# No database keeps a NUL in its text.
_NUL, _REPLACEMENT = "\x00", "\ufffd"


@dataclass(frozen=True, slots=True)
class Drift:
    """How a server's tools differ from those that were expected, by name."""

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
    """What a server says of itself. ``problems`` maps unusable tools to the reason."""

    server_name: str
    server_version: str
    tools: tuple[ToolSpec, ...]
    problems: Mapping[str, str]

    @property
    def usable(self) -> tuple[ToolSpec, ...]:
        return tuple(tool for tool in self.tools if tool.name not in self.problems)


def read_tools(listed: Iterable[types.Tool]) -> tuple[tuple[ToolSpec, ...], dict[str, str]]:
    """Return the tools in their order, each name once, and the problems of unusable ones."""
    tools: dict[str, ToolSpec] = {}
    problems: dict[str, str] = {}
    for tool in listed:
        if tool.name in tools:
            problems[tool.name] = "The server lists this name more than once."
            continue
        tools[tool.name] = _spec(tool)
        problem = schema_problem(tool.input_schema)
        if problem:
            problems[tool.name] = problem
    return tuple(tools.values()), problems


def schema_problem(schema: Any) -> str:
    """Say why an input schema cannot be used; empty if it can.

    A schema without ``$schema`` is read as draft 2020-12, as MCP has it, or as draft 7, which many
    servers still write.
    """
    dialect = validator_for(schema, default=Draft202012Validator)
    try:
        dialect.check_schema(schema)
    except SchemaError as error:
        if "$schema" in schema or not _is_valid_draft7(schema):
            where = "/".join(str(part) for part in error.absolute_path) or "the top"
            return f"Its input schema is not valid JSON Schema (at {where}: {error.message[:200]})."
    return ""


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


def observe(
    result: types.CallToolResult, workdir: str = "", secrets: Mapping[str, str] | None = None
) -> Observation:
    """Turn a tool's result into an observation: redacted, and cut to the observation cap.

    ``workdir`` is this attempt's folder; it reads ``{workdir}``, because the folder is gone when
    what was learned is used. ``secrets`` are the environment's own, by name: a tool may echo them.
    """
    text = "\n".join(part for block in result.content if (part := _block_text(block)))
    structured = result.structured_content
    hidden = [(value, f"[redacted: {name}]") for name, value in (secrets or {}).items()]
    for old, new in ((_NUL, _REPLACEMENT), (workdir, WORKDIR), *hidden):
        if old:
            text = text.replace(old, new)
            structured = swap(structured, old, new)
    if not text and structured is not None:
        text = json.dumps(structured, ensure_ascii=False)
    shown, truncated = clip(text)
    return Observation(
        text=shown,
        is_error=bool(result.is_error),
        structured=None if truncated or structured is None else redact_value(structured),
        truncated=truncated,
    )


def swap(value: Any, old: str, new: str) -> Any:
    """Return a JSON value with ``old`` replaced in every string and every key."""
    if isinstance(value, str):
        return value.replace(old, new)
    if isinstance(value, Mapping):
        return {key.replace(old, new): swap(item, old, new) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [swap(item, old, new) for item in value]
    return value


def refusal(text: str) -> Observation:
    """An error observation in our own words or a protocol error's."""
    shown, truncated = clip(text.replace(_NUL, _REPLACEMENT))
    return Observation(text=shown, is_error=True, truncated=truncated)


def clip(text: str) -> tuple[str, bool]:
    """Redact ``text`` and cut it to the cap, with a note of how many characters were cut."""
    shown = redact(text[: OBSERVATION_CAP + _OVERLAP])
    if len(shown) <= OBSERVATION_CAP and len(text) <= OBSERVATION_CAP + _OVERLAP:
        return shown, False
    kept = shown[: OBSERVATION_CAP - _NOTE_ROOM]
    return f"{kept}\n[{len(text) - len(kept):,} more characters were cut]", True


def _spec(tool: types.Tool) -> ToolSpec:
    sent = swap(tool.model_dump(by_alias=True, exclude_none=True), _NUL, _REPLACEMENT)
    return ToolSpec(
        name=sent["name"],
        description=sent.get("description", ""),
        input_schema=_plain_properties(sent["inputSchema"]),
        annotations=sent.get("annotations", {}),
        output_schema=sent.get("outputSchema"),
    )


def _plain_properties(schema: Json) -> dict[str, Any]:
    """Write ``true`` for a parameter as ``{}``: the same to JSON Schema, simpler to read."""
    properties = schema.get("properties")
    if not isinstance(properties, Mapping):
        return dict(schema)
    return {
        **schema,
        "properties": {
            name: {} if one is True else {"not": {}} if one is False else one
            for name, one in properties.items()
        },
    }


def _is_valid_draft7(schema: Any) -> bool:
    try:
        Draft7Validator.check_schema(schema)
    except SchemaError:
        return False
    return True


def _block_text(block: types.ContentBlock) -> str:
    match block:
        case types.TextContent():
            return block.text
        case types.ImageContent() | types.AudioContent():
            return f"[{block.type}, {block.mime_type}, {len(block.data):,} characters of base64]"
        case types.ResourceLink():
            return f"[resource {block.uri}]"
        case types.EmbeddedResource(resource=types.TextResourceContents() as resource):
            return resource.text
        case _:
            return f"[resource {block.resource.uri}, not text]"
