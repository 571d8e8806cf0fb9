"""What an MCP server sent, as the values of practice: tool specs and observations."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import mcp_types as types

from memoryapp.domain.masking import redact_value
from memoryapp.domain.nesting import DEEPEST, nested_beyond
from practice.clients.answers import TOO_DEEP, hide, swap
from practice.clients.discovery import schema_problem
from practice.clients.mcp_servers import WORKDIR
from practice.domain.cutting import clip, whole
from practice.domain.reading import read_json, whole_characters, whole_text
from practice.domain.types import Json, Observation, ToolSpec

SCHEMA_TOO_DEEP = f"Its schema is nested more than {DEEPEST} levels deep."


def read_tools(
    listed: Iterable[types.Tool], secrets: Mapping[str, str]
) -> tuple[tuple[ToolSpec, ...], dict[str, str]]:
    """Return the tools in their order, each name once, and the problems of unusable ones.

    Descriptions and schemas are kept and shown to models, so they are masked like answers.
    """
    tools: dict[str, ToolSpec] = {}
    problems: dict[str, str] = {}
    for tool in listed:
        if tool.name in tools:
            problems[tool.name] = "The server lists this name more than once."
            continue
        if nested_beyond(tool.model_dump()):
            tools[tool.name] = ToolSpec(whole_text(tool.name), input_schema={"type": "object"})
            problems[tool.name] = SCHEMA_TOO_DEEP
            continue
        tools[tool.name] = _spec(tool, secrets)
        problem = schema_problem(whole_characters(tool.input_schema))
        if problem:
            problems[tool.name] = problem
    return tuple(tools.values()), problems


def observe(
    result: types.CallToolResult, workdir: str = "", secrets: Mapping[str, str] | None = None
) -> Observation:
    """Turn a tool's result into an observation: redacted, and cut to the observation cap.

    ``workdir`` is this attempt's folder; it reads ``{workdir}``, because the folder is gone when
    what was learned is used. ``secrets`` are the environment's own, by name: a tool may echo them.
    """
    blocks = [part for block in result.content if (part := _block_text(block))]
    structured = result.structured_content
    text = _list_of(blocks, structured) or "\n".join(blocks)
    if nested_beyond(structured):
        text, structured = text or TOO_DEEP, None
    if workdir:
        text, structured = swap(text, workdir, WORKDIR), swap(structured, workdir, WORKDIR)
    text, structured = hide(text, secrets or {}), hide(structured, secrets or {})
    if not text and structured is not None:
        text = json.dumps(structured, ensure_ascii=False)
    shown, truncated = clip(text)
    return Observation(
        text=shown,
        is_error=bool(result.is_error),
        structured=None if truncated or structured is None else redact_value(structured),
        truncated=truncated,
        whole=whole(text),
    )


def _spec(tool: types.Tool, secrets: Mapping[str, str]) -> ToolSpec:
    sent = redact_value(hide(tool.model_dump(by_alias=True, exclude_none=True), secrets))
    return ToolSpec(
        name=whole_text(tool.name),
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


def _list_of(blocks: Sequence[str], structured: Any) -> str:
    """Return the JSON of a list whose items came as a block each; empty where it is none.

    FastMCP answers so, and says in ``structured`` that it was one list. Put one below the other,
    the items would be no JSON, and a list of one would read as its item.
    """
    result = structured.get("result") if isinstance(structured, Mapping) else None
    if isinstance(result, list) and len(structured) == 1 and len(result) == len(blocks):
        return json.dumps(result, ensure_ascii=False)
    if len(blocks) < 2 or structured is not None:
        return ""
    try:
        return json.dumps([read_json(block) for block in blocks], ensure_ascii=False)
    except ValueError:
        return ""


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
