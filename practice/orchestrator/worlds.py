"""Environment rows turned into live worlds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings

from practice.agents.ports import EnvironmentUnavailable
from practice.clients import seeds
from practice.clients.cage import Cage
from practice.clients.discovery import World
from practice.clients.mcp import HttpServer, McpEnvironment, StdioServer
from practice.clients.openapi import OpenApiEnvironment, OpenApiService
from practice.clients.openapi_document import read_document
from practice.clients.openapi_request import Credential
from practice.clients.openapi_text import DocumentError
from practice.clients.packs import PACKS, Pack, PackEnvironment
from practice.domain import variables
from practice.domain.plans import Plan
from practice.domain.types import ToolSpec
from practice.models import Environment, EnvironmentSnapshot
from practice.models.environments import SecretsUnreadable, called_at
from practice.orchestrator import moves

#: key of ``Environment.secrets`` under which an OpenAPI service's credential is kept.
CREDENTIAL = "credential"


@dataclass(frozen=True, slots=True)
class _Terms:
    """What one use of an environment may do: its tools and what they were when it was planned."""

    allowed: frozenset[str] | None = None
    expected: Mapping[str, str] | None = None


def packs() -> tuple[Pack, ...]:
    """Every pack this version knows, installed or not."""
    return PACKS


def document_problem(text: str, *, base_url: str) -> str:
    """Say why a pasted OpenAPI document cannot be used; empty if it can."""
    try:
        read_document(text, base_url=base_url)
    except DocumentError as error:
        return str(error)
    return ""


def snapshot_folder() -> Path:
    """Where the seeds of snapshots are kept, by digest."""
    return Path(settings.DATA_DIR) / "snapshots"


def world_of(
    environment: Environment, plan: Plan, snapshot: EnvironmentSnapshot | None = None
) -> World:
    """The environment as one run may use it: its frozen tools, its limits, its snapshot.

    Raises:
        EnvironmentUnavailable: what the environment needs is not there any more.
    """
    terms = _Terms(frozenset(plan.tools), plan.tools)
    if snapshot is None:
        return _world(environment, terms, environment.options, seed_folder(environment))
    if said := moves.since(environment, snapshot):
        raise EnvironmentUnavailable(said)
    folder = seeds.kept(snapshot.seed_digest, snapshot_folder()) if snapshot.seed_digest else None
    return _world(environment, terms, snapshot.options, folder)


def whole_world(environment: Environment, allowed: frozenset[str] | None = None) -> World:
    """The environment as it is now, for looking at it: every tool it offers, or the allowed ones.

    Raises:
        EnvironmentUnavailable: what the environment needs is not there any more.
    """
    return _world(environment, _Terms(allowed), environment.options, seed_folder(environment))


def world_anew(environment: Environment) -> World:
    """The environment as its document says that it is now; all others keep to what was found.

    Raises:
        EnvironmentUnavailable: what the environment needs is not there any more.
    """
    said = {name: value for name, value in environment.options.items() if name != "found_base_url"}
    return _world(environment, _Terms(), said, seed_folder(environment))


def _world(
    environment: Environment, terms: _Terms, options: Mapping[str, Any], seed: Path | None
) -> World:
    limits: dict[str, Any] = {
        "allowed_tools": terms.allowed,
        "expected_hashes": terms.expected,
        "startup_timeout": settings.MCP_STARTUP_SECONDS,
        "call_timeout": settings.MCP_CALL_SECONDS,
    }
    match environment.transport:
        case Environment.Transport.STDIO:
            return McpEnvironment(server_of(environment, seed), **limits)
        case Environment.Transport.HTTP:
            server = HttpServer(
                url=environment.url,
                headers=_secrets(environment),
                private_allowed=settings.ENVIRONMENT_PRIVATE_ADDRESSES,
            )
            return McpEnvironment(server, **limits)
        case Environment.Transport.OPENAPI:
            return OpenApiEnvironment(_service(environment, options), **limits)
    return PackEnvironment(
        str(options.get("pack", "")),
        int(options.get("scenario", 0)),
        allowed_tools=terms.allowed,
        expected_hashes=terms.expected,
    )


def server_of(environment: Environment, seed: Path | None) -> StdioServer:
    """How to start the environment's process over a copy of ``seed``.

    Raises:
        EnvironmentUnavailable: its command is not in the operator's settings any more, its secrets
            cannot be read, or one of them would have the command run something else.
    """
    command = settings.MCP_COMMANDS.get(environment.command)
    if command is None:
        raise EnvironmentUnavailable(
            f"The command {environment.command!r} is no longer in MCP_COMMANDS. "
            "Add it to the settings and restart, or choose another command."
        )
    given = _secrets(environment)
    if said := variables.problem(given):  # stored before they were refused
        raise EnvironmentUnavailable(f"{said} Take it out of the environment's variables.")
    return StdioServer(
        command=command,
        args=tuple(environment.arguments),
        env=given,
        seed_folder=seed,
        name=environment.name,
        cage=cage(),
    )


def cage() -> Cage:
    """What holds the process of a tool server, as the operator of this machine set it."""
    return Cage(
        sandbox=settings.MCP_SANDBOX, limits=settings.MCP_LIMITS, hidden=settings.MCP_HIDDEN
    )


def _service(environment: Environment, options: Mapping[str, Any]) -> OpenApiService:
    auth, reset = options.get("auth", {}), options.get("reset", {})
    return OpenApiService(
        url=environment.url,
        document=options.get("document", ""),
        base_url=called_at(options),
        credential=Credential(
            scheme=auth.get("scheme", ""),
            name=auth.get("name", ""),
            value=_secrets(environment).get(CREDENTIAL, ""),
        ),
        reset=(reset.get("method", ""), reset.get("path", "")),
        private_allowed=settings.ENVIRONMENT_PRIVATE_ADDRESSES,
    )


def _secrets(environment: Environment) -> dict[str, str]:
    try:
        return environment.open_secrets()
    except SecretsUnreadable as error:
        raise EnvironmentUnavailable(str(error)) from error


def seed_folder(environment: Environment) -> Path | None:
    """The folder every attempt begins from, or ``None`` where there is none.

    Raises:
        EnvironmentUnavailable: it is not in SEED_DIR any more.
    """
    if environment.is_sample:
        return Path(settings.EXAMPLES_DIR) / "helpdesk" / "seed"
    if not environment.seed:
        return None
    # The form offers names of folders; a name from anywhere else must not leave SEED_DIR. For Path
    # ".." is a name too, and nothing is left of "/".
    name = Path(environment.seed).name
    folder = Path(settings.SEED_DIR) / name
    if name in {"", ".."} or not folder.is_dir():
        raise EnvironmentUnavailable(
            f"The seed folder {environment.seed!r} is no longer in SEED_DIR. "
            "Put it back, or choose another one."
        )
    return folder


def tools_of(environment: Environment, plan: Plan) -> tuple[ToolSpec, ...]:
    """The run's tools as last described by the server."""
    rows = environment.tools.filter(name__in=list(plan.tools))
    return tuple(row.as_spec() for row in rows)
