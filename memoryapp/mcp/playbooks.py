"""Released playbooks as MCP resources and prompts. Synchronous: the server runs them in threads."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TypeVar

import mcp_types as types
from django.db.models import Q
from mcp.shared.exceptions import MCPError
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

from memoryapp.access import key_problem
from memoryapp.domain.errors import UnableTo
from memoryapp.mcp.tools import READERS, Caller
from memoryapp.models import ApiKey, ReleaseLabel
from memoryapp.queries.releases import heavy
from memoryapp.services.releases import PRODUCTION
from memoryapp.services.serving import Served, playbook_serve, playbooks_open_to

SCHEME = "playbook://"
TEMPLATE = "playbook://{slug}@{label}"
MARKDOWN = "text/markdown"
PAGE = 100
#: The code of the 2025 revisions for a resource that is not there; later ones retired it.
RESOURCE_NOT_FOUND = -32002
_SLUG_PLACE = re.compile(r"([-\w]{1,64})")
_LABEL_PLACE = re.compile(r"([-\w]{1,64})@([a-z0-9][a-z0-9-]{0,39})")
_URI = re.compile(f"{SCHEME}{_LABEL_PLACE.pattern}")
Row = TypeVar("Row")


def resources(key: ApiKey, cursor: str | None) -> types.ListResourcesResult:
    """One resource for each label of each playbook, in pages."""
    _check(key)
    rows = (
        ReleaseLabel.objects.filter(playbook__in=playbooks_open_to(key))
        .select_related("playbook", "release")
        .defer(*heavy("release"))
        .order_by("playbook__slug", "name")
    )
    if cursor is not None:
        slug, name = _place(cursor, _LABEL_PLACE)
        rows = rows.filter(Q(playbook__slug__gt=slug) | Q(playbook__slug=slug, name__gt=name))
    page = list(rows[: PAGE + 1])
    return types.ListResourcesResult(
        resources=[
            types.Resource(
                uri=f"{SCHEME}{row.playbook.slug}@{row.name}",
                name=f"{row.playbook.slug}@{row.name}",
                title=f"{row.playbook.name} ({row.name}, {row.release})",
                description=row.playbook.description or None,
                mime_type=MARKDOWN,
            )
            for row in page[:PAGE]
        ],
        next_cursor=_next(page, lambda row: f"{row.playbook.slug}@{row.name}"),
    )


def resource(caller: Caller, uri: str, revision: str) -> types.ReadResourceResult:
    """The Markdown of a release, as agents pull it; ``revision`` is the protocol's.

    Raises:
        MCPError: an address of another form, or no such release.
    """
    _check(caller.key)
    named = _URI.fullmatch(uri)
    if named is None:
        raise MCPError(
            types.INVALID_PARAMS, f"A playbook's address is {TEMPLATE}, not {uri[:200]!r}."
        )
    is_modern = revision in MODERN_PROTOCOL_VERSIONS
    code = types.INVALID_PARAMS if is_modern else RESOURCE_NOT_FOUND
    served = _served(caller, named[1], named[2], code)
    contents = types.TextResourceContents(
        uri=uri,
        mime_type=MARKDOWN,
        text=served.text,
        _meta={"version": served.number, "digest": served.digest},
    )
    return types.ReadResourceResult(contents=[contents])


def prompts(key: ApiKey, cursor: str | None) -> types.ListPromptsResult:
    """One prompt for each playbook that has a release behind a label, in pages."""
    _check(key)
    rows = playbooks_open_to(key).filter(labels__isnull=False).distinct().order_by("slug")
    if cursor is not None:
        rows = rows.filter(slug__gt=_place(cursor, _SLUG_PLACE)[0])
    page = list(rows[: PAGE + 1])
    return types.ListPromptsResult(
        prompts=[
            types.Prompt(
                name=row.slug,
                title=row.name,
                description=row.description or f"What agents remember as {row.name}.",
                arguments=[
                    types.PromptArgument(
                        name="label",
                        description=f"Which release: a label. Default: {PRODUCTION}.",
                        required=False,
                    )
                ],
            )
            for row in page[:PAGE]
        ],
        next_cursor=_next(page, lambda row: row.slug),
    )


def prompt(caller: Caller, name: str, arguments: dict[str, str]) -> types.GetPromptResult:
    """A playbook as the first message of a conversation.

    Raises:
        MCPError: no such playbook or label, or an argument the prompt does not have.
    """
    _check(caller.key)
    unknown = set(arguments) - {"label"}
    if unknown:
        raise MCPError(types.INVALID_PARAMS, "A prompt takes one argument only: label.")
    label = arguments.get("label") or PRODUCTION
    served = _served(caller, name, label, types.INVALID_PARAMS)
    said = f"What was learned before, reviewed by people. Use it where it fits.\n\n{served.text}"
    return types.GetPromptResult(
        description=f"{served.slug}, v{served.number}",
        messages=[types.PromptMessage(role="user", content=types.TextContent(text=said))],
    )


def _served(caller: Caller, slug: str, label: str, code: int) -> Served:
    if "\x00" in slug + label:
        raise MCPError(code, "A name cannot contain a NUL character.")
    try:
        return playbook_serve(key=caller.key, agent=caller.agent, slug=slug, label=label)
    except UnableTo as error:
        raise MCPError(code, str(error)) from error


def _check(key: ApiKey) -> None:
    problem = key_problem(key, READERS)
    if problem:
        raise MCPError(types.INVALID_REQUEST, problem)


def _next(page: Sequence[Row], named: Callable[[Row], str]) -> str | None:
    """Where the next page begins: after the last row of this one, whatever comes or goes before."""
    return named(page[PAGE - 1]) if len(page) > PAGE else None


def _place(cursor: str, form: re.Pattern[str]) -> tuple[str, ...]:
    named = form.fullmatch(cursor)
    if named is None:
        raise MCPError(
            types.INVALID_PARAMS,
            "This cursor is not valid. Leave it out to start from the first page.",
        )
    return named.groups()
