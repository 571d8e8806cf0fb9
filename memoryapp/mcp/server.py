"""The MCP server: what it offers, and how a request reaches the code behind it.

The SDK speaks the revision of 2026 and those of 2024 and 2025 at one address; every request carries
its key, so nothing is kept between two of them and any process can answer.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import mcp_types as types
from django.db import InterfaceError, OperationalError
from mcp.server.caching import CacheHint
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.shared.exceptions import MCPError

from memoryapp.domain.problems import AWAY
from memoryapp.mcp import playbooks, tools
from memoryapp.mcp.threads import in_thread
from memoryapp.mcp.tools import Caller

logger = logging.getLogger(__name__)
Params = ParamSpec("Params")
Result = TypeVar("Result")

NAME = "greenroom"
CALLER = "greenroom.caller"
INSTRUCTIONS = (
    "Greenroom holds what agents learned and people reviewed. Before a task, call search_memory or "
    "read a playbook; after it, say how it went with report_outcome, and propose what you learned "
    "with propose_lesson."
)
BROKEN = (
    "Something went wrong in Greenroom, not in your request. Nothing was saved. The server's log "
    "has the details."
)
#: As long as a pulled playbook counts as fresh (Cache-Control max-age=60).
FRESH_MS = 60_000
FIXED_MS = 3_600_000

Context = ServerRequestContext[Any, Any]


def build() -> Server[Any]:
    """Return the server with all its handlers."""
    return Server(
        NAME,
        version="1",
        title="Greenroom",
        instructions=INSTRUCTIONS,
        cache_hints={
            "tools/list": CacheHint(FIXED_MS, "public"),
            "resources/templates/list": CacheHint(FIXED_MS, "public"),
            "resources/list": CacheHint(FRESH_MS, "private"),
            "resources/read": CacheHint(FRESH_MS, "private"),
            "prompts/list": CacheHint(FRESH_MS, "private"),
        },
        get_tool_input_schema=tools.input_schema,
        on_list_tools=_list_tools,
        on_call_tool=_call_tool,
        on_list_resources=_list_resources,
        on_list_resource_templates=_list_templates,
        on_read_resource=_read_resource,
        on_list_prompts=_list_prompts,
        on_get_prompt=_get_prompt,
    )


def _caller(context: Context) -> Caller:
    """Who the gate found before the SDK saw the request."""
    assert context.request is not None  # every request comes over HTTP, through the gate
    caller: Caller = context.request.scope[CALLER]
    return caller


async def _answered(
    function: Callable[Params, Result], *args: Params.args, **kwargs: Params.kwargs
) -> Result:
    """Run ``function`` in a thread. What breaks is told in our words.

    To clients of 2025 the SDK would send the exception's own, which may name hosts and users.

    Raises:
        MCPError: the function's own, or that something broke.
    """
    try:
        return await in_thread(function, *args, **kwargs)
    except MCPError:
        raise
    except (OperationalError, InterfaceError) as error:
        logger.warning("The database does not answer MCP. %s", error)
        raise MCPError(types.INTERNAL_ERROR, AWAY) from error
    except Exception as error:
        logger.exception("A request over MCP failed.")
        raise MCPError(types.INTERNAL_ERROR, BROKEN) from error


def _cursor(params: types.PaginatedRequestParams | None) -> str | None:
    return params.cursor if params is not None else None


async def _list_tools(
    context: Context, params: types.PaginatedRequestParams | None
) -> types.ListToolsResult:
    return types.ListToolsResult(tools=[offered.tool for offered in tools.TOOLS.values()])


async def _call_tool(context: Context, params: types.CallToolRequestParams) -> types.CallToolResult:
    if params.name not in tools.TOOLS:
        known = ", ".join(tools.TOOLS)
        raise MCPError(types.INVALID_PARAMS, f"There is no such tool. Tools: {known}.")
    return await _answered(tools.call, _caller(context), params.name, params.arguments or {})


async def _list_resources(
    context: Context, params: types.PaginatedRequestParams | None
) -> types.ListResourcesResult:
    return await _answered(playbooks.resources, _caller(context).key, _cursor(params))


async def _list_templates(
    context: Context, params: types.PaginatedRequestParams | None
) -> types.ListResourceTemplatesResult:
    template = types.ResourceTemplate(
        uri_template=playbooks.TEMPLATE,
        name="playbook",
        title="A released playbook",
        description="What agents remember, as Markdown, by playbook and label.",
        mime_type=playbooks.MARKDOWN,
    )
    return types.ListResourceTemplatesResult(resource_templates=[template])


async def _read_resource(
    context: Context, params: types.ReadResourceRequestParams
) -> types.ReadResourceResult:
    return await _answered(
        playbooks.resource, _caller(context), params.uri, context.protocol_version
    )


async def _list_prompts(
    context: Context, params: types.PaginatedRequestParams | None
) -> types.ListPromptsResult:
    return await _answered(playbooks.prompts, _caller(context).key, _cursor(params))


async def _get_prompt(
    context: Context, params: types.GetPromptRequestParams
) -> types.GetPromptResult:
    return await _answered(playbooks.prompt, _caller(context), params.name, params.arguments or {})
